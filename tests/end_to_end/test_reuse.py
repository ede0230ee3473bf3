"""Sweeps that overlap earlier ones of their output folder: what is taken over, and that nothing of it is missing."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from sweeper.core.paths import OutputPaths
from sweeper.storage import stored_sweep

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SMALL = ["arch.filters=2", "training.epochs=2", "training.threads=1", "data.max_samples=200", "optimizer=adam"]


def board(folder: Path, name: str) -> dict[str, dict[str, str]]:
    with (folder / f"mlruns/sweeps/{name}/leaderboard.csv").open(newline="") as file:
        return {row["arch.depth"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> Path:
    """A sweep of two, then one of three, whose first is typed otherwise; then the first sweep's files are deleted."""
    folder = tmp_path_factory.mktemp("reuse")
    done = run_sweeper(folder, "-m", "arch.depth=1,2", *SMALL, "sweep.name=first")
    assert done.returncode == 0, done.stderr
    words = ["-m", "arch.depth=1,2,3", "arch.kernel_size=3", *SMALL, "sweep.name=second", "sweep.max_epochs=2"]
    done = run_sweeper(folder, *words)
    assert done.returncode == 0, done.stderr
    (folder / "second.txt").write_text(done.stdout, encoding="utf-8")
    for row in board(folder, "first").values():
        shutil.rmtree(folder / "mlruns/artifacts" / row["run_id"])
    return folder


def test_only_what_is_new_is_trained_and_the_start_says_so(folder: Path) -> None:
    said = (folder / "second.txt").read_text(encoding="utf-8")

    assert "2 of 3 trials are taken over from sweep first, not trained again: settings, data, seed and" in said
    assert "Trials: 1, 1 at a time" in said
    assert "trial 0 taken over from trial 0 of first: val_accuracy 0." in said
    assert [line for line in said.splitlines() if " starts: " in line] == ["trial 2 starts: arch.depth=3"]
    assert "2 of the 3 trials were not trained here: sweep first had trained the same" in said.replace("\n", " ")
    assert "sweep.max_epochs=2 is reached with 2 epochs" in said or "Ended" not in said


def test_a_row_that_was_taken_over_is_whole_and_marked(folder: Path) -> None:
    first, second = board(folder, "first"), board(folder, "second")
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")

    assert [second[depth]["taken_from"] for depth in "123"] == ["first:0", "first:1", ""]
    for depth in "12":
        for figure in ("val_loss", "val_accuracy", "train_loss", "num_params", "duration_s"):
            assert first[depth][figure] == second[depth][figure]
        assert second[depth]["run_id"] != first[depth]["run_id"]
        run = client.get_run(second[depth]["run_id"])
        assert run.data.tags["sweeper.taken_from_run"] == first[depth]["run_id"]
        assert run.data.tags["sweeper.sweep"] == "second"
        assert len(client.get_metric_history(run.info.run_id, "val_loss")) == 2
        names = {file.path for file in client.list_artifacts(run.info.run_id)}
        assert {"predictions.npz", "validation_bits_by_epoch.npz", "curves.png", "config.yaml"} <= names
    assert second["1"]["test_accuracy"]  # a finalist: its own copy of the model was evaluated
    loaded = stored_sweep.load(OutputPaths(folder / "mlruns"), "second")
    assert sorted(loaded.validation) == [0, 1, 2]
    assert not loaded.warnings


@pytest.mark.long
def test_the_sweep_resumes_without_the_one_that_it_took_from(folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, "-m", "arch.depth=1,2,3", "arch.kernel_size=3", *SMALL, "sweep.name=second")

    assert "Nothing is left to do" in done.stdout
    assert "missing" not in done.stdout


def test_the_plan_says_what_is_taken_over_and_what_is_left(folder: Path, run_sweeper: Run) -> None:
    grid = ["-m", "arch.depth=1,2,3,4", "arch.kernel_size=3", *SMALL, "sweep.dry_run=true"]
    before = sorted(path.name for path in (folder / "mlruns/sweeps").iterdir())
    new, again = run_sweeper(folder, *grid), run_sweeper(folder, *grid, "sweep.name=second")
    all_anew = run_sweeper(folder, *grid, "sweep.reuse=false")
    sampled = run_sweeper(folder, *grid, "sampler=random", "sweep.trials=3")
    plan = json.loads(run_sweeper(folder, *grid, "sweep.progress=json").stdout.splitlines()[-1])

    assert "Taken over from sweep second, not trained: trials 0, 1 and 2 (3 of 4)" in new.stdout
    assert "Left to train: 1 of 4 trials." in new.stdout
    assert "Trials: 1, 1 at a time" in new.stdout
    assert "3 of 4 trials are finished already in this sweep." in again.stdout
    assert "Taken over" not in again.stdout + all_anew.stdout
    assert "Trials: 4, " in all_anew.stdout
    assert "is taken over where the sampler proposes it" in sampled.stdout
    assert plan["reuse"]["taken"] == [{"trial": n, "from": {"sweep": "second", "trial": n}} for n in range(3)]
    assert plan["reuse"]["num_left"] == 1
    assert sorted(path.name for path in (folder / "mlruns/sweeps").iterdir()) == before


@pytest.mark.long
def test_a_copy_is_taken_over_where_the_first_is_lost_and_training_repeats_where_all_are(
    folder: Path, run_sweeper: Run
) -> None:
    line = ["-m", "arch.depth=1,2", *SMALL, "report.finalists=0"]
    copied = run_sweeper(folder, *line, "sweep.name=third")
    for name in ("second", "third"):
        shutil.rmtree(folder / "mlruns/artifacts" / board(folder, name)["1"]["run_id"])
    lost = run_sweeper(folder, *line, "sweep.name=fourth")

    assert "All 2 trials are taken over from sweep second" in copied.stdout
    assert [board(folder, "third")[depth]["taken_from"] for depth in "12"] == ["first:0", "first:1"]
    assert "1 trial was trained before, but is trained again: in third it cannot be read: " in lost.stdout
    assert [line for line in lost.stdout.splitlines() if " starts: " in line] == ["trial 0 starts: arch.depth=1"]
