"""`sweep.seeds=auto` and `sweep.baseline`: candidates, looks, kills among them, failing seeds; nothing is trained."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

SIMULATED = [
    *("executor=simulate", "report.finalists=0", "executor.simulate.accuracy=[0.9,0.93]", "training.epochs=1"),
    *("executor.simulate.duration_s=0.04", "sweep.workers=3", "sweep.seeds=auto"),
]
LINE = ["arch.depth=1,2", "sweep.baseline=true", *SIMULATED, "sweep.name=looks"]


def rows_of(folder: Path, name: str = "looks") -> list[dict[str, str]]:
    with (folder / f"mlruns/sweeps/{name}/leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def found_in(folder: Path, run_sweeper: Run, name: str = "looks") -> dict[str, Any]:
    told = json.loads(run_sweeper(folder, "report", name, "--json", "-").stdout)
    findings: dict[str, Any] = told["sweeps"][0]["findings"]
    return findings


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    done = run_sweeper(folder, "-m", *LINE)
    assert done.returncode == 0, done.stderr
    assert "candidates: " in done.stdout
    assert done.stdout.count("Look at ") == len(found_in(folder, run_sweeper)["second"]["looks"])
    return folder


def test_candidates_have_fresh_seeds_and_the_one_that_chose_them_does_not_count(whole: Path, run_sweeper: Run) -> None:
    rows, second = rows_of(whole), found_in(whole, run_sweeper)["second"]
    first = [row for row in rows if row["repeat"] == "0"]
    assert len(first) == second["num_trained"] == 3
    assert [look["num_seeds"] for look in second["looks"]] == [3, 5, 8, 12][: len(second["looks"])]
    for point in second["candidates"]:
        own = [row for row in rows if row["point"] == str(point)]
        fresh = [row for row in own if row["repeat"] != "0"]
        seeds = int(own[0]["seeds"])
        assert sorted(int(row["repeat"]) for row in fresh) == list(range(1, seeds + 1))
        mean = sum(float(row["val_accuracy"]) for row in fresh) / seeds
        assert float(own[0]["val_accuracy_mean"]) == pytest.approx(mean)
        assert len({row["rank"] for row in own}) == 1
        assert {row["outcome"] for row in own} <= {"leads", "equal", "undecided", "eliminated"}
    leader = [row for row in rows if row["rank"] == "1"]
    assert {row["outcome"] for row in leader} == {"leads"}
    assert [row["point"] for row in leader] == [str(second["looks"][-1]["members"][0])] * len(leader)


def test_the_default_configuration_is_a_candidate_and_the_gain_over_it_is_told(whole: Path, run_sweeper: Run) -> None:
    findings = found_in(whole, run_sweeper)
    [row] = [row for row in rows_of(whole) if row["trial"] == "0"]
    assert row["arch.depth"] == "3"
    assert findings["second"]["baseline"] == int(row["point"])
    assert int(row["point"]) in findings["second"]["candidates"]
    look = findings["second"]["looks"][-1]
    value, low, high = look["gain"][0]
    said = " ".join(findings["sentences"])
    assert low <= value <= high
    assert "default configuration" in said
    assert "Next: " in said


def test_a_start_among_fresh_seeds_says_what_is_ahead(tmp_path: Path, run_sweeper: Run) -> None:
    begun = run_sweeper(tmp_path, "-m", *LINE, "sweep.max_epochs=5")
    assert "candidates: " in begun.stdout
    assert "After the first seed of each configuration" in begun.stdout
    assert "Look at " not in begun.stdout
    candidates = found_in(tmp_path, run_sweeper)["second"]["candidates"]
    trained = len(rows_of(tmp_path)) - 3

    done = run_sweeper(tmp_path, "-m", *LINE)

    assert (
        f"Trials: {3 * len(candidates) - trained}, 3 at a time, 2 CPU threads each (executor=simulate)." in done.stdout
    )
    assert "These are fresh seeds of the candidates, up to the next look at them" in done.stdout
    assert "After the first seed of each configuration" not in done.stdout


@pytest.mark.long
def test_kills_change_no_decision_and_no_look_is_taken_twice(whole: Path, run_sweeper: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sweeper", "-m", *LINE]
    said = ""
    for finished in (6, 16):  # between the first stage and the first look, and between looks
        with (tmp_path / "log").open("w") as log:
            driver = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
            while driver.poll() is None:
                told = (tmp_path / "log").read_text()
                if (said + told).count(" complete: ") >= finished:
                    os.kill(driver.pid, signal.SIGKILL)
                    driver.wait()
                time.sleep(0.05)
        said += (tmp_path / "log").read_text()
    done = run_sweeper(tmp_path, "-m", *LINE)
    assert done.returncode == 0, done.stderr

    assert found_in(tmp_path, run_sweeper)["second"] == found_in(whole, run_sweeper)["second"]
    figures = ("rank", "trial", "outcome", "seeds", "val_accuracy", "val_accuracy_mean", "point", "repeat")
    ours, theirs = ([[row[name] for name in figures] for row in rows_of(folder)] for folder in (tmp_path, whole))
    assert ours == theirs
    again = run_sweeper(tmp_path, "-m", *LINE)
    assert "Nothing is left to do" in again.stdout
    assert "Look at " not in again.stdout


def test_further_configurations_are_refused_once_there_are_candidates(whole: Path, run_sweeper: Run) -> None:
    wider = [word.replace("arch.depth=1,2", "arch.depth=1,2,4") for word in LINE]
    done = run_sweeper(whole, "-m", *wider)

    assert done.returncode == 2
    assert "has chosen its candidates" in done.stderr
    assert "Try: sweep.name=" in done.stderr


@pytest.mark.long
def test_a_samplers_leading_configurations_are_repeated_and_a_failing_seed_puts_one_out(
    tmp_path: Path, run_sweeper: Run
) -> None:
    line = ["sampler=tpe", "sweep.trials=6", "optimizer.learning_rate=interval(0.1,1.5)", "arch.depth=1,2", *SIMULATED]
    words = [*line, "executor.simulate.failures=0.1", "sweep.name=search"]
    done = run_sweeper(tmp_path, "-m", *words)
    assert done.returncode == 0, done.stderr

    second = found_in(tmp_path, run_sweeper, "search")["second"]
    rows = rows_of(tmp_path, "search")
    failed = [point for look in second["looks"] for point in look["failed"]]
    assert failed
    for point in failed:
        own = [row for row in rows if row["point"] == str(point)]
        assert {row["state"] for row in own} == {"complete", "failed"}
        assert {row["rank"] for row in own} == {""}
        assert {row["outcome"] for row in own} == {"failed"}
    again = run_sweeper(tmp_path, "-m", *words)
    assert "Nothing is left to do" in again.stdout
    assert "no further ones are proposed" not in again.stdout
    more = run_sweeper(tmp_path, "-m", *[word.replace("trials=6", "trials=9") for word in words])
    assert re.search(r"candidates among \d configurations: no further ones are proposed. Another sweep", more.stdout)
    assert "Nothing is left to do" in more.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["objective.metric=val_loss", "sweep.seeds=auto"], "compares right and wrong answers"),
        (["pruner=asha", "sweep.seeds=auto"], "trained to the end"),
        (["data.folds=5", "sweep.seeds=auto"], "with data.folds each has others"),
        (["seed=0,1", "sweep.seeds=auto"], "a swept seed do the same"),
        (["sweep.seeds=automatic"], "a whole number from 1 to 1000, or auto"),
        (["seed=4294967290", "sweep.seeds=auto"], "may go on to 4294967302"),
        (["seed=0,1", "sweep.baseline=true"], "has no default that counts"),
    ],
    ids=lambda value: "" if isinstance(value, str) else value[0],
)
def test_what_looks_cannot_compare_is_refused(tmp_path: Path, run_sweeper: Run, words: list[str], said: str) -> None:
    done = run_sweeper(tmp_path, "-m", "arch.depth=1,2", *words)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Try: " in done.stderr
    assert not (tmp_path / "mlruns/optuna.db").exists()
