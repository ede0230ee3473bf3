"""What is deleted to free disk space, what is kept, and what is said of it."""

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

import pytest

import sweeper

Run = Callable[..., "subprocess.CompletedProcess[str]"]

NETWORK = """
import keras

def build(input_shape, num_classes, width):
    layers = [keras.layers.Flatten(), keras.layers.Dense(width, "relu"), keras.layers.Dense(num_classes, "softmax")]
    return keras.Sequential([keras.Input(input_shape), *layers])
"""
#: Two widths that learn, two that cannot.
WORDS = ("-m", "arch=custom", "arch._target_=net.build", "+arch.width=1,2,32,64", "training.epochs=3")
FEW = ("data.max_samples=600",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NETWORK)
    return tmp_path


def rows(folder: Path, name: str = "mine") -> list[dict[str, str]]:
    with (folder / f"mlruns/sweeps/{name}/leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def models(folder: Path) -> int:
    return len(list(folder.glob("mlruns/artifacts/models/*/artifacts/data/model.keras")))


@pytest.mark.long
def test_a_sweep_keeps_the_models_that_it_is_told_to_and_all_figures(folder: Path, run_sweeper: Run) -> None:
    whole = run_sweeper(folder, *WORDS, *FEW, "sweep.name=whole")
    assert whole.returncode == 0, whole.stderr
    assert models(folder) == 4

    line = [*WORDS, *FEW, "sweep.name=mine", "tracking.keep_models=1"]
    done = run_sweeper(folder, *line)
    assert done.returncode == 0, done.stderr
    assert "The models of 3 trials were deleted (tracking.keep_models=1), " in done.stdout
    assert models(folder) == 5
    measured = ("run_id", "duration_s")
    kept, other = (
        [{key: value for key, value in row.items() if key not in measured} for row in rows(folder, name)]
        for name in ("mine", "whole")
    )
    assert kept == other
    assert all(row["test_accuracy"] for row in rows(folder))

    again = run_sweeper(folder, *line)
    assert again.returncode == 0, again.stderr
    assert "Nothing is left to do" in again.stdout

    [first, *others] = [int(row["trial"]) for row in rows(folder)]
    sweep = sweeper.load("mine", output_dir=str(folder / "mlruns"))
    assert len(sweep.trial(others[0]).predictions()) == 120
    gone = run_sweeper(folder, "promote", "mine", "--trial", str(others[0]))
    assert gone.returncode == 2
    assert "has no model: it was deleted on 20" in gone.stderr
    assert "to free disk space (tracking.keep_models, or the command clean)" in gone.stderr
    with pytest.raises(sweeper.StoreError, match="it was deleted on 20"):
        sweeper.load("mine", output_dir=str(folder / "mlruns")).trial(others[0]).model()
    verified = run_sweeper(folder, "verify", f"mine:{others[0]}", "--trust")
    assert verified.returncode == 2
    assert "can no longer be loaded, promoted or verified" in verified.stderr
    assert run_sweeper(folder, "verify", f"mine:{first}", "--trust").returncode == 0


@pytest.mark.long
def test_clean_says_what_it_would_free_and_frees_it(folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, *WORDS, *FEW, "sweep.name=mine")
    assert done.returncode == 0, done.stderr
    ranked = [int(row["trial"]) for row in rows(folder)]
    last = str(ranked[-1])
    assert run_sweeper(folder, "promote", "mine", "--trial", last).returncode == 0  # a registered model is needed

    planned = run_sweeper(folder, "clean", "--keep", "1", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    deleted = sorted(ranked[1:-1])
    assert f"Sweep mine: the models of trials {deleted[0]} and {deleted[1]}, which can then no longer" in planned.stdout
    assert "Nothing was deleted: --dry-run." in planned.stdout
    assert models(folder) == 4

    cleaned = run_sweeper(folder, "clean", "--keep", "1")
    assert " were freed." in cleaned.stdout
    assert models(folder) == 2
    assert run_sweeper(folder, "promote", "mine").returncode == 0
    assert run_sweeper(folder, "report", "mine").stdout.count("complete") >= 4
    assert "Nothing to delete." in run_sweeper(folder, "clean", "mine", "--keep", "1").stdout
    refused = run_sweeper(folder, "clean", "nope")
    assert refused.returncode == 2
    assert "There is no sweep 'nope'" in refused.stderr


@pytest.mark.long
def test_clean_leaves_what_an_interrupted_sweep_resumes_from(folder: Path, run_sweeper: Run) -> None:
    line = [*WORDS[:3], "+arch.width=8", "training.epochs=400", "training.checkpoint=true", *FEW, "sweep.name=mine"]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "sweeper", *line], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as driver:
        checkpoint = folder / "mlruns/sweeps/mine/trials/00000/checkpoint.npz"
        _wait_until(checkpoint.is_file)
        running = run_sweeper(folder, "clean", "--keep", "1")
        assert "Sweep mine is running: nothing of it is deleted." in running.stdout
        driver.send_signal(signal.SIGKILL)
    _wait_until(lambda: not _processes_in(folder))
    (folder / "mlruns/pictures/unused").mkdir(parents=True)
    (folder / "mlruns/pictures/unused/kept.json").write_text(json.dumps({"folder": "/nowhere"}))
    (folder / "mlruns/pictures/unused/images.npy").write_bytes(b"0" * 2_000_000)

    cleaned = run_sweeper(folder, "clean", "--keep", "1")

    assert cleaned.returncode == 0, cleaned.stderr
    assert "Sweep mine was interrupted: its models are left as they are" in cleaned.stdout
    assert "Decoded pictures of /nowhere, which no sweep here uses: 2.0 MB" in cleaned.stdout
    assert not (folder / "mlruns/pictures/unused").exists()
    assert checkpoint.is_file()
    assert not (folder / "mlruns/sweeps/mine/data").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tracking.keep_models=best"], "tracking.keep_models=best is not accepted: all, leading"),
        (["tracking.keep_models=0"], "tracking.keep_models=0 is not accepted"),
        (
            ["tracking.keep_models=1", "tracking.uri=http://127.0.0.1:9"],
            "those of an MLflow server are not on this machine",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_wrong_value_is_refused(type_line: Run, tmp_path: Path, words: list[str], said: str) -> None:
    done = type_line(tmp_path, *words)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Try: tracking.keep_models=" in done.stderr


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _processes_in(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(process / "cwd")) == folder.resolve():
                found.append(process.name)
        except OSError:
            continue
    return found
