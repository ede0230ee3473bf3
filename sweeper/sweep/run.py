"""A sweep from its plan to its outcome: open, resume, drive, finish.

open      the data is prepared, the stores are opened
resume    what earlier starts finished is matched; what is left is scheduled
drive     the main loop (`sweeper.sweep.driver`)
finish    test set, ranking, report (`sweeper.sweep.finish`)
"""

from __future__ import annotations

import dataclasses
import gc
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

from omegaconf import OmegaConf

from sweeper.artifacts import figures
from sweeper.artifacts.versions import versions
from sweeper.config.identity import fixed_part
from sweeper.config.trial import fold_nodes
from sweeper.core.errors import SweeperError, TrackingError
from sweeper.core.events import Listener, Note, SweepStarted, TrialsEnded
from sweeper.core.paths import write_atomically
from sweeper.core.retry import Retry
from sweeper.core.secrets import hide_passwords
from sweeper.core.sweeps import described
from sweeper.core.trials import TrialRow
from sweeper.data.prepare import DataSets
from sweeper.executors import Executor
from sweeper.search.grid import GridScheduler
from sweeper.search.scheduler import TrialFactory
from sweeper.search.staged import StagedScheduler
from sweeper.storage.earlier import EarlierTrials
from sweeper.storage.lease import Lease
from sweeper.storage.locks import store_lock
from sweeper.storage.places import KEY as STORAGE
from sweeper.storage.stored_sweep import recorded_digests
from sweeper.storage.study import SweepStudy
from sweeper.sweep import precision, resume, threads
from sweeper.sweep.driver import Driver
from sweeper.sweep.finish import Finish, SweepOutcome
from sweeper.sweep.interruption import Interruption
from sweeper.sweep.plan import SweepPlan, estimated
from sweeper.sweep.recorder import Recorder
from sweeper.sweep.refit.training import RefitRecorder, RefitTraining
from sweeper.sweep.reuse.takeover import TakeOver
from sweeper.sweep.seeds.answers import complete_answers
from sweeper.sweep.seeds.check import check_images
from sweeper.sweep.seeds.looks import StoredLooks
from sweeper.tracking.recording.remote import RemoteTracker


def run_sweep(plan: SweepPlan, executor: Executor, lease: Lease, listener: Listener) -> SweepOutcome:
    """Runs what is left of a sweep, which the lease says is this driver's, and writes its leaderboard.

    Raises:
        RefusedError: the data, the stores or the sweep of this name do not allow it; nothing has trained.
        SweeperError: a store or the disk failed; what had finished is kept.
    """
    from sqlalchemy.exc import SQLAlchemyError

    def say(text: str) -> None:
        listener(Note(text))

    try:
        with closing(RemoteTracker(plan.settings.tracking, plan.paths, plan.folder, say)) as tracker:
            return _run_sweep(plan, executor, lease, tracker, listener)
    except (OSError, sqlite3.Error, SQLAlchemyError, TrackingError) as error:
        if isinstance(error, BrokenPipeError):  # the reader of what is printed has ended
            raise
        cause = getattr(error, "orig", None) or error  # below SQLAlchemy, what the database said
        kind = "" if isinstance(error, SweeperError) else f"{type(cause).__name__}: "
        raise SweeperError(
            f"The sweep stopped: {kind}{' '.join(str(cause).split())[:400]}. Finished trials are kept.  "
            f"To resume, once that is fixed: {plan.resume_command}"
        ) from error


def _run_sweep(
    plan: SweepPlan, executor: Executor, lease: Lease, tracker: RemoteTracker, listener: Listener
) -> SweepOutcome:
    _record_place(plan)
    data_sets = DataSets(plan.paths, plan.folder, listener, lambda: recorded_digests(plan.place, plan.name))
    for planned in plan.trials:
        for node in fold_nodes(planned.point.config["data"]):
            data_sets.prepare(node)
    if plan.settings.sweep.extent.is_auto:
        check_images(data_sets.prepared)
    retry = Retry(plan.settings.tracking.retry_timeout_s, lambda text: listener(Note(text)))
    study = _open_stores(plan, tracker, retry, lease, listener)

    plan = precision.decided(plan, data_sets, executor, study.info, listener)
    plan = threads.decided(plan, data_sets, executor, study.info, listener)
    factory = TrialFactory(
        plan.folder,
        data_sets.prepare,
        plan.objectives,
        num_repeats=plan.num_repeats,
        awaits_verdict=plan.settings.pruner.name != "none",
        metrics=plan.settings.metrics,
        added=plan.settings.added,
    )
    points = resume.resumed_scheduler(plan, factory, study, listener)
    scheduler = _staged(plan, points, study, tracker, listener)
    earlier, nothing_left = tuple(points.finished_rows), not scheduler.total
    interruption = Interruption(retry)
    parent_run_id = _start_parent_run(plan, tracker)
    _note_lost_runs(study, tracker, parent_run_id, listener)
    with interruption.noted():
        take_over = _take_over(plan, tracker, listener)
        taken = _announce(plan, points, factory, take_over)
        to_look = isinstance(scheduler, StagedScheduler) and scheduler.is_staged
        _report_start(plan, points, scheduler.total, earlier, taken, listener, to_look=to_look)
        recorder = Recorder(
            study, tracker, plan.folder, parent_run_id, plan.provenance, plan.objectives, plan.settings.metrics
        )
        driver = Driver(
            scheduler,
            executor,
            recorder,
            listener,
            interruption,
            attempts=plan.settings.sweep.attempts,
            when_idle=figures.warm_up,  # the pictures of the sweep's end
            take_over=lambda queued: scheduler.unbegun(queued) or (take_over.take(queued) if take_over else None),
        )
        _turn_collector_on()
        resume.settle_finished(points, driver, study, plan, listener)
        recorder.settle(study.trials())
        driver.run()
        is_refit_well = interruption.is_set or _refit(
            plan, study, tracker, executor, data_sets, parent_run_id, listener, interruption
        )
        listener(TrialsEnded("" if interruption.is_set else points.budget.reason))

    finish = Finish(plan, study, tracker, executor, data_sets, parent_run_id, listener)
    ran = {row.number for row in points.finished_rows} - {row.number for row in earlier}
    try:
        outcome = finish.run(interrupted=interruption.is_set, ran=ran, nothing_left=nothing_left)
        return outcome if is_refit_well else replace(outcome, exit_status=outcome.exit_status or 1)
    except KeyboardInterrupt:
        tracker.finish_sweep(parent_run_id, "KILLED", [], {}, {})
        raise


def _refit(
    plan: SweepPlan,
    study: SweepStudy,
    tracker: RemoteTracker,
    executor: Executor,
    data_sets: DataSets,
    parent_run_id: str,
    listener: Listener,
    interruption: Interruption,
) -> bool:
    """Trains the first configuration on all images, where that is asked for; returns whether nothing went wrong."""
    if not plan.settings.report.refit:
        return True
    recorder = RefitRecorder(study, tracker, plan.folder, parent_run_id, plan.provenance, plan.objectives)
    return RefitTraining(plan, study, tracker, executor, data_sets, recorder, listener, interruption).run()


def _record_place(plan: SweepPlan) -> None:
    """Names the study's database in the sweep's folder before there is a study: a killed driver's is found too."""
    if plan.place.url is not None and not plan.folder.multirun.is_file():
        record = {"name": plan.name, STORAGE: plan.place.url, "resume_command": plan.resume_command}
        write_atomically(plan.folder.multirun, OmegaConf.to_yaml(OmegaConf.create(record)))


def _open_stores(plan: SweepPlan, tracker: RemoteTracker, retry: Retry, lease: Lease, listener: Listener) -> SweepStudy:
    """One driver at a time opens the stores: two that create one at once would break it."""
    with store_lock(plan.paths.store_lock):
        study = SweepStudy.open(plan.place, plan.name, plan.objectives, retry, lease)
        moved_from = tracker.open()
    if moved_from is not None:
        listener(Note(f"{moved_from} is now {plan.paths.root}: its runs point to their new place."))
    return study


def _start_parent_run(plan: SweepPlan, tracker: RemoteTracker) -> str:
    """The sweep's own run, and `multirun.yaml` in its folder."""
    varies = {dimension.key: dimension.text for dimension in plan.space.dimensions}
    params: dict[str, Any] = {
        "sampler": plan.settings.sampler.name,
        "pruner": plan.settings.pruner.name,
        "objective": described(plan.objectives),
        **{f"sweep.{key}": text for key, text in varies.items()},
    }
    parent_run_id = tracker.start_sweep(plan.name, params, plan.provenance)
    record = {
        "name": plan.name,
        **({} if plan.place.url is None else {STORAGE: plan.place.url}),
        "tracking_uri": tracker.uri,
        "experiment": plan.settings.tracking.experiment,
        "run_id": parent_run_id,
        "objective": described(plan.objectives),
        "fixed": [hide_passwords(word) for word in plan.space.fixed],
        "varies": varies,
        "resume_command": plan.resume_command,
    }
    write_atomically(plan.folder.multirun, OmegaConf.to_yaml(OmegaConf.create(record)))
    return parent_run_id


def _note_lost_runs(study: SweepStudy, tracker: RemoteTracker, parent_run_id: str, listener: Listener) -> None:
    """Says that MLflow does not have the runs that it had, where the sweep's run had to be made again."""
    if (num_runs := len(study.recorded_runs)) and tracker.is_new(parent_run_id):
        listener(
            Note(
                f"MLflow at {tracker.uri} does not have the runs of {num_runs} finished trials: it was deleted or "
                "replaced, or the command names another store. Their figures are in the study; their files and models "
                "can be restored from a copy of the former store."
            )
        )


def _take_over(plan: SweepPlan, tracker: RemoteTracker, listener: Listener) -> TakeOver | None:
    """What may be taken over from other sweeps; None where nothing is to be."""
    if not plan.settings.sweep.reuse:
        return None
    here = versions(0 if plan.settings.machine.gpus else None)
    earlier = EarlierTrials(plan.place, plan.name)
    return TakeOver(earlier, tracker, listener, plan.objectives, plan.settings.metrics, here)


def _staged(
    plan: SweepPlan, points: resume.AnyScheduler, study: SweepStudy, tracker: RemoteTracker, listener: Listener
) -> resume.AnyScheduler | StagedScheduler:
    """The scheduler itself, or with `sweep.seeds=auto` the one that trains the leading configurations further."""
    if not plan.settings.sweep.extent.is_auto:
        return points

    def complete() -> None:
        complete_answers(plan, study, tracker, listener)

    looks = StoredLooks(plan, study, complete, listener)
    staged = StagedScheduler(points, looks)
    if looks.stage is not None and points.total > len(points.queue):  # a sampler would propose more
        chosen = f"sweep.seeds=auto has chosen its candidates among {looks.stage.num_trained} configurations"
        another = "Another sweep.name proposes more, and takes over what was trained (sweep.reuse=true)."
        listener(Note(f"{chosen}: no further ones are proposed. {another}"))
    return staged


def _announce(
    plan: SweepPlan, scheduler: resume.AnyScheduler, factory: TrialFactory, take_over: TakeOver | None
) -> set[int]:
    """Says what is taken over from other sweeps; returns a grid's trials that are, by their numbers."""
    if take_over is None:
        return set()
    if isinstance(scheduler, GridScheduler):
        if not take_over.may_have:
            return set()
        left = (queued for queued in scheduler.whole_queue() if not plan.folder.trial(queued.number).result.exists())
        return take_over.announce(left)
    swept = plan.space.keys
    fixed = fixed_part(factory.candidate(plan.trials[0]).identity, swept)
    take_over.announce_proposals(lambda identity: fixed_part(identity, swept) == fixed)
    return set()


def _report_start(
    plan: SweepPlan,
    scheduler: resume.AnyScheduler,
    total: int,
    earlier: tuple[TrialRow, ...],
    taken: set[int],
    listener: Listener,
    *,
    to_look: bool,
) -> None:
    if not total:
        listener(Note(f"Nothing is left to do: every trial of sweep {plan.name} has finished."))
    left = scheduler.planned if isinstance(scheduler, GridScheduler) else plan.trials
    if to_look:
        of_queue = (scheduler.planned_of(queued.trial.point) for queued in scheduler.queue)
        left = [planned for planned in of_queue if planned is not None] or plan.trials
    if taken:
        trained = {queued.trial.overrides for queued in scheduler.queue if queued.number not in taken}
        left = [planned for planned in left if planned.point.overrides in trained]
    estimate = dataclasses.replace(estimated(plan, left, total - len(taken)), to_look=to_look)
    listener(SweepStarted(plan.name, plan.resume_command, plan.objective, estimate, earlier, len(taken)))


def _turn_collector_on() -> None:
    """`sweeper.__main__` turned it off; it leaves alone what was loaded until now."""
    gc.freeze()
    gc.enable()
