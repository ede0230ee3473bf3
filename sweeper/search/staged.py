"""With `sweep.seeds=auto`: first every configuration under one seed, then the leading ones under fresh seeds.

    first stage over -> candidates chosen -> fresh seeds up to a look -> the look -> ... -> until it says that it ends

Queue, numbers and budget are those of the first stage's scheduler. Decisions fall at looks, with nothing running, and
are stored before anything follows from them.

What does not live here: who is a candidate, and what a look decides (`sweeper.sweep.seeds`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from sweeper.core.errors import SweepChangedError
from sweeper.core.looks import AUTO_SEEDS, SecondStage
from sweeper.core.trials import TrialResult, TrialRow, TrialState
from sweeper.search.grid import GridScheduler
from sweeper.search.sampled import SampledScheduler
from sweeper.search.scheduler import QueuedTrial


class Looks(Protocol):
    """Chooses candidates and looks at them; what it has decided is stored."""

    @property
    def stage(self) -> SecondStage | None:
        """What was decided so far; None in the first stage."""

    @property
    def num_seeds(self) -> int:
        """Fresh seeds of each candidate at the look that comes next."""

    def begin(self) -> None:
        """Chooses the candidates, from what is stored of the first stage."""

    def take(self, rows: Mapping[int, Sequence[TrialRow]]) -> None:
        """Takes the next look.

        Args:
            rows: of each candidate that is still compared, its trials with fresh seeds, by repeat.
        """


class StagedScheduler:
    """A scheduler's points under one seed, then the leading ones under fresh seeds."""

    def __init__(self, first: GridScheduler | SampledScheduler, looks: Looks) -> None:
        """Takes the scheduler of the first stage, which has queued what is left of it."""
        self._first = first
        self.learns = first.learns
        self._looks = looks
        self._open: set[int] = set()  # trials that have begun and not ended
        if looks.stage is not None:
            self._refuse_others(looks.stage)
            self._enqueue(looks.stage)

    def _refuse_others(self, stage: SecondStage) -> None:
        """Raises SweepChangedError where this start's configurations are not those that candidates were chosen from."""
        gone = [point for point in stage.alive if self._first.planned_of(point) is None]
        new = self._first.queue
        if new or gone:
            plural = "s" if len(new or gone) > 1 else ""
            what = f"adds {len(new)} trial{plural} to" if new else f"leaves {len(gone)} candidate{plural} out of"
            raise SweepChangedError(
                f"sweep.seeds={AUTO_SEEDS} has chosen its candidates, and this command {what} the configurations among "
                "which it chose. Accepted under this name: the same configurations. Under another name, what was "
                "trained is taken over (sweep.reuse=true).  Try: sweep.name=another-name"
            )

    @property
    def is_staged(self) -> bool:
        """Whether the candidates are chosen."""
        return self._looks.stage is not None

    @property
    def total(self) -> int:
        """Trials that are known to be left; one at least where a look or the choice of candidates is."""
        stage = self._looks.stage
        left = self._first.total if stage is None else len(self._first.queue)
        return left or int(stage is None or not stage.is_over)

    def next(self) -> QueuedTrial | None:
        if self._looks.stage is None:
            job = self._first.next()
            if job is None and not self._open and self._may_begin():
                self._looks.begin()
        else:
            job = None
        while job is None and not self._first.budget.is_spent():
            stage = self._looks.stage
            if stage is None:
                return None
            if self._first.queue:
                job = self._first.take()
            elif self._open or stage.is_over:
                return None
            elif self._is_trained(stage):
                self._looks.take({point: self._fresh(point) for point in stage.alive})
            else:
                self._enqueue(stage)
        if job is not None:
            self._open.add(job.number)
        return job

    def _may_begin(self) -> bool:
        """Whether the first stage is over, rather than ended by a limit."""
        self._first.budget.begin_stage()
        return not self._first.budget.is_spent()

    def _fresh(self, point: int) -> list[TrialRow]:
        """What has finished of a candidate, up to the next look."""
        rows = self._first.rows_of(point)
        return [rows[repeat] for repeat in range(1, self._looks.num_seeds + 1) if repeat in rows]

    def _is_trained(self, stage: SecondStage) -> bool:
        return all(
            len(rows) == self._looks.num_seeds or _has_failed(rows)
            for rows in (self._fresh(point) for point in stage.alive)
        )

    def _enqueue(self, stage: SecondStage) -> None:
        """Queues what the next look needs, seed by seed; a candidate of which a seed has failed is out."""
        if stage.is_over:
            return
        for repeat in range(1, self._looks.num_seeds + 1):
            for point in stage.alive:
                planned = self._first.planned_of(point)
                if planned is not None and not _has_failed(self._fresh(point)):
                    self._first.enqueue(planned, [repeat])

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> bool:
        return self._first.epoch(number, epoch, metrics)

    def unbegun(self, queued: QueuedTrial) -> TrialResult | None:
        return self._first.unbegun(queued)

    def finished(self, row: TrialRow) -> None:
        self._open.discard(row.number)
        self._first.finished(row)
        if self._looks.stage is not None and row.state is not TrialState.COMPLETE:
            self._first.withdraw(row.number)


def _has_failed(rows: Sequence[TrialRow]) -> bool:
    return any(row.state is not TrialState.COMPLETE for row in rows)
