"""The same seed and configuration give the same figures to the last bit, however the trials are run."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., "subprocess.CompletedProcess[str]"]

LINE = ["-m", "arch.depth=2", "seed=0,1", "arch.filters=8", "training.epochs=2", "data.max_samples=600"]
FIGURES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


def figures(run: Run, folder: Path, name: str, *words: str) -> dict[str, list[str]]:
    done = run(folder, *LINE, "arch.dropout=0.5", "sweep.reuse=false", f"sweep.name={name}", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "taken over" not in done.stdout
    with (folder / f"mlruns/sweeps/{name}/leaderboard.csv").open(newline="") as file:
        return {row["seed"]: [row[figure] for figure in FIGURES] for row in csv.DictReader(file)}


def test_workers_and_executor_change_no_digit_and_the_seed_does(tmp_path: Path, run_sweeper: Run) -> None:
    one = figures(run_sweeper, tmp_path, "one", "sweep.workers=1")

    assert set(one) == {"0", "1"}
    assert figures(run_sweeper, tmp_path, "two", "sweep.workers=2") == one
    assert figures(run_sweeper, tmp_path, "serial", "executor=serial") == one
    assert one["0"] != one["1"]
