"""What a sweep survives: kills at many moments, a trial that dies and is run again, one that resumes from its epoch."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sweeper.core.paths import OutputPaths
from sweeper.core.trials import TrialRow
from sweeper.report import sweep_report
from sweeper.storage import stored_sweep

ROOT = Path(__file__).resolve().parent.parent.parent
Run = Callable[..., "subprocess.CompletedProcess[str]"]

DIES_ONCE = """
import os, pathlib, signal
import keras

def build(input_shape, num_classes, mark):
    seen = pathlib.Path(mark)
    if not seen.exists():
        seen.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    if mark == "raises":
        raise RuntimeError("always")
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(num_classes, activation="softmax"),
    ])
"""


def board(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"mlruns/sweeps/{name}/leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def num_epochs(checkpoint: Path) -> int:
    with np.load(checkpoint) as saved:
        return len(json.loads(saved["about"].tobytes())["history"])


@pytest.mark.long
def test_a_driver_that_is_killed_again_and_again_ends_with_the_undisturbed_leaderboard() -> None:
    words = ["--kills", "3", "--trials", "4", "--sampler", "tpe", "--longest", "8", "--seed", "3"]
    done = subprocess.run(
        [sys.executable, "benchmarks/kills.py", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("3 kills: nothing lost, nothing trained twice, the same leaderboard\n")


@pytest.mark.long
def test_a_trial_whose_process_died_is_run_again_and_one_whose_code_raised_is_not(
    tmp_path: Path, run_sweeper: Run
) -> None:
    (tmp_path / "dies.py").write_text(DIES_ONCE)
    (tmp_path / "raises").write_text("")
    line = ["-m", "arch=custom", "arch._target_=dies.build", "+arch.mark=once,raises", "data.max_samples=200"]
    done = run_sweeper(tmp_path, *line, "training.epochs=1", "sweep.retries=1", "sweep.name=again")

    rows = {row["arch.mark"]: row for row in board(tmp_path, "again")}
    assert done.returncode == 0
    assert rows["once"]["state"] == "complete"
    assert rows["raises"]["state"] == "failed"
    assert (
        "trial 0: its process was killed by SIGKILL, perhaps by the system because memory ran out; it is run again"
        in (done.stdout)
    )
    assert done.stdout.count("it is run again") == 1


def history(folder: Path, name: str) -> tuple[TrialRow, list[dict[str, float]]]:
    """The only trial, and its epochs' metrics but for their durations."""
    [row] = sweep_report.judged(stored_sweep.load(OutputPaths(folder / "mlruns"), name)).rows
    return row, [{name: value for name, value in epoch.items() if name != "duration_s"} for epoch in row.history]


def test_a_trial_with_checkpoints_goes_on_from_its_last_epoch_as_if_it_had_not_been_cut_off(
    tmp_path: Path, run_sweeper: Run
) -> None:
    line = ["-m", "arch.depth=2", "arch.filters=8", "arch.dropout=0.2", "training.epochs=40", "data.max_samples=600"]
    line += ["augment=light", "augment.mixup=0.2", "training.schedule=plateau", "training.ema=0.9"]
    line += ["training.early_stopping.patience=35", "training.restore_best=true"]
    words = [*line, "training.checkpoint=true", "optimizer=adam", "sweep.name=kept"]
    checkpoint = tmp_path / "mlruns/sweeps/kept/trials/00000/checkpoint.npz"
    driver = subprocess.Popen(
        [sys.executable, "-m", "sweeper", *words], cwd=tmp_path, stdout=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 90
    while not checkpoint.exists() or num_epochs(checkpoint) < 12:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    time.sleep(2)

    done = run_sweeper(tmp_path, *words)

    assert done.returncode == 0, done.stderr
    row, resumed = history(tmp_path, "kept")
    assert 12 <= row.facts.interruptions[-1] < 40
    assert run_sweeper(tmp_path, *line, "optimizer=adam", "sweep.reuse=false", "sweep.name=undisturbed").returncode == 0
    _, undisturbed = history(tmp_path, "undisturbed")
    assert len(resumed) == 40
    assert resumed == undisturbed
