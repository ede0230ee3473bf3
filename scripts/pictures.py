"""Makes the README's pictures from a sweep: the leaderboard as it is printed, the curves, MLflow's UI.

    python scripts/pictures.py OUTPUT_DIR

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

from rich.console import Console

from sweeper import lifecycle, report
from sweeper.paths import OutputPaths
from sweeper.study import sweep_names

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
PORT = 5177


def leaderboard(paths: OutputPaths, name: str) -> None:
    """The printed report as an SVG."""
    console = Console(record=True, width=100, file=io.StringIO(), highlight=False)
    report.print_report(console, lifecycle.load_report(paths, name))
    svg = console.export_svg(title=f"python -m sweeper report {name}")
    (PICTURES / "leaderboard.svg").write_text(svg, encoding="utf-8")


def mlflow_page(paths: OutputPaths) -> None:
    """MLflow's list of runs, as Chromium draws it."""
    browser = shutil.which("chromium")
    if browser is None:
        sys.stderr.write("no chromium: docs/pictures/mlflow.png is left as it is\n")
        return
    command = [sys.executable, "-m", "sweeper", "ui", "--port", str(PORT), "--output-dir", str(paths.root)]
    with subprocess.Popen(command) as ui, tempfile.TemporaryDirectory() as profile:
        try:
            _wait_for(f"http://127.0.0.1:{PORT}/health")
            flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
            page = f"http://127.0.0.1:{PORT}/#/experiments/1/runs?compareRunsMode=CHART"
            shot = f"--screenshot={PICTURES / 'mlflow.png'}"
            options = ["--window-size=1500,900", "--virtual-time-budget=25000", f"--user-data-dir={profile}"]
            subprocess.run([browser, *flags, *options, shot, page], check=True, timeout=120, capture_output=True)
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
    name = sweep_names(paths)[0]
    PICTURES.mkdir(parents=True, exist_ok=True)
    leaderboard(paths, name)
    shutil.copy(paths.sweep(name).curves, PICTURES / "curves.png")
    mlflow_page(paths)


if __name__ == "__main__":
    main()
