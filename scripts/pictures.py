"""Makes the README's pictures from a sweep: the leaderboard as it is printed, the curves, MLflow's UI.

    python scripts/pictures.py OUTPUT_DIR            all of the README's, from the newest sweep
    python scripts/pictures.py OUTPUT_DIR network1   curves and weights in docs/results.md, from the first trial of a
                                                     sweep of that name: the notebook's first; network2, network3
    python scripts/pictures.py OUTPUT_DIR notebook   the README's first picture: the page of these three sweeps together
    python scripts/pictures.py OUTPUT_DIR page       the page alone, from the newest sweep

MLflow's page and the report's page need Chromium (Debian: apt-get install chromium); without it they stay unchanged.
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
from playwright.sync_api import sync_playwright
from rich.console import Console

from sweeper.artifacts import figures
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import TrialRow
from sweeper.ranking.leaderboard import rank
from sweeper.report import sweep_report, terminal
from sweeper.storage import stored_sweep
from sweeper.storage.catalogue import sweep_names

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
PORT = 5177
TOP_HEIGHT = 1330  # pixels: summary and leaderboard

#: The last figures of the notebook's three networks, by the name of the sweep and of its picture.
NOTEBOOK = {
    "network1": {"train_loss": 0.0623, "train_accuracy": 0.9818, "test_loss": 0.0207, "test_accuracy": 0.9935},
    "network2": {"train_loss": 0.0511, "train_accuracy": 0.9860, "test_loss": 0.0194, "test_accuracy": 0.9940},
    "network3": {"train_loss": 0.0326, "train_accuracy": 0.9914, "test_loss": 0.0277, "test_accuracy": 0.9945},
}


def leaderboard_rows(paths: OutputPaths, name: str) -> list[TrialRow]:
    """The trials, best first."""
    loaded = stored_sweep.load(paths, name)
    return [one.row for one in rank(loaded.rows, loaded.objectives[0])]


def leaderboard(paths: OutputPaths, name: str) -> None:
    """The printed report as an SVG file."""
    console = Console(record=True, width=100, file=io.StringIO(), highlight=False)
    terminal.print_report(console, sweep_report.judged(stored_sweep.load(paths, name)))
    svg = console.export_svg(title=f"python -m sweeper report {name}")
    (PICTURES / "leaderboard.svg").write_text(svg, encoding="utf-8")


def network(paths: OutputPaths, name: str) -> None:
    """The curves of one of the notebook's networks, dashed lines where the notebook ended; and its weights' violins."""
    row = stored_sweep.load(paths, name).rows[0]
    figure = figures.curves_figure(row.history, test_is_validation=True)
    for axes, metric in zip(figure.axes, ("loss", "accuracy"), strict=True):
        for line, images in zip(axes.lines[:2], ("train", "test"), strict=True):
            value = NOTEBOOK[name][f"{images}_{metric}"]
            axes.axhline(value, ls="--", lw=1, color=line.get_color(), label=f"the notebook's last ({images})")
        axes.legend(loc="best", fontsize=8)
    figures.save(figure, PICTURES / f"{name}.png")
    weights = paths.artifacts / row.run_id / "artifacts" / "weights.png"
    with Image.open(weights) as picture:
        small = picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    small.save(PICTURES / f"{name}_weights.png", optimize=True)


def page(paths: OutputPaths, name: str) -> None:
    """The upper part of a sweep's page, as Chromium draws it."""
    _page(paths.sweep(name).root / "report.html", "page.png", 2235)


def notebook(paths: OutputPaths) -> None:
    """What the page says of the notebook's three networks, each a sweep of its own, and their leaderboard."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        words = [*NOTEBOOK, "--output-dir", str(paths.root), "--html", str(file)]
        subprocess.run([sys.executable, "-m", "sweeper", "report", *words], check=True)
        _page(file, "page_top.png", TOP_HEIGHT)


def _page(file: Path, target: str, height: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "page.png"
        if _shot(file.as_uri(), whole, width=1280, height=height, drawn="svg.marks, canvas.marks"):
            with Image.open(whole) as picture:
                small = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
            small.save(PICTURES / target, optimize=True)


def _shot(address: str, target: Path, *, width: int, height: int, drawn: str) -> bool:
    """Takes a picture of a page with Chromium, once it is drawn; False, with a message, if there is no Chromium.

    Args:
        address: of the page.
        target: the picture's file.
        width, height: of the window, in pixels.
        drawn: a selector; the page is ready when the first of what it selects is visible.
    """
    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser_path is None:
        sys.stderr.write("no chromium: the pictures of pages stay unchanged\n")
        return False
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": width, "height": height})
        tab.goto(address)
        tab.locator(drawn).first.wait_for(timeout=60_000)
        tab.wait_for_timeout(2000)  # what is drawn step by step
        tab.screenshot(path=target)
        browser.close()
    return True


def mlflow_page(paths: OutputPaths, run_id: str) -> None:
    """MLflow's page of one trial with its curves, as Chromium draws it."""
    command = [sys.executable, "-m", "sweeper", "ui", "--port", str(PORT), "--output-dir", str(paths.root)]
    with subprocess.Popen(command) as ui, tempfile.TemporaryDirectory() as folder:
        try:
            _wait_for(f"http://127.0.0.1:{PORT}/health")
            page = f"http://127.0.0.1:{PORT}/#/experiments/1/runs/{run_id}/model-metrics"
            whole = Path(folder) / "page.png"
            if not _shot(page, whole, width=1900, height=900, drawn=".js-plotly-plot .main-svg"):
                return
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
    name = sweep_names(paths)[0]
    if sys.argv[2:] == ["page"]:
        page(paths, name)
        return
    if sys.argv[2:] == ["notebook"]:
        notebook(paths)
        return
    if sys.argv[2:]:
        network(paths, sys.argv[2])
        return
    leaderboard(paths, name)
    shutil.copy(paths.sweep(name).curves, PICTURES / "curves.png")
    page(paths, name)
    best, *_ = leaderboard_rows(paths, name)
    mlflow_page(paths, best.run_id)


if __name__ == "__main__":
    main()
