"""The project's wheel, built from a copy of its sources."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
OFFLINE = ("--no-deps", "--no-index")


def build(folder: Path) -> Path:
    """Builds the wheel into a folder; returns its file."""
    sources = folder / "sources"
    skipped = shutil.ignore_patterns(".*", "mlruns", "build", "*.egg-info", "tests", "docs", "__pycache__")
    shutil.copytree(ROOT, sources, symlinks=True, ignore=skipped)
    subprocess.run(
        [*PIP, "wheel", *OFFLINE, "--no-build-isolation", "--wheel-dir", str(folder), str(sources)], check=True
    )
    [built] = folder.glob("*.whl")
    return built
