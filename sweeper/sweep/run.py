"""A sweep's life around the driver's loop: open what it needs, find what is left to do, and close the books.

prepare data -> open study and tracker -> match trials with what is there -> drive -> leaderboard and summary

What is left to do, and in which order, is `sweeper.search.scheduler`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from rich.console import Console

from sweeper.artifacts import figures
from sweeper.artifacts.result import read_result
from sweeper.core import process
from sweeper.core.errors import SweeperError, TrackingError
from sweeper.core.paths import write_atomically
from sweeper.core.retry import Patience
from sweeper.core.trials import TrialState
from sweeper.data.prepare import DataSets
from sweeper.executors import Executor
from sweeper.preflight.check import PlannedTrial
from sweeper.report import progress as display
from sweeper.search.grid import GridJobs
from sweeper.search.pruner import Pruning
from sweeper.search.sampled import SampledJobs
from sweeper.search.sampler import Search
from sweeper.search.scheduler import Candidates
from sweeper.storage import stored_sweep
from sweeper.storage.distributions import distributions
from sweeper.storage.locks import store_lock
from sweeper.storage.study import SweepStudy
from sweeper.sweep.driver import Driver, Recording
from sweeper.sweep.finish import Closing, close
from sweeper.sweep.plan import SweepRequest
from sweeper.sweep.resume import checked_about, described, refuse_changed

if TYPE_CHECKING:
    from sweeper.tracking.tracker import Tracker


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
    data_sets = DataSets(request.folder, console)
    for planned in request.trials:
        data_sets.prepare(planned.point.config["data"])
    study, tracker = _open_stores(request, console)
    candidates = Candidates(
        request.folder, data_sets.prepare, request.objectives, request.sweep.seeds, request.pruner.name != "none"
    )
    first = candidates.of(request.trials[0])
    about = checked_about(request, study, data_sets.prepare(request.trials[0].point.config["data"]))
    refuse_changed(request.name, first, study.trials())
    found = distributions(request.space.dimensions, [*(trial.params for trial in study.trials()), *request.params])
    study.widen(found)
    study.reopen()
    jobs = _jobs(request, candidates, study, found, console)
    study.write_about(about)
    parent_run_id = _start_parent(request, tracker)
    total = jobs.total
    if not total:
        console.print(f"Nothing is left to do: every trial of sweep {request.name} has finished.", markup=False)
    announce(jobs.planned if isinstance(jobs, GridJobs) else request.trials, total)
    console.print(
        f"Sweep: {request.name}. If it is cut off, go on with: {request.resume_line}", markup=False, soft_wrap=True
    )
    progress = display.Progress(total + len(jobs.finished_rows), executor.workers, request.objective)
    for row in jobs.finished_rows:
        progress.add(row, here=False)
    shown = display.create(console, progress)
    tracker.patience = study.patience = Patience(request.tracking.patience_s, shown.note)
    recording = Recording(parent_run_id, request.provenance, found, request.objectives)
    driver = Driver(
        executor,
        study,
        tracker,
        shown,
        request.folder,
        recording,
        trial_timeout_s=request.sweep.trial_timeout_s,
        retries=request.sweep.retries,
    )
    study.patience.is_over = lambda: driver.interrupted
    figures.warm_up()  # while the forkserver still loads TensorFlow, instead of at the end
    gc.freeze()
    gc.enable()  # `sweeper.__main__` turned it off
    process.raise_if_interrupted()
    before = {row.number for row in jobs.finished_rows}
    try:
        _drive(driver, study, request, jobs)
    finally:
        shown.close()
    if jobs.budget.reason and not driver.interrupted:
        console.print(f"Ended: {jobs.budget.reason}.", markup=False, soft_wrap=True)
    ran = {row.number for row in jobs.finished_rows} - before
    closing = Closing(
        name=request.name,
        paths=request.paths,
        space=request.space,
        objectives=request.objectives,
        report=request.report,
        tracking=request.tracking,
        resume_line=request.resume_line,
        study=study,
        tracker=tracker,
        executor=executor,
        parent_run_id=parent_run_id,
        prepare=lambda node: data_sets.prepare(_with_path(request, node)),
        console=console,
    )
    return close(closing, interrupted=driver.interrupted, ran=ran, nothing_left=not total)


def _with_path(request: SweepRequest, node: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded `data` node with the place of this line's data, which is no part of a trial's identity."""
    return {**request.trials[0].point.config["data"], **node}


def _jobs(
    request: SweepRequest, candidates: Candidates, study: SweepStudy, found: Mapping[str, Any], console: Console
) -> GridJobs | SampledJobs:
    """What is left to do, in the order in which it is done."""
    pruning = None
    if request.pruner.name != "none":
        epochs = max(int(planned.point.config["training"]["epochs"]) for planned in request.trials)
        pruning = Pruning(request.pruner, request.objectives, request.name, epochs)
    if request.sampler.name == "grid":
        return GridJobs(candidates, study.trials(), request.sweep, pruning, request.trials, request.enqueued)
    search = Search(request.sampler, request.space, request.objectives, request.composer.exists, request.seed)
    if request.sweep.warm_start is not None:
        _learn_from(request.sweep.warm_start, request, search, console)
    return SampledJobs(
        candidates,
        study,
        request.sweep,
        pruning,
        search,
        request.composer,
        request.space,
        found,
        request.num_points,
        request.enqueued,
    )


def _learn_from(name: str, request: SweepRequest, search: Search, console: Console) -> None:
    """Tells a sampler what an earlier sweep found at points that this space has too.

    Raises:
        StoreError: there is no such sweep.
    """
    rows = [row for row in stored_sweep.load(request.paths, name).rows if row.state is TrialState.COMPLETE]
    used = 0
    for row in rows:
        values = [row.metrics.get(objective.metric) for objective in request.objectives]
        if all(value is not None for value in values):
            known = [value for value in values if value is not None]
            used += search.learn(row.overrides, known, TrialState.COMPLETE, ()) is not None
    console.print(
        f"sweep.warm_start={name}: the sampler knows {used} of its {len(rows)} complete trials"
        f"{'' if used == len(rows) else '; the others are no points of this space'}.",
        markup=False,
        soft_wrap=True,
    )


def _open_stores(request: SweepRequest, console: Console) -> tuple[SweepStudy, Tracker]:
    """One process at a time opens the stores: two that create one at once would break it."""
    from sweeper.tracking.tracker import Tracker

    with store_lock(request.paths.store_lock):
        study = SweepStudy.open(request.paths, request.name, request.objectives)
        tracker = Tracker.open(request.tracking, request.paths)
    if tracker.moved_from is not None:
        console.print(
            f"{tracker.moved_from} is now {request.paths.root}: its runs point to their new place.", markup=False
        )
    return study, tracker


def _start_parent(request: SweepRequest, tracker: Tracker) -> str:
    """The sweep's own run, and `multirun.yaml` in its folder."""
    objective = described(request.objectives)
    varies = {dimension.key: dimension.text for dimension in request.space.dimensions}
    params = {
        "sampler": request.sampler.name,
        "pruner": request.pruner.name,
        "objective": objective,
        **{f"sweep.{key}": text for key, text in varies.items()},
    }
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


def _drive(driver: Driver, study: SweepStudy, request: SweepRequest, jobs: GridJobs | SampledJobs) -> None:
    """Settles what a killed driver left, then runs the loop."""
    for job in list(jobs.queue):
        result = read_result(request.folder.trial(job.spec.number)) if study.is_open(job.spec.number) else None
        if result is not None:  # it had finished; anything but this very trial's result is old
            if job in jobs.queue:  # not where the replay of another repeat has pruned its point
                jobs.queue.remove(job)
            driver.replay(job, result, jobs)
    study.close_left_over({job.spec.number for job in jobs.queue}, request.objectives)
    driver.run(jobs)
