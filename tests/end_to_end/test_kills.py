"""`kill -9` and Ctrl-C at trials, forkserver and driver, as a user's machine would."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

ROOT = Path(__file__).resolve().parents[2]
LINE = ["-m", "arch.depth=1,2,3", "arch.filters=4", "arch.dense_units=16", "data.max_samples=400"]
LONG = ["training.epochs=10", "training.threads=1", "sweep.name=killed", "sweep.workers=2"]


class Sweep:
    """A driver in its own process group, whose descendants can be looked at."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sweeper", *LINE, *LONG, *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output: list[str] = []

    def wait_for(self, text: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)
            if text in line:
                return
        pytest.fail(f"never printed {text!r}: {''.join(self.output)}")

    def finish(self) -> str:
        rest, _ = self.process.communicate(timeout=240)
        return "".join(self.output) + rest

    def members(self) -> dict[int, tuple[int, str]]:
        """Living processes of the driver's session: pid to parent and command line."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                stat = (folder / "stat").read_text()
                command = (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue
            state, parent, _, session = stat[stat.rindex(")") + 2 :].split()[:4]
            if int(session) == self.process.pid and state != "Z":
                found[int(folder.name)] = (int(parent), command)
        return found

    def forkserver(self) -> int:
        [pid] = [
            pid
            for pid, (parent, command) in self.members().items()
            if parent == self.process.pid and "forkserver" in command
        ]
        return pid

    def trials(self) -> list[int]:
        """Trial processes: children of the forkserver, or orphans of a dead one."""
        return [pid for pid, (parent, command) in self.members().items()
                if "forkserver" in command and parent != self.process.pid]  # fmt: skip

    def wait_for_trials(self, count: int) -> list[int]:
        deadline = time.monotonic() + 60
        while len(self.trials()) < count:
            assert time.monotonic() < deadline, "the trials never started"
            time.sleep(0.05)
        return self.trials()

    def rows(self) -> list[dict[str, str]]:
        with (self.folder / "mlruns/sweeps/killed/leaderboard.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def children(self) -> list[tuple[str, str]]:
        """Number and status of every live child run."""
        client = MlflowClient(f"sqlite:///{self.folder}/mlruns/mlflow.db")
        experiment = client.get_experiment_by_name("sweeper")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id], "tags.`sweeper.kind` = 'trial'")
        return sorted((run.data.tags["sweeper.trial"], run.info.status) for run in runs)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Sweep]]:
    started: list[Sweep] = []

    def begin(*words: str) -> Sweep:
        started.append(Sweep(tmp_path, *words))
        return started[-1]

    yield begin
    for sweep in started:
        if sweep.process.poll() is None:
            sweep.process.kill()
        sweep.process.wait()
        if sweep.process.stdout is not None:
            sweep.process.stdout.close()


def test_a_killed_trial_is_failed_and_the_others_finish(start: Callable[..., Sweep]) -> None:
    sweep = start()
    sweep.wait_for("trial 1 starts")
    victim = sweep.wait_for_trials(2)[0]
    os.kill(victim, signal.SIGKILL)

    output = sweep.finish()

    assert sweep.process.returncode == 0, output
    assert sorted(row["state"] for row in sweep.rows()) == ["complete", "complete", "failed"]
    assert "killed by SIGKILL" in sweep.rows()[-1]["error"]
    assert sorted(status for _, status in sweep.children()) == ["FAILED", "FINISHED", "FINISHED"]
    assert sweep.members() == {}


@pytest.mark.parametrize("moment", [pytest.param("while it loads", marks=pytest.mark.long), "while trials run"])
def test_a_killed_forkserver_loses_no_trial_and_runs_none_twice(start: Callable[..., Sweep], moment: str) -> None:
    sweep = start()
    sweep.wait_for("Data:" if moment == "while it loads" else "trial 1 starts")
    if moment == "while trials run":
        sweep.wait_for_trials(2)
    os.kill(sweep.forkserver(), signal.SIGKILL)
    most = 0
    while sweep.process.poll() is None:
        most = max(most, len(sweep.trials()))
        time.sleep(0.05)

    output = sweep.finish()

    assert sweep.process.returncode == 0, output
    assert "Traceback" not in output
    assert [row["state"] for row in sweep.rows()] == ["complete"] * 3
    assert sweep.children() == [("0", "FINISHED"), ("1", "FINISHED"), ("2", "FINISHED")]
    assert most <= 3  # two trials, and the new forkserver while it is not yet known as the driver's child
    assert sweep.members() == {}


def test_a_killed_driver_leaves_no_process_and_the_same_line_goes_on(start: Callable[..., Sweep]) -> None:
    sweep = start()
    sweep.wait_for("trial 0 complete")
    sweep.process.kill()
    deadline = time.monotonic() + 5
    while sweep.members() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert sweep.members() == {}

    resumed = start()
    output = resumed.finish()

    assert resumed.process.returncode == 0, output
    assert "trial 0 starts" not in output
    assert sorted(row["trial"] for row in resumed.rows()) == ["0", "1", "2"]
    assert [row["state"] for row in resumed.rows()] == ["complete"] * 3
    assert resumed.children() == [("0", "FINISHED"), ("1", "FINISHED"), ("2", "FINISHED")]
    assert not list((resumed.folder / "mlruns/sweeps/killed").glob("trials/*"))


@pytest.mark.long
def test_a_driver_that_is_killed_before_any_of_its_changes_to_the_folder_is_resumed_as_if_undisturbed() -> None:
    """While trials run, and while the page is written; more points: `benchmarks/kill_points.py`."""
    done = subprocess.run(
        [sys.executable, "benchmarks/kill_points.py", "--share", "0.5", "0.98"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": as undisturbed\n") == 2
    assert done.stdout.endswith("2 kills: no faults\n")


def test_ctrl_c_keeps_what_is_finished_and_prints_the_line_that_goes_on(start: Callable[..., Sweep]) -> None:
    sweep = start()
    sweep.wait_for("trial 0 complete")
    os.killpg(sweep.process.pid, signal.SIGINT)  # as a terminal does: the whole group

    output = sweep.finish()

    assert sweep.process.returncode == 130
    assert "Traceback" not in output
    assert "KeyboardInterrupt" not in output
    assert "to resume:\n  python -m sweeper -m arch.depth=1,2,3" in output
    assert "complete" in [row["state"] for row in sweep.rows()]
    assert "RUNNING" not in [status for _, status in sweep.children()]
    assert sweep.members() == {}


def test_a_refusal_leaves_no_process_and_no_file(start: Callable[..., Sweep], tmp_path: Path) -> None:
    sweep = start("arch.dept=3")

    output = sweep.finish()

    assert sweep.process.returncode == 2
    assert "arch.dept is not a key" in output
    deadline = time.monotonic() + 10
    while sweep.members():
        assert time.monotonic() < deadline, f"{sweep.members()} outlived a refusal"
        time.sleep(0.05)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("delay_s", [0.1, 0.35, 0.7, 1.5, 3.0])
def test_ctrl_c_in_the_first_seconds_ends_without_a_traceback(start: Callable[..., Sweep], delay_s: float) -> None:
    sweep = start()
    time.sleep(delay_s)
    os.killpg(sweep.process.pid, signal.SIGINT)  # as a terminal does: to the sweep and to all that it started

    output = sweep.finish()

    if "init_import_site" in output:  # Python itself was still starting
        return
    assert sweep.process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in output
    assert "Error" not in output


@pytest.mark.parametrize(
    ("number", "stage"),
    [
        pytest.param(signal.SIGINT, "Sweep:", id="Ctrl-C before the first trial"),
        pytest.param(signal.SIGHUP, "trial 0 starts", id="a closed terminal", marks=pytest.mark.long),
        pytest.param(signal.SIGTERM, "The test set is opened", id="SIGTERM at the test set"),
    ],
)
def test_a_signal_at_any_stage_leaves_no_run_running(
    start: Callable[..., Sweep], tmp_path: Path, number: signal.Signals, stage: str
) -> None:
    sweep = start("training.epochs=1")
    sweep.wait_for(stage)
    os.killpg(sweep.process.pid, number)

    output = sweep.finish()

    assert sweep.process.returncode == 130
    assert "Interrupted." in output
    assert "Traceback" not in output
    client = MlflowClient(f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("sweeper")
    assert experiment is not None
    found = [(run.data.tags["sweeper.kind"], run.info.status) for run in client.search_runs([experiment.experiment_id])]
    assert ("sweep", "KILLED") in found
    assert not [status for _, status in found if status == "RUNNING"]


def test_ctrl_c_before_the_first_trial_ends_without_a_traceback(start: Callable[..., Sweep]) -> None:
    sweep = start()
    sweep.wait_for("Data:")
    os.killpg(sweep.process.pid, signal.SIGINT)

    output = sweep.finish()

    assert sweep.process.returncode == 130
    assert "Traceback" not in output
    time.sleep(1)
    assert sweep.members() == {}


@pytest.mark.parametrize("line", ["arch.depht=3", "arch.filters=0", "sweep.dry_run=true"])
def test_a_line_that_trains_nothing_leaves_no_process(start: Callable[..., Sweep], line: str, tmp_path: Path) -> None:
    """The forkserver and the recorder start before the line is read."""
    sweep = start(line)
    sweep.finish()
    deadline = time.monotonic() + 2
    while sweep.members() and time.monotonic() < deadline:
        time.sleep(0.02)

    assert sweep.members() == {}
    assert not (tmp_path / "mlruns").exists()
