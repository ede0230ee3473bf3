"""What runs next: a grid's points in their order, or a sampler's proposals; with repeats, budgets and pruning.

The driver asks `next` whenever a worker is free, and reports epochs and ends. What had finished in an earlier start
is matched by a trial's hash and not run again; what was interrupted keeps its number.

What lives elsewhere: which points a sampler proposes (`sweeper.search.sampler`), when a trial is pruned
(`sweeper.search.pruner`), and how trials run and are recorded (`sweeper.sweep.driver`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sweeper.config.groups import Limits
from sweeper.config.identity import trial_hash, trial_identity
from sweeper.config.trial import with_fold
from sweeper.core.datasets import PreparedData
from sweeper.core.objectives import Metric, Objective, epoch_name
from sweeper.core.paths import SweepPaths
from sweeper.core.trials import (
    Candidate,
    StudyTrial,
    TrainingSpec,
    TrialResult,
    TrialRow,
    TrialState,
    mean_values,
)
from sweeper.preflight.check import PlannedTrial
from sweeper.search.budget import Budget
from sweeper.search.pruner import Pruning
from sweeper.search.rungs import is_behind


@dataclass(frozen=True)
class QueuedTrial:
    """A trial that is to run: what the study knows about it, what its process is given."""

    trial: StudyTrial
    spec: TrainingSpec
    num_repeats: int = 1

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.spec.number

    @property
    def num_epochs(self) -> int:
        """Epochs that it trains if nothing ends it early."""
        return int(self.spec.config.get("refit", self.spec.config["training"])["epochs"])

    @property
    def shown_overrides(self) -> tuple[str, ...]:
        """What distinguishes it, its seed among it where a configuration has several."""
        overrides = self.spec.overrides
        has_several = self.num_repeats > 1 or self.trial.repeat > 0
        return (*overrides, f"seed={self.spec.config['seed']}") if has_several else overrides


class Scheduler(Protocol):
    """What the driver asks, and what it reports.

    Attributes:
        learns: whether the next trial depends on the outcome of the one before.
    """

    learns: bool

    def next(self) -> QueuedTrial | None:
        """The next trial; None where none is to begin any more."""

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Called after an epoch of a running trial; returns whether it is to end."""

    def finished(self, row: TrialRow) -> None:
        """Called at a trial's end, after it was recorded."""


@dataclass(frozen=True)
class TrialFactory:
    """Turns planned points into trials: with their data, seed and identity.

    Attributes:
        prepare: reads, checks and splits a `data` node, once for each.
        metrics: what each trial computes because it was asked for.
        added: further nodes of each trial's configuration, which are part of its identity.
    """

    folder: SweepPaths
    prepare: Callable[[Mapping[str, Any]], PreparedData]
    objectives: tuple[Objective, ...]
    num_repeats: int
    awaits_verdict: bool
    metrics: tuple[Metric, ...] = ()
    added: Mapping[str, Any] = field(default_factory=dict)

    def candidate(self, planned: PlannedTrial, repeat: int = 0) -> Candidate:
        """What trains a planned configuration under the seed of one repeat."""
        point = planned.point
        config = {**_of_repeat(point.config, repeat), **self.added}
        identity = trial_identity(config, self.prepare(config["data"]))
        return Candidate(
            hash=trial_hash(identity),
            identity=identity,
            params=point.params,
            overrides=point.overrides,
            repeat=repeat,
        )

    def queued(self, trial: StudyTrial, planned: PlannedTrial) -> QueuedTrial:
        """A numbered trial with what its process is given."""
        config = {**_of_repeat(planned.point.config, trial.repeat), **self.added}
        spec = TrainingSpec(
            number=trial.number,
            folder=self.folder.trial(trial.number).root,
            config=config,
            overrides=trial.overrides,
            data=self.prepare(config["data"]),
            metric=self.objectives[0],
            awaits_verdict=self.awaits_verdict,
            measures_latency=any(objective.metric == "predict_latency_ms" for objective in self.objectives),
            metrics=self.metrics,
        )
        return QueuedTrial(trial, spec, self.num_repeats)


def _of_repeat(config: Mapping[str, Any], repeat: int) -> dict[str, Any]:
    """A configuration under the seed of one repeat, and with its part of the images held out."""
    return {**config, "seed": config["seed"] + repeat, "data": with_fold(config["data"], repeat)}


@dataclass(frozen=True)
class Policy:
    """When trials start and end.

    Attributes:
        limits: when no further trial starts.
        pruning: decides which running trials end early; None: none of them.
        retry_failed: whether trials that failed in an earlier start run again.
        in_folds: whether the repeats of a configuration are folds, which are rungs where there is a pruner.
    """

    limits: Limits
    pruning: Pruning | None = None
    retry_failed: bool = False
    in_folds: bool = False

    @property
    def has_rungs(self) -> bool:
        """Whether a configuration may end before it has trained all of its folds."""
        return self.in_folds and self.pruning is not None


class PointScheduler:
    """What grid and sampler share: which trials of a point are left, its value when all have ended."""

    def __init__(self, factory: TrialFactory, known: Sequence[StudyTrial], policy: Policy) -> None:
        self.budget = Budget(policy.limits, factory.objectives[0])
        self.queue: deque[QueuedTrial] = deque()
        self._factory = factory
        self._objectives = factory.objectives
        self._retry_failed = policy.retry_failed
        self._pruning = policy.pruning
        self._has_rungs = (
            policy.has_rungs and len(self._objectives) == 1 and epoch_name(self._objectives[0].metric) is not None
        )
        self._best: int | None = None  # the point with the best mean of those that have trained all repeats
        self._known = {trial.hash: trial for trial in known}
        self._next_number = max((trial.number for trial in known), default=-1) + 1
        self._next_point = max((trial.point for trial in known), default=-1) + 1
        self._rows: dict[int, dict[int, TrialRow]] = {}  # by point and repeat: what has finished
        self._last_epoch: dict[int, int] = {}  # by trial that has begun
        self._point_of: dict[int, tuple[int, int]] = {}  # by trial: its point and repeat
        self._known_points: dict[int, PlannedTrial] = {}  # by point
        for trial in known:
            self._point_of[trial.number] = (trial.point, trial.repeat)
            if trial.row is not None and not self._again(trial):
                self._rows.setdefault(trial.point, {})[trial.repeat] = trial.row
                self.budget.epochs[trial.number] = _trained(trial.row)
        if self._pruning is not None:
            for trial in known:
                if trial.row is not None and not self._again(trial):
                    self._pruning.learn(trial.number, trial.state, trial.row.history)
        for point in self._rows:
            self._look_at(point)

    @property
    def finished_rows(self) -> list[TrialRow]:
        """What an earlier start has left finished."""
        return [row for rows in self._rows.values() for row in rows.values()]

    def _again(self, trial: StudyTrial) -> bool:
        return trial.state is TrialState.FAILED and self._retry_failed

    def trials_of(self, planned: PlannedTrial, repeats: Iterable[int] | None = None) -> list[StudyTrial]:
        """A point's repeats, with the numbers that the study has for those it knows; further ones where asked for."""
        wanted = range(self._factory.num_repeats) if repeats is None else [0, *repeats]
        found = [self._factory.candidate(planned, repeat) for repeat in wanted]
        known = [self._known.get(trial.hash) for trial in found]
        point = next((trial.point for trial in known if trial is not None), None)
        if point is None:
            point, self._next_point = self._next_point, self._next_point + 1
        self._known_points[point] = planned
        numbered = []
        for trial, same in zip(found, known, strict=True):
            if same is None:
                same = trial.numbered(self._next_number, point)
                self._next_number += 1
                self._known[same.hash] = same
            self._point_of[same.number] = (point, trial.repeat)
            numbered.append(replace(same, overrides=trial.overrides, params=trial.params, repeat=trial.repeat))
        return numbered

    def planned_of(self, point: int) -> PlannedTrial | None:
        """The configuration of a point; None of one that this start's search space does not have."""
        return self._known_points.get(point)

    def rows_of(self, point: int) -> Mapping[int, TrialRow]:
        """What has finished of a point, by repeat."""
        return self._rows.get(point, {})

    def enqueue(self, planned: PlannedTrial, repeats: Iterable[int] | None = None) -> int:
        """Queues those of a point's repeats that have not finished, none of a pruned point; returns how many."""
        left = []
        for trial in self.trials_of(planned, repeats):
            rows = self._rows.get(self._point_of[trial.number][0], {})
            if trial.repeat not in rows and not is_pruned(rows.values()):
                left.append(trial)
        self.queue.extend(self._factory.queued(trial, planned) for trial in left)
        return len(left)

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> bool:
        self.budget.epochs[number] = epoch
        if self._pruning is None:
            return False
        is_to_end = self._pruning.report(number, epoch, metrics)
        return is_to_end and epoch < self._last_epoch[number]  # trained to its end, it is complete and no pruned one

    def take(self) -> QueuedTrial:
        """The next trial of the queue, which is to begin now."""
        job = self.queue.popleft()
        self._last_epoch[job.spec.number] = job.spec.config["training"]["epochs"]
        if self._pruning is not None:
            self._pruning.begin(job.spec.number)
        return job

    def finished(self, row: TrialRow) -> None:
        if self._pruning is not None and self._pruning.judges(row.number):
            self._pruning.end(row.number, row.state)
        elif self._pruning is not None:  # it had finished before this start
            self._pruning.learn(row.number, row.state, row.history)
        self.budget.count(row)
        self.budget.epochs[row.number] = _trained(row)
        point, repeat = self._point_of[row.number]
        self._rows.setdefault(point, {})[repeat] = row
        if row.state is TrialState.PRUNED:  # its other repeats would not be compared with whole ones
            self.withdraw(row.number)
        self._look_at(point)

    def withdraw(self, number: int) -> None:
        """Takes what is left of a trial's point out of the queue."""
        self.queue = deque(job for job in self.queue if job.trial.point != self._point_of[number][0])

    def unbegun(self, queued: QueuedTrial) -> TrialResult | None:
        """The end of a fold that does not begin, since its configuration is clearly behind; None where it begins."""
        if not self._has_rungs or self._best is None or self._best == queued.trial.point:
            return None
        own, best = (self._scores(point) for point in (queued.trial.point, self._best))
        return TrialResult(TrialState.PRUNED, {"duration_s": 0.0}) if is_behind(own, best) else None

    def _scores(self, point: int) -> list[float]:
        """What a configuration's complete trials have of the first objective; larger is better."""
        found = (row.values(self._objectives) for row in self._rows.get(point, {}).values())
        return [self._objectives[0].sign * values[0] for values in found if values is not None]

    def _look_at(self, point: int) -> None:
        """Whether a configuration is the best one, and good enough."""
        values = self.point_values(point)
        if values is not None:
            best = None if self._best is None else self.point_values(self._best)
            if best is None or self._objectives[0].sign * (values[0] - best[0]) > 0:
                self._best = point
            self.budget.reached(
                values[0], f"configuration {point}" if self._factory.num_repeats > 1 else f"trial {point}"
            )

    def point_values(self, point: int) -> list[float] | None:
        """The mean of each objective over a point's repeats; None unless all are complete."""
        rows = [row for repeat, row in self._rows.get(point, {}).items() if repeat < self._factory.num_repeats]
        return mean_values(rows, self._objectives, self._factory.num_repeats)


def _trained(row: TrialRow) -> int:
    """Epochs that a trial took in this sweep; none of one that was taken over from another."""
    return 0 if row.facts.taken_from else len(row.history)


def is_pruned(rows: Iterable[TrialRow]) -> bool:
    """Whether one of a point's repeats was pruned."""
    return any(row.state is TrialState.PRUNED for row in rows)
