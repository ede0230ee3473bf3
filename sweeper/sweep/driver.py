"""The driver: the sweep's main loop, the only one that decides and the only one that writes to the stores.

    while there are trials to start or running:
        start trials on the free workers, as long as the jobs give some
        take what the running ones report: an epoch, or their end
        end those that outlast their time

What is elsewhere: which trial is next (`sweeper.search.scheduler`), how a trial trains (`sweeper.trial.train`), what
runs it (`sweeper.executors`), where it is recorded (`sweeper.tracking.tracker`, `sweeper.storage.study`).
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any

from sweeper.artifacts import answers
from sweeper.artifacts.result import NO_RESULT, read_result
from sweeper.config.identity import leaves
from sweeper.core.datasets import PreparedData
from sweeper.core.objectives import Objective
from sweeper.core.paths import SweepPaths
from sweeper.core.trials import EpochReport, TrialResult, TrialRow, TrialState
from sweeper.executors import Event, Executor, TrialEnded, TrialEpoch, TrialStarted
from sweeper.report.progress import Display
from sweeper.search.scheduler import Job, Jobs
from sweeper.storage.study import SweepStudy
from sweeper.tracking import tags

if TYPE_CHECKING:
    from sweeper.tracking.tracker import Tracker

_POLL_S = 0.2


@dataclass
class _Running:
    job: Job
    run_id: str
    attempt: int = 0  # retries of it so far
    is_overdue: bool = False  # ended for its time, so that another try would end no better
    started: float | None = None  # monotonic seconds; None until its process reports
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Recording:
    """What each trial's run is told besides its own figures."""

    parent_run_id: str
    tags: dict[str, str]
    distributions: Mapping[str, Any]
    objectives: tuple[Objective, ...]


class Driver:
    """Runs jobs to their end and records them."""

    def __init__(
        self,
        executor: Executor,
        study: SweepStudy,
        tracker: Tracker,
        display: Display,
        paths: SweepPaths,
        recording: Recording,
        trial_timeout_s: float | None,
        retries: int = 0,
    ) -> None:
        self._executor = executor
        self._study = study
        self._tracker = tracker
        self._display = display
        self._paths = paths
        self._recording = recording
        self._timeout_s = trial_timeout_s
        self._retries = retries
        self._running: dict[int, _Running] = {}
        self.interrupted = False

    def run(self, jobs: Jobs) -> None:
        """The main loop. Returns when there is nothing left, or after Ctrl-C; finished trials are recorded."""
        self._jobs = jobs
        with self._signals():
            self._start_trials()
            while self._running and not self.interrupted:
                self._executor.poll(self._handle, _POLL_S)
                self._end_overdue()
                self._start_trials()
            self._cut_off_running()

    def _start_trials(self) -> None:
        while len(self._running) < self._executor.workers and not self.interrupted:
            job = self._jobs.next()
            if job is None:
                return
            self._start(job)

    def _start(self, job: Job, attempt: int = 0) -> None:
        self._clear(job)
        run_id = self._begin(job)
        self._running[job.spec.number] = _Running(job, run_id, attempt)
        self._display.started(job.spec.number, shown_overrides(job), job.spec.config["training"]["epochs"])
        self._executor.submit(job.spec)

    def _clear(self, job: Job) -> None:
        """Deletes what an earlier attempt left, but for the checkpoint from which this one goes on."""
        kept = self._paths.trial(job.spec.number).checkpoint
        for path in job.spec.folder.iterdir() if job.spec.folder.is_dir() else ():
            if path != kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _begin(self, job: Job) -> str:
        """Names the trial in both stores; an attempt that was cut off leaves no second live run."""
        run_id = self._tracker.start_trial(
            self._recording.parent_run_id,
            job.spec.number,
            " ".join(shown_overrides(job)) or f"trial {job.spec.number}",
            dict(leaves(job.spec.config)),
            {**self._recording.tags, **_trial_tags(job)},
        )
        self._study.begin(job.trial.with_run(run_id), self._recording.distributions)
        return run_id

    def _handle(self, event: Event) -> None:
        running = self._running[event.number]
        match event:
            case TrialStarted():
                running.started = time.monotonic()
                if not event.preloaded:
                    self._display.note(f"trial {event.number} had to load TensorFlow itself, which takes 5 s a trial")
            case TrialEpoch():
                running.history.append(event.report.metrics)
                self._tracker.log_epoch(running.run_id, event.report)
                self._display.epoch(event.number, event.report)
                if self._jobs.epoch(event.number, event.report.epoch, event.report.metrics):
                    self._executor.stop(event.number)
            case TrialEnded():
                del self._running[event.number]
                if not self._jobs.learns:
                    self._start_trials()  # a free worker gets the next trial before this one is written down
                self._end(running, event.reason)

    def _end(self, running: _Running, reason: str) -> None:
        """Records a trial whose process is gone, or leaves it cut off where the sweep was interrupted."""
        result = read_result(self._paths.trial(running.job.spec.number))
        if result is None and self.interrupted:
            self._tracker.abandon_trial(running.run_id)
            self._display.cut_off(running.job.spec.number)
            return
        if result is None and running.attempt < self._retries and not running.is_overdue:
            self._display.note(f"trial {running.job.spec.number}: {reason or NO_RESULT}; it is run again")
            self._start(running.job, running.attempt + 1)
            return
        if result is None:
            result = crashed(reason, self._paths, running)
        self._record(running.job, running.run_id, result, running.history)

    def _record(self, job: Job, run_id: str, result: TrialResult, history: list[dict[str, float]]) -> None:
        """Writes MLflow, then the study, then deletes the folder: the order in which a trial becomes finished."""
        row = trial_row(job, run_id, result, history)
        folder = self._paths.trial(row.number)
        if result.traceback:
            folder.artifacts.mkdir(parents=True, exist_ok=True)
            (folder.artifacts / "traceback.txt").write_text(result.traceback, encoding="utf-8")
        self._tracker.finish_trial(
            run_id,
            row.state,
            row.metrics,
            {tags.ERROR: row.error} if row.error else {},
            folder.artifacts if folder.artifacts.is_dir() else None,
            folder.model if folder.model.is_dir() else None,
        )
        if row.state is TrialState.COMPLETE:
            answers.append(self._paths.validation_answers, row.number, folder.predictions)
        self._study.finish(row, self._recording.objectives)
        shutil.rmtree(folder.root, ignore_errors=True)
        self._display.finished(row)
        self._jobs.finished(row)

    def replay(self, job: Job, result: TrialResult, jobs: Jobs) -> None:
        """Records a trial that had finished when its driver was killed; nothing is trained again."""
        self._jobs = jobs
        run_id = self._begin(job)
        history = list(result.history)
        for epoch, metrics in enumerate(history, start=1):
            self._tracker.log_epoch(run_id, EpochReport(epoch, metrics, int(time.time() * 1000)))
        self._record(job, run_id, result, history)

    def _end_overdue(self) -> None:
        if self._timeout_s is None:
            return
        for number, running in self._running.items():
            if running.started is not None and time.monotonic() - running.started > self._timeout_s:
                running.is_overdue = True
                self._executor.kill(number, f"it outlasted sweep.trial_timeout_s={self._timeout_s:g}")

    def _cut_off_running(self) -> None:
        """Ends what still runs after Ctrl-C; what had finished in the meantime is recorded."""
        for number in list(self._running):
            self._executor.kill(number, "the sweep was interrupted")
        deadline = time.monotonic() + 10
        while self._running and time.monotonic() < deadline:
            self._executor.poll(self._handle, _POLL_S)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first Ctrl-C (or SIGTERM) ends the loop, the second ends the process; trials die with its pipes."""

        def interrupt(signum: int, frame: FrameType | None) -> None:
            if self.interrupted:
                os._exit(130)
            self.interrupted = True

        former = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)


def crashed(reason: str, paths: SweepPaths, running: _Running) -> TrialResult:
    """The result of a trial whose process ended without one; its log may hold what native code left."""
    log = paths.trial(running.job.spec.number).log
    trace = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    duration_s = time.monotonic() - running.started if running.started is not None else 0.0
    return TrialResult.failure(reason or NO_RESULT, trace, duration_s)


def trial_row(job: Job, run_id: str, result: TrialResult, history: list[dict[str, float]]) -> TrialRow:
    """The row of a finished trial."""
    return TrialRow(
        number=job.spec.number,
        state=result.state,
        params=job.trial.params,
        metrics=result.metrics,
        seed=int(job.spec.config["seed"]),
        run_id=run_id,
        error=result.error,
        history=tuple(history),
        overrides=job.spec.overrides,
        arch=job.spec.config["arch"],
        point=job.trial.point,
        repeat=job.trial.repeat,
        num_repeats=job.num_repeats,
        facts=result.facts,
    )


def _trial_tags(job: Job) -> dict[str, str]:
    return {
        tags.OVERRIDES: " ".join(job.spec.overrides),
        tags.HASH: job.trial.hash,
        tags.SEED: str(job.spec.config["seed"]),
        **prepared_tags(job.spec.data),
    }


def shown_overrides(job: Job) -> tuple[str, ...]:
    """What distinguishes a trial, its seed among it where a point has several."""
    return (*job.spec.overrides, f"seed={job.spec.config['seed']}") if job.num_repeats > 1 else job.spec.overrides


def prepared_tags(prepared: PreparedData) -> dict[str, str]:
    """Which images a run saw."""
    return {
        tags.DATA: prepared.summary.name,
        tags.DATA_SOURCE: prepared.source,
        tags.DATA_DIGEST: prepared.data_digest,
        tags.SPLIT_DIGEST: prepared.split_digest,
    }
