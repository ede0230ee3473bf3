"""A grid: every point, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sweeper.config.groups import Limits
from sweeper.core.trials import StudyTrial
from sweeper.preflight.check import PlannedTrial
from sweeper.search.pruner import Pruning
from sweeper.search.scheduler import PointScheduler, QueuedTrial, TrialFactory


class GridScheduler(PointScheduler):
    """Every point of a grid, in order; those of `sweep.enqueue` first."""

    def __init__(
        self,
        factory: TrialFactory,
        known: Sequence[StudyTrial],
        limits: Limits,
        pruning: Pruning | None,
        points: Iterable[PlannedTrial],
        enqueued: Sequence[Mapping[str, Any]] = (),
        *,
        retry_failed: bool = False,
        num_points: int | None = None,
    ) -> None:
        super().__init__(factory, known, limits, pruning, retry_failed=retry_failed)
        self.learns = limits.target is not None or limits.max_failures is not None
        ordered = sorted(points, key=lambda planned: _place(planned.point.params, enqueued))
        self.planned = [planned for planned in ordered[:num_points] if self.enqueue(planned)]

    @property
    def total(self) -> int:
        """Trials of this start."""
        return len(self.queue)

    def next(self) -> QueuedTrial | None:
        if not self.queue or self.budget.is_spent():
            return None
        return self._take()


def _place(params: Mapping[str, Any], enqueued: Sequence[Mapping[str, Any]]) -> int:
    """The number of the first partial point that fits, or the next one after all of them."""
    fitting = (n for n, partial in enumerate(enqueued) if all(params.get(key) == v for key, v in partial.items()))
    return next(fitting, len(enqueued))
