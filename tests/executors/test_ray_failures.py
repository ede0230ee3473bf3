"""Trials on two simulated nodes, of which agents, a node and the driver are ended: real ones, by signals.

Each node has a temporary folder of its own, and the driver's sweep lies in another.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from ray_cluster import SimulatedNodes, simulated_nodes
from sweeper import data, executors
from sweeper.artifacts.result import read_result
from sweeper.config.simulate import SimulateConfig
from sweeper.config.sweep import ExecutorConfig
from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError
from sweeper.core.objectives import Objective
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import TrainingSpec, TrialResult
from sweeper.executors import Event, Executor, Said, TrialEnded, TrialEpoch

NETWORK = """
import keras


def build(input_shape, num_classes, width):
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(width, activation="relu"),
        keras.layers.Dropout(0.2), keras.layers.Dense(num_classes, activation="softmax"),
    ])
"""
LINE = ["-m", "arch=custom", "arch._target_=nets.build", "+arch.width=4,5", "data.max_samples=300"]
LINE += ["training.epochs=40", "training.threads=1", "training.checkpoint=true", "sweep.progress=json"]
LINE += ["sweep.name=mine"]


@pytest.fixture(scope="module")
def nodes() -> Iterator[SimulatedNodes]:
    with simulated_nodes(2) as made:
        yield made


@pytest.fixture(scope="module")
def config(nodes: SimulatedNodes) -> ExecutorConfig:
    return ExecutorConfig("ray", address=nodes.address, lost_after_s=5)


def processes_in(folder: Path) -> dict[int, str]:
    """The agent, the forkserver and the trials of a node: those that were started with its temporary folder."""
    found = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            environment = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        ours = "ray::Agent" in command or "forkserver" in command
        if f"TMPDIR={folder}\0".encode() in environment + b"\0" and ours and state != "Z":
            found[int(process.name)] = command
    return found


def agent_in(folder: Path) -> int:
    [pid] = [pid for pid, command in processes_in(folder).items() if "ray::Agent" in command]
    return pid


def wait_until_none(left: Callable[[], Any], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while found := left():
        assert time.monotonic() < deadline, f"still there after {seconds:g} s: {found}"
        time.sleep(0.1)


class Sweep:
    """A line that is typed in a folder with the module `nets`."""

    def __init__(self, folder: Path, *words: str) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "nets.py").write_text(NETWORK, encoding="utf-8")
        self.folder = folder
        with (folder / "stderr").open("a") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sweeper", *LINE, *words],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self.events: list[dict[str, Any]] = []

    def wait_for(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if holds(self.events[-1]):
                return self.events[-1]
        pytest.fail(f"it never came: {self.events}")

    def finish(self) -> str:
        rest, _ = self.process.communicate(timeout=240)
        return "\n".join([*map(json.dumps, self.events), rest, (self.folder / "stderr").read_text()])

    def figures(self) -> dict[str, list[str]]:
        with (self.folder / "mlruns/sweeps/mine/leaderboard.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        keys = ["state", "train_loss", "val_loss", "val_accuracy", "test_loss", "num_params", "epochs", "rank"]
        return {row["arch.width"]: [row[key] for key in keys] for row in rows}


@pytest.fixture(scope="module")
def by_processes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    sweep = Sweep(tmp_path_factory.mktemp("processes"))
    output = sweep.finish()
    assert sweep.process.returncode == 0, output
    return sweep.figures()


@pytest.mark.long
def test_a_killed_driver_leaves_nothing_and_a_resumed_one_outlives_a_node(
    nodes: SimulatedNodes, tmp_path: Path, by_processes: dict[str, list[str]]
) -> None:
    where = ["executor=ray", f"executor.address={nodes.address}", "executor.lost_after_s=5"]
    first = Sweep(tmp_path / "ray", *where)
    first.wait_for(lambda event: event["event"] == "epoch" and event["epoch"] == 5)
    assert all(processes_in(folder) for folder in nodes.folders)
    first.process.kill()
    first.finish()
    wait_until_none(lambda: [one for folder in nodes.folders for one in processes_in(folder).items()], 10)

    again = Sweep(tmp_path / "ray", *where)
    begun = again.wait_for(lambda event: event["event"] == "epoch" and event["epoch"] == 20)
    nodes.cluster.remove_node(next(iter(nodes.cluster.worker_nodes)), allow_graceful=False)
    lost = again.wait_for(lambda event: "was lost" in event.get("text", ""))
    nodes.add()
    output = again.finish()

    assert again.process.returncode == 0, output
    assert begun
    assert lost["text"].endswith("it is run again")
    assert again.figures() == by_processes
    wait_until_none(lambda: [one for folder in nodes.folders for one in processes_in(folder).items()], 10)
    assert not [*nodes.folders[0].glob("keras-sweeper-agent-*"), *nodes.folders[2].glob("keras-sweeper-agent-*")]


@pytest.fixture
def executor(config: ExecutorConfig) -> Iterator[Executor]:
    made = executors.create("ray", 8, (), config)
    yield made
    made.close()


@pytest.fixture
def spec(tmp_path: Path) -> TrainingSpec:
    training = {"epochs": 3, "batch_size": 32, "precision": "float32", "threads": 1, "restore_best": False}
    return TrainingSpec(
        number=0,
        folder=tmp_path / "0",
        config={
            "arch": {"_target_": "models.cnn.build", "depth": 1, "filters": 2, "dense_units": 0},
            "data": {},
            "training": {**training, "early_stopping": {"patience": None, "min_delta": 0.0}},
            "optimizer": {"_target_": "keras.optimizers.SGD", "learning_rate": 0.1},
            "seed": 0,
        },
        overrides=(),
        data=data.prepare(DataConfig(max_samples=100), tmp_path / "data"),
        metric=Objective("val_accuracy", "maximize"),
    )


def long(spec: TrainingSpec, number: int) -> TrainingSpec:
    training = {**spec.config["training"], "epochs": 100_000}
    folder = spec.folder.parent / f"long{number}"
    return replace(spec, number=number, folder=folder, config={**spec.config, "training": training})


def poll_until(executor: Executor, holds: Callable[[list[Event]], bool], seconds: float = 60) -> list[Event]:
    events: list[Event] = []
    deadline = time.monotonic() + seconds
    while not holds(events):
        assert time.monotonic() < deadline, (
            f"not within {seconds:g} s: {[e for e in events if type(e) is not TrialEpoch]}"
        )
        executor.poll(events.append, 0.2)
    return events


def ended(events: list[Event]) -> list[TrialEnded]:
    return [event for event in events if isinstance(event, TrialEnded)]


def test_simulated_trials_sleep_on_the_nodes_and_have_the_figures_that_they_have_here(
    config: ExecutorConfig, spec: TrainingSpec, tmp_path: Path
) -> None:
    simulate = asdict(SimulateConfig(duration_s=1.0))

    def sleeping(number: int, where: str, arch: int) -> TrainingSpec:
        settings = {**spec.config, "arch": {"depth": arch}, "simulate": simulate}
        return replace(spec, number=number, folder=tmp_path / where / str(number), config=settings, awaits_verdict=True)

    def run(executor: Executor, where: str) -> list[TrialResult]:
        events: list[Event] = []

        def handle(event: Event) -> None:
            events.append(event)
            if isinstance(event, TrialEpoch) and event.number == 0 and event.report.epoch == 1:
                executor.stop(0)

        specs = [sleeping(number, where, number) for number in range(executor.workers)]
        for one in specs:
            executor.submit(one)
        deadline = time.monotonic() + 60
        while len(ended(events)) < len(specs):
            assert time.monotonic() < deadline, events
            executor.poll(handle, 0.2)
        executor.close()
        results = [read_result(TrialPaths(one.folder)) for one in specs]
        assert None not in results
        return [result for result in results if result is not None]

    on_nodes = replace(config, name="simulate", cpus=0.125, lost_after_s=5)
    there = run(executors.create("simulate", 16, (), on_nodes), "there")
    here = run(executors.create("simulate", 16, ()), "here")

    assert [one.state for one in there] == ["pruned", *["complete"] * 15] == [one.state for one in here]
    assert there[0].metrics["epochs"] == 1 == len(there[0].history)
    assert [one.metrics["val_accuracy"] for one in there] == [one.metrics["val_accuracy"] for one in here]
    assert len({one.metrics["val_accuracy"] for one in there}) > 5
    assert all(one.metrics["duration_s"] >= 1.0 for one in there[1:])


def test_lost_agents_give_their_trials_back_late_words_do_not_count_and_nodes_join(
    executor: Executor, spec: TrainingSpec, nodes: SimulatedNodes, tmp_path: Path
) -> None:
    folders = [folder for folder in nodes.folders if processes_in(folder)]
    assert len(folders) == executor.workers == 2
    executor.submit(long(spec, 1))
    executor.submit(long(spec, 2))
    poll_until(executor, lambda events: len({event.number for event in events if isinstance(event, TrialEpoch)}) == 2)
    (tmp_path / "data").rename(tmp_path / "data that no node can read any more")
    executor.kill(1, "enough")
    executor.submit(replace(spec, number=3, folder=tmp_path / "3"))
    assert ended(poll_until(executor, lambda events: len(ended(events)) == 2)) == [
        TrialEnded(1, "enough"),
        TrialEnded(3),
    ]
    executor.submit(long(spec, 1))
    poll_until(executor, lambda events: any(event.number == 1 for event in events if isinstance(event, TrialEpoch)))
    killed, cut_off = map(agent_in, folders)
    of_the_killed, of_the_cut_off = (set(processes_in(folder)) for folder in folders)

    os.kill(killed, signal.SIGKILL)
    os.kill(cut_off, signal.SIGSTOP)
    lost = ended(poll_until(executor, lambda events: len(ended(events)) == 2))
    os.kill(cut_off, signal.SIGCONT)

    assert {event.number for event in lost} == {1, 2}
    assert all(event.is_lost for event in lost)
    assert any("no answer for 5 s (executor.lost_after_s)" in event.reason for event in lost)
    wait_until_none(lambda: of_the_killed & set(processes_in(folders[0])), 10)
    wait_until_none(lambda: of_the_cut_off & set(processes_in(folders[1])), 10)
    (tmp_path / "data that no node can read any more").rename(tmp_path / "data")
    executor.submit(replace(spec, number=1))
    events = poll_until(executor, lambda events: bool(ended(events)), 90)
    assert ended(events) == [TrialEnded(1)]
    assert [event.report.epoch for event in events if isinstance(event, TrialEpoch)] == [1, 2, 3]
    result = read_result(TrialPaths(spec.folder))
    assert result is not None
    assert result.state == "complete"
    poll_until(executor, lambda events: executor.workers == 2, 60)
    _join(executor, nodes, tmp_path)


@pytest.mark.long
def test_a_node_that_was_just_killed_is_left_out_at_the_start(spec: TrainingSpec) -> None:
    with simulated_nodes(2) as nodes:
        nodes.cluster.remove_node(nodes.cluster.worker_nodes.copy().pop(), allow_graceful=False)
        executor = executors.create("ray", 8, (), ExecutorConfig("ray", address=nodes.address, lost_after_s=5))
        executor.submit(spec)
        events = poll_until(executor, lambda events: bool(ended(events)), 90)
        executor.close()

    [lost, begun] = [event.text for event in events if isinstance(event, Said)][:2]
    assert "was lost before it ran a trial" in lost
    assert begun == "Ray: 1 node, 1 trial at a time, 1 CPU each."
    assert ended(events) == [TrialEnded(0)]


@pytest.mark.long
def test_a_node_without_this_project_is_refused_with_the_line_that_installs_it(tmp_path: Path) -> None:
    (tmp_path / "sweeper").mkdir()
    (tmp_path / "sweeper" / "__init__.py").write_text("raise ImportError('there is no such project here')\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with simulated_nodes(1) as nodes:
        nodes.cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": path, "TMPDIR": str(tmp_path)})
        with pytest.raises(ConfigError, match=r"No trial can run on node .* its agent failed: .*no such project here"):
            executors.create("ray", 8, (), ExecutorConfig("ray", address=nodes.address))


def test_what_no_node_has_is_refused(config: ExecutorConfig) -> None:
    with pytest.raises(ConfigError, match=r"A trial takes 64 CPUs .*no node has that.*1 CPU, .*Try: executor.cpus="):
        executors.create("ray", 2, (), replace(config, cpus=64))


def _join(executor: Executor, nodes: SimulatedNodes, folder: Path) -> None:
    """A node that joins gets an agent, and one with other versions gets none."""
    old = folder / "old" / "tensorflow-2.20.0.dist-info"
    old.mkdir(parents=True)
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: tensorflow\nVersion: 2.20.0\n")
    path = os.pathsep.join([str(old.parent), os.environ.get("PYTHONPATH", "")])
    other = nodes.cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": path, "TMPDIR": str(folder)})
    said = poll_until(executor, lambda events: any("tensorflow 2.20.0" in getattr(one, "text", "") for one in events))
    assert any(isinstance(event, Said) and event.text.endswith("It runs no trial.") for event in said)
    nodes.cluster.remove_node(other)
    nodes.add(num_cpus=3)
    poll_until(executor, lambda events: executor.workers == 5)
