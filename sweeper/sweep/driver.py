"""The driver: the sweep's main loop, the only one that decides and the only one that has things recorded.

    while there are trials to start or running:
        start trials on the free workers, as long as the scheduler has some
        take what the running ones report: an epoch, or their end
        end those that exceed their time

What is elsewhere: which trial is next (`sweeper.search.scheduler`), how a trial trains (`sweeper.trial.train`), what
runs it (`sweeper.executors`), where it is recorded (`sweeper.sweep.recorder`).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sweeper.artifacts.result import NO_RESULT, read_result
from sweeper.config.groups import Attempts
from sweeper.core.errors import DamagedFileError
from sweeper.core.events import (
    EpochFinished,
    Listener,
    Note,
    TrialBegan,
    TrialFinished,
    TrialInterrupted,
)
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import EpochReport, TrialResult, TrialRow
from sweeper.executors import Event, Executor, Said, TrialEnded, TrialEpoch, TrialStarted
from sweeper.search.scheduler import QueuedTrial, Scheduler
from sweeper.sweep.interruption import Interruption

_POLL_S = 0.2
_MOST_LOSSES = 10  # machines lost with one trial, after which the trial is taken for the cause
_LAST_WORDS_S = 10.0  # seconds for which an interrupted sweep waits for trials that are just ending


@dataclass
class _Running:
    queued: QueuedTrial
    attempt: int = 0  # retries of it so far
    losses: int = 0  # machines that were lost with it, which are not its fault
    is_overdue: bool = False  # ended for its time: another attempt would end no better
    started: float | None = None  # by the driver's clock; None until its process reports
    history: list[dict[str, float]] = field(default_factory=list)


class Records(Protocol):
    """Where trials are written down: the stores (`sweeper.sweep.recorder`), or memory."""

    def begin(self, queued: QueuedTrial) -> None:
        """Names a trial as running."""

    def epoch(self, number: int, report: EpochReport) -> None:
        """Adds a running trial's epoch."""

    def finish(self, queued: QueuedTrial, result: TrialResult, history: Sequence[dict[str, float]]) -> TrialRow:
        """Records a trial's end; returns its row."""

    def abandon(self, number: int) -> None:
        """Forgets a trial that was interrupted."""

    def check(self) -> None:
        """Called in every turn of the main loop."""


def _left_in_folder(queued: QueuedTrial) -> TrialResult | None:
    return read_result(TrialPaths(queued.spec.folder))


class Driver:
    """Runs a scheduler's trials to their end and has them recorded."""

    def __init__(
        self,
        scheduler: Scheduler,
        executor: Executor,
        recorder: Records,
        listener: Listener,
        interruption: Interruption,
        *,
        attempts: Attempts,
        when_idle: Callable[[], None] = lambda: None,
        take_over: Callable[[QueuedTrial], TrialResult | None] = lambda queued: None,
        read: Callable[[QueuedTrial], TrialResult | None] = _left_in_folder,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes its parts.

        Args:
            scheduler: gives the trials.
            executor: runs them.
            recorder: writes them down.
            listener: called with every event.
            interruption: ends the loop.
            attempts: what happens to a trial that exceeds its time or whose process dies.
            when_idle: called once, when a worker stays free because no trial is left: a core is idle from then on.
            take_over: the result of a trial that is not to be trained: of what another sweep has of the very same
                trial, which it leaves in the trial's folder, or of a fold that does not begin; None of all others.
            read: what a trial has left that ended; None where it left nothing. May raise DamagedFileError.
            clock: seconds that never go back.
        """
        self._scheduler = scheduler
        self._executor = executor
        self._recorder = recorder
        self._listener = listener
        self._interruption = interruption
        self._attempts = attempts
        self._when_idle: Callable[[], None] | None = when_idle
        self._take_over = take_over
        self._read = read
        self._clock = clock
        self._running: dict[int, _Running] = {}

    def run(self) -> None:
        """The main loop. Returns when there is nothing left, or after Ctrl-C; finished trials are recorded."""
        self._executor.poll(self._handle, 0)  # what it has to say before anything runs on it
        self._start_trials()
        while self._running and not self._interruption.is_set:
            self._executor.poll(self._handle, _POLL_S)
            self._end_overdue()
            self._start_trials()
            self._recorder.check()
        self._interrupt_running()

    def replay(self, queued: QueuedTrial, result: TrialResult) -> None:
        """Records a trial that had finished when its driver was killed; nothing is trained again."""
        self._recorder.begin(queued)
        for epoch, metrics in enumerate(result.history, start=1):
            self._recorder.epoch(queued.number, EpochReport(epoch, metrics, int(time.time() * 1000)))
        self._finish(queued, result, list(result.history))

    def _start_trials(self) -> None:
        while len(self._running) < self._executor.workers and not self._interruption.is_set:
            queued = self._scheduler.next()
            if queued is None:
                self._use_idle_core()
                return
            if (result := self._take_over(queued)) is None:
                self._start(queued)
            else:
                self._adopt(queued, result)

    def _adopt(self, queued: QueuedTrial, result: TrialResult) -> None:
        """Records another sweep's trial as this one's; the pruner learns its curve and has no say in its end."""
        for epoch, metrics in enumerate(result.history, start=1):
            self._scheduler.epoch(queued.number, epoch, metrics)
        self.replay(queued, result)

    def _use_idle_core(self) -> None:
        if self._running and self._when_idle is not None:
            self._when_idle()
            self._when_idle = None

    def _start(self, queued: QueuedTrial, attempt: int = 0, losses: int = 0) -> None:
        _clear(queued)
        self._recorder.begin(queued)
        self._running[queued.number] = _Running(queued, attempt, losses)
        self._listener(TrialBegan(queued.number, queued.shown_overrides, queued.num_epochs))
        self._executor.submit(queued.spec)

    def _handle(self, event: Event) -> None:
        if isinstance(event, Said):
            self._listener(Note(event.text))
            return
        running = self._running[event.number]
        match event:
            case TrialStarted():
                running.started = self._clock()
                if not event.preloaded:
                    self._listener(
                        Note(f"trial {event.number} had to load TensorFlow itself, which takes 5 s per trial")
                    )
            case TrialEpoch():
                running.history.append(event.report.metrics)
                self._recorder.epoch(event.number, event.report)
                self._listener(EpochFinished(event.number, event.report))
                if self._scheduler.epoch(event.number, event.report.epoch, event.report.metrics):
                    self._executor.stop(event.number)
            case TrialEnded():
                del self._running[event.number]
                if not self._scheduler.learns:
                    self._start_trials()  # a free worker gets the next trial before this one is recorded
                self._end(running, event.reason, is_lost=event.is_lost)

    def _end(self, running: _Running, reason: str, *, is_lost: bool) -> None:
        """Records a trial whose process is gone, or leaves it open where the sweep was interrupted."""
        queued = running.queued
        try:
            result = self._read(queued)
        except DamagedFileError as error:
            result, reason = None, str(error)
        if result is None and self._interruption.is_set:
            self._recorder.abandon(queued.number)
            self._listener(TrialInterrupted(queued.number))
        elif result is None and is_lost and running.losses < _MOST_LOSSES and not running.is_overdue:
            self._listener(Note(f"trial {queued.number}: {reason}; it is run again"))
            self._start(queued, running.attempt, running.losses + 1)
        elif result is None and running.attempt < self._attempts.retries and not running.is_overdue:
            self._listener(Note(f"trial {queued.number}: {reason or NO_RESULT}; it is run again"))
            self._start(queued, running.attempt + 1)
        else:
            self._finish(queued, result or self._crashed(running, reason), running.history)

    def _finish(self, queued: QueuedTrial, result: TrialResult, history: list[dict[str, float]]) -> None:
        row = self._recorder.finish(queued, result, history)
        self._listener(TrialFinished(row))
        self._scheduler.finished(row)

    def _crashed(self, running: _Running, reason: str) -> TrialResult:
        """The result of a trial whose process ended without one; its log may hold what native code left."""
        log = TrialPaths(running.queued.spec.folder).log
        trace = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
        duration_s = 0.0 if running.started is None else self._clock() - running.started
        return TrialResult.failure(reason or NO_RESULT, trace, duration_s)

    def _end_overdue(self) -> None:
        timeout_s = self._attempts.trial_timeout_s
        if timeout_s is None:
            return
        for number, running in self._running.items():
            if running.started is not None and self._clock() - running.started > timeout_s:
                running.is_overdue = True
                self._executor.kill(number, f"it exceeded sweep.trial_timeout_s={timeout_s:g}")

    def _interrupt_running(self) -> None:
        """Ends what still runs after Ctrl-C; what had finished in the meantime is recorded."""
        for number in list(self._running):
            self._executor.kill(number, "the sweep was interrupted")
        deadline = self._clock() + _LAST_WORDS_S
        while self._running and self._clock() < deadline:
            self._executor.poll(self._handle, _POLL_S)


def _clear(queued: QueuedTrial) -> None:
    """Deletes what an earlier attempt left, but for the checkpoint from which this one resumes."""
    folder = queued.spec.folder
    kept = TrialPaths(folder).checkpoint
    for path in folder.iterdir() if folder.is_dir() else ():
        if path != kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
