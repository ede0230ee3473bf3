"""A sampler's points, asked for one at a time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sweeper.core.errors import ArchitectureError, ConfigError
from sweeper.core.trials import Skipped, StudyTrial, TrialRow, TrialState
from sweeper.preflight.check import Checker, PlannedTrial
from sweeper.search.sampler import Search
from sweeper.search.scheduler import PointScheduler, Policy, QueuedTrial, TrialFactory, is_pruned
from sweeper.space.composer import Point
from sweeper.space.dimensions import MAX_POINTS, Choices, Dimension, SearchSpace

_REPEATED = 20  # proposals in a row that were tried before, after which a finite space is looked through


_IMPOSSIBLE = 1000  # proposals in a row that are impossible or were tried before, after which the search ends


class ProposalRecord(Protocol):
    """Where proposals are kept, so that a resumed sweep proposes what an undisturbed one would (the sweep's study)."""

    def trials(self) -> list[StudyTrial]:
        """All trials, by number."""

    def proposals(self) -> list[StudyTrial | Skipped]:
        """Trials and skipped proposals, in the order in which they were proposed."""

    def skip(self, skipped: Skipped, params: Mapping[str, Any], reason: str) -> None:
        """Keeps a proposal that is not trained."""


class Points(Protocol):
    """Makes configurations of choices: a `Composer`, or a table that has them all."""

    @property
    def space(self) -> SearchSpace:
        """What varies."""

    def point(self, choices: Choices) -> Point:
        """The configuration of these choices."""

    def exists(self, dimension: Dimension, groups: Choices) -> bool:
        """Whether a key exists under these choices of groups."""


def _checked() -> Callable[[Point], PlannedTrial]:
    return Checker().plan


@dataclass(frozen=True)
class SampledPoints:
    """The points that a sampler proposes.

    Attributes:
        search: proposes them.
        composer: makes a configuration of each.
        num_points: how many are trained in all, those of earlier starts included.
        enqueued: partial points that are proposed first.
        plan: checks a configuration; raises ConfigError or ArchitectureError for one that cannot be trained.
        baseline: a configuration that is trained first, whether the space has it or not; it counts towards the total.
    """

    search: Search
    composer: Points
    num_points: int
    enqueued: Sequence[Mapping[str, Any]] = ()
    plan: Callable[[Point], PlannedTrial] = field(default_factory=_checked)
    baseline: PlannedTrial | None = None


class SampledScheduler(PointScheduler):
    """A sampler's points, up to a total that earlier starts count towards."""

    learns = True

    def __init__(self, factory: TrialFactory, record: ProposalRecord, policy: Policy, points: SampledPoints) -> None:
        super().__init__(factory, record.trials(), policy)
        self._record = record
        self._search = points.search
        self._composer = points.composer
        self._space = points.composer.space
        self._plan = points.plan
        self._num_points = points.num_points
        self._tried: set[tuple[str, ...]] = set()
        self._proposals: dict[int, int] = {}  # by point: the open proposal
        self._in_a_row = 0
        self._choices: dict[int, Choices] = {}  # by point: of those that an earlier start has finished
        proposed = self._recall()
        if points.baseline is not None:
            proposed -= self._add(points.baseline)
        for point in points.enqueued[proposed:]:
            self._search.enqueue(point)

    @property
    def total(self) -> int:
        """Trials of this start."""
        points = max(0, self._num_points - self._num_known()) * self._factory.num_repeats
        return len(self.queue) + points

    def _num_known(self) -> int:
        return len({point for point, _ in self._point_of.values()})

    def planned_of(self, point: int) -> PlannedTrial | None:
        if point in self._choices and point not in self._known_points:
            self._known_points[point] = self._plan(self._composer.point(self._choices[point]))
        return super().planned_of(point)

    def _add(self, planned: PlannedTrial) -> bool:
        """Queues a configuration that was not proposed; returns whether an earlier start had it."""
        overrides, is_known = planned.point.overrides, self._factory.candidate(planned).hash in self._known
        self._tried.add(overrides)
        if all(job.trial.overrides != overrides for job in self.queue):
            self.enqueue(planned)
        if not is_known:
            proposal = self._search.learn(overrides, None, TrialState.RUNNING, ())
            if proposal is not None:
                self._proposals[self.trials_of(planned)[0].point] = proposal.number
        return is_known

    def _recall(self) -> int:
        """Reports earlier proposals to the sampler and queues what was interrupted; returns how many there were."""
        entries = self._record.proposals()
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
        if len(rows) >= self._factory.num_repeats or is_pruned(rows.values()):
            known = self._search.learn(trial.overrides, *self._outcome(trial.point))
            if known is not None:
                self._choices[trial.point] = known.choices
            return
        proposal = self._search.learn(trial.overrides, None, TrialState.RUNNING, ())
        if proposal is not None:
            planned = self._plan(self._composer.point(proposal.choices))
            self.enqueue(planned)
            self._proposals[trial.point] = proposal.number

    def _outcome(self, point: int) -> tuple[list[float] | None, TrialState, list[float]]:
        """A configuration's values, state and first curve of the first objective, as the sampler gets them."""
        rows = [row for repeat, row in sorted(self._rows[point].items()) if repeat < self._factory.num_repeats]
        states = {row.state for row in rows}
        state = next((s for s in (TrialState.FAILED, TrialState.PRUNED) if s in states), TrialState.COMPLETE)
        values = self.point_values(point)
        if state is TrialState.COMPLETE and values is None:
            state = TrialState.FAILED
        return values, state, rows[0].curve(self._objectives[0])

    def next(self) -> QueuedTrial | None:
        while (self.queue or self._num_known() < self._num_points) and not self.budget.is_spent():
            if self.queue:
                return self.take()
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
        repeats = range(self._factory.num_repeats)
        if any(self._factory.candidate(planned, repeat).hash in self._known for repeat in repeats):
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
            return point, self._plan(point), ""
        except (ArchitectureError, ConfigError) as error:
            return point, None, str(error)

    def _skip(self, proposal: int, point: Point, values: list[float] | None, reason: str) -> None:
        self._in_a_row += 1
        state = TrialState.FAILED if values is None else TrialState.COMPLETE
        self._search.tell(proposal, values, state, ())
        told = Skipped(point.overrides, None if values is None else tuple(values))
        self._record.skip(told, point.params, reason)

    def _help(self) -> bool:
        """After many proposals in a row that cannot be used: names an untried point of a finite space, or gives up."""
        if not self._space.is_discrete or len(self._space) > MAX_POINTS:
            if self._in_a_row >= _IMPOSSIBLE:
                self.budget.end_search(
                    f"the sampler proposed {_IMPOSSIBLE} configurations in a row that cannot be trained"
                )
            return self._in_a_row < _IMPOSSIBLE
        untried = [choices for choices in self._space.grid() if self._overrides(choices) not in self._tried]
        if not untried:
            self.budget.end_search("the space is exhausted: each of its configurations was tried")
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
        done = len(self._rows[point]) >= self._factory.num_repeats or (row.state is TrialState.PRUNED and not waiting)
        if done and point in self._proposals:
            self._search.tell(self._proposals.pop(point), *self._outcome(point))
