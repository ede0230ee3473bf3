"""With a pruner, a configuration that is clearly behind after some folds does not train the others."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

Run = Callable[..., "subprocess.CompletedProcess[str]"]

LINE = [
    *("-m", "optimizer=adam", "optimizer.learning_rate=0.01,0.000001", "arch.depth=1", "arch.filters=4"),
    *("training.epochs=4", "training.threads=1", "data.max_samples=200", "data.folds=5", "sweep.workers=1"),
    *("pruner=median", "pruner.options.n_warmup_steps=10", "report.finalists=0", "sweep.name=rungs"),
]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> Path:
    folder = tmp_path_factory.mktemp("rungs")
    done = run_sweeper(folder, *LINE)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "said.txt").write_text(done.stdout, encoding="utf-8")
    return folder


def test_its_other_folds_are_not_trained_and_the_report_says_so(swept: Path, run_sweeper: Run) -> None:
    said = (swept / "said.txt").read_text(encoding="utf-8")
    with (swept / "mlruns/sweeps/rungs/leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    slow = [row for row in rows if row["optimizer.learning_rate"] != "0.01"]

    assert "trial 7 does not begin: its configuration is behind after its other folds" in said
    assert [line for line in said.splitlines() if line.startswith(("trial 8", "trial 9"))] == []
    assert sorted((int(row["trial"]), row["state"]) for row in slow) == [
        (5, "complete"),
        (6, "complete"),
        (7, "pruned"),
    ]
    assert {row["rank"] for row in rows if row["optimizer.learning_rate"] == "0.01"} == {"1"}
    assert "1" not in {row["rank"] for row in slow}
    told = json.loads(run_sweeper(swept, "report", "--json", "-").stdout)["sweeps"][0]["findings"]["sentences"]
    assert any(one.startswith("1 of the configurations did not train all folds") for one in told)
    assert not any("pruned after early epochs" in one for one in told)


@pytest.mark.long
def test_nothing_of_it_is_left_to_do_verify_or_promote(swept: Path, run_sweeper: Run) -> None:
    again = run_sweeper(swept, *LINE)
    verified = run_sweeper(swept, "verify", "rungs:7")
    promoted = run_sweeper(swept, "promote", "rungs", "--trial", "7")
    client = MlflowClient(f"sqlite:///{swept}/mlruns/mlflow.db")
    [run] = client.search_runs(["1"], "tags.`sweeper.trial` = '7'")

    assert "Nothing is left to do" in again.stdout
    assert verified.returncode == promoted.returncode == 2
    assert "was pruned before it began" in " ".join(verified.stderr.split())
    assert "did not begin, so it has no model" in " ".join(promoted.stderr.split())
    assert run.data.tags["sweeper.state"] == "pruned"
