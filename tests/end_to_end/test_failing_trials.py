"""Trials that raise, crash, hang or diverge: each is recorded as failed with its reason, and the others continue."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]

BUILDER = """
import ctypes, os, signal, sys, time
import keras

def build(input_shape, num_classes, deed):
    if deed == "raise":
        raise RuntimeError("no such luck =1+1 [red]")
    if deed == "exit":
        os._exit(7)
    if deed == "segfault":
        ctypes.string_at(0)
    if deed == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if deed == "hang":
        time.sleep(600)
    bias = "zeros" if deed != "diverge" else keras.initializers.Constant(float("nan"))
    return keras.Sequential([
        keras.Input(input_shape),
        keras.layers.Flatten(),
        keras.layers.Dense(num_classes, activation="softmax", bias_initializer=bias),
    ])
"""

DEEDS = ["raise", "fine", "exit", "segfault", "killed", "hang", "diverge", "well"]
SMALL = ["data.max_samples=200", "training.epochs=2", "training.threads=1"]

REASONS = {
    "raise": "RuntimeError: no such luck =1+1 [red]",
    "exit": "its process exited with status 7",
    "segfault": "its process was killed by SIGSEGV",
    "killed": "its process was killed by SIGKILL",
    "hang": "it exceeded sweep.trial_timeout_s=20",
    "diverge": "loss became nan in epoch 1",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("failing")


@pytest.fixture(scope="module")
def done(folder: Path, run_sweeper: Run) -> Done:
    (folder / "deeds.py").write_text(BUILDER)
    line = ["arch=custom", "arch._target_=deeds.build", f"+arch.deed={','.join(DEEDS)}", *SMALL]
    return run_sweeper(folder, "-m", *line, "sweep.trial_timeout_s=20", "sweep.workers=2", "sweep.name=deeds")


@pytest.fixture(scope="module")
def rows(folder: Path, done: Done) -> dict[str, dict[str, str]]:
    assert done.returncode == 0, done.stdout + done.stderr
    with (folder / "mlruns/sweeps/deeds/leaderboard.csv").open(newline="") as file:
        return {row["arch.deed"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("deed", REASONS)
def test_a_trial_that_goes_wrong_is_failed_with_its_reason(rows: dict[str, dict[str, str]], deed: str) -> None:
    assert rows[deed]["state"] == "failed"
    assert rows[deed]["rank"] == ""
    assert rows[deed]["error"].startswith(REASONS[deed])


def test_the_others_go_on(rows: dict[str, dict[str, str]]) -> None:
    assert len(rows) == len(DEEDS)
    for deed in ("fine", "well"):
        assert rows[deed]["state"] == "complete"
        assert float(rows[deed]["val_accuracy"]) > 0.2
    assert [rows[deed]["val_accuracy"] for deed in ("fine", "well")] == [rows["fine"]["val_accuracy"]] * 2
    assert list(rows)[-len(REASONS) :] == [deed for deed in DEEDS if deed in REASONS]


def test_no_traceback_reaches_the_user_and_each_is_kept_as_an_artifact(
    folder: Path, done: Done, rows: dict[str, dict[str, str]]
) -> None:
    assert "Traceback" not in done.stdout + done.stderr
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    expected = {"raise": "deeds.py", "segfault": "Segmentation fault", "diverge": "NonFiniteError"}
    for deed, text in expected.items():
        run_id = rows[deed]["run_id"]
        assert client.get_run(run_id).info.status == "FAILED"
        local = client.download_artifacts(run_id, "traceback.txt")
        assert text in Path(local).read_text()


@pytest.mark.long
def test_the_same_line_again_trains_nothing_and_failed_trials_run_again_on_request(
    folder: Path, rows: dict[str, dict[str, str]], run_sweeper: Run
) -> None:
    line = ["arch=custom", "arch._target_=deeds.build", "+arch.deed=fine,raise,well", *SMALL, "sweep.name=deeds"]

    again = run_sweeper(folder, "-m", *line)
    retried = run_sweeper(folder, "-m", *line, "sweep.retry_failed=true")

    assert again.returncode == 0
    assert "Nothing is left to do" in again.stdout
    assert retried.returncode == 1
    assert "trial 0 starts: +arch.deed=raise" in retried.stdout
    assert "trial 1 starts" not in retried.stdout
