"""One search of a table by the driver, scheduler, sampler and pruner of a real sweep, without its time and training.

The executor's clock is virtual. An epoch's accuracy exists from the moment at which the epoch has ended there: no
sampler or pruner sees it earlier. Nothing is written.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.config.groups import Attempts, Limits
from sweeper.core.datasets import DataSummary, PreparedData
from sweeper.core.errors import ConfigError
from sweeper.core.objectives import Objective
from sweeper.core.paths import SweepPaths
from sweeper.core.retry import Retry
from sweeper.core.trials import (
    Candidate,
    EpochReport,
    Skipped,
    StudyTrial,
    TrainingSpec,
    TrialResult,
    TrialRow,
    TrialSpec,
    TrialState,
)
from sweeper.executors import Event, TrialEnded, TrialEpoch, TrialStarted
from sweeper.preflight.check import PlannedTrial
from sweeper.replay.draws import Draw
from sweeper.replay.settings import ReplaySettings
from sweeper.replay.table import Table
from sweeper.search.pruner import Pruning
from sweeper.search.sampled import SampledPoints, SampledScheduler
from sweeper.search.sampler import Search
from sweeper.search.scheduler import Policy, QueuedTrial, TrialFactory
from sweeper.space.composer import Point
from sweeper.sweep.driver import Driver
from sweeper.sweep.interruption import Interruption

OBJECTIVE = Objective("val_accuracy", "maximize")
_NOWHERE = Path("/nowhere/replay")  # no trial has a folder
_SUMMARY = DataSummary("table", (1, 1, 1), 2, 0, 0, 0)
_DATA = PreparedData(_SUMMARY, "", "", "a table", False, folder=_NOWHERE)


@dataclass(frozen=True)
class Ended:
    """A trial that ended.

    Attributes:
        point: the configuration's number in the table.
        state: complete or pruned.
        epochs: that it trained.
        spent: epochs that all trials had trained until then.
        seconds: on the virtual clock.
    """

    point: int
    state: TrialState
    epochs: int
    spent: int
    seconds: float


def search(table: Table, drawn: Draw, settings: ReplaySettings, seed: int, max_epochs: int, name: str) -> list[Ended]:
    """Searches a table once.

    Args:
        table: what is searched.
        drawn: what the search sees.
        settings: how it is searched.
        seed: of the sampler, where `sampler.seed` is not given.
        max_epochs: no trial begins from this number of epochs on; running ones end.
        name: of the sweep, by which a pruner may divide trials.

    Returns:
        The trials in the order in which they ended.
    """
    executor = _Executor(table, drawn, settings.workers)
    record = _Memory(executor)
    pruning = None
    if settings.pruner.name != "none":
        pruning = Pruning(settings.pruner, (OBJECTIVE,), name, table.num_epochs)
    policy = Policy(Limits(max_epochs=max_epochs), pruning)
    finder = Search(settings.sampler, table.space, (OBJECTIVE,), table.exists, seed)
    points = SampledPoints(finder, table, len(table.points), plan=_plan)
    factory = _Factory(SweepPaths(_NOWHERE), lambda node: _DATA, (OBJECTIVE,), 1, awaits_verdict=pruning is not None)
    driver = Driver(
        SampledScheduler(factory, record, policy, points),
        executor,
        record,
        lambda event: None,
        Interruption(Retry()),
        attempts=Attempts(),
        read=executor.result,
        clock=lambda: executor.now,
    )
    driver.run()
    return record.ended


def _plan(point: Point) -> PlannedTrial:
    if not point.config:
        raise ConfigError("the table does not have this configuration")
    return PlannedTrial(point, _SUMMARY, None)


class _Factory(TrialFactory):
    """A configuration is known by its overrides: there is one trial of each."""

    def candidate(self, planned: PlannedTrial, repeat: int = 0) -> Candidate:
        point = planned.point
        name = " ".join(point.overrides)
        return Candidate(hash=name, identity=point.config, params=point.params, overrides=point.overrides)

    def queued(self, trial: StudyTrial, planned: PlannedTrial) -> QueuedTrial:
        spec = TrainingSpec(
            number=trial.number,
            folder=_NOWHERE,
            config=planned.point.config,
            overrides=trial.overrides,
            data=_DATA,
            metric=OBJECTIVE,
        )
        return QueuedTrial(trial, spec)


@dataclass
class _Job:
    point: int
    curve: Sequence[float]
    ends: Sequence[float]  # when each epoch has ended, on the virtual clock
    done: int = 0
    stopped: bool = False


class _Executor:
    """Runs trials on a virtual clock, one event at a poll."""

    def __init__(self, table: Table, drawn: Draw, workers: int) -> None:
        self.workers = workers
        self.now = 0.0
        self.spent = 0  # epochs
        self._table, self._drawn = table, drawn
        self._jobs: dict[int, _Job] = {}
        self._next: list[tuple[float, int]] = []  # when a trial's next epoch has ended, and its number
        self._begun: list[int] = []

    def submit(self, spec: TrialSpec) -> None:
        assert_training(spec)
        point = self._table.place[spec.overrides]  # type: ignore[attr-defined]
        seed = self._drawn.seeds[point]
        seconds = self._table.seconds[point, seed].cumsum() + self._table.overhead[point, seed] + self.now
        job = _Job(point, self._drawn.seen[point].tolist(), seconds.tolist())
        self._jobs[spec.number] = job
        self._begun.append(spec.number)
        heapq.heappush(self._next, (job.ends[0], spec.number))

    def poll(self, handle: Callable[[Event], None], timeout_s: float) -> None:
        while self._begun:
            handle(TrialStarted(self._begun.pop(0)))
        if not self._next:
            return
        self.now, number = heapq.heappop(self._next)
        job = self._jobs[number]
        value = job.curve[job.done]
        job.done += 1
        self.spent += 1
        metrics = {"loss": 0.0, "accuracy": value, "val_loss": 1 - value, "val_accuracy": value}
        handle(TrialEpoch(number, EpochReport(job.done, metrics, 0)))
        if job.stopped or job.done == len(job.curve):
            handle(TrialEnded(number))
        else:
            heapq.heappush(self._next, (job.ends[job.done], number))

    def stop(self, number: int) -> None:
        self._jobs[number].stopped = True

    def kill(self, number: int, reason: str) -> None:
        raise NotImplementedError("a replay ends no trial by force")

    def close(self) -> None:
        self._jobs.clear()

    def job(self, number: int) -> _Job:
        """A trial that was submitted."""
        return self._jobs[number]

    def result(self, queued: QueuedTrial) -> TrialResult:
        """The outcome of a trial that ended."""
        job = self._jobs[queued.number]
        if job.stopped:
            return TrialResult(TrialState.PRUNED, {"val_accuracy": job.curve[job.done - 1]})
        return TrialResult(TrialState.COMPLETE, {"val_accuracy": float(self._drawn.final[job.point])})


def assert_training(spec: TrialSpec) -> None:
    """Raises TypeError for what is no trial to train: a table answers nothing else."""
    if not isinstance(spec, TrainingSpec):
        raise TypeError(f"a table cannot run {type(spec).__name__}")


class _Memory:
    """Records and proposals in memory: nothing is resumed."""

    def __init__(self, executor: _Executor) -> None:
        self.ended: list[Ended] = []
        self._executor = executor

    def begin(self, queued: QueuedTrial) -> None:
        return None

    def epoch(self, number: int, report: EpochReport) -> None:
        return None

    def finish(self, queued: QueuedTrial, result: TrialResult, history: Sequence[dict[str, float]]) -> TrialRow:
        job = self._executor.job(queued.number)
        self.ended.append(Ended(job.point, result.state, job.done, self._executor.spent, self._executor.now))
        return TrialRow(
            queued.number,
            result.state,
            {},
            result.metrics,
            history=tuple(history),
            overrides=queued.spec.overrides,
            point=queued.trial.point,
        )

    def abandon(self, number: int) -> None:
        return None

    def check(self) -> None:
        return None

    def trials(self) -> list[StudyTrial]:
        return []

    def proposals(self) -> list[StudyTrial | Skipped]:
        return []

    def skip(self, skipped: Skipped, params: Mapping[str, Any], reason: str) -> None:
        return None
