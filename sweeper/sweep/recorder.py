"""Records trials: MLflow first, then the predictions' summary, then the study. The order makes a trial finished.

    begin      names the trial in both stores
    epoch      adds a point to each of its curves
    finish     files and figures to MLflow, answers to the sweep's folder, then the study, then the folder is deleted
    abandon    an interrupted trial's run is deleted; the next start begins it again

What does not live here: which trial runs, and when (`sweeper.sweep.driver`).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sweeper.artifacts import answers
from sweeper.config.identity import leaves
from sweeper.core.datasets import PreparedData
from sweeper.core.objectives import Objective
from sweeper.core.paths import SweepPaths
from sweeper.core.trials import EpochReport, TrialResult, TrialRow, TrialState
from sweeper.search.scheduler import QueuedTrial
from sweeper.storage.study import SweepStudy
from sweeper.tracking import tags

if TYPE_CHECKING:
    from sweeper.tracking.tracker import Tracker


class Recorder:
    """Writes one sweep's trials to its stores. Trials are known by their number; MLflow's run ids stay in here."""

    def __init__(
        self,
        study: SweepStudy,
        tracker: Tracker,
        paths: SweepPaths,
        parent_run_id: str,
        provenance: dict[str, str],
        objectives: Sequence[Objective],
    ) -> None:
        self._study = study
        self._tracker = tracker
        self._paths = paths
        self._parent_run_id = parent_run_id
        self._provenance = provenance
        self._objectives = objectives
        self._runs: dict[int, str] = {}

    def begin(self, queued: QueuedTrial) -> None:
        """Names the trial in both stores; an interrupted attempt leaves no second live run."""
        run_id = self._tracker.start_trial(
            self._parent_run_id,
            queued.number,
            " ".join(queued.shown_overrides) or f"trial {queued.number}",
            dict(leaves(queued.spec.config)),
            {**self._provenance, **_trial_tags(queued)},
        )
        self._runs[queued.number] = run_id
        self._study.begin(replace(queued.trial, run_id=run_id))

    def epoch(self, number: int, report: EpochReport) -> None:
        """Adds a running trial's epoch to its curves."""
        self._tracker.log_epoch(self._runs[number], report)

    def finish(self, queued: QueuedTrial, result: TrialResult, history: Sequence[dict[str, float]]) -> TrialRow:
        """Records a trial's end and deletes its folder; returns its row."""
        row = _row(queued, self._runs.pop(queued.number), result, history)
        folder = self._paths.trial(row.number)
        if result.traceback:
            folder.artifacts.mkdir(parents=True, exist_ok=True)
            (folder.artifacts / "traceback.txt").write_text(result.traceback, encoding="utf-8")
        self._tracker.finish_trial(
            row.run_id,
            row.state,
            row.metrics,
            {tags.ERROR: row.error} if row.error else {},
            folder.artifacts if folder.artifacts.is_dir() else None,
            folder.model if folder.model.is_dir() else None,
        )
        if row.state is TrialState.COMPLETE:
            answers.append(self._paths.validation_answers, row.number, folder.predictions)
        self._study.finish(row, self._objectives)
        shutil.rmtree(folder.root, ignore_errors=True)
        return row

    def abandon(self, number: int) -> None:
        """Deletes the run of a trial that was interrupted; the next start begins the trial again."""
        self._tracker.abandon_trial(self._runs.pop(number))


def _row(queued: QueuedTrial, run_id: str, result: TrialResult, history: Sequence[dict[str, float]]) -> TrialRow:
    return TrialRow(
        number=queued.number,
        state=result.state,
        params=queued.trial.params,
        metrics=result.metrics,
        seed=int(queued.spec.config["seed"]),
        run_id=run_id,
        error=result.error,
        history=tuple(history),
        overrides=queued.spec.overrides,
        arch=queued.spec.config["arch"],
        point=queued.trial.point,
        repeat=queued.trial.repeat,
        num_repeats=queued.num_repeats,
        facts=result.facts,
    )


def _trial_tags(queued: QueuedTrial) -> dict[str, str]:
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
    }
