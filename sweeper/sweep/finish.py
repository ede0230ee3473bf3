"""A sweep's end: its test set opened, its ranking judged, leaderboard, pictures and page written, its run ended.

answers complete -> judged -> test set opened for the finalists -> judged again -> files -> MLflow -> printed
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console

from sweeper.artifacts import answers, figures
from sweeper.config.sweep import ReportConfig, TrackingConfig
from sweeper.core.datasets import PreparedData
from sweeper.core.objectives import Objective
from sweeper.core.paths import OutputPaths, SweepPaths
from sweeper.core.trials import TrialState
from sweeper.executors import Executor
from sweeper.ranking import judge
from sweeper.report import examples, export, page, sweep_report, terminal
from sweeper.report.plots import curves, search
from sweeper.space.dimensions import SearchSpace
from sweeper.storage import stored_sweep
from sweeper.storage.study import SweepStudy
from sweeper.sweep.test_set import Lockbox

if TYPE_CHECKING:
    from sweeper.tracking.tracker import Tracker


@dataclass(frozen=True)
class Closing:
    """What a sweep's end needs.

    Attributes:
        prepare: lays down the data of a trial's `data` node.
    """

    name: str
    paths: OutputPaths
    space: SearchSpace
    objectives: tuple[Objective, ...]
    report: ReportConfig
    tracking: TrackingConfig
    resume_line: str
    study: SweepStudy
    tracker: Tracker
    executor: Executor
    parent_run_id: str
    prepare: Callable[[Mapping[str, Any]], PreparedData]
    console: Console

    @property
    def folder(self) -> SweepPaths:
        return self.paths.sweep(self.name)


def close(closing: Closing, *, interrupted: bool, ran: set[int], nothing_left: bool) -> int:
    """Closes the books of a sweep; returns the exit status.

    Args:
        closing: what it needs.
        interrupted: by Ctrl-C; then the test set stays shut.
        ran: trials that finished in this start.
        nothing_left: whether there was nothing to do in it.
    """
    _complete_answers(closing)
    is_whole = True
    loaded = stored_sweep.load(closing.paths, closing.name)
    if not interrupted and not loaded.about["test_is_validation"]:
        is_whole = _open_test_set(closing, loaded)
        loaded = stored_sweep.load(closing.paths, closing.name)
    found = sweep_report.judged(loaded)
    well = [row for row in found.rows if row.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    status: Literal["KILLED", "FINISHED", "FAILED"] = "KILLED" if interrupted else "FINISHED" if well else "FAILED"
    counts = {
        f"num_{state}": float(sum(row.state is state for row in found.rows))
        for state in TrialState
        if state != "running"
    }
    closing.tracker.finish_sweep(closing.parent_run_id, status, _files(closing, loaded, found), counts, {})
    shutil.rmtree(closing.folder.data, ignore_errors=True)
    if closing.folder.trials.is_dir() and not any(closing.folder.trials.iterdir()):
        closing.folder.trials.rmdir()
    _print(closing, found, interrupted=interrupted)
    if interrupted:
        return 130
    return 0 if is_whole and (nothing_left or any(row.number in ran for row in well)) else 1


def _complete_answers(closing: Closing) -> None:
    """Reads from the runs what the file of answers lacks: a projection of them, which may have been lost."""
    known = answers.read(closing.folder.validation_answers)
    for trial in closing.study.trials():
        if trial.state is TrialState.COMPLETE and trial.number not in known:
            with closing.tracker.artifact(trial.run_id, "predictions.npz") as path:
                answers.append(closing.folder.validation_answers, trial.number, path)


def _open_test_set(closing: Closing, loaded: stored_sweep.Loaded) -> bool:
    """Opens the test set for the finalists that have not seen it; returns whether all of them have figures."""
    found = sweep_report.judged(loaded)
    numbers = judge.finalists(found.findings, found.rows, found.objectives, closing.report.finalists)
    if not numbers:
        return True
    lockbox = Lockbox(
        closing.study,
        closing.tracker,
        closing.executor,
        closing.folder,
        closing.parent_run_id,
        closing.objectives[0],
        closing.console,
    )
    return lockbox.open_for(numbers, _data_of(closing, loaded, numbers[0]))


def _data_of(closing: Closing, loaded: stored_sweep.Loaded, number: int) -> PreparedData:
    node = loaded.trials[number].identity["data"]
    return closing.prepare({key: value for key, value in node.items() if key not in ("digest", "split_digest")})


def _files(closing: Closing, loaded: stored_sweep.Loaded, found: sweep_report.SweepReport) -> list[Path]:
    """Writes leaderboard, page and pictures; returns what the sweep's run gets."""
    folder = closing.folder
    rows = [row for row in found.rows if row.state is not TrialState.RUNNING]
    export.write_csv([found], str(folder.leaderboard))
    leader = found.findings.leader
    prepared = None if leader is None else _data_of(closing, loaded, leader)
    shown = examples.of_sweep(loaded, closing.paths, leader, prepared)
    page.write_page([found], str(folder.page), {found.name: shown})
    files = [folder.leaderboard, folder.page, folder.multirun]
    if any(row.history for row in rows):
        figures.save(curves.sweep_curves_figure(rows, closing.objectives[0]), folder.curves)
        files.append(folder.curves)
    drawn = search.draw(rows, closing.space.dimensions, closing.objectives, folder.insight)
    if drawn is not None:
        files.append(drawn.folder)
        closing.console.print(drawn.text, markup=False, soft_wrap=True)
    return files


def _print(closing: Closing, found: sweep_report.SweepReport, *, interrupted: bool) -> None:
    from sweeper.tracking.ui import plain_command

    console = closing.console
    terminal.print_report(console, found, csv_path=closing.folder.leaderboard)
    console.print(f"The report as a page: {closing.folder.page}", markup=False, soft_wrap=True)
    if interrupted:
        console.print("Interrupted. What had finished is kept; to go on:")
        console.print(f"  {closing.resume_line}", markup=False, soft_wrap=True)
        return
    console.print("To browse the runs:")
    if closing.tracking.uri is None:
        where = "" if closing.paths.root.name == "mlruns" else f" --output-dir {closing.paths.root}"
        console.print(f"  python -m sweeper ui{where}", markup=False, soft_wrap=True)
        console.print(f"  {plain_command(closing.paths.root)}", markup=False, soft_wrap=True)
    else:
        console.print(f"  {closing.tracker.uri}", markup=False, soft_wrap=True)
