"""What a sweep leaves in its folder when it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WORDS = ["-m", "arch.depth=1", "arch.filters=2", "arch.dense_units=4", "training.epochs=1", "training.threads=1"]
WORDS += ["data.max_samples=60", "report.finalists=0", "sweep.name=mine"]


@pytest.mark.long
def test_what_kills_left_behind_is_gone_after_the_next_start(tmp_path: Path, run_sweeper: Callable[..., Any]) -> None:
    assert run_sweeper(tmp_path, *WORDS).returncode == 0
    folder = tmp_path / "mlruns/sweeps/mine"
    whole = sorted(path.name for path in folder.iterdir())
    for name in ("trials/00000/artifacts", "trials/00007", "evaluations/00000", "data/0"):
        (folder / name).mkdir(parents=True)
    for name in (".leaderboard.csv.4711.tmp", ".report.html.4711.tmp", "trials/00000/artifacts/trial.log"):
        (folder / name).write_text("half")

    again = run_sweeper(tmp_path, *WORDS)

    assert again.returncode == 0, again.stderr
    assert "Nothing is left to do" in again.stdout
    assert sorted(path.name for path in folder.iterdir()) == whole
