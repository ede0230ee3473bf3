"""`training.precision=auto`: float32 and bfloat16 are timed on this machine, and the sweep takes the faster one.

It is decided once for a sweep, so that its rows are comparable: some of its networks, from the smallest to the largest,
train for a moment in each precision. What was timed is kept in the output folder, by processor and versions; what a
sweep has taken is kept in its study, so that it is resumed with it on any machine.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.artifacts.result import NO_RESULT, read_result
from sweeper.artifacts.versions import versions
from sweeper.config.identity import canonical
from sweeper.config.trial import TIMED_PRECISIONS
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import ConfigError
from sweeper.core.events import Listener, Note
from sweeper.core.paths import TrialPaths, write_atomically
from sweeper.core.trials import ProbeSpec, TrialState
from sweeper.data.prepare import DataSets
from sweeper.executors import Event, Executor, TrialEnded
from sweeper.preflight.check import PlannedTrial
from sweeper.space.composer import with_precision
from sweeper.sweep.plan import SweepPlan

ENOUGH = 1.2  # times as fast, from which bfloat16 is taken
_NETWORKS = 3  # of a sweep that are timed
_SECONDS = 0.7  # for which each is timed in each precision
_POLL_S = 0.2


def decided(
    plan: SweepPlan, data_sets: DataSets, executor: Executor, earlier: str | None, listener: Listener
) -> SweepPlan:
    """The plan with its precision decided; the plan as it is where it leaves none open.

    Args:
        plan: the sweep.
        data_sets: its images.
        executor: runs the probes, one at a time.
        earlier: what the sweep took when it was first started; None: it is timed.
        listener: called with what was found.

    Raises:
        ConfigError: a network could not be trained for a moment.
    """
    if not plan.precision_is_open:
        return plan
    if earlier is not None:
        listener(Note(f"Precision: {earlier}, as in the first start of this sweep."))
        return plan.with_precision(earlier)
    timings = _Timings(plan, executor)
    chosen = _spread(plan.trials)
    networks = "this network" if len(chosen) == 1 else f"{len(chosen)} networks of this sweep"
    listener(Note(f"Precision: timing {networks} in {' and '.join(TIMED_PRECISIONS)}, some seconds each."))
    seconds = {
        precision: sum(timings.epoch_s(planned, data_sets, precision) for planned in chosen)
        for precision in TIMED_PRECISIONS
    }
    slow, fast = TIMED_PRECISIONS
    speedup, taken = seconds[slow] / seconds[fast], faster(seconds)
    why = "" if taken == fast else f", less than the {ENOUGH:g} times from which it is taken"
    listener(Note(f"Precision: {taken}. {fast} trains {networks} {speedup:.2f} times as fast as {slow} here{why}."))
    return plan.with_precision(taken)


def faster(seconds: Mapping[str, float]) -> str:
    """The precision that is taken, of the seconds in each: bfloat16 where it is at least `ENOUGH` times as fast."""
    slow, fast = TIMED_PRECISIONS
    return fast if seconds[slow] / seconds[fast] >= ENOUGH else slow


def _spread(trials: Sequence[PlannedTrial]) -> list[PlannedTrial]:
    """Up to three different networks with their batch size: the smallest, one between, the largest."""
    different = {
        canonical([planned.point.config["arch"], planned.point.config["training"]["batch_size"]]): planned
        for planned in trials
    }
    ordered = sorted(different.values(), key=lambda planned: 0 if planned.network is None else planned.network.flops)
    last = len(ordered) - 1
    return [ordered[place] for place in sorted({round(last * step / (_NETWORKS - 1)) for step in range(_NETWORKS)})]


class _Timings:
    """Seconds of an epoch of training, timed once for each network, precision, processor and versions."""

    def __init__(self, plan: SweepPlan, executor: Executor) -> None:
        self._executor = executor
        self._folder = plan.folder.probe
        self._file = plan.paths.root / "precision.json"
        self._known = _read(self._file)
        self._surroundings = [versions(0 if plan.settings.machine.gpus else None), _SECONDS]

    def epoch_s(self, planned: PlannedTrial, data_sets: DataSets, precision: str) -> float:
        config = with_precision(planned.point.config, precision)
        prepared = data_sets.prepare(config["data"])
        training = config["training"]
        shape = [prepared.summary.input_shape, prepared.summary.num_classes]
        what = [config["arch"], config["optimizer"], training["batch_size"], training["threads"], precision, shape]
        key = hashlib.sha256(canonical([what, self._surroundings]).encode()).hexdigest()
        if key not in self._known:
            self._known = {**_read(self._file), key: self._batch_s(config, prepared)}
            write_atomically(self._file, json.dumps(self._known, indent=1))
        return self._known[key] * float(-(-prepared.summary.num_train // training["batch_size"]))

    def _batch_s(self, config: Mapping[str, Any], prepared: PreparedData) -> float:
        shutil.rmtree(self._folder, ignore_errors=True)
        spec = ProbeSpec(number=0, folder=self._folder, config=dict(config), data=prepared, seconds=_SECONDS)
        ended: list[TrialEnded] = []

        def handle(event: Event) -> None:
            if isinstance(event, TrialEnded):
                ended.append(event)

        self._executor.submit(spec)
        while not ended:
            self._executor.poll(handle, _POLL_S)
        result = read_result(TrialPaths(self._folder))
        shutil.rmtree(self._folder, ignore_errors=True)
        if result is None or result.state is not TrialState.COMPLETE:
            reason = ended[0].reason or NO_RESULT if result is None else result.error
            raise ConfigError(
                f"training.precision=auto could not be timed with {config['training']['precision']}: {reason}."
                "  Try: training.precision=float32"
            )
        return result.metrics["batch_s"]


def _read(file: Path) -> dict[str, float]:
    """What was timed before; a file that is not whole is rewritten, since it holds nothing but timings."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}
