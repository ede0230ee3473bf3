"""A first estimate of a sweep's time, from the arithmetic of its networks and from earlier trials here.

It is an estimate: kernels reach different shares of a machine's speed. The time left that is shown while a sweep
runs comes from that sweep's own pace.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweeper.core.trials import TrialRow, TrialState
from sweeper.preflight.check import PlannedTrial

_FLOPS_PER_S = 5e10  # one trial on two cores of a common machine, before anything ran here
_TRIAL_OVERHEAD_S = 2.5  # tracing the network, pictures, saving
_BACKWARD = 3  # forward and backward together, in forward passes


@dataclass(frozen=True)
class Speed:
    """Operations a second that earlier trials reached, and how many trials say so."""

    flops_per_s: float
    num_trials: int

    @property
    def source(self) -> str:
        if self.num_trials == 0:
            return "a guess, nothing has run here yet"
        return f"by {self.num_trials} earlier trial{'s' if self.num_trials > 1 else ''} here"


def work(planned: PlannedTrial, epochs: int) -> float | None:
    """Floating-point operations of one trial; None for a user's own builder."""
    if planned.network is None:
        return None
    return _operations(planned.network.flops, planned.data.num_train, planned.data.num_validation, epochs)


def _operations(flops: float, num_train: int, num_validation: int, epochs: float) -> float:
    return float(flops) * (_BACKWARD * num_train + num_validation) * epochs


def measured_speed(rows: Iterable[TrialRow]) -> Speed:
    """The median speed of the complete trials in `rows` that were long enough to tell, or a guess."""
    speeds = []
    for row in rows:
        flops, images = row.metrics.get("flops"), row.facts.num_train
        busy = row.metrics.get("duration_s", 0.0) - _TRIAL_OVERHEAD_S
        if row.state is TrialState.COMPLETE and flops and images and busy > _TRIAL_OVERHEAD_S:
            validation = row.facts.num_validation or 0
            speeds.append(_operations(flops, images, validation, row.metrics["epochs"]) / busy)
    return Speed(statistics.median(speeds), len(speeds)) if speeds else Speed(_FLOPS_PER_S, 0)


def trial_seconds(planned: PlannedTrial, speed: Speed) -> float | None:
    """Seconds of one trial; None for a user's own builder."""
    operations = work(planned, int(planned.point.config["training"]["epochs"]))
    return None if operations is None else _TRIAL_OVERHEAD_S + operations / speed.flops_per_s


def sweep_seconds(trials: Sequence[PlannedTrial], speed: Speed, workers: int) -> float | None:
    """Seconds of a sweep with trials on `workers` at a time; None where a trial's cannot be told."""
    seconds = [trial_seconds(planned, speed) for planned in trials]
    known = [value for value in seconds if value is not None]
    if len(known) < len(seconds):
        return None
    return max([sum(known) / workers, *known], default=0.0)
