"""`training.precision=auto`: float32 and bfloat16 are timed on this machine, and the sweep takes the faster one.

It is decided once for a sweep, so that its rows are comparable: some of its networks, from the smallest to the largest,
train for a moment in each precision. What a sweep has taken is kept in its study, so that it is resumed with it on any
machine.
"""

from __future__ import annotations

from collections.abc import Mapping

from sweeper.config.training import AUTO, TIMED_PRECISIONS
from sweeper.core.events import Listener, Note
from sweeper.core.sweeps import SweepInfo
from sweeper.data.prepare import DataSets
from sweeper.executors import Executor
from sweeper.preflight.check import PlannedTrial
from sweeper.space.nodes import settled
from sweeper.sweep.plan import SweepPlan
from sweeper.sweep.timings import Timings, num_batches, spread

ENOUGH = 1.2  # times as fast, from which bfloat16 is taken
_NETWORKS = 3  # of a sweep that are timed


def decided(
    plan: SweepPlan, data_sets: DataSets, executor: Executor, earlier: SweepInfo | None, listener: Listener
) -> SweepPlan:
    """The plan with its precision decided; the plan as it is where it leaves none open.

    Args:
        plan: the sweep.
        data_sets: its images.
        executor: runs the probes, one at a time.
        earlier: the sweep as it was first started; None: it is timed.
        listener: called with what was found.

    Raises:
        ConfigError: a network could not be trained for a moment.
    """
    if "precision" not in plan.open_settings:
        return plan
    if earlier is not None and earlier.precision is not None:
        listener(Note(f"Precision: {earlier.precision}, as in the first start of this sweep."))
        return plan.settle("precision", earlier.precision)
    timings = Timings(plan, data_sets, executor, f"training.precision={AUTO}")
    chosen = spread(plan.trials, _NETWORKS)
    networks = "this network" if len(chosen) == 1 else f"{len(chosen)} networks of this sweep"
    listener(Note(f"Precision: timing {networks} in {' and '.join(TIMED_PRECISIONS)}, some seconds each."))

    def epoch_s(planned: PlannedTrial, precision: str) -> float:
        values = {"precision": precision, "threads": plan.settings.machine.cpus}  # threads=auto: a probe runs alone
        config = settled(planned.point.config, values)
        return timings.of(config).batch_s * num_batches(config, data_sets.prepare(config["data"]))

    seconds = {precision: sum(epoch_s(planned, precision) for planned in chosen) for precision in TIMED_PRECISIONS}
    slow, fast = TIMED_PRECISIONS
    speedup, taken = seconds[slow] / seconds[fast], faster(seconds)
    why = "" if taken == fast else f", less than the {ENOUGH:g} times from which it is taken"
    listener(Note(f"Precision: {taken}. {fast} trains {networks} {speedup:.2f} times as fast as {slow} here{why}."))
    return plan.settle("precision", taken)


def faster(seconds: Mapping[str, float]) -> str:
    """The precision that is taken, of the seconds in each: bfloat16 where it is at least `ENOUGH` times as fast."""
    slow, fast = TIMED_PRECISIONS
    return fast if seconds[slow] / seconds[fast] >= ENOUGH else slow
