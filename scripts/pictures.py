"""Makes the README's pictures from a sweep: the leaderboard as it is printed, the curves, MLflow's UI.

    python scripts/pictures.py OUTPUT_DIR            the README's, from the newest sweep
    python scripts/pictures.py OUTPUT_DIR network1   the curve in docs/results.md, from a sweep of the first network

MLflow's page needs Chromium (Debian: apt-get install chromium); it is left as it is where there is none.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from PIL import Image
from rich.console import Console

from sweeper import figures, loading, report
from sweeper.leaderboard import rank
from sweeper.paths import OutputPaths
from sweeper.records import TrialRow
from sweeper.study import sweep_names

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
PORT = 5177

#: What the notebook's first network ended with.
NOTEBOOK = {"train_loss": 0.0623, "train_accuracy": 0.9818, "test_loss": 0.0207, "test_accuracy": 0.9935}


def leaderboard_rows(paths: OutputPaths, name: str) -> list[TrialRow]:
    """The trials, best first."""
    found = loading.load(paths, name).judged()
    return [one.row for one in rank(found.rows, found.objective)]


def leaderboard(paths: OutputPaths, name: str) -> None:
    """The printed report as an SVG."""
    console = Console(record=True, width=100, file=io.StringIO(), highlight=False)
    report.print_report(console, loading.load(paths, name).judged())
    svg = console.export_svg(title=f"python -m sweeper report {name}")
    (PICTURES / "leaderboard.svg").write_text(svg, encoding="utf-8")


def network1(paths: OutputPaths, name: str) -> None:
    """The first network's curves, with the figures that the notebook ended with as dashed lines."""
    [row] = loading.load(paths, name).judged().rows
    figure = figures.curves_figure(row.history, test_is_validation=True)
    for axes, metric in zip(figure.axes, ("loss", "accuracy"), strict=True):
        for line, images in zip(axes.lines[:2], ("train", "test"), strict=True):
            value = NOTEBOOK[f"{images}_{metric}"]
            axes.axhline(value, ls="--", lw=1, color=line.get_color(), label=f"the notebook's last ({images})")
        axes.legend(loc="best", fontsize=8)
    figures.save(figure, PICTURES / "network1.png")


def mlflow_page(paths: OutputPaths, run_id: str) -> None:
    """MLflow's page of one trial with its curves, as Chromium draws it."""
    browser = shutil.which("chromium")
    if browser is None:
        sys.stderr.write("no chromium: docs/pictures/mlflow.png is left as it is\n")
        return
    command = [sys.executable, "-m", "sweeper", "ui", "--port", str(PORT), "--output-dir", str(paths.root)]
    with subprocess.Popen(command) as ui, tempfile.TemporaryDirectory() as profile:
        try:
            _wait_for(f"http://127.0.0.1:{PORT}/health")
            flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
            page = f"http://127.0.0.1:{PORT}/#/experiments/1/runs/{run_id}/model-metrics"
            whole = Path(profile) / "page.png"
            shot = f"--screenshot={whole}"
            options = ["--window-size=1900,900", "--virtual-time-budget=25000", f"--user-data-dir={profile}"]
            subprocess.run([browser, *flags, *options, shot, page], check=True, timeout=120, capture_output=True)
            with Image.open(whole) as picture:  # without the assistant's empty column on the right
                small = picture.convert("RGB").crop((0, 0, 1410, 900)).resize((1128, 720))
                small.quantize(128, dither=Image.Dither.NONE).save(PICTURES / "mlflow.png")
        finally:
            ui.terminate()


def _wait_for(address: str) -> None:
    for _ in range(60):
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(1)
    sys.exit(f"{address} never answered")


def main() -> None:
    """Makes all of them from the newest sweep of an output folder."""
    paths = OutputPaths(Path(sys.argv[1]).resolve())
    PICTURES.mkdir(parents=True, exist_ok=True)
    if sys.argv[2:]:
        network1(paths, sys.argv[2])
        return
    name = sweep_names(paths)[0]
    leaderboard(paths, name)
    shutil.copy(paths.sweep(name).curves, PICTURES / "curves.png")
    best, *_ = leaderboard_rows(paths, name)
    mlflow_page(paths, best.run_id)


if __name__ == "__main__":
    main()
