"""Kills the driver of one small sweep with SIGKILL at random moments, and compares the end with an undisturbed sweep.

    python benchmarks/kills.py [--kills 20] [--trials 12] [--sampler grid|tpe] [--seed 0]
    python benchmarks/kills.py --pruner asha --checkpoint --kill-trials --kill-recorder --sampler tpe --epochs 9

After each kill: no process of the sweep is alive 5 seconds later, and finished trials keep their measured seconds to
the end (so none was lost or trained twice). At the end: the same leaderboard except for times and run ids, one live
MLflow run per trial, none of them running, each epoch recorded once, and a study that agrees; also where trials resume
from a checkpoint. Exit status 1 if one of these fails.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mlflow import MlflowClient

from sweeper.core.errors import StoreError
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import TrialState
from sweeper.report import sweep_report
from sweeper.storage import stored_sweep

FIXED = ["arch.filters=4", "arch.dense_units=16", "data.max_samples=300", "training.threads=1"]
NAME = "killed"
VARIES_ANYHOW = ("run_id", "duration_s")


def line(options: argparse.Namespace) -> list[str]:
    words = [*FIXED, f"sweep.name={NAME}", f"training.epochs={options.epochs}", f"pruner={options.pruner}"]
    if options.checkpoint:
        words += ["training.checkpoint=true"]
    if options.kill_trials:
        words += ["sweep.retries=100"]
    if options.sampler == "grid":
        return [f"arch.depth=range(1,{options.trials // 2 + 1})", "optimizer.learning_rate=1.0,0.3", *words]
    # One worker: with more, what a sampler knows when it proposes depends on which trial ends first.
    words += ["sampler=tpe", f"sweep.trials={options.trials}", "sweep.workers=1", "+sampler.options.n_startup_trials=4"]
    return ["arch.depth=1,2,3", "optimizer.learning_rate=tag(log,interval(0.1,1.0))", *words]


def start(folder: Path, words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sweeper", "-m", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def living(session: int) -> dict[int, int]:
    """Living processes of a session, each with its parent."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent, _, own = fields[fields.rindex(")") + 2 :].split()[:4]
        if int(own) == session and state != "Z":
            found[int(stat.parent.name)] = int(parent)
    return found


def kill_a_trial(driver: int, chance: random.Random) -> None:
    """Kills one of the processes that the forkserver, a child of the driver, has started, if there is one."""
    processes = living(driver)
    trials = [pid for pid, parent in processes.items() if processes.get(parent) == driver]
    if trials:
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(trials), signal.SIGKILL)


def kill_the_recorder(driver: int, chance: random.Random) -> None:
    """Kills the process that writes to MLflow, if it is there."""
    for pid, parent in living(driver).items():
        with contextlib.suppress(OSError):
            if parent == driver and b"tracking.recording" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


Kill = Callable[[int, random.Random], None]


def wait(driver: subprocess.Popen[str], longest_s: float, others: Sequence[Kill], chance: random.Random) -> bool:
    """Waits until a driver ends, at most so long; kills others of its processes now and then."""
    deadline = time.monotonic() + longest_s
    while (left_s := deadline - time.monotonic()) > 0:
        try:
            driver.wait(timeout=min(left_s, chance.uniform(0.5, longest_s / 3)) if others else left_s)
            return True
        except subprocess.TimeoutExpired:
            if others:
                chance.choice(others)(driver.pid, chance)
    return False


def outlived(session: int, longest_s: float) -> dict[int, int]:
    """Processes of a session that are still alive after so many seconds; returns as soon as there is none."""
    deadline = time.monotonic() + longest_s
    while (left := living(session)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def finished(folder: Path) -> dict[int, float]:
    """Measured seconds by trial number, of the trials that the study calls finished."""
    try:
        report = sweep_report.judged(stored_sweep.load(OutputPaths(folder / "mlruns"), NAME))
    except (StoreError, KeyError):  # killed before there was anything
        return {}
    return {row.number: row.metrics["duration_s"] for row in report.rows if row.state is not TrialState.RUNNING}


def board(folder: Path) -> list[dict[str, str]]:
    with (folder / f"mlruns/sweeps/{NAME}/leaderboard.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in VARIES_ANYHOW} for row in csv.DictReader(file)]


def epochs_recorded_wrongly(folder: Path, epochs: int) -> list[str]:
    """Where the study's rows and the epochs of their MLflow runs disagree."""
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    faults = []
    for row in sweep_report.judged(stored_sweep.load(OutputPaths(folder / "mlruns"), NAME)).rows:
        steps = sorted(point.step for point in client.get_metric_history(row.run_id, "val_loss"))
        trained = len(row.history)
        if steps != list(range(1, trained + 1)) or row.metrics["epochs"] != trained:
            faults.append(f"trial {row.number}: {trained} epochs, {row.metrics['epochs']} counted, recorded {steps}")
        if trained != epochs and row.state is not TrialState.PRUNED:
            faults.append(f"trial {row.number} is {row.state} after {trained} epochs")
    return faults


def runs(folder: Path) -> list[tuple[str, str]]:
    """Trial and status of each live run."""
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("sweeper")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], "tags.`sweeper.kind` = 'trial'", max_results=1000)
    return sorted((run.data.tags["sweeper.trial"], run.info.status) for run in found)


def differences(undisturbed: Path, disturbed: Path) -> list[str]:
    """How the two sweeps differ."""
    (rows, states), (other_rows, other_states) = ((board(folder), runs(folder)) for folder in (undisturbed, disturbed))
    faults = [f"the leaderboards differ:\n{rows}\n{other_rows}"] if rows != other_rows else []
    return faults + ([f"the runs differ: {other_states}"] if states != other_states else [])


def kill_often(folder: Path, words: list[str], options: argparse.Namespace) -> list[str]:
    """Kills and checks, then lets the last start finish. Returns what went wrong."""
    faults: list[str] = []
    known: dict[int, float] = {}
    chance = random.Random(options.seed)
    others = [kill_a_trial] * options.kill_trials + [kill_the_recorder] * options.kill_recorder
    for number in range(1, options.kills + 1):
        driver = start(folder, words)
        after_s = chance.uniform(0.5, options.longest)
        if not wait(driver, after_s, others, chance):
            os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
        assert driver.stdout is not None
        driver.stdout.close()
        if left := outlived(driver.pid, 5):
            faults.append(f"kill {number}: processes {list(left)} are alive 5 s later")
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
    faults += [f"at the end: trial {trial} was lost or run again" for trial in known if end.get(trial) != known[trial]]
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--sampler", choices=("grid", "tpe"), default="grid")
    parser.add_argument("--pruner", default="none")
    parser.add_argument("--checkpoint", action="store_true", help="trials resume from their last epoch")
    parser.add_argument("--kill-trials", action="store_true", help="also kill trials, which are then run again")
    parser.add_argument("--kill-recorder", action="store_true", help="also kill the process that writes to MLflow")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=9.0, help="longest time until a start is killed, in seconds")
    options = parser.parse_args()
    words = line(options)
    with tempfile.TemporaryDirectory() as undisturbed, tempfile.TemporaryDirectory() as disturbed:
        reference = start(Path(undisturbed), words)
        output, _ = reference.communicate()
        if reference.returncode != 0:
            sys.exit(output)
        faults = kill_often(Path(disturbed), words, options)
        faults += epochs_recorded_wrongly(Path(disturbed), options.epochs)
        faults += differences(Path(undisturbed), Path(disturbed))
    print("\n".join(faults) or f"{options.kills} kills: nothing lost, nothing trained twice, the same leaderboard")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
