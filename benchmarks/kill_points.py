"""Kills the driver of a sweep of four before one of its changes to the output folder, resumes it, and compares.

    python benchmarks/kill_points.py [--points 60]       points spread evenly from the first change to the last
    python benchmarks/kill_points.py --at 17 418         these points

The changes are the driver's system calls that create, write, rename, delete or flush something below `output_dir`, from
its start over the trials to the test set and the page: SQLite tests itself in this way. After each kill: no process of
the sweep is alive 5 seconds later. After the resume: the leaderboard of the undisturbed sweep except for times and run
ids; one live MLflow run per trial with the same files, none of them running; the test set opened once; and the same
names of files and folders, so nothing is left behind. Exit status 1 if one of these fails. Linux only.
"""

from __future__ import annotations

import argparse
import collections
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kills import NAME, board, outlived, runs
from mlflow import MlflowClient
from system_calls import Ended, run

from sweeper.core.paths import OutputPaths
from sweeper.storage.study import SweepStudy

LINE = ["arch.depth=1,2", "optimizer.learning_rate=1.0,0.3", "arch.filters=2", "arch.dense_units=8"]
LINE += ["training.epochs=1", "training.threads=1", "data.max_samples=200", f"sweep.name={NAME}"]


@dataclass(frozen=True)
class Outcome:
    """What a sweep has left.

    Attributes:
        board: the leaderboard, without what varies from run to run.
        runs: trial and status of each live run.
        openings: how often the test set was opened.
        names: files and folders under `output_dir`, without those of single runs.
        recorded: the files of each trial's run, by the trial.
    """

    board: list[dict[str, str]]
    runs: list[tuple[str, str]]
    openings: int
    names: set[str]
    recorded: dict[str, set[str]]

    def differences(self, other: Outcome) -> list[str]:
        """How another sweep differs from this one."""
        found = [f"left behind: {name}" for name in sorted(other.names - self.names)]
        found += [f"missing: {name}" for name in sorted(self.names - other.names)]
        for what in ("board", "runs", "openings", "recorded"):
            if getattr(self, what) != getattr(other, what):
                found.append(f"{what}: {getattr(other, what)} instead of {getattr(self, what)}")
        return found


def outcome(folder: Path) -> Outcome:
    paths = OutputPaths(folder / "mlruns")
    below = (path.relative_to(paths.root) for path in paths.root.rglob("*"))
    return Outcome(
        board=board(folder),
        runs=runs(folder),
        openings=len(SweepStudy.load(paths, NAME).test.openings),
        names={str(path) for path in below if path.parts[0] != "artifacts"},
        recorded=recorded(paths),
    )


def recorded(paths: OutputPaths) -> dict[str, set[str]]:
    """The files of each live run: of a trial by its number, of the sweep under `sweep`; a model's among a trial's."""
    client = MlflowClient(f"sqlite:///{paths.tracking_db}")
    ids = [one.experiment_id for one in client.search_experiments()]
    places = {
        one.info.run_id: (one.data.tags.get("sweeper.trial", "sweep"), one.info.artifact_uri)
        for one in client.search_runs(ids, max_results=1000)
    }
    found: dict[str, set[str]] = collections.defaultdict(set)
    models = [(places[one.source_run_id][0], one.artifact_location) for one in client.search_logged_models(ids)]
    for trial, address in [*places.values(), *models]:
        folder = Path(address.removeprefix("file://"))
        found[trial] |= {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return found


def start(folder: Path, kill_at: int | None = None) -> Ended:
    """Runs the line; what it prints is added to `log`, and it has a folder for temporary files of its own."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    env = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "sweeper", "-m", *LINE]
    return run(command, folder, folder / "log", env, folder / "mlruns", kill_at)


def kill_and_resume(number: int, undisturbed: Outcome) -> list[str]:
    """Kills at one point, resumes, and returns what went wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        killed = start(folder, number)
        where = f"before change {number}, {killed.changes[-1]}" if killed.status < 0 else f"never: {number} is too many"
        left = outlived(killed.pid, 5)
        faults = [f"processes {list(left)} are alive 5 s later"] if left else []
        if killed.status >= 0 and killed.status != 0:
            faults.append(f"it ended by itself with {killed.status}")
        resumed = start(folder)
        if resumed.status == 0:
            faults += undisturbed.differences(outcome(folder))
        else:
            faults.append(f"the resumed sweep ended with {resumed.status}")
        print(f"killed {where}: {'; '.join(faults) or 'as undisturbed'}", flush=True)
        if faults:
            print((folder / "log").read_text(encoding="utf-8"), flush=True)
        return faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=60)
    parser.add_argument("--at", type=int, nargs="+", help="numbers of changes, instead of an even spread")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        reference = start(folder)
        if reference.status != 0:
            sys.exit((folder / "log").read_text(encoding="utf-8"))
        undisturbed = outcome(folder)
    num_changes = len(reference.changes)
    calls = collections.Counter(change.call for change in reference.changes)
    print(f"{num_changes} changes: {', '.join(f'{count} {call}' for call, count in calls.most_common())}", flush=True)
    step = num_changes / options.points
    points = options.at or [1 + int(step * place) for place in range(options.points)]
    faults = [fault for number in points for fault in kill_and_resume(number, undisturbed)]
    print(f"{len(points)} kills: {len(faults) or 'no'} fault{'' if len(faults) == 1 else 's'}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
