"""What runs next: a grid's points in their order, or a sampler's proposals; with repeats, budgets and pruning.

The driver asks `next` whenever a worker is free, and tells of epochs and ends. What had finished in an earlier start
is matched by a trial's hash and not run again; what was cut off keeps its number.

What lives elsewhere: which points a sampler proposes (`sweeper.search.sampler`), when a trial is pruned (`sweeper.search.pruner`),
and how trials run and are recorded (`sweeper.sweep.driver`).
"""

from __future__ import annotations

import random
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sweeper.config.identity import trial_hash, trial_identity
from sweeper.config.schema import SweepConfig
from sweeper.core.errors import ArchitectureError, ConfigError
from sweeper.core.paths import SweepPaths
from sweeper.core.trials import Objective, PreparedData, TrialRow, TrialSpec, TrialState
from sweeper.preflight.check import Checker, PlannedTrial
from sweeper.search.pruner import Pruning
from sweeper.search.sampler import Search
from sweeper.space.composer import Composer, Point
from sweeper.space.dimensions import MAX_POINTS, Choices, SearchSpace
from sweeper.storage.study import Skipped, StudyTrial, SweepStudy

_REPEATED = 20  # proposals in a row that were tried before, after which a finite space is looked through
_IMPOSSIBLE = 1000  # proposals in a row that are impossible or were tried before, after which the search ends


@dataclass(frozen=True)
class Job:
    """A trial that is to run: what the study calls it, what its process is given."""

    trial: StudyTrial
    spec: TrialSpec
    num_repeats: int = 1


class Jobs(Protocol):
    """What the driver asks and tells.

    Attributes:
        learns: whether the next trial depends on what came of the one before.
    """

    learns: bool

    def next(self) -> Job | None:
        """The next trial; None where none is to begin any more."""

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Told of a running trial's epoch; answers whether it is to end."""

    def finished(self, row: TrialRow) -> None:
        """Told of a trial's end, after it was recorded."""


@dataclass
class Budget:
    """When no further trial begins. `reason` says which limit was reached first.

    Attributes:
        objective: the first objective, which `target` is a value of.
        epochs: trained so far, by trial; of earlier starts those of the trials that finished.
    """

    limits: SweepConfig
    objective: Objective
    started: float = field(default_factory=time.monotonic)
    num_failed: int = 0
    epochs: dict[int, int] = field(default_factory=dict)
    reason: str = ""

    def is_spent(self) -> bool:
        timeout_s = self.limits.timeout_s
        if not self.reason and timeout_s is not None and time.monotonic() - self.started > timeout_s:
            self.reason = f"sweep.timeout_s={timeout_s:g} is over"
        max_epochs = self.limits.max_epochs
        if not self.reason and max_epochs is not None and sum(self.epochs.values()) >= max_epochs:
            self.reason = f"sweep.max_epochs={max_epochs} is reached with {sum(self.epochs.values())} epochs trained"
        return bool(self.reason)

    def count(self, row: TrialRow) -> None:
        """Counts a failure."""
        self.num_failed += row.state is TrialState.FAILED
        limit = self.limits.max_failures
        if not self.reason and limit is not None and self.num_failed >= limit:
            self.reason = f"sweep.max_failures={limit} is reached, the last by trial {row.number}"

    def reached(self, value: float, point: str) -> None:
        """Told of a complete point's first objective."""
        target = self.limits.target
        if not self.reason and target is not None and self.objective.sign * (value - target) >= 0:
            self.reason = f"sweep.target={target:g} is reached by {point} with {self.objective.metric} {value:.4f}"


@dataclass(frozen=True)
class Candidates:
    """Turns planned points into trials: with their data, seed and identity.

    Attributes:
        prepare: reads, checks and splits a `data` node, once for each.
    """

    folder: SweepPaths
    prepare: Callable[[Mapping[str, Any]], PreparedData]
    objectives: tuple[Objective, ...]
    num_repeats: int
    awaits_verdict: bool

    def of(self, planned: PlannedTrial, repeat: int = 0) -> StudyTrial:
        """A trial without a number, and without a run."""
        point = planned.point
        config = {**point.config, "seed": point.config["seed"] + repeat}
        identity = trial_identity(config, self.prepare(config["data"]))
        return StudyTrial(
            -1, TrialState.RUNNING, trial_hash(identity), identity, point.params, point.overrides, "", None, -1, repeat
        )

    def job(self, trial: StudyTrial, planned: PlannedTrial) -> Job:
        """A numbered trial with what its process is given."""
        config = {**planned.point.config, "seed": planned.point.config["seed"] + trial.repeat}
        spec = TrialSpec(
            number=trial.number,
            folder=self.folder.trial(trial.number).root,
            config=config,
            overrides=trial.overrides,
            data=self.prepare(config["data"]),
            metric=self.objectives[0],
            awaits_verdict=self.awaits_verdict,
            measures_latency=any(objective.metric == "predict_latency_ms" for objective in self.objectives),
        )
        return Job(trial, spec, self.num_repeats)


class _PointJobs:
    """What grid and sampler share: which trials of a point are left, its value when all have ended."""

    def __init__(
        self, candidates: Candidates, known: Sequence[StudyTrial], limits: SweepConfig, pruning: Pruning | None
    ) -> None:
        self.budget = Budget(limits, candidates.objectives[0])
        self.queue: deque[Job] = deque()
        self._candidates = candidates
        self._objectives = candidates.objectives
        self._retry_failed = limits.retry_failed
        self._pruning = pruning
        self._known = {trial.hash: trial for trial in known}
        self._next_number = max((trial.number for trial in known), default=-1) + 1
        self._next_point = max((trial.point for trial in known), default=-1) + 1
        self._rows: dict[int, dict[int, TrialRow]] = {}  # by point and repeat: what has finished
        self._last_epoch: dict[int, int] = {}  # by trial that has begun
        self._point_of: dict[int, tuple[int, int]] = {}  # by trial: its point and repeat
        for trial in known:
            self._point_of[trial.number] = (trial.point, trial.repeat)
            if trial.row is not None and not self._again(trial):
                self._rows.setdefault(trial.point, {})[trial.repeat] = trial.row
                self.budget.epochs[trial.number] = len(trial.row.history)
        if pruning is not None:
            for trial in known:
                if trial.row is not None and not self._again(trial):
                    pruning.learn(trial.number, trial.state, trial.row.history)
        for point in self._rows:
            self._look_at_target(point)

    @property
    def finished_rows(self) -> list[TrialRow]:
        """What an earlier start has left finished."""
        return [row for rows in self._rows.values() for row in rows.values()]

    def _again(self, trial: StudyTrial) -> bool:
        return trial.state is TrialState.FAILED and self._retry_failed

    def trials_of(self, planned: PlannedTrial) -> list[StudyTrial]:
        """A point's repeats, with the numbers that the study has for those it knows."""
        found = [self._candidates.of(planned, repeat) for repeat in range(self._candidates.num_repeats)]
        known = [self._known.get(trial.hash) for trial in found]
        point = next((trial.point for trial in known if trial is not None), None)
        if point is None:
            point, self._next_point = self._next_point, self._next_point + 1
        numbered = []
        for trial, same in zip(found, known, strict=True):
            if same is None:
                same = replace(trial, number=self._next_number, point=point)
                self._next_number += 1
                self._known[same.hash] = same
            self._point_of[same.number] = (point, trial.repeat)
            numbered.append(replace(same, overrides=trial.overrides, params=trial.params, repeat=trial.repeat))
        return numbered

    def enqueue(self, planned: PlannedTrial) -> int:
        """Queues those of a point's repeats that have not finished, none of a pruned point; returns how many."""
        left = []
        for trial in self.trials_of(planned):
            rows = self._rows.get(self._point_of[trial.number][0], {})
            if trial.repeat not in rows and not _is_pruned(rows.values()):
                left.append(trial)
        self.queue.extend(self._candidates.job(trial, planned) for trial in left)
        return len(left)

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> bool:
        self.budget.epochs[number] = epoch
        if self._pruning is None:
            return False
        is_to_end = self._pruning.report(number, epoch, metrics)
        return is_to_end and epoch < self._last_epoch[number]  # trained to its end, it is complete and no pruned one

    def _take(self) -> Job:
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
        self.budget.epochs[row.number] = len(row.history)
        point, repeat = self._point_of[row.number]
        self._rows.setdefault(point, {})[repeat] = row
        if row.state is TrialState.PRUNED:  # its other repeats would not be compared with whole ones
            self.queue = deque(job for job in self.queue if job.trial.point != point)
        self._look_at_target(point)

    def _look_at_target(self, point: int) -> None:
        values = self.point_values(point)
        if values is not None:
            self.budget.reached(values[0], f"point {point}" if self._candidates.num_repeats > 1 else f"trial {point}")

    def point_values(self, point: int) -> list[float] | None:
        """The mean of each objective over a point's repeats; None unless all are complete."""
        rows = self._rows.get(point, {})
        complete = [row.values(self._objectives) for row in rows.values()]
        if len(rows) < self._candidates.num_repeats or None in complete:
            return None
        return [statistics.fmean(values) for values in zip(*(one for one in complete if one), strict=True)]


def _is_pruned(rows: Iterable[TrialRow]) -> bool:
    return any(row.state is TrialState.PRUNED for row in rows)


class GridJobs(_PointJobs):
    """Every point of a grid, in order; those of `sweep.enqueue` first."""

    def __init__(
        self,
        candidates: Candidates,
        known: Sequence[StudyTrial],
        limits: SweepConfig,
        pruning: Pruning | None,
        points: Iterable[PlannedTrial],
        enqueued: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(candidates, known, limits, pruning)
        self.learns = limits.target is not None or limits.max_failures is not None
        ordered = sorted(points, key=lambda planned: _place(planned.point.params, enqueued))
        self.planned = [planned for planned in ordered[: limits.trials] if self.enqueue(planned)]

    @property
    def total(self) -> int:
        """Trials of this start."""
        return len(self.queue)

    def next(self) -> Job | None:
        if not self.queue or self.budget.is_spent():
            return None
        return self._take()


def _place(params: Mapping[str, Any], enqueued: Sequence[Mapping[str, Any]]) -> int:
    """The number of the first partial point that fits, or the next one after all of them."""
    fitting = (n for n, partial in enumerate(enqueued) if all(params.get(key) == v for key, v in partial.items()))
    return next(fitting, len(enqueued))


class SampledJobs(_PointJobs):
    """A sampler's points, up to a total that earlier starts count towards."""

    learns = True

    def __init__(
        self,
        candidates: Candidates,
        study: SweepStudy,
        limits: SweepConfig,
        pruning: Pruning | None,
        search: Search,
        composer: Composer,
        space: SearchSpace,
        distributions: Mapping[str, Any],
        num_points: int,
        enqueued: Sequence[Mapping[str, Any]],
    ) -> None:
        super().__init__(candidates, study.trials(), limits, pruning)
        self._study = study
        self._search = search
        self._composer = composer
        self._space = space
        self._distributions = distributions
        self._checker = Checker()
        self._num_points = num_points
        self._tried: set[tuple[str, ...]] = set()
        self._proposals: dict[int, int] = {}  # by point: the open proposal
        self._in_a_row = 0
        proposed = self._recall()
        for point in enqueued[proposed:]:
            search.enqueue(point)

    @property
    def total(self) -> int:
        """Trials of this start."""
        points = max(0, self._num_points - self._num_known()) * self._candidates.num_repeats
        return len(self.queue) + points

    def _num_known(self) -> int:
        return len({point for point, _ in self._point_of.values()})

    def _recall(self) -> int:
        """Tells the sampler what was proposed before; what was cut off is queued. Returns how many proposals."""
        entries = self._study.proposals()
        points: set[int] = set()
        num_skipped = 0
        for entry in entries:
            self._tried.add(entry.overrides)
            if isinstance(entry, Skipped):
                num_skipped += 1
                state = TrialState.FAILED if entry.values is None else TrialState.COMPLETE
                self._search.learn(entry.overrides, entry.values, state, ())
            elif entry.point not in points:
                points.add(entry.point)
                self._recall_point(entry)
        return len(points) + num_skipped

    def _recall_point(self, trial: StudyTrial) -> None:
        rows = self._rows.get(trial.point, {})
        if len(rows) >= self._candidates.num_repeats or _is_pruned(rows.values()):
            self._search.learn(trial.overrides, *self._outcome(trial.point))
            return
        proposal = self._search.learn(trial.overrides, None, TrialState.RUNNING, ())
        if proposal is not None:
            planned = self._checker.plan(self._composer.point(proposal.choices))
            self.enqueue(planned)
            self._proposals[trial.point] = proposal.number

    def _outcome(self, point: int) -> tuple[list[float] | None, TrialState, list[float]]:
        """A point's values, state and first repeat's curve of the first objective, as the sampler is told them."""
        rows = [row for _, row in sorted(self._rows[point].items())]
        states = {row.state for row in rows}
        state = next((s for s in (TrialState.FAILED, TrialState.PRUNED) if s in states), TrialState.COMPLETE)
        values = self.point_values(point)
        if state is TrialState.COMPLETE and values is None:
            state = TrialState.FAILED
        return values, state, rows[0].curve(self._objectives[0])

    def next(self) -> Job | None:
        while (self.queue or self._num_known() < self._num_points) and not self.budget.is_spent():
            if self.queue:
                return self._take()
            if not self._propose():
                return None
        return None

    def _propose(self) -> bool:
        """Asks once for a point; False where there is none left."""
        if self._in_a_row >= _REPEATED and not self._help():
            return False
        proposal = self._search.ask()
        point, planned, reason = self._planned(proposal.choices)
        self._tried.add(point.overrides)
        if planned is None:
            self._skip(proposal.number, point, None, reason)
            return True
        repeats = range(self._candidates.num_repeats)
        if any(self._candidates.of(planned, repeat).hash in self._known for repeat in repeats):
            same = self.trials_of(planned)[0].point
            self._skip(proposal.number, point, self.point_values(same), f"point {same} again")
            return True
        self._in_a_row = 0
        self.enqueue(planned)
        self._proposals[self.queue[-1].trial.point] = proposal.number
        return True

    def _planned(self, choices: Choices) -> tuple[Point, PlannedTrial | None, str]:
        point = self._composer.point(choices)
        if self._space.excludes(choices):
            return point, None, "sweep.exclude"
        try:
            return point, self._checker.plan(point), ""
        except (ArchitectureError, ConfigError) as error:
            return point, None, str(error)

    def _skip(self, proposal: int, point: Point, values: list[float] | None, reason: str) -> None:
        self._in_a_row += 1
        state = TrialState.FAILED if values is None else TrialState.COMPLETE
        self._search.tell(proposal, values, state, ())
        told = Skipped(point.overrides, None if values is None else tuple(values))
        self._study.skip(told, point.params, self._distributions, reason)

    def _help(self) -> bool:
        """After many proposals in a row that cannot be used: names an untried point of a finite space, or gives up."""
        if not self._space.is_discrete or len(self._space) > MAX_POINTS:
            if self._in_a_row >= _IMPOSSIBLE:
                self.budget.reason = f"the sampler proposed {_IMPOSSIBLE} points in a row that cannot be trained anew"
            return self._in_a_row < _IMPOSSIBLE
        untried = [choices for choices in self._space.grid() if self._overrides(choices) not in self._tried]
        if not untried:
            self.budget.reason = "the space is exhausted: each of its points was tried"
            return False
        choices = random.Random(self._next_number).choice(untried)
        pairs = zip(self._space.dimensions, choices, strict=True)
        self._search.enqueue({dimension.key: choice.value for dimension, choice in pairs})
        return True

    def _overrides(self, choices: Choices) -> tuple[str, ...]:
        pairs = zip(self._space.dimensions, choices, strict=True)
        return tuple(
            dimension.override(choice)
            for dimension, choice in pairs
            if choice is not None and self._composer.exists(dimension, choices)
        )

    def finished(self, row: TrialRow) -> None:
        super().finished(row)
        point, _ = self._point_of[row.number]
        waiting = any(job.trial.point == point for job in self.queue)
        done = len(self._rows[point]) >= self._candidates.num_repeats or (
            row.state is TrialState.PRUNED and not waiting
        )
        if done and point in self._proposals:
            self._search.tell(self._proposals.pop(point), *self._outcome(point))
