"""A grid: every point, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sweeper.core.trials import StudyTrial
from sweeper.preflight.check import PlannedTrial
from sweeper.search.scheduler import PointScheduler, Policy, QueuedTrial, TrialFactory


class GridScheduler(PointScheduler):
    """Every point of a grid, in order; those of `sweep.enqueue` first."""

    def __init__(
        self,
        factory: TrialFactory,
        known: Sequence[StudyTrial],
        policy: Policy,
        points: Iterable[PlannedTrial],
        *,
        enqueued: Sequence[Mapping[str, Any]] = (),
        num_points: int | None = None,
    ) -> None:
        """Queues what is left of the grid.

        Args:
            factory: turns points into trials.
            known: the trials of earlier starts.
            policy: when trials start and end.
            points: the grid, in order.
            enqueued: partial points; those of the grid that fit them come first.
            num_points: how many points are trained; None: all.
        """
        super().__init__(factory, known, policy)
        self.learns = policy.limits.target is not None or policy.limits.max_failures is not None or policy.has_rungs
        ordered = sorted(points, key=lambda planned: _place(planned.point.params, enqueued))[:num_points]
        self._later = deque(
            ordered if not known else ()
        )  # of a new sweep all points are left: queued when they are due
        self.planned = ordered if not known else [planned for planned in ordered if self.enqueue(planned)]

    @property
    def total(self) -> int:
        """Trials of this start that have not begun."""
        return len(self.queue) + len(self._later) * self._factory.num_repeats

    def whole_queue(self) -> deque[QueuedTrial]:
        """All trials that have not begun; of 10,000 points it takes seconds, in which nothing trains."""
        while self._later:
            self.enqueue(self._later.popleft())
        return self.queue

    def next(self) -> QueuedTrial | None:
        if not self.total or self.budget.is_spent():
            return None
        while self._later and not self.queue:
            self.enqueue(self._later.popleft())
        return self.take() if self.queue else None


def _place(params: Mapping[str, Any], enqueued: Sequence[Mapping[str, Any]]) -> int:
    """The number of the first partial point that fits, or the next one after all of them."""
    fitting = (n for n, partial in enumerate(enqueued) if all(params.get(key) == v for key, v in partial.items()))
    return next(fitting, len(enqueued))
