"""What every executor keeps to; a new one is added to EXECUTORS and gets all of these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from ray_cluster import simulated_nodes
from sweeper import data, executors
from sweeper.artifacts.result import read_result
from sweeper.config import sweep
from sweeper.config.trial import DataConfig
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import ConfigError
from sweeper.core.objectives import Objective
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import TrainingSpec, TrialResult
from sweeper.executors import Event, Executor, Said, TrialEnded, TrialEpoch, TrialStarted

EXECUTORS = ["processes", "serial", "ray", "ray with two nodes"]

ARCH = {"_target_": "models.cnn.build", "depth": 1, "filters": 2, "dense_units": 0}
TRAINING = {
    "epochs": 3,
    "batch_size": 32,
    "precision": "float32",
    "threads": 1,
    "restore_best": False,
    "early_stopping": {"patience": None, "min_delta": 0.0},
}
CONFIG = {
    "arch": ARCH,
    "data": {},
    "training": TRAINING,
    "optimizer": {"_target_": "keras.optimizers.Adadelta", "learning_rate": 1.0, "rho": 0.95},
    "seed": 0,
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return data.prepare(DataConfig(max_samples=100), tmp_path_factory.mktemp("data"))


@pytest.fixture
def spec(prepared: PreparedData, tmp_path: Path) -> TrainingSpec:
    return TrainingSpec(
        number=0,
        folder=tmp_path / "0",
        config=CONFIG,
        overrides=(),
        data=prepared,
        metric=Objective("val_accuracy", "maximize"),
    )


@pytest.fixture(scope="module")
def executor(name: str) -> Iterator[Executor]:
    """One for all tests: Ray and TensorFlow take seconds to start."""
    with ExitStack() as stack:
        if name == "ray with two nodes":
            nodes = stack.enter_context(simulated_nodes(2))
            config = sweep.ExecutorConfig("ray", address=nodes.address)
            made = executors.create("ray", workers=2, gpus=(), config=config)
        else:
            made = executors.create(name, workers=2, gpus=())
        stack.callback(made.close)
        yield made


@pytest.mark.parametrize("name", EXECUTORS, scope="module")
class TestEveryExecutor:
    def run(self, executor: Executor, *specs: TrainingSpec, each: Callable[[Event], None] | None = None) -> list[Event]:
        events: list[Event] = []

        def handle(event: Event) -> None:
            if isinstance(event, Said):
                return
            events.append(event)
            if each is not None:
                each(event)

        for one in specs:
            executor.submit(one)
        while sum(isinstance(event, TrialEnded) for event in events) < len(specs):
            executor.poll(handle, 0.2)
        return events

    def result(self, spec: TrainingSpec) -> TrialResult:
        result = read_result(TrialPaths(spec.folder))
        assert result is not None
        return result

    def test_a_trial_starts_reports_each_epoch_in_order_and_ends(self, executor: Executor, spec: TrainingSpec) -> None:
        events = self.run(executor, spec)

        assert isinstance(events[0], TrialStarted)
        assert events[0].preloaded
        assert [event.report.epoch for event in events if isinstance(event, TrialEpoch)] == [1, 2, 3]
        assert events[-1] == TrialEnded(0)
        assert self.result(spec).state == "complete"
        assert self.result(spec).metrics["epochs"] == 3

    def test_each_of_several_trials_gets_its_own_events(self, executor: Executor, spec: TrainingSpec) -> None:
        specs = [replace(spec, number=number, folder=spec.folder / str(number)) for number in range(3)]

        events = self.run(executor, *specs)

        for number in range(3):
            own = [event for event in events if event.number == number]
            assert [type(event) for event in own] == [TrialStarted, *[TrialEpoch] * 3, TrialEnded]

    def test_a_stopped_trial_ends_within_an_epoch_and_keeps_what_it_has(
        self, executor: Executor, spec: TrainingSpec
    ) -> None:
        long = replace(spec, config={**CONFIG, "training": {**TRAINING, "epochs": 2_000}})

        self.run(executor, long, each=lambda event: executor.stop(0) if isinstance(event, TrialEpoch) else None)

        result = self.result(long)
        assert result.state == "pruned"
        assert result.metrics["epochs"] < 2_000
        assert len(result.history) == result.metrics["epochs"]
        assert 0 <= result.metrics["val_accuracy"] <= 1

    def test_a_trial_that_is_stopped_while_it_tells_its_earlier_epochs_again_ends_with_all_of_them(
        self, executor: Executor, spec: TrainingSpec
    ) -> None:
        training = {**TRAINING, "checkpoint": True}
        judged = replace(spec, config={**CONFIG, "training": training}, awaits_verdict=True)

        def at(epoch: int, act: Callable[[], None]) -> Callable[[Event], None]:
            return lambda event: act() if isinstance(event, TrialEpoch) and event.report.epoch == epoch else None

        self.run(executor, judged, each=at(3, lambda: executor.kill(0, "enough")))
        events = self.run(executor, judged, each=at(1, lambda: executor.stop(0)))

        assert [event.report.epoch for event in events if isinstance(event, TrialEpoch)] == [1, 2]
        result = self.result(judged)
        assert result.state == "pruned"
        assert len(result.history) == result.metrics["epochs"] == 2

    def test_a_killed_trial_leaves_no_result_and_says_why(self, executor: Executor, spec: TrainingSpec) -> None:
        long = replace(spec, config={**CONFIG, "training": {**TRAINING, "epochs": 2_000}})

        def kill(event: Event) -> None:
            if isinstance(event, TrialEpoch):
                executor.kill(0, "enough")

        events = self.run(executor, long, each=kill)

        assert events[-1] == TrialEnded(0, "enough")
        assert not TrialPaths(long.folder).result.exists()

    def test_a_trial_that_raises_leaves_a_result_with_its_traceback(
        self, executor: Executor, spec: TrainingSpec
    ) -> None:
        wrong = replace(spec, config={**CONFIG, "arch": {**ARCH, "depth": 0}})

        events = self.run(executor, wrong)

        assert events[-1] == TrialEnded(0)
        assert self.result(wrong).state == "failed"
        assert "arch.depth=0 is not accepted" in self.result(wrong).error
        assert "Traceback" in self.result(wrong).traceback


def test_an_unknown_executor_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"executor\.name=procesess does not exist.*Did you mean 'processes'"):
        sweep.ExecutorConfig("procesess")
