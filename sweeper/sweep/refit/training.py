"""The refit's training: what is trained, by the driver that trains every trial, and where it is recorded.

    the first configuration of the ranking -> its epochs -> named in the study -> trained -> the study, MLflow

It is recorded beside the trials and not among them: its number is below 0, and no ranking, sampler or pruner reads it.
One that was interrupted is begun again, or recorded where it had finished; a finished one is not trained again.

What does not live here: which configuration comes first and for how many epochs it trains (`sweeper.ranking.refit`),
and the training itself (`sweeper.trial.train`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweeper.artifacts.damage import check_archive
from sweeper.artifacts.model import model_file
from sweeper.artifacts.result import read_result
from sweeper.config.identity import leaves, trial_hash, trial_identity
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import DamagedFileError
from sweeper.core.events import EpochFinished, Listener, Note, SweepEvent, TrialBegan, TrialFinished, TrialInterrupted
from sweeper.core.paths import TrialPaths
from sweeper.core.sweeps import FIRST_REFIT, Refit
from sweeper.core.text import duration
from sweeper.core.trials import StudyTrial, TrainingSpec, TrialResult, TrialRow, TrialState
from sweeper.data.prepare import DataSets
from sweeper.executors import Executor
from sweeper.ranking.refit import chosen_trials, epochs_chosen, how_chosen
from sweeper.search.scheduler import QueuedTrial
from sweeper.storage.study import SweepStudy
from sweeper.sweep.driver import Driver
from sweeper.sweep.interruption import Interruption
from sweeper.sweep.plan import SweepPlan
from sweeper.sweep.recorder import Recorder, row_of, trial_tags
from sweeper.tracking import tags
from sweeper.tracking.recording.remote import RemoteTracker

_QUIET_S = 20.0  # seconds after which an epoch is worth a line


class RefitRecorder(Recorder):
    """Writes the refit to MLflow as a trial's run, and to its own place in the study."""

    refit: Refit

    def begin(self, queued: QueuedTrial) -> None:
        marks = {**trial_tags(queued), tags.REFIT: ",".join(map(str, self.refit.trials))}
        shown = ("refit", *queued.shown_overrides)
        self._begin_run(queued.number, shown, dict(leaves(queued.spec.config)), marks)
        self._study.write_refit(self.refit)

    def finish(self, queued: QueuedTrial, result: TrialResult, history: Sequence[dict[str, float]]) -> TrialRow:
        row = row_of(queued, result, history)
        self._keep_traceback(row.number, result)
        self._study.write_refit(replace(self.refit, trial=replace(queued.trial, state=row.state, row=row)))
        self._finish_run(row)
        return row


@dataclass(frozen=True)
class RefitTraining:
    """Trains a sweep's refit.

    Attributes:
        recorder: writes it down.
    """

    plan: SweepPlan
    study: SweepStudy
    tracker: RemoteTracker
    executor: Executor
    data_sets: DataSets
    recorder: RefitRecorder
    listener: Listener
    interruption: Interruption

    def run(self) -> bool:
        """Trains what is left of it; returns whether it is trained, or nothing is there to be."""
        trials = {trial.number: trial for trial in self.study.trials()}
        chosen = chosen_trials([trial.as_row() for trial in trials.values()], self.plan.objectives)
        if not chosen:
            self._say("report.refit: no configuration is complete, so none is trained on all images.")
            return True
        first, epochs = trials[chosen[0].number], epochs_chosen(chosen)
        known = [one for one in self.study.refits if (one.trial.point, one.epochs) == (first.point, epochs)]
        if known and known[0].trial.row is not None and not self._again(known[0].trial):
            self.recorder.settle([known[0].trial])
            return self._told(known[0].trial.row)
        number = known[0].trial.number if known else FIRST_REFIT - len(self.study.refits)
        return self._train(first, chosen, epochs, number, is_known=bool(known))

    def _again(self, trial: StudyTrial) -> bool:
        return trial.state is TrialState.FAILED and self.plan.settings.sweep.attempts.retry_failed

    def _told(self, row: TrialRow) -> bool:
        if row.state is TrialState.FAILED:
            self._say(f"The refit failed in an earlier start: {row.error}. sweep.retry_failed=true trains it again.")
        return row.state is TrialState.COMPLETE

    def _train(
        self, first: StudyTrial, chosen: Sequence[TrialRow], epochs: int, number: int, *, is_known: bool
    ) -> bool:
        config = refit_config(first.identity, epochs, self.plan.trials[0].point.config["data"].get("path"))
        prepared = self.data_sets.undivided(config["data"])
        queued = self._queued(first, config, prepared, number)
        self.recorder.refit = Refit(queued.trial, tuple(row.number for row in chosen), epochs)
        scheduler = _One(queued)
        what = (
            f"Refit: {' '.join(first.overrides) or 'the configuration'} is trained anew on all "
            f"{prepared.summary.num_train:,} training and validation images, for {how_chosen(chosen)}."
        )
        shown = _Shown(self.listener, epochs, what)
        driver = Driver(
            scheduler,
            self.executor,
            self.recorder,
            shown,
            self.interruption,
            attempts=self.plan.settings.sweep.attempts,
        )
        result = self._left(queued) if is_known else None
        if result is not None:
            scheduler.next()
            driver.replay(queued, result)
        else:
            driver.run()
        return shown.state in (TrialState.COMPLETE, None)  # None: interrupted

    def _queued(self, first: StudyTrial, config: dict[str, Any], prepared: PreparedData, number: int) -> QueuedTrial:
        identity = trial_identity(config, prepared)
        trial = StudyTrial(
            number=number,
            point=first.point,
            hash=trial_hash(identity),
            identity=identity,
            params=first.params,
            overrides=first.overrides,
        )
        spec = TrainingSpec(
            number=number,
            folder=self.plan.folder.trial(number).root,
            config=config,
            overrides=first.overrides,
            data=prepared,
            metric=self.plan.objective,
        )
        return QueuedTrial(trial, spec)

    def _left(self, queued: QueuedTrial) -> TrialResult | None:
        """What it left when its driver was killed; None where it had not finished, or a file of it is damaged."""
        paths = TrialPaths(queued.spec.folder)
        try:
            result = read_result(paths)
            if result is not None and result.state is TrialState.COMPLETE:
                check_archive(model_file(paths.model))
        except DamagedFileError as error:
            self._say(f"The refit had finished, but {error}. It is trained again.")
            return None
        return result

    def _say(self, text: str) -> None:
        self.listener(Note(text))


def refit_config(identity: Mapping[str, Any], epochs: int, path: str | None) -> dict[str, Any]:
    """The configuration of a refit, of the identity of a trial of the configuration and the place of its images."""
    left_out = ("digest", "split_digest", "fold")
    images = {key: value for key, value in identity["data"].items() if key not in left_out}
    return {**identity, "data": {**images, "path": path}, "refit": {"epochs": epochs}}


class _One:
    """A scheduler of one trial."""

    learns = False

    def __init__(self, queued: QueuedTrial) -> None:
        self._left: QueuedTrial | None = queued

    def next(self) -> QueuedTrial | None:
        left, self._left = self._left, None
        return left

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> bool:
        return False

    def finished(self, row: TrialRow) -> None:
        pass


class _Shown:
    """Passes events on in words: the refit is none of the trials that a display counts."""

    def __init__(self, listener: Listener, epochs: int, what: str) -> None:
        self._listener = listener
        self._what = what
        self._epochs = epochs
        self._last_line = time.monotonic()
        self.state: TrialState | None = None

    def __call__(self, event: SweepEvent) -> None:
        match event:
            case Note():
                self._listener(event)
            case TrialBegan():
                self._say(self._what)
            case EpochFinished(_, report) if time.monotonic() - self._last_line > _QUIET_S:
                self._say(f"Refit: epoch {report.epoch} of {self._epochs}, loss {report.metrics['loss']:.4f}.")
            case TrialFinished(row):
                self.state = row.state
                took = f"complete in {duration(row.metrics.get('duration_s', 0.0))}"
                self._say(f"Refit: {took if row.state is TrialState.COMPLETE else f'failed: {row.error}'}.")
            case TrialInterrupted():
                self._say("Refit: interrupted.")

    def _say(self, text: str) -> None:
        self._last_line = time.monotonic()
        self._listener(Note(text))
