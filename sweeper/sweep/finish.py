"""A sweep's end: its test set opened, its ranking judged, leaderboard, pictures and page written, its run ended.

    predictions complete -> judged -> test set opened for the finalists -> judged again -> files -> MLflow
                                      (pictures are drawn meanwhile)

What does not live here: what is printed about it (`sweeper.cli.sweep`).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sweeper.artifacts import figures
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import RunGoneError
from sweeper.core.events import Listener, Note
from sweeper.core.text import size_text
from sweeper.core.trials import TrialState
from sweeper.data.prepare import DataSets
from sweeper.executors import Executor
from sweeper.ranking import judge
from sweeper.ranking.kept import ALL, kept_models
from sweeper.ranking.refit import current
from sweeper.report import examples, export, page, sweep_report
from sweeper.report.plots import curves, search
from sweeper.storage import stored_sweep
from sweeper.storage.study import SweepStudy
from sweeper.sweep.plan import SweepPlan
from sweeper.sweep.seeds.answers import complete_answers
from sweeper.sweep.test_set import TestSet
from sweeper.tracking.recording.remote import RemoteTracker

_WELL = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class SweepOutcome:
    """The outcome of one start of a sweep.

    Attributes:
        exit_status: 0 when a trial finished or nothing was left, 1 when none did or something broke, 130 after Ctrl-C.
        report: the sweep at present.
        interrupted: whether Ctrl-C ended it.
        tracking_uri: where MLflow recorded it.
    """

    exit_status: int
    report: sweep_report.SweepReport
    interrupted: bool
    tracking_uri: str


class Finish:
    """Finishes one sweep."""

    def __init__(
        self,
        plan: SweepPlan,
        study: SweepStudy,
        tracker: RemoteTracker,
        executor: Executor,
        data_sets: DataSets,
        parent_run_id: str,
        listener: Listener,
    ) -> None:
        self._plan = plan
        self._study = study
        self._tracker = tracker
        self._executor = executor
        self._data_sets = data_sets
        self._parent_run_id = parent_run_id
        self._listener = listener
        self._pictures: list[Path] | None = None

    def run(self, *, interrupted: bool, ran: set[int], nothing_left: bool) -> SweepOutcome:
        """Finishes the sweep.

        Args:
            interrupted: by Ctrl-C; then the test set stays closed.
            ran: trials that finished in this start.
            nothing_left: whether there was nothing to do in it.
        """
        complete_answers(self._plan, self._study, self._tracker, self._listener)
        is_whole = True
        loaded = self._loaded()
        if not interrupted and not loaded.info.test_is_validation:
            is_whole = self._open_test_set(loaded)
            loaded = self._loaded()
        report = sweep_report.judged(loaded)
        self._draw(report)
        self._end_run(report, self._write_files(loaded, report), interrupted=interrupted)
        if not interrupted and is_whole:
            self._delete_models(report)
        self._tidy()
        succeeded = nothing_left or any(row.number in ran and row.state in _WELL for row in report.rows)
        status = 130 if interrupted else 0 if is_whole and succeeded else 1
        return SweepOutcome(status, report, interrupted, self._tracker.uri)

    def _loaded(self) -> stored_sweep.Loaded:
        return stored_sweep.load(self._plan.paths, self._plan.name, self._study.retry)

    def _open_test_set(self, loaded: stored_sweep.Loaded) -> bool:
        """Opens the test set for the finalists that have not seen it; returns whether all of them have figures."""
        found = sweep_report.judged(loaded)
        limit = self._plan.settings.report.finalists
        numbers = judge.finalists(found.findings, found.rows, found.objectives, limit, loaded.test.results)
        refit = current(loaded.refits, found.rows, found.objectives) if limit else None
        if loaded.warnings and loaded.test.openings:  # what is lost must not choose new finalists
            numbers = [number for number in numbers if number in loaded.test.openings[-1].trials]
        if not numbers:
            return True
        data_of = {number: number for number in numbers}
        if refit is not None:
            data_of[refit.trial.number] = refit.trials[0]  # the test images are the same
        test_set = TestSet(
            self._study,
            self._tracker,
            self._executor,
            self._plan.paths,
            self._plan.name,
            self._parent_run_id,
            self._listener,
            self._plan.settings.metrics,
        )
        return test_set.open_for(
            numbers, lambda number: self._data_of(loaded, data_of[number]), lambda: self._draw(found), refit
        )

    def _data_of(self, loaded: stored_sweep.Loaded, number: int) -> PreparedData:
        """A trial's data, at the place where this start has it, which is no part of a trial's identity."""
        recorded: Mapping[str, Any] = loaded.trials[number].identity["data"]
        for prepared in self._data_sets.prepared:
            if (prepared.data_digest, prepared.split_digest) == (recorded["digest"], recorded["split_digest"]):
                return prepared
        node = {key: value for key, value in recorded.items() if key not in ("digest", "split_digest")}
        return self._data_sets.prepare({"path": self._plan.trials[0].point.config["data"]["path"], **node})

    def _draw(self, report: sweep_report.SweepReport) -> None:
        """Draws the sweep's pictures, once: they show what was found on the validation images."""
        if self._pictures is not None:
            return
        self._pictures, folder = [], self._plan.folder
        rows = [row for row in report.rows if row.state is not TrialState.RUNNING]
        if any(row.history for row in rows):
            figures.save(curves.sweep_curves_figure(rows, self._plan.objective), folder.curves)
            self._pictures.append(folder.curves)
        drawn = search.draw(rows, self._plan.space.dimensions, self._plan.objectives, folder.plots)
        if drawn is not None:
            self._pictures += [drawn.folder] if drawn.pictures else []
            self._listener(Note(drawn.text))

    def _write_files(self, loaded: stored_sweep.Loaded, report: sweep_report.SweepReport) -> list[Path]:
        """Writes leaderboard and page; returns what the sweep's run gets."""
        folder, leader = self._plan.folder, report.findings.leader
        export.write_csv([report], str(folder.leaderboard))
        prepared = None if leader is None else self._data_of(loaded, leader)
        shown = examples.of_sweep(loaded, self._plan.paths, leader, prepared)
        page.write_page([report], str(folder.page), {report.name: shown})
        return [folder.leaderboard, folder.page, folder.multirun, *(self._pictures or ())]

    def _end_run(self, report: sweep_report.SweepReport, files: list[Path], *, interrupted: bool) -> None:
        """Ends the sweep's own run, with its files and the number of trials in each state."""
        well = any(row.state in _WELL for row in report.rows)
        status: Literal["KILLED", "FINISHED", "FAILED"] = "KILLED" if interrupted else "FINISHED" if well else "FAILED"
        counts = {
            f"num_{state}": float(sum(row.state is state for row in report.rows))
            for state in TrialState
            if state is not TrialState.RUNNING
        }
        try:
            self._tracker.finish_sweep(self._parent_run_id, status, files, counts, {})
        except RunGoneError as error:
            self._listener(Note(f"Leaderboard and report are in {self._plan.folder.root}, not in MLflow: {error}."))

    def _delete_models(self, report: sweep_report.SweepReport) -> None:
        """Deletes the models that `tracking.keep_models` does not keep, now that the test set was opened."""
        settings = self._plan.settings
        keep = settings.tracking.keep_models
        if keep == ALL:
            return
        kept = kept_models(report.rows, report.findings, report.objectives, keep, settings.report.finalists)
        freed = {}
        for row in report.rows:
            if row.number not in kept and row.run_id:
                try:
                    freed[row.number] = self._tracker.delete_model(row.run_id)
                except RunGoneError as error:
                    self._listener(Note(f"The model of trial {row.number} is left as it is: {error}."))
        deleted = [number for number, num_bytes in freed.items() if num_bytes]
        if deleted:
            self._listener(
                Note(
                    f"The models of {len(deleted)} trials were deleted (tracking.keep_models={keep}), "
                    f"{size_text(sum(freed.values()))}; their figures and predictions are kept."
                )
            )

    def _tidy(self) -> None:
        """Deletes what only running trials need, and what a kill of this start or of an earlier one left."""
        folder = self._plan.folder
        folder.record.unlink(missing_ok=True)  # all of it is written, and the study has the runs
        insight = folder.root / "insight"  # a former name of `plots`
        for path in (folder.data, folder.probe, folder.evaluations, insight):
            shutil.rmtree(path, ignore_errors=True)
        refits = {one.trial.number for one in self._study.refits if one.trial.row is None}
        for half_written in folder.root.glob(".*.tmp"):
            half_written.unlink(missing_ok=True)
        for path in folder.trials.glob("*"):
            number = int(path.name) if path.name.removeprefix("-").isdecimal() else None
            if number is None or not (self._study.is_open(number) or number in refits):  # these may have checkpoints
                shutil.rmtree(path, ignore_errors=True)
        if folder.trials.is_dir() and not any(folder.trials.iterdir()):
            folder.trials.rmdir()
