"""Kills the driver of one small sweep with SIGKILL at random moments, and compares the end with an undisturbed sweep.

    python benchmarks/kills.py [--kills 20] [--trials 12] [--sampler grid|tpe] [--seed 0]

After each kill: no process of the sweep lives 5 seconds later, and what had finished keeps its MLflow run to the end
(so it was neither lost nor trained twice). At the end: the same leaderboard but for times and run ids, one live run a
trial in MLflow, none of them running, and a study that agrees. Exit status 1 where one of these fails.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mlflow import MlflowClient

from sweeper import loading
from sweeper.errors import StoreError
from sweeper.paths import OutputPaths
from sweeper.records import TrialState

FIXED = ["arch.filters=4", "arch.dense_units=16", "data.max_samples=300", "training.epochs=3", "training.threads=1"]
NAME = "killed"
VARIES_ANYHOW = ("run_id", "duration_s")


def line(sampler: str, num_trials: int) -> list[str]:
    if sampler == "grid":
        space = [f"arch.depth=range(1,{num_trials // 2 + 1})", "optimizer.learning_rate=1.0,0.3"]
        return [*space, *FIXED, f"sweep.name={NAME}"]
    space = ["arch.depth=1,2,3", "optimizer.learning_rate=tag(log,interval(0.1,1.0))"]
    # One worker: with more, what a sampler knows when it proposes depends on which trial ends first.
    return [*space, *FIXED, f"sweep.name={NAME}", "sampler=tpe", f"sweep.trials={num_trials}", "sweep.workers=1",
            "+sampler.options.n_startup_trials=4"]  # fmt: skip


def start(folder: Path, words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sweeper", "-m", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def living(session: int) -> list[int]:
    """Processes of a session that live."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, _, _, own = fields[fields.rindex(")") + 2 :].split()[:4]
        if int(own) == session and state != "Z":
            found.append(int(stat.parent.name))
    return found


def outlived(session: int, longest_s: float) -> list[int]:
    """Processes of a session that still live after so many seconds; returns as soon as there is none."""
    deadline = time.monotonic() + longest_s
    while (left := living(session)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def finished(folder: Path) -> dict[int, str]:
    """Trial number to run id, of what the study calls finished."""
    try:
        report = loading.load(OutputPaths(folder / "mlruns"), NAME).judged()
    except (StoreError, KeyError):  # killed before there was anything
        return {}
    return {row.number: row.run_id for row in report.rows if row.state is not TrialState.RUNNING}


def board(folder: Path) -> list[dict[str, str]]:
    with (folder / f"mlruns/sweeps/{NAME}/leaderboard.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in VARIES_ANYHOW} for row in csv.DictReader(file)]


def runs(folder: Path) -> list[tuple[str, str]]:
    """Trial and status of each live run."""
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("sweeper")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], "tags.`sweeper.kind` = 'trial'", max_results=1000)
    return sorted((run.data.tags["sweeper.trial"], run.info.status) for run in found)


def kill_often(folder: Path, words: list[str], kills: int, chance: random.Random, longest_s: float) -> list[str]:
    """Kills, checks, and lets the last start end well. Returns what went wrong."""
    faults: list[str] = []
    known: dict[int, str] = {}
    for number in range(1, kills + 1):
        driver = start(folder, words)
        after_s = chance.uniform(0.5, longest_s)
        try:
            driver.wait(timeout=after_s)
        except subprocess.TimeoutExpired:
            os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
        assert driver.stdout is not None
        driver.stdout.close()
        if left := outlived(driver.pid, 5):
            faults.append(f"kill {number}: processes {left} live 5 s later")
        now = finished(folder)
        faults += [
            f"kill {number}: trial {trial} was lost or run again" for trial in known if now.get(trial) != known[trial]
        ]
        known = now
        print(f"kill {number} after {after_s:.1f} s: {len(known)} trials finished", flush=True)
    driver = start(folder, words)
    output, _ = driver.communicate()
    if driver.returncode != 0:
        faults.append(f"the last start ended with {driver.returncode}: {output}")
    end = finished(folder)
    faults += [f"in the end: trial {trial} was lost or run again" for trial in known if end.get(trial) != known[trial]]
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--sampler", choices=("grid", "tpe"), default="grid")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--longest", type=float, default=9.0, help="seconds after which a start is killed at the latest"
    )
    options = parser.parse_args()
    words = line(options.sampler, options.trials)
    with tempfile.TemporaryDirectory() as undisturbed, tempfile.TemporaryDirectory() as disturbed:
        reference = start(Path(undisturbed), words)
        output, _ = reference.communicate()
        if reference.returncode != 0:
            sys.exit(output)
        faults = kill_often(Path(disturbed), words, options.kills, random.Random(options.seed), options.longest)
        expected, found = board(Path(undisturbed)), board(Path(disturbed))
        if expected != found:
            faults.append(f"the leaderboards differ:\n{expected}\n{found}")
        if runs(Path(disturbed)) != runs(Path(undisturbed)):
            faults.append(f"the runs differ: {runs(Path(disturbed))}")
    print("\n".join(faults) or f"{options.kills} kills: nothing lost, nothing twice, the same leaderboard")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
