"""Records trials: the study at once, MLflow by the recorder's process (`sweeper.tracking.recording`).

    begin      an entry for MLflow, then the study names the trial as running
    epoch      an entry
    finish     the predictions' summary, then the study (from here on the trial is finished), then an entry
    abandon    an entry: an interrupted trial's run is deleted; the next start begins the trial again
    settle     entries for what a killed driver's study has and its queue has not

The recorder uploads a finished trial's folder and deletes it.

What does not live here: which trial runs, and when (`sweeper.sweep.driver`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sweeper.artifacts import answers
from sweeper.config.identity import leaves
from sweeper.core.datasets import PreparedData
from sweeper.core.objectives import Metric, Objective
from sweeper.core.paths import SweepPaths
from sweeper.core.trials import EpochReport, StudyTrial, TrialResult, TrialRow, TrialState
from sweeper.search.scheduler import QueuedTrial
from sweeper.storage.study import SweepStudy
from sweeper.tracking import tags
from sweeper.tracking.recording.remote import RemoteTracker


class Recorder:
    """Writes one sweep's trials to its stores."""

    def __init__(
        self,
        study: SweepStudy,
        tracker: RemoteTracker,
        paths: SweepPaths,
        parent_run_id: str,
        provenance: dict[str, str],
        objectives: Sequence[Objective],
        metrics: Sequence[Metric] = (),
    ) -> None:
        self._study = study
        self._tracker = tracker
        self._paths = paths
        self._parent_run_id = parent_run_id
        self._provenance = provenance
        self._objectives = objectives
        self._metrics = metrics

    def begin(self, queued: QueuedTrial) -> None:
        """Names the trial in both stores; an interrupted attempt leaves no second live run."""
        self._begin_run(queued.number, queued.shown_overrides, dict(leaves(queued.spec.config)), trial_tags(queued))
        self._study.begin(queued.trial)

    def epoch(self, number: int, report: EpochReport) -> None:
        """Adds a running trial's epoch to its curves."""
        self._tracker.add(number, "epoch", asdict(report))

    def finish(self, queued: QueuedTrial, result: TrialResult, history: Sequence[dict[str, float]]) -> TrialRow:
        """Records a trial's end; returns its row."""
        row = row_of(queued, result, history)
        folder = self._paths.trial(row.number)
        self._keep_traceback(row.number, result)
        if row.state is TrialState.COMPLETE:
            answers.append(self._paths.validation_answers, row.number, folder.predictions, self._metrics)
        self._study.finish(row, self._objectives)
        self._finish_run(row)
        return row

    def _keep_traceback(self, number: int, result: TrialResult) -> None:
        if result.traceback:
            folder = self._paths.trial(number)
            folder.artifacts.mkdir(parents=True, exist_ok=True)
            (folder.artifacts / "traceback.txt").write_text(result.traceback, encoding="utf-8")

    def abandon(self, number: int) -> None:
        """Deletes the run of a trial that was interrupted; the next start begins the trial again."""
        self._tracker.add(number, "abandon", {})

    def check(self) -> None:
        """Passes on what the recorder's process says.

        Raises:
            TrackingError: it failed, and a retry does not help.
        """
        self._tracker.check()

    def settle(self, trials: Iterable[StudyTrial]) -> None:
        """Adds what the queue lacks of trials that have finished: their driver was killed, or the queue was lost."""
        queue, recorded = self._tracker.queue, self._study.recorded_runs
        begun, ended = queue.begun(), queue.ended()
        lacking = [
            trial
            for trial in trials
            if trial.row is not None
            and trial.number not in ended | recorded.keys()
            and (trial.number in begun or not trial.run_id)
        ]
        # Where the queue was lost, the runs of trials that it had written are found in MLflow.
        is_lost = any(trial.number not in begun for trial in lacking)
        found = self._tracker.recorded_runs(self._parent_run_id) if is_lost else {}
        self._study.write_runs({trial.number: found[trial.number] for trial in lacking if trial.number in found})
        for trial in lacking:
            if trial.row is None or trial.number in found:
                continue
            if trial.number not in begun:
                marks = {tags.OVERRIDES: " ".join(trial.overrides), tags.HASH: trial.hash}
                self._begin_run(trial.number, trial.overrides, dict(leaves(trial.identity)), marks)
                for epoch, metrics in enumerate(trial.row.history, start=1):
                    self.epoch(trial.number, EpochReport(epoch, metrics, _now_ms()))
            self._finish_run(trial.row)

    def _begin_run(
        self, number: int, shown: Sequence[str], params: Mapping[str, Any], marks: Mapping[str, str]
    ) -> None:
        content = {
            "parent_run_id": self._parent_run_id,
            "run_name": " ".join(shown) or f"trial {number}",
            "params": params,
            "tags": {**self._provenance, **marks},
        }
        self._tracker.add(number, "begin", content)

    def _finish_run(self, row: TrialRow) -> None:
        content = {
            "state": row.state,
            "metrics": row.metrics,
            "tags": _outcome_tags(row),
            "end_time_ms": _now_ms(),
        }
        self._tracker.add(row.number, "finish", content)


def _outcome_tags(row: TrialRow) -> dict[str, str]:
    """Why a trial failed, or where it was trained."""
    marks = {tags.ERROR: row.error} if row.error else {}
    if (origin := row.facts.taken_from) is not None:
        marks |= {tags.TAKEN_FROM: origin.name, tags.TAKEN_FROM_RUN: origin.run_id}
    return marks


def _now_ms() -> int:
    return int(time.time() * 1000)


def row_of(queued: QueuedTrial, result: TrialResult, history: Sequence[dict[str, float]]) -> TrialRow:
    """The row of a trial that has ended."""
    return TrialRow(
        number=queued.number,
        state=result.state,
        params=queued.trial.params,
        metrics=result.metrics,
        seed=int(queued.spec.config["seed"]),
        error=result.error,
        history=tuple(history),
        overrides=queued.spec.overrides,
        arch=queued.spec.config["arch"],
        point=queued.trial.point,
        repeat=queued.trial.repeat,
        num_repeats=queued.num_repeats,
        facts=result.facts,
    )


def trial_tags(queued: QueuedTrial) -> dict[str, str]:
    """What the run of a trial is marked with."""
    return {
        tags.OVERRIDES: " ".join(queued.spec.overrides),
        tags.HASH: queued.trial.hash,
        tags.SEED: str(queued.spec.config["seed"]),
        **prepared_tags(queued.spec.data),
    }


def prepared_tags(prepared: PreparedData) -> dict[str, str]:
    """Which images a run saw."""
    return {
        tags.DATA: prepared.summary.name,
        tags.DATA_SOURCE: prepared.source,
        tags.DATA_DIGEST: prepared.data_digest,
        tags.SPLIT_DIGEST: prepared.split_digest,
        **({tags.CONVERSIONS: "\n".join(prepared.conversions)} if prepared.conversions else {}),
    }
