"""Kills the driver of a sweep of four before one of its changes to the output folder, resumes it, and compares.

    python benchmarks/kill_points.py [--points 60]       points spread evenly from the first change to the last
    python benchmarks/kill_points.py --at 17 418         these points, by their numbers
    python benchmarks/kill_points.py --kinds [PATTERN]   before the first change of each kind: a call and a path
    python benchmarks/kill_points.py --share 0.5 0.9     these points, as shares of the undisturbed sweep's changes

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
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kills import NAME, board, outlived, runs
from mlflow import MlflowClient
from system_calls import Change, Ended, run

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


#: Where a driver is killed: before the change of this number, or before the first one of this kind.
Point = int | str


def kind(change: Change) -> str:
    """A change without the numbers and arrays in its path: those of processes, trials and data."""
    return re.sub(r"[xy]_(train|validation|test)", "ARRAY", re.sub(r"\d+", "N", str(change)))


def start(folder: Path, point: Point | None = None) -> Ended:
    """Runs the line, and kills it at a point. It adds what it prints to `log`, and has its own `TMPDIR`."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    env = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "sweeper", "-m", *LINE]

    def is_last(number: int, change: Change) -> bool:
        return point in (number, kind(change))

    return run(command, folder, folder / "log", env, folder / "mlruns", is_last)


def kill_and_resume(point: Point, undisturbed: Outcome) -> list[str]:
    """Kills at one point, resumes, and returns what went wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        killed = start(folder, point)
        where = f"before change {len(killed.changes)}, {killed.changes[-1]}"
        if killed.status == 0:
            where = f"never, since {point} did not come"
        left = outlived(killed.pid, 5)
        faults = [f"processes {list(left)} are alive 5 s later"] if left else []
        if killed.status > 0:
            faults.append(f"it ended on its own with {killed.status}")
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
    parser.add_argument("--share", type=float, nargs="+", help="shares of all changes, from 0 to 1, likewise")
    parser.add_argument("--kinds", nargs="?", const="", metavar="PATTERN", help="each kind of change, that matches")
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
    shares = options.share or [place / options.points for place in range(options.points)]
    points: Sequence[Point] = options.at or [1 + int(num_changes * share) for share in shares]
    if options.kinds is not None:
        kinds = dict.fromkeys(map(kind, reference.changes))
        points = [one for one in kinds if re.search(options.kinds, one)]
    faults = [fault for point in points for fault in kill_and_resume(point, undisturbed)]
    print(f"{len(points)} kills: {len(faults) or 'no'} fault{'' if len(faults) == 1 else 's'}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
