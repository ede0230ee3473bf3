"""`data.folds`: trainings of a configuration share queue, resume, leaderboard and `verify` with repeats."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

LINE = [
    *("arch.depth=1,2", "arch.filters=2", "arch.dense_units=8", "training.epochs=1", "training.threads=1"),
    *("data.folds=5", "data.max_samples=200", "sweep.name=parts"),
]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    done = run_sweeper(folder, "-m", *LINE)
    assert done.returncode == 0, done.stderr
    assert "(5 folds: each image validates once)" in done.stdout
    assert done.stdout.count("Data: digits, ") == 1
    return folder


def test_configurations_are_compared_over_all_images(swept: Path, run_sweeper: Run) -> None:
    with (swept / "mlruns/sweeps/parts/leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    for depth in ("1", "2"):
        own = [row for row in rows if row["arch.depth"] == depth]
        assert sorted(int(row["seed"]) for row in own) == sorted(int(row["repeat"]) for row in own) == [0, 1, 2, 3, 4]
        mean = sum(float(row["val_accuracy"]) for row in own) / 5
        assert float(own[0]["val_accuracy_mean"]) == pytest.approx(mean)

    told = json.loads(run_sweeper(swept, "report", "--json", "-").stdout)
    said = " ".join(told["sweeps"][0]["findings"]["sentences"] if "sweeps" in told else told["findings"]["sentences"])
    assert "5 folds" in said
    assert "its median training" in said


def test_a_fold_is_repeated_to_the_bit_and_nothing_is_left(swept: Path, run_sweeper: Run) -> None:
    verified = run_sweeper(swept, "verify", "parts:3")
    assert verified.returncode == 0, verified.stderr
    assert "Same, to the bit" in verified.stdout

    resumed = run_sweeper(swept, "-m", *LINE)
    assert "Nothing is left to do" in resumed.stdout


def test_a_sweep_of_folds_is_no_table_to_replay(swept: Path, run_sweeper: Run) -> None:
    done = run_sweeper(swept, "replay", "parts", "sampler=tpe")

    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "Sweep parts cannot be replayed: with data.folds=5 each training of a configuration is scored on" in said
    assert "Try: the line that started it, with data.validation=0.2 instead of data.folds" in said
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["data.folds=2,5"], "data.folds cannot vary within a sweep"),
        (["data.folds=5", "data.fold=0,1"], "data.fold cannot vary within a sweep"),
        (["data.folds=5", "data.validation=test"], "data.validation=test is not accepted: nothing with data.folds=5"),
        (["data.folds=5", "seed=4294967293"], "Accepted: seeds up to 4294967295. Try: seed=0"),
    ],
)
def test_folds_that_make_no_sense_are_refused(words: list[str], said: str, tmp_path: Path, run_sweeper: Run) -> None:
    done = run_sweeper(tmp_path, "-m", *words)

    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert not (tmp_path / "mlruns").exists()
