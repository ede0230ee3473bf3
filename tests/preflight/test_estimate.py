"""The first estimate of a sweep's time, against figures by hand."""

from __future__ import annotations

from typing import Any

import pytest

from sweeper.core.datasets import DataSummary
from sweeper.core.trials import TrialFacts, TrialRow, TrialState
from sweeper.models.config import CnnConfig
from sweeper.models.shapes import plan
from sweeper.preflight import estimate
from sweeper.preflight.check import PlannedTrial
from sweeper.preflight.estimate import Speed, measured_speed, sweep_seconds, trial_seconds
from sweeper.space.composer import Point

SHAPE = (8, 8, 1)
NETWORK = plan(CnnConfig(depth=1, filters=2, dense_units=0), SHAPE, 2)
FLOPS = 2 * 9 * 2 * 64 + 2 * 128 * 2  # of one image forward: one convolution, the probabilities
OVERHEAD_S = 2.5


def planned(epochs: int = 2, *, own: bool = False) -> PlannedTrial:
    point = Point((), {}, {"training": {"epochs": epochs}})
    return PlannedTrial(point, DataSummary("npz", SHAPE, 2, 100, 20, 30), None if own else NETWORK)


def row(duration_s: float = 12.5, state: TrialState = TrialState.COMPLETE, **more: Any) -> TrialRow:
    metrics = {"flops": FLOPS, "duration_s": duration_s, "epochs": 2, **more.pop("metrics", {})}
    error = "it broke" if state is TrialState.FAILED else ""
    return TrialRow(0, state, {}, metrics, error=error, facts=TrialFacts(more.pop("num_train", 100), 20), **more)


def test_work_is_three_passes_over_training_and_one_over_validation_an_epoch() -> None:
    assert NETWORK.flops == FLOPS
    assert estimate.work(planned(epochs=2), 2) == FLOPS * (3 * 100 + 20) * 2


def test_the_work_of_a_builder_of_ones_own_is_not_known() -> None:
    assert estimate.work(planned(own=True), 2) is None
    assert trial_seconds(planned(own=True), Speed(1e9, 0)) is None


def test_a_trial_takes_its_work_at_that_speed_and_a_little_more() -> None:
    assert trial_seconds(planned(epochs=2), Speed(FLOPS * 320, 1)) == pytest.approx(2 + OVERHEAD_S)


def test_the_speed_is_that_of_the_earlier_trials_here() -> None:
    speed = measured_speed([row(12.5)])

    assert speed.num_trials == 1
    assert speed.flops_per_s == pytest.approx(FLOPS * 320 * 2 / 10)


def test_a_trial_that_ran_before_is_estimated_at_the_time_it_took() -> None:
    assert trial_seconds(planned(epochs=2), measured_speed([row(12.5)])) == pytest.approx(12.5)


def test_the_speed_is_the_median_so_that_one_odd_trial_does_not_count() -> None:
    assert measured_speed([row(6.0), row(12.5), row(1000)]).flops_per_s == measured_speed([row(12.5)]).flops_per_s


@pytest.mark.parametrize(
    "useless",
    [
        pytest.param(row(state=TrialState.FAILED), id="failed"),
        pytest.param(row(state=TrialState.PRUNED), id="pruned"),
        pytest.param(row(state=TrialState.RUNNING), id="running"),
        pytest.param(row(metrics={"flops": 0}), id="no operations"),
        pytest.param(row(num_train=None), id="no number of images"),
        pytest.param(row(duration_s=OVERHEAD_S), id="no longer than the overhead"),
        pytest.param(row(duration_s=2 * OVERHEAD_S), id="mostly overhead"),
        pytest.param(TrialRow(0, TrialState.COMPLETE, {}, {"val_accuracy": 0.5}), id="a custom builder"),
    ],
)
def test_a_trial_that_says_nothing_of_the_speed_is_left_aside(useless: TrialRow) -> None:
    assert measured_speed([useless, row()]) == measured_speed([row()])
    assert measured_speed([useless]) == measured_speed([])
    assert measured_speed([]).num_trials == 0


@pytest.mark.parametrize(
    ("num_trials", "expected"),
    [(0, "a guess, nothing has run here yet"), (1, "by 1 earlier trial here"), (7, "by 7 earlier trials here")],
)
def test_a_speed_says_where_it_comes_from(num_trials: int, expected: str) -> None:
    assert Speed(1e9, num_trials).source == expected


@pytest.mark.parametrize(
    ("epochs", "workers", "expected"),
    [
        pytest.param([], 2, 0, id="nothing left"),
        pytest.param([2], 2, 2 + OVERHEAD_S, id="one trial does not gain by two workers"),
        pytest.param([2, 2, 2, 2], 1, 4 * (2 + OVERHEAD_S), id="one after the other"),
        pytest.param([2, 2, 2, 2], 2, 2 * (2 + OVERHEAD_S), id="two at a time"),
        pytest.param([100, 1, 1], 3, 100 + OVERHEAD_S, id="no shorter than the longest"),
    ],
)
def test_a_sweep_takes_its_trials_shared_out_among_the_workers(
    epochs: list[int], workers: int, expected: float
) -> None:
    speed = Speed(FLOPS * 320, 1)  # an epoch a second

    assert sweep_seconds([planned(one) for one in epochs], speed, workers) == pytest.approx(expected)


def test_a_sweep_with_one_trial_that_is_not_known_is_not_known() -> None:
    assert sweep_seconds([planned(), planned(own=True)], Speed(1e9, 0), 2) is None
