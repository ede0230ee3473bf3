"""The first estimate of a sweep's time, against figures by hand."""

from __future__ import annotations

from typing import Any

import pytest

from sweeper.core.datasets import DataSummary
from sweeper.core.trials import StudyTrial, TrialFacts, TrialRow, TrialState
from sweeper.models.config import CnnConfig
from sweeper.models.shapes import plan
from sweeper.preflight.check import PlannedTrial
from sweeper.preflight.estimate import Speed, epoch_seconds, measured_speed, sweep_seconds, trial_seconds
from sweeper.space.composer import Point

SHAPE = (8, 8, 1)
NETWORK = plan(CnnConfig(depth=1, filters=2, dense_units=0), SHAPE, 2)
FLOPS = 2 * 9 * 2 * 64 + 2 * 128 * 2  # of one image forward: one convolution, the probabilities
EPOCH_S = 4 * 0.01 + FLOPS * (3 * 100 + 20) / 1e11  # four steps, three passes over training and one over validation


def planned(epochs: int = 2, *, own: bool = False) -> PlannedTrial:
    arch = {"_target_": "nets.build" if own else "models.cnn.build"}
    point = Point((), {}, {"training": {"epochs": epochs, "batch_size": 32}, "arch": arch})
    return PlannedTrial(point, DataSummary("npz", SHAPE, 2, 100, 20, 30), None if own else NETWORK)


def trial(
    epochs: tuple[float, ...] = (3.0, 1.0, 1.0),
    duration_s: float = 10.0,
    state: TrialState = TrialState.COMPLETE,
    flops: float | None = FLOPS,
    num_train: int | None = 100,
) -> StudyTrial:
    """A trial whose epochs took these seconds, and all of it `duration_s`."""
    metrics = {"duration_s": duration_s, "epochs": float(len(epochs))} | ({} if flops is None else {"flops": flops})
    history = tuple({"val_loss": 1.0, "duration_s": seconds} for seconds in epochs)
    error = "it broke" if state is TrialState.FAILED else ""
    row = TrialRow(0, state, {}, metrics, error=error, history=history, facts=TrialFacts(num_train, 20))
    target = "models.cnn.build" if flops is not None else "nets.build"
    identity: dict[str, Any] = {"training": {"batch_size": 32}, "arch": {"_target_": target}, "seed": 0}
    return StudyTrial(hash="hash", identity=identity, params={}, overrides=(), number=0, point=0, state=state, row=row)


def test_an_epoch_has_steps_and_operations() -> None:
    assert NETWORK.flops == FLOPS
    assert epoch_seconds(FLOPS, 100, 20, 32) == pytest.approx(EPOCH_S)
    assert epoch_seconds(1e9, 1000, 0, 1000) == pytest.approx(0.01 + 30)


def test_before_anything_ran_the_machine_is_a_common_one() -> None:
    assert trial_seconds(planned(epochs=2), Speed()) == pytest.approx(4 + 2 * EPOCH_S)
    assert measured_speed([]) == Speed()


def test_a_trial_that_ran_before_is_estimated_at_the_time_it_took() -> None:
    speed = measured_speed([trial((3.0, 1.0, 1.0), duration_s=10.0)])

    assert speed.num_trials == 1
    assert speed.overhead_s == pytest.approx(7)  # what its first epoch took beyond a usual one is among it
    assert trial_seconds(planned(epochs=3), speed) == pytest.approx(10)
    assert trial_seconds(planned(epochs=13), speed) == pytest.approx(20)


@pytest.mark.parametrize(
    ("epochs", "duration_s", "ten"),
    [
        pytest.param((0.1, 0.05), 1.0, 0.9 + 0.5, id="a trial that is mostly overhead"),
        pytest.param((2.5,), 5.0, 5.0 + 10 * EPOCH_S, id="one epoch, mostly the tracing of the network"),
        pytest.param((20.0,), 22.0, 3.5 + 185.0, id="one long epoch"),
    ],
)
def test_short_trials_tell_the_speed_as_well(epochs: tuple[float, ...], duration_s: float, ten: float) -> None:
    speed = measured_speed([trial(epochs, duration_s)])

    assert speed.num_trials == 1
    assert trial_seconds(planned(epochs=10), speed) == pytest.approx(ten)


def test_a_pruned_trial_tells_the_speed_of_its_epochs() -> None:
    assert measured_speed([trial((3.0, 1.0), 8.0, TrialState.PRUNED)]).num_trials == 1


def test_the_speed_is_the_median_so_that_one_odd_trial_does_not_count() -> None:
    odd = trial((600.0, 300.0, 300.0), 1300.0)

    assert measured_speed([trial(), trial(), odd]).slowness == pytest.approx(measured_speed([trial()]).slowness)
    assert measured_speed([trial(), trial(), odd]).overhead_s == measured_speed([trial()]).overhead_s


def test_a_long_epoch_says_more_than_many_short_ones() -> None:
    long = trial((30.0, 30.0), 62.0, flops=1e10)
    known = epoch_seconds(1e10, 100, 20, 32)

    assert measured_speed([trial((0.1, 0.08), 2.0)] * 5 + [long]).slowness == pytest.approx(30 / known)


@pytest.mark.parametrize(
    "useless",
    [
        pytest.param(trial(state=TrialState.FAILED), id="failed"),
        pytest.param(trial(epochs=()), id="without an epoch"),
        pytest.param(trial(num_train=None), id="no number of images"),
        pytest.param(
            StudyTrial(hash="hash", identity={"seed": 0}, params={}, overrides=(), number=0, point=0), id="running"
        ),
    ],
)
def test_a_trial_that_says_nothing_of_the_speed_is_left_aside(useless: StudyTrial) -> None:
    assert measured_speed([useless, trial()]) == measured_speed([trial()])
    assert measured_speed([useless]) == Speed()


def test_a_custom_builder_is_known_by_its_own_earlier_trials() -> None:
    assert trial_seconds(planned(own=True), Speed()) is None
    assert trial_seconds(planned(own=True), measured_speed([trial()])) is None

    speed = measured_speed([trial((3.0, 1.0, 1.0), 10.0, flops=None)])

    assert trial_seconds(planned(epochs=3, own=True), speed) == pytest.approx(10)
    assert speed.slowness == 1.0  # its operations are not known, so it says nothing of other networks


@pytest.mark.parametrize(
    ("num_trials", "expected"),
    [
        (0, "a guess: no trial has finished in this output_dir yet"),
        (1, "by 1 earlier trial here"),
        (7, "by 7 earlier trials here"),
    ],
)
def test_a_speed_says_where_it_comes_from(num_trials: int, expected: str) -> None:
    assert Speed(num_trials).source == expected


@pytest.mark.parametrize(
    ("epochs", "workers", "num_trials", "expected"),
    [
        pytest.param([], 2, None, 0, id="nothing left"),
        pytest.param([2], 2, None, 8 + 6, id="one trial does not gain by two workers"),
        pytest.param([2, 2, 2, 2], 1, None, 8 + 4 * 6, id="one after the other"),
        pytest.param([2, 2, 2, 2], 2, None, 8 + 2 * 6, id="two at a time"),
        pytest.param([100, 1, 1], 3, None, 8 + 104, id="no shorter than the longest"),
        pytest.param([2, 2], 2, 10, 8 + 5 * 6, id="each stands for five"),
        pytest.param([2], 2, 2, 8 + 6, id="two repeats of one at a time"),
    ],
)
def test_a_sweep_takes_its_trials_shared_out_among_the_workers(
    epochs: list[int], workers: int, num_trials: int | None, expected: float
) -> None:
    speed = Speed(1, slowness=1 / EPOCH_S, overhead_s=4.0)  # an epoch a second

    found = sweep_seconds([planned(one) for one in epochs], speed, workers, num_trials)
    assert found == pytest.approx(expected)


def test_a_sweep_with_one_trial_that_is_not_known_is_not_known() -> None:
    assert sweep_seconds([planned(), planned(own=True)], Speed(), 2) is None
