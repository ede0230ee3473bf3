"""`training.threads=auto`: how many CPU threads a trial gets, and how many trials run at a time, are timed here.

Networks of the sweep train for a moment side by side: a worker per core, one worker with all cores, and what is
between. What would finish the sweep's trials first is taken: many small networks want a worker per core, one large
network wants all cores. The threads are decided once for a sweep, since they are part of a trial's identity, and kept
in its study; the trials at a time are free, and `sweep.workers=auto` follows the machine of each start.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sweeper.config.training import AUTO
from sweeper.core.events import Listener, Note
from sweeper.core.sweeps import SweepInfo
from sweeper.core.text import duration
from sweeper.data.prepare import DataSets
from sweeper.executors import Executor
from sweeper.space.nodes import settled
from sweeper.sweep.plan import SweepPlan
from sweeper.sweep.timings import Timings, num_batches, spread

_NETWORKS = 2  # of a sweep that are timed: the smallest and the largest
_PER_CORE = (1, 2)  # threads per core that are tried: trials leave cores idle between their steps


@dataclass(frozen=True)
class Split:
    """A way to divide the machine: trials at a time, and the CPU threads of each."""

    workers: int
    threads: int

    def __str__(self) -> str:
        trials, threads = ("s" if count > 1 else "" for count in (self.workers, self.threads))
        return f"{self.workers} trial{trials} at a time with {self.threads} thread{threads} each"


def decided(
    plan: SweepPlan, data_sets: DataSets, executor: Executor, earlier: SweepInfo | None, listener: Listener
) -> SweepPlan:
    """The plan with its threads and its trials at a time decided; as it is where it leaves the threads to nobody.

    Args:
        plan: the sweep.
        data_sets: its images.
        executor: runs the probes; it runs as many trials at a time as the plan afterwards.
        earlier: the sweep as it was first started; None: its threads are timed.
        listener: called with what was found.

    Raises:
        ConfigError: a network could not be trained for a moment.
    """
    if "threads" not in plan.open_settings:
        return plan
    if plan.settings.executor.name == "ray":
        return _of_a_slot(plan, earlier, listener)
    machine, asked = plan.settings.machine, plan.settings.sweep.workers
    threads = None if earlier is None else earlier.threads
    if machine.gpus:  # a trial has its GPU, and the cores feed it
        tried = [Split(plan.settings.workers, threads or max(1, machine.cpus // plan.settings.workers))]
    else:
        tried = splits(machine.cpus, plan.settings.workers, None if asked == AUTO else plan.settings.workers, threads)
    if threads is not None:
        listener(Note(f"Threads: {threads}, as in the first start of this sweep."))
    if len(tried) == 1:
        taken = tried[0]
        listener(Note(f"Threads: {taken}; there is nothing to choose from."))
    else:
        taken = _fastest(plan, data_sets, executor, tried, listener)
    executor.workers = taken.workers
    return plan.settle("threads", taken.threads).with_workers(taken.workers)


def _of_a_slot(plan: SweepPlan, earlier: SweepInfo | None, listener: Listener) -> SweepPlan:
    """A trial's CPU cores are reserved for it on its node, so they are its threads; nothing is timed."""
    if earlier is not None and earlier.threads is not None:
        listener(Note(f"Threads: {earlier.threads}, as in the first start of this sweep."))
        return plan.settle("threads", earlier.threads)
    threads = max(1, round(plan.settings.executor.cpus))
    listener(Note(f"Threads: {threads} for each trial, which are its CPU cores (executor.cpus)."))
    return plan.settle("threads", threads)


def splits(cpus: int, most_workers: int, workers: int | None, threads: int | None) -> list[Split]:
    """The ways that are tried, most trials at a time first.

    Args:
        cpus: cores of this machine.
        most_workers: trials that fit into its memory at a time, at most one per core.
        workers: trials at a time, where they are fixed.
        threads: CPU threads of a trial, where they are fixed.
    """
    if workers and threads:
        return [Split(workers, threads)]
    halved = [max(1, most_workers >> shift) for shift in range(most_workers.bit_length())]
    found = [
        Split(one, min(cpus, max(1, cpus // one) * each))
        for one in ([workers] if workers else halved)
        for each in _PER_CORE
    ]
    if threads:  # what a first start would have tried, so that a resumed one times nothing anew
        fitting = [split for split in found if split.threads == threads]
        found = fitting or [Split(max(1, min(most_workers, cpus // threads)), threads)]
    return list(dict.fromkeys(found))


def sweep_s(split: Split, trial_s: float, num_trials: int) -> float:
    """Seconds of a sweep whose trials take so long each: as many rounds as there are of trials at a time."""
    return math.ceil(num_trials / split.workers) * trial_s


def fastest(seconds: Mapping[Split, float], num_trials: int) -> Split:
    """The split that finishes the trials first, of the seconds of a trial in each; of equals the one with fewer trials.

    Example:
        >>> str(fastest({Split(2, 1): 10.0, Split(1, 2): 6.0}, num_trials=2))
        '2 trials at a time with 1 thread each'
        >>> str(fastest({Split(2, 1): 10.0, Split(1, 2): 6.0}, num_trials=1))
        '1 trial at a time with 2 threads each'
    """
    return min(seconds, key=lambda split: (sweep_s(split, seconds[split], num_trials), split.workers))


def _fastest(plan: SweepPlan, data_sets: DataSets, executor: Executor, tried: list[Split], listener: Listener) -> Split:
    chosen = spread(plan.trials, _NETWORKS)
    networks = "this network" if len(chosen) == 1 else "the smallest and the largest network of this sweep"
    timings = Timings(plan, data_sets, executor, f"training.threads={AUTO}")
    configs = [settled(one.point.config, {"threads": split.threads}) for split in tried for one in chosen]
    places = [split.workers for split in tried for _ in chosen]
    if not all(map(timings.is_known, configs, places)):
        listener(Note(f"Threads: timing {networks} in {len(tried)} ways, some seconds each."))

    def trial_s(split: Split) -> float:
        total = 0.0
        for planned in chosen:
            config = settled(planned.point.config, {"threads": split.threads})
            timing = timings.of(config, split.workers)
            steps = num_batches(config, data_sets.prepare(config["data"])) * int(config["training"]["epochs"])
            total += timing.startup_s + steps * timing.batch_s
        return total / len(chosen)

    seconds = {split: trial_s(split) for split in tried}
    num_points = len(plan.trials) if plan.is_grid else plan.settings.num_points
    num_trials = num_points * plan.num_repeats
    taken = fastest(seconds, num_trials)
    totals = {split: sweep_s(split, seconds[split], num_trials) for split in tried}
    others = "; ".join(f"{split}: {duration(totals[split])}" for split in sorted(totals, key=totals.__getitem__)[1:])
    listener(Note(f"Threads: {taken}. All training would take {duration(totals[taken])} here ({others})."))
    return taken
