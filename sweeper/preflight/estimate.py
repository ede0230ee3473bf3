"""An estimate of a sweep's time, from the arithmetic of its networks and the epochs of earlier trials here.

It is an estimate: kernels reach different shares of a machine's speed. The time left that is shown while a sweep
runs comes from that sweep's own pace.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sweeper.core.trials import StudyTrial, TrialState
from sweeper.preflight.check import PlannedTrial

# A common machine, before anything ran here: two cores for each trial.
_FLOPS_PER_S = 1e11
_STEP_S = 0.01  # of a training step, besides its operations
_TRACING_S = 1.5  # of the network, in its first epoch
_TELLING_S = 10.0  # a single epoch as long as that is not mostly tracing
_TRIAL_OVERHEAD_S = 4.0  # importing, tracing, pictures, saving
_SWEEP_OVERHEAD_S = 8.0  # the stores, TensorFlow's start, the test set and the report
_BACKWARD = 3  # forward and backward together, in forward passes


@dataclass(frozen=True)
class Speed:
    """How fast earlier trials ran.

    Attributes:
        num_trials: how many trials it is taken from; 0 for a guess.
        slowness: seconds of their epochs, relative to those of a common machine.
        overhead_s: seconds of a trial besides its epochs.
        image_s: seconds for an image of one epoch, by the target of a custom builder.
    """

    num_trials: int = 0
    slowness: float = 1.0
    overhead_s: float = _TRIAL_OVERHEAD_S
    image_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        if self.num_trials == 0:
            return "a guess: no trial has finished in this output_dir yet"
        return f"by {self.num_trials} earlier trial{'s' if self.num_trials > 1 else ''} here"


@dataclass(frozen=True)
class _Past:
    """An earlier trial.

    Attributes:
        epoch_s: seconds of an epoch; None where its only epoch was mostly the tracing of the network.
        overhead_s: seconds besides its epochs.
        num_images: images of an epoch, in forward passes.
        common_s: seconds of an epoch on a common machine; None where its operations are not known.
        target: what built its network.
    """

    epoch_s: float | None
    overhead_s: float
    num_images: int
    common_s: float | None
    target: str


def epoch_seconds(flops: float, num_train: int, num_validation: int, batch_size: int) -> float:
    """Seconds of one epoch on a common machine.

    Args:
        flops: operations of one image forward.
        num_train: training images.
        num_validation: validation images.
        batch_size: images a step.
    """
    operations = float(flops) * _passes(num_train, num_validation)
    return math.ceil(num_train / batch_size) * _STEP_S + operations / _FLOPS_PER_S


def _passes(num_train: int, num_validation: int) -> int:
    """Images of one epoch, in forward passes."""
    return _BACKWARD * num_train + num_validation


def measured_speed(trials: Iterable[StudyTrial]) -> Speed:
    """The usual speed of the trials that have finished an epoch, or a guess."""
    found = [past for trial in trials if (past := _past(trial)) is not None]
    known = [(past.epoch_s / past.common_s, past.common_s) for past in found if past.epoch_s and past.common_s]
    image_s: dict[str, list[float]] = {}
    for past in found:
        if past.common_s is None and past.epoch_s is not None:
            image_s.setdefault(past.target, []).append(past.epoch_s / past.num_images)
    return Speed(
        num_trials=len(found),
        slowness=_weighted_median(known) if known else 1.0,
        overhead_s=statistics.median(past.overhead_s for past in found) if found else _TRIAL_OVERHEAD_S,
        image_s={target: statistics.median(seconds) for target, seconds in image_s.items()},
    )


def _weighted_median(values: Sequence[tuple[float, float]]) -> float:
    """The median of values with weights: long epochs say more of a machine's speed than short ones."""
    half = sum(weight for _, weight in values) / 2
    for value, weight in sorted(values):
        half -= weight
        if half <= 0:
            return value
    return max(values)[0]


def _past(trial: StudyTrial) -> _Past | None:
    row = trial.row
    if row is None or row.state is TrialState.FAILED or not row.facts.num_train:
        return None
    seconds = [epoch["duration_s"] for epoch in row.history if "duration_s" in epoch]
    if not seconds or "duration_s" not in row.metrics:
        return None
    first, *later = seconds
    if not later and first > _TELLING_S:
        later = [first - _TRACING_S]
    epoch_s = statistics.fmean(later) if later else None
    tracing = first - (epoch_s or 0.0)
    num_train, num_validation = row.facts.num_train, row.facts.num_validation or 0
    flops, batch_size = row.metrics.get("flops"), int(trial.identity["training"]["batch_size"])
    return _Past(
        epoch_s=epoch_s,
        overhead_s=row.metrics["duration_s"] - math.fsum(seconds) + max(tracing, 0.0),
        num_images=_passes(num_train, num_validation),
        common_s=epoch_seconds(flops, num_train, num_validation, batch_size) if flops else None,
        target=str(trial.identity["arch"].get("_target_")),
    )


def trial_seconds(planned: PlannedTrial, speed: Speed) -> float | None:
    """Seconds of one trial; None for a custom builder that has trained nothing here."""
    config, data = planned.point.config, planned.data
    epochs = int(config["training"]["epochs"])
    if planned.network is not None:
        batch_size = int(config["training"]["batch_size"])
        common = epoch_seconds(planned.network.flops, data.num_train, data.num_validation, batch_size)
        return speed.overhead_s + epochs * common * speed.slowness
    image_s = speed.image_s.get(str(config["arch"].get("_target_")))
    if image_s is None:
        return None
    return speed.overhead_s + epochs * image_s * _passes(data.num_train, data.num_validation)


def sweep_seconds(
    trials: Sequence[PlannedTrial], speed: Speed, workers: int, num_trials: int | None = None
) -> float | None:
    """Seconds of a sweep with `workers` trials at a time; None where a trial's are not known.

    Args:
        trials: the planned trials.
        speed: of trials on this machine.
        workers: trials at a time.
        num_trials: how many trials `trials` stand for: repeats, or a sampler's configurations; None for themselves.
    """
    seconds = [trial_seconds(planned, speed) for planned in trials]
    known = [value for value in seconds if value is not None]
    if len(known) < len(seconds):
        return None
    if not known:
        return 0.0
    times = 1.0 if num_trials is None else num_trials / len(known)
    return _SWEEP_OVERHEAD_S + max(sum(known) * times / workers, *known)
