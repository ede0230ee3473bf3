"""A sweep's life around the driver's loop: open what it needs, find what is left to do, and close the books.

prepare data -> open study and tracker -> match trials with what is there -> drive -> leaderboard and summary
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from omegaconf import OmegaConf
from rich.console import Console

from sweeper import data, display, figures, interrupts, report
from sweeper.compose import canonical
from sweeper.config import DataConfig, SweepConfig, TrackingConfig
from sweeper.driver import Driver, Job, Recording, read_result
from sweeper.errors import SweepChangedError, SweeperError, TrackingError
from sweeper.executors import Executor
from sweeper.identity import differences, fixed_part, leaves, trial_hash, trial_identity
from sweeper.lock import store_lock
from sweeper.paths import OutputPaths, SweepPaths, write_atomically
from sweeper.preflight import PlannedTrial
from sweeper.records import Objective, PreparedData, TrialRow, TrialSpec, TrialState
from sweeper.space import SearchSpace
from sweeper.study import StudyTrial, SweepStudy, distributions

if TYPE_CHECKING:
    from sweeper.tracker import Tracker


@dataclass(frozen=True)
class SweepRequest:
    """A checked line: what to run, under which name, into which folder."""

    name: str
    paths: OutputPaths
    space: SearchSpace
    trials: tuple[PlannedTrial, ...]
    objective: Objective
    sweep: SweepConfig
    tracking: TrackingConfig
    resume_line: str
    provenance: dict[str, str]

    @property
    def folder(self) -> SweepPaths:
        return self.paths.sweep(self.name)


#: Told, before the first trial, the trials that are left and their number.
Announce = Callable[[Sequence[PlannedTrial], int], None]


def run_sweep(request: SweepRequest, executor: Executor, console: Console, announce: Announce) -> int:
    """Runs what is left of a sweep and writes its leaderboard; returns the exit status.

    Raises:
        RefusedError: the data, the stores or the sweep of this name do not allow it; nothing has trained.
        SweeperError: a store or the disk failed; what had finished is kept.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return _run_sweep(request, executor, console, announce)
    except (OSError, SQLAlchemyError, TrackingError) as error:
        if isinstance(error, BrokenPipeError):  # the reader of what is printed went away
            raise
        cause = getattr(error, "orig", None) or error  # below SQLAlchemy, what the database said
        kind = "" if isinstance(error, SweeperError) else f"{type(cause).__name__}: "
        raise SweeperError(
            f"The sweep stopped: {kind}{' '.join(str(cause).split())[:400]}. What had finished is kept.  "
            f"To go on, once that is mended: {request.resume_line}"
        ) from error


def _run_sweep(request: SweepRequest, executor: Executor, console: Console, announce: Announce) -> int:
    candidates = _candidates(request, _prepare_data(request, console))
    study, tracker = _open_stores(request, console)
    about = _checked_about(request, study, candidates[0].spec.data)
    jobs, finished = _match(request.name, candidates, study, retry_failed=request.sweep.retry_failed)
    study.write_about(about)
    parent_run_id = _start_parent(request, tracker)
    if not jobs:
        console.print(f"Nothing is left to do: every trial of sweep {request.name} has finished.", markup=False)
    announce([candidate.planned for candidate in candidates if candidate.number in jobs], len(jobs))
    console.print(
        f"Sweep: {request.name}. If it is cut off, go on with: {request.resume_line}", markup=False, soft_wrap=True
    )
    progress = display.Progress(len(jobs) + len(finished), executor.workers, request.objective)
    for row in finished:
        progress.add(row, here=False)
    shown = display.create(console, progress)
    params = [trial.params for trial in study.trials()] + [candidate.params for candidate in candidates]
    found = distributions(request.space.dimensions, params)
    study.widen(found)
    recording = Recording(parent_run_id, request.provenance, found, request.objective)
    driver = Driver(
        executor, study, tracker, shown, request.folder, recording, trial_timeout_s=request.sweep.trial_timeout_s
    )
    figures.warm_up()  # while the forkserver still loads TensorFlow, instead of at the end
    gc.freeze()
    gc.enable()  # `sweeper.__main__` turned it off
    interrupts.check()
    try:
        _drive(driver, study, request, list(jobs.values()))
    finally:
        shown.close()
    return _close(request, study, tracker, parent_run_id, console, interrupted=driver.interrupted, ran=set(jobs))


@dataclass(frozen=True)
class _Candidate:
    """A planned trial with its identity; its number follows from what the study has."""

    planned: PlannedTrial
    identity: dict[str, Any]
    hash: str
    spec: TrialSpec
    params: dict[str, Any]
    number: int = -1


def _prepare_data(request: SweepRequest, console: Console) -> dict[str, PreparedData]:
    """Reads, checks and splits each data set of the sweep once, before anything trains."""
    shutil.rmtree(request.folder.data, ignore_errors=True)
    prepared: dict[str, PreparedData] = {}
    for planned in request.trials:
        node = planned.point.config["data"]
        key = canonical(node)
        if key in prepared:
            continue
        prepared[key] = data.prepare(DataConfig(**node), request.folder.data / str(len(prepared)))
        summary = prepared[key].summary
        note = (
            " (the test set is the validation set: figures are optimistic)" if prepared[key].test_is_validation else ""
        )
        console.print(
            f"Data: {summary.name}, {summary.num_train:,} training, {summary.num_validation:,} validation and "
            f"{summary.num_test:,} test images of {'x'.join(map(str, summary.input_shape))}, "
            f"from {prepared[key].source}{note}.",
            markup=False,
            soft_wrap=True,
        )
    return prepared


def _candidates(request: SweepRequest, prepared: dict[str, PreparedData]) -> list[_Candidate]:
    found = []
    for planned in request.trials:
        config = planned.point.config
        arrays = prepared[canonical(config["data"])]
        identity = trial_identity(config, arrays)
        spec = TrialSpec(-1, request.folder.root, config, planned.point.overrides, arrays, request.objective)
        found.append(_Candidate(planned, identity, trial_hash(identity), spec, planned.point.params))
    return found


def _open_stores(request: SweepRequest, console: Console) -> tuple[SweepStudy, Tracker]:
    """One process at a time opens the stores: two that create one at once would break it."""
    from sweeper.tracker import Tracker

    with store_lock(request.paths.store_lock):
        study = SweepStudy.open(request.paths, request.name, request.objective)
        tracker = Tracker.open(request.tracking, request.paths)
    if tracker.moved_from is not None:
        console.print(
            f"{tracker.moved_from} is now {request.paths.root}: its runs point to their new place.", markup=False
        )
    return study, tracker


def _checked_about(request: SweepRequest, study: SweepStudy, prepared: PreparedData) -> dict[str, Any]:
    """What is to be written about the sweep; refuses another objective than it was begun with."""
    old = study.about
    objective = f"{request.objective.metric} ({request.objective.direction})"
    if old and old["objective"] != objective:
        raise _changed(request.name, [f"objective: {old['objective']} -> {objective}"])
    keys = list(dict.fromkeys([*old.get("params", []), *request.space.keys]))
    return {
        "started": old.get("started", datetime.now(UTC).isoformat(timespec="microseconds")),
        "objective": objective,
        "metric": request.objective.metric,
        "direction": request.objective.direction,
        "params": keys,
        "data": prepared.summary.name,
        "test_is_validation": prepared.test_is_validation,
    }


def _changed(name: str, lines: Sequence[str]) -> SweepChangedError:
    return SweepChangedError(
        f"sweep.name={name} was begun with another configuration, and its trials would not compare: "
        f"{'; '.join(lines)}. Accepted under one name: the same fixed configuration, with more or other points of "
        f"what varies.  Try: sweep.name={name}-2"
    )


def _match(
    name: str, candidates: list[_Candidate], study: SweepStudy, *, retry_failed: bool
) -> tuple[dict[int, Job], list[TrialRow]]:
    """Finds what is left to do: new points and those that were cut off.

    Returns:
        The jobs by trial number, in the order of the command line, and the rows of what had finished.

    Raises:
        SweepChangedError: the fixed part of the configuration is not the one the sweep was begun with.
    """
    known = {trial.hash: trial for trial in study.trials()}
    _refuse_changed(name, candidates, list(known.values()))
    next_number = max((trial.number for trial in known.values()), default=-1) + 1
    jobs: dict[int, Job] = {}
    for position, candidate in enumerate(candidates):
        trial = known.get(candidate.hash)
        number = next_number if trial is None else trial.number
        next_number += trial is None
        candidates[position] = _numbered(candidate, number)
        if trial is None or trial.state is TrialState.RUNNING or (trial.state is TrialState.FAILED and retry_failed):
            jobs[number] = _job(candidates[position])
    finished = [trial.row for trial in known.values() if trial.row is not None and trial.number not in jobs]
    return jobs, finished


def _numbered(candidate: _Candidate, number: int) -> _Candidate:
    folder = SweepPaths(candidate.spec.folder).trial(number).root
    return replace(candidate, number=number, spec=replace(candidate.spec, number=number, folder=folder))


def _job(candidate: _Candidate) -> Job:
    trial = StudyTrial(
        number=candidate.number,
        state=TrialState.RUNNING,
        hash=candidate.hash,
        identity=candidate.identity,
        params=candidate.params,
        overrides=candidate.spec.overrides,
        run_id="",
        row=None,
    )
    return Job(trial, candidate.spec)


def _refuse_changed(name: str, candidates: Sequence[_Candidate], known: Sequence[StudyTrial]) -> None:
    """Compares what is under no swept key, of the old sweep or the new, in one trial of each."""
    if not known:
        return
    swept = {*candidates[0].params, *known[0].params}
    old, new = (fixed_part(identity, swept) for identity in (known[0].identity, candidates[0].identity))
    if lines := differences(old, new):
        raise _changed(name, lines)


def _start_parent(request: SweepRequest, tracker: Tracker) -> str:
    """The sweep's own run, and `multirun.yaml` in its folder."""
    objective = f"{request.objective.metric} ({request.objective.direction})"
    varies = {d.key: ",".join(choice.text for choice in d.choices) for d in request.space.dimensions}
    params = {"objective": objective, **{f"sweep.{key}": text for key, text in varies.items()}}
    parent_run_id = tracker.start_sweep(request.name, params, request.provenance)
    about = {
        "name": request.name,
        "tracking_uri": tracker.uri,
        "experiment": request.tracking.experiment,
        "run_id": parent_run_id,
        "objective": objective,
        "fixed": list(request.space.fixed),
        "varies": varies,
        "go_on": request.resume_line,
    }
    write_atomically(request.folder.multirun, OmegaConf.to_yaml(OmegaConf.create(about)))
    return parent_run_id


def _drive(driver: Driver, study: SweepStudy, request: SweepRequest, jobs: list[Job]) -> None:
    """Settles what a killed driver left, then runs the loop."""
    study.reopen()
    left = [job for job in jobs if not _replayed(driver, request, study, job)]
    study.close_left_over({job.spec.number for job in left}, request.objective)
    driver.run(left)


def _replayed(driver: Driver, request: SweepRequest, study: SweepStudy, job: Job) -> bool:
    """Records a trial that had finished before its driver could; anything but this very trial's result is old."""
    result = read_result(request.folder, job.spec.number) if study.is_open(job.spec.number) else None
    if result is None:
        return False
    driver.replay(job, result)
    return True


def _close(
    request: SweepRequest,
    study: SweepStudy,
    tracker: Tracker,
    parent_run_id: str,
    console: Console,
    *,
    interrupted: bool,
    ran: set[int],
) -> int:
    """Writes the leaderboard and the curves, ends the sweep's run, prints the summary."""
    sweep_report = load_report(request.paths, request.name)
    rows = [row for row in sweep_report.rows if row.state is not TrialState.RUNNING]
    report.write_csv([sweep_report], str(request.folder.leaderboard))
    artifacts = [request.folder.leaderboard, request.folder.multirun]
    if any(row.history for row in rows):
        figures.save(figures.sweep_curves_figure(rows, request.objective), request.folder.curves)
        artifacts.append(request.folder.curves)
    well = [row for row in rows if row.state is not TrialState.FAILED]
    status: Literal["KILLED", "FINISHED", "FAILED"] = "KILLED" if interrupted else "FINISHED" if well else "FAILED"
    counts = {
        f"num_{state}": float(sum(row.state is state for row in rows)) for state in TrialState if state != "running"
    }
    tracker.finish_sweep(parent_run_id, status, artifacts, counts, {})
    shutil.rmtree(request.folder.data, ignore_errors=True)
    if request.folder.trials.is_dir() and not any(request.folder.trials.iterdir()):
        request.folder.trials.rmdir()
    _print_summary(console, request, sweep_report, tracker, interrupted=interrupted)
    if interrupted:
        return 130
    return 0 if not ran or any(row.number in ran for row in well) else 1


def _print_summary(
    console: Console, request: SweepRequest, sweep_report: report.SweepReport, tracker: Tracker, *, interrupted: bool
) -> None:
    from sweeper.ui import plain_command

    report.print_report(console, sweep_report, csv_path=request.folder.leaderboard)
    if interrupted:
        console.print("Interrupted. What had finished is kept; to go on:")
        console.print(f"  {request.resume_line}", markup=False, soft_wrap=True)
        return
    console.print("To browse the runs:")
    if request.tracking.uri is None:
        where = "" if request.paths.root.name == "mlruns" else f" --output-dir {request.paths.root}"
        console.print(f"  python -m sweeper ui{where}", markup=False, soft_wrap=True)
        console.print(f"  {plain_command(request.paths.root)}", markup=False, soft_wrap=True)
    else:
        console.print(f"  {tracker.uri}", markup=False, soft_wrap=True)


def load_report(paths: OutputPaths, name: str) -> report.SweepReport:
    """A sweep's rows and what is known about it, from the study."""
    study = SweepStudy.load(paths, name)
    about = study.about
    return report.SweepReport(
        name=name,
        objective=Objective(about["metric"], about["direction"]),
        params=tuple(about["params"]),
        rows=tuple(_with_params(trial, about["params"]) for trial in study.trials()),
        about={"data": about["data"], "started": about["started"]},
        test_is_validation=bool(about["test_is_validation"]),
    )


def _with_params(trial: StudyTrial, keys: Sequence[str]) -> TrialRow:
    """A trial's row with every swept key: one that varies only since a later line stands in its configuration."""
    row = trial.as_row()
    later = {key: value for key, value in leaves(trial.identity) if key in keys and key not in row.params}
    return replace(row, params={**row.params, **later})
