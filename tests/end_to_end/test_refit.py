"""`report.refit`: the first configuration is trained anew on all images, once, and stands beside the ranking."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

Run = Callable[..., "subprocess.CompletedProcess[str]"]

LINE = [
    *("arch.depth=1,2", "arch.filters=2", "arch.dense_units=8", "training.epochs=3", "training.threads=1"),
    *("training.restore_best=true", "training.schedule=cosine", "optimizer=adam", "optimizer.learning_rate=0.01"),
    *("data.folds=5", "data.max_samples=200", "report.refit=true", "report.finalists=1", "sweep.name=anew"),
]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> Path:
    folder = tmp_path_factory.mktemp("anew")
    done = run_sweeper(folder, "-m", *LINE)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "said.txt").write_text(done.stdout, encoding="utf-8")
    return folder


def told(folder: Path, run_sweeper: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run_sweeper(folder, "report", "--json", "-").stdout)["sweeps"][0]
    return found


def board(folder: Path) -> list[dict[str, str]]:
    with (folder / "mlruns/sweeps/anew/leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_first_configuration_is_trained_on_all_images_and_has_no_rank(swept: Path, run_sweeper: Run) -> None:
    rows, sweep = board(swept), told(swept, run_sweeper)
    refit = sweep["refit"]
    first = [row for row in rows if row["rank"] == "1"]

    assert len(rows) == len(sweep["trials"]) == 10
    assert refit["params"]["arch.depth"] == int(first[0]["arch.depth"])
    assert refit["trials"] == sorted(int(row["trial"]) for row in first)
    assert refit["epochs"] == sorted(int(row["best_epoch"]) for row in first)[2]
    assert refit["num_train"] == 200
    assert refit["seed"] == 0
    assert not [name for name in refit["metrics"] if name.startswith("val_")]
    assert refit["metrics"]["epochs"] == refit["epochs"]


def test_the_test_set_is_opened_once_for_finalists_and_refit(swept: Path, run_sweeper: Run) -> None:
    said, sweep = (swept / "said.txt").read_text(encoding="utf-8"), told(swept, run_sweeper)
    [opening] = sweep["findings"]["test"]["openings"]

    assert "The test set is opened for 1 finalist and the refit." in said
    assert opening["refit"] is True
    assert len(opening["trials"]) == 1
    accuracy = sweep["refit"]["metrics"]["test_accuracy"]
    sentence = next(one for one in sweep["findings"]["sentences"] if one.startswith("Refit: "))
    assert f"on the {sweep['refit']['num_test']} test images it has {100 * accuracy:.2f} %" in sentence
    assert "No image is left that could validate it" in sentence
    page = (swept / "mlruns/sweeps/anew/report.html").read_text(encoding="utf-8")
    assert "and the refit" in page
    assert "was trained anew on all 200 training and validation images" in page


@pytest.mark.long
def test_it_is_repeated_to_the_bit_and_not_trained_again(swept: Path, run_sweeper: Run) -> None:
    verified = run_sweeper(swept, "verify", "anew:refit")
    again = run_sweeper(swept, "-m", *LINE)
    by_run = run_sweeper(swept, "verify", told(swept, run_sweeper)["refit"]["run_id"][:10])

    assert "Same, to the bit" in verified.stdout, verified.stdout + verified.stderr
    assert verified.returncode == by_run.returncode == 0
    assert "The refit of sweep anew: " in by_run.stdout
    assert "Nothing is left to do" in again.stdout
    assert "is trained anew" not in again.stdout
    assert "The test set is opened" not in again.stdout


def test_promote_takes_it_unless_a_trial_is_named(swept: Path, run_sweeper: Run) -> None:
    refit = told(swept, run_sweeper)["refit"]
    taken = run_sweeper(swept, "promote", "anew")
    client = MlflowClient(f"sqlite:///{swept}/mlruns/mlflow.db", f"sqlite:///{swept}/mlruns/mlflow.db")
    version = client.get_model_version_by_alias("digits", "champion")
    other = run_sweeper(swept, "promote", "anew", "--trial", "1")

    assert "The refit of sweep anew (arch.depth=" in taken.stdout
    assert version.run_id == refit["run_id"]
    assert version.tags["sweeper.trial"] == "refit"
    assert float(version.tags["test_accuracy"]) == pytest.approx(refit["metrics"]["test_accuracy"])
    assert "Before, it was version 1 (the refit of sweep anew)" in other.stdout


@pytest.mark.long
def test_a_kill_in_the_middle_changes_no_digit(swept: Path, tmp_path: Path, run_sweeper: Run) -> None:
    command = [sys.executable, "-u", "-m", "sweeper", "-m", *LINE]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as driver:
        assert driver.stdout is not None
        seen = any("is trained anew on all 200" in line for line in driver.stdout)
        os.killpg(driver.pid, signal.SIGKILL)
    assert seen
    half = run_sweeper(tmp_path, "report", "anew").stdout
    done = run_sweeper(tmp_path, "-m", *LINE)

    assert "The refit was interrupted" in half
    assert done.returncode == 0, done.stdout + done.stderr
    [one, other] = (told(folder, run_sweeper)["refit"] for folder in (swept, tmp_path))
    for refit in (one, other):
        del refit["run_id"], refit["metrics"]["duration_s"]
    assert one == other
    client = MlflowClient(f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    runs = client.search_runs(["1"], "tags.`sweeper.refit` != ''")
    assert [run.info.status for run in runs] == ["FINISHED"]
    assert not (tmp_path / "mlruns/sweeps/anew/trials").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["training.schedule=plateau"], "training.schedule=plateau lowers the learning rate by what they say"),
        (["data.validation=test"], "report.refit=true has nothing to add with data.validation=test"),
        (["executor=simulate", "report.finalists=0"], "executor=simulate trains none"),
    ],
)
def test_a_refit_that_cannot_be_is_refused(words: list[str], said: str, tmp_path: Path, run_sweeper: Run) -> None:
    done = run_sweeper(tmp_path, "-m", *words, "report.refit=true")

    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.long
def test_a_sweep_without_one_has_nothing_to_verify(swept: Path, run_sweeper: Run) -> None:
    run_sweeper(swept, "-m", "arch.depth=1", *LINE[1:5], "data.max_samples=60", "sweep.name=plain")
    done = run_sweeper(swept, "verify", "plain:refit")

    assert done.returncode == 2
    assert "Accepted: the refit of a sweep that ran with report.refit=true" in " ".join(done.stderr.split())
