"""Simulated trials: they take their time, report their curves, and nobody takes them for trained ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper import data, executors
from sweeper.artifacts import answers
from sweeper.artifacts.result import read_result
from sweeper.config.simulate import SimulateConfig
from sweeper.config.sweep import ExecutorConfig
from sweeper.config.trial import DataConfig
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import ConfigError, ExecutorError
from sweeper.core.objectives import Objective
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import EvaluationSpec, TrainingSpec, TrialResult
from sweeper.executors import Event, Executor, TrialEnded, TrialEpoch, TrialStarted


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return data.prepare(DataConfig(max_samples=100), tmp_path_factory.mktemp("data"))


@pytest.fixture
def make(prepared: PreparedData, tmp_path: Path) -> Callable[..., TrainingSpec]:
    """Makes a trial of three epochs, by its number and what is simulated."""

    def made(number: int = 0, *, epochs: int = 3, **simulate: Any) -> TrainingSpec:
        return TrainingSpec(
            number=number,
            folder=tmp_path / str(number),
            config={
                "arch": {"depth": number},
                "data": {},
                "training": {"epochs": epochs},
                "optimizer": {},
                "seed": 0,
                "simulate": asdict(SimulateConfig(**{"duration_s": 0.0, **simulate})),
            },
            overrides=(),
            data=prepared,
            metric=Objective("val_accuracy", "maximize"),
        )

    return made


def run(
    *specs: TrainingSpec, workers: int = 1000, each: Callable[[Executor, Event], None] = lambda executor, event: None
) -> list[Event]:
    """The events of trials, as many at a time as there are workers."""
    executor = executors.create("simulate", workers, ())
    waiting, events = list(specs), []
    running = 0

    def handle(event: Event) -> None:
        nonlocal running
        running -= isinstance(event, TrialEnded)
        events.append(event)
        each(executor, event)

    while waiting or running:
        while waiting and running < executor.workers:
            executor.submit(waiting.pop(0))
            running += 1
        executor.poll(handle, 0.2)
    executor.close()
    return events


def result(spec: TrainingSpec) -> TrialResult:
    found = read_result(TrialPaths(spec.folder))
    assert found is not None
    return found


def test_a_trial_starts_reports_its_curve_in_order_and_leaves_what_a_real_one_does(
    make: Callable[..., TrainingSpec], tmp_path: Path
) -> None:
    spec = make(accuracy=[0.75, 0.75])

    events = run(spec)

    assert [type(event) for event in events] == [TrialStarted, *[TrialEpoch] * 3, TrialEnded]
    reports = [event.report for event in events if isinstance(event, TrialEpoch)]
    assert [report.epoch for report in reports] == [1, 2, 3]
    assert [report.metrics["val_accuracy"] for report in reports] == pytest.approx([0.5, 0.7, 0.75], abs=0.05)
    left = result(spec)
    assert left.state == "complete"
    assert left.metrics["val_accuracy"] == reports[-1].metrics["val_accuracy"] == 0.75
    validation = TrialPaths(spec.folder).predictions
    answers.append(folder := _answer_paths(tmp_path), 0, validation)
    assert answers.read(folder)[0].correct.mean() == 0.75


def _answer_paths(root: Path) -> Any:
    from sweeper.core.paths import OutputPaths

    return OutputPaths(root).sweep("mine").validation_answers


def test_its_figures_follow_from_its_configuration_whatever_runs_beside_it(make: Callable[..., TrainingSpec]) -> None:
    several = {"spread": 0.5, "failures": 0.3, "duration_s": 0.001}
    specs = [make(number, **several) for number in range(30)]

    run(*specs, workers=30)
    first = [(result(spec).state, result(spec).metrics.get("val_accuracy")) for spec in specs]
    run(*reversed(specs), workers=3)
    second = [(result(spec).state, result(spec).metrics.get("val_accuracy")) for spec in specs]

    assert first == second
    assert 3 <= sum(state == "failed" for state, _ in first) <= 16
    assert len({accuracy for _, accuracy in first}) > 5
    other = [make(number, **several, seed=1) for number in range(30)]
    run(*other)
    assert [(result(spec).state, result(spec).metrics.get("val_accuracy")) for spec in other] != first


def test_five_hundred_sleep_at_once(make: Callable[..., TrainingSpec]) -> None:
    specs = [make(number, duration_s=1.0, epochs=2) for number in range(500)]
    started = time.monotonic()

    events = run(*specs)

    assert 1.0 <= time.monotonic() - started < 10
    assert sum(isinstance(event, TrialEnded) for event in events) == 500


def test_a_stopped_trial_is_pruned_and_a_killed_one_leaves_nothing(make: Callable[..., TrainingSpec]) -> None:
    stopped, killed = make(0, epochs=50), make(1, epochs=50)

    def each(executor: Executor, event: Event) -> None:
        if isinstance(event, TrialEpoch) and event.report.epoch == 2:
            executor.stop(0)
            executor.kill(1, "enough")

    events = run(stopped, killed, each=each)

    assert TrialEnded(1, "enough") in events
    assert not TrialPaths(killed.folder).result.exists()
    assert result(stopped).state == "pruned"
    assert result(stopped).metrics["epochs"] == len(result(stopped).history) <= 3


def doubling(config: dict[str, Any], epochs: int, rng: np.random.Generator) -> list[float]:
    return [0.1 * 2**epoch for epoch in range(epochs)]


def test_a_curve_of_a_function(make: Callable[..., TrainingSpec], monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "my_curves", sys.modules[__name__])

    run(spec := make(curve="my_curves.doubling"))
    assert [epoch["val_accuracy"] for epoch in result(spec).history] == pytest.approx([0.1, 0.2, 0.4])
    with pytest.raises(ExecutorError, match=r"curve=my_curves\.doubling gave .*Accepted: 5 validation accuracies from"):
        run(make(epochs=5, curve="my_curves.doubling"))


def test_an_evaluation_is_refused(make: Callable[..., TrainingSpec], tmp_path: Path) -> None:
    one = make()
    spec = EvaluationSpec(number=0, folder=tmp_path, config=one.config, data=one.data, trained=tmp_path)
    with pytest.raises(ExecutorError, match=r"has no network that EvaluationSpec could work on\.  Try: report\.final"):
        executors.create("simulate", 1, ()).submit(spec)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"duration_s": -1.0}, r"executor\.simulate\.duration_s=-1", id="duration"),
        pytest.param({"spread": 9.0}, r"executor\.simulate\.spread=9", id="spread"),
        pytest.param({"accuracy": [0.9, 0.5]}, r"executor\.simulate\.accuracy=\[0\.9, ?0\.5\]", id="accuracy"),
        pytest.param({"failures": 2.0}, r"executor\.simulate\.failures=2", id="failures"),
        pytest.param({"seed": -1}, r"executor\.simulate\.seed=-1", id="seed"),
    ],
)
def test_values_that_cannot_be_simulated_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SimulateConfig(**given)


def test_its_keys_have_no_effect_on_others_and_are_refused_there() -> None:
    with pytest.raises(ConfigError, match=r"executor\.simulate would have no effect with executor=processes"):
        ExecutorConfig("processes", simulate=SimulateConfig(duration_s=2.0))
    with pytest.raises(ConfigError, match=r"cpus=0\.5 would have .*executor=simulate and an executor\.address"):
        ExecutorConfig("simulate", cpus=0.5)
    ExecutorConfig("simulate", cpus=0.5, address="auto")


SWEEP = ["-m", "seed=range(0,6)", "data.max_samples=100", "training.epochs=3", "arch.depth=1,2", "sweep.name=mine"]


def test_a_simulated_sweep_says_so_and_is_not_taken_for_a_trained_one(
    tmp_path: Path, run_sweeper: Callable[..., Any], type_line: Callable[..., Any]
) -> None:
    simulated = ["executor=simulate", "executor.simulate.duration_s=0.2", "report.finalists=0", "sweep.workers=6"]

    done = run_sweeper(tmp_path, *SWEEP, *simulated, "pruner=median")
    refused = type_line(tmp_path, *SWEEP, "executor=simulate")
    trained = run_sweeper(tmp_path, *SWEEP, "report.finalists=0", "pruner=median")

    assert done.returncode == 0, done.stderr
    assert "executor=simulate trains nothing: trials sleep, and their figures are made up." in done.stdout
    assert "Nothing was trained: executor=simulate made these figures up." in " ".join(done.stdout.split())
    assert done.stdout.count(" complete: ") + done.stdout.count(" pruned") >= 12
    assert refused.returncode == 2
    assert "Try: executor=simulate report.finalists=0" in refused.stderr
    assert trained.returncode == 2
    assert "was started with another configuration" in trained.stderr
    assert "simulate.duration_s" in trained.stderr
