"""What a sweep that is run again under its name may change, what it skips, and what it still has to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sweeper.artifacts.damage import check_archive, load_arrays
from sweeper.artifacts.model import model_file
from sweeper.artifacts.result import read_result
from sweeper.config.identity import canonical, differences, fixed_part
from sweeper.config.trial import fold_nodes, num_folds
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import DamagedFileError, SweepChangedError
from sweeper.core.events import Listener, Note
from sweeper.core.paths import TrialPaths
from sweeper.core.sweeps import SweepInfo, described, named_metrics
from sweeper.core.text import listed
from sweeper.core.trials import Candidate, StudyTrial, TrialResult, TrialState
from sweeper.search.grid import GridScheduler
from sweeper.search.pruner import Pruning
from sweeper.search.sampled import SampledPoints, SampledScheduler
from sweeper.search.sampler import Search
from sweeper.search.scheduler import Policy, TrialFactory
from sweeper.storage import stored_sweep
from sweeper.storage.distributions import distributions
from sweeper.storage.study import SweepStudy
from sweeper.sweep.driver import Driver
from sweeper.sweep.plan import SweepPlan

AnyScheduler = GridScheduler | SampledScheduler


def resumed_scheduler(plan: SweepPlan, factory: TrialFactory, study: SweepStudy, listener: Listener) -> AnyScheduler:
    """What is left to do, in its order; the study is brought onto this start's search space.

    Raises:
        SweepChangedError: the sweep of this name was started with another fixed configuration.
        StoreError: `sweep.warm_start` names no sweep.
    """
    first = plan.trials[0]
    configured = [node for planned in plan.trials for node in fold_nodes(planned.point.config["data"])]
    nodes = list({canonical(node): node for node in configured}.values())
    info = _info(plan, study.info, nodes, [factory.prepare(node) for node in nodes])
    known = study.trials()
    if not known and plan.folder.leaderboard.exists():
        store = "file" if plan.place.url is None else "database"
        listener(
            Note(
                f"{plan.place} has no trial of sweep {plan.name}, which has run before: that {store} was deleted or "
                f"replaced. Every trial is run again; to keep them, put back a copy of the {store} first."
            )
        )
    _refuse_changed(plan.name, factory.candidate(first), known)
    study.widen(distributions(plan.space.dimensions, [*(trial.params for trial in known), *plan.params]))
    study.reopen()
    scheduler = _scheduler(plan, factory, study, listener)
    study.write_info(info)
    return scheduler


def settle_finished(
    scheduler: AnyScheduler, driver: Driver, study: SweepStudy, plan: SweepPlan, listener: Listener
) -> None:
    """Records trials that had finished when their driver was killed, and ends those that have no place any more."""
    for queued in list(scheduler.queue):
        paths = plan.folder.trial(queued.number)
        result = _whole_result(paths, queued.number, listener) if study.is_open(queued.number) else None
        if result is not None:  # it had finished; anything but this very trial's result is old
            if queued in scheduler.queue:  # not where the replay of another repeat has pruned its configuration
                scheduler.queue.remove(queued)
            driver.replay(queued, result)
    study.close_left_over({queued.number for queued in scheduler.queue}, plan.objectives)


def _whole_result(paths: TrialPaths, number: int, listener: Listener) -> TrialResult | None:
    """What a finished trial left; None where it had not finished, or where a file of it is damaged."""
    try:
        result = read_result(paths)
        if result is not None and result.state is not TrialState.FAILED:
            load_arrays(paths.predictions)
            check_archive(model_file(paths.model))
            if paths.epoch_bits.exists():
                check_archive(paths.epoch_bits)
    except DamagedFileError as error:
        listener(Note(f"Trial {number} had finished, but {error}. It is run again."))
        return None
    return result


def _info(
    plan: SweepPlan, old: SweepInfo | None, nodes: Sequence[Mapping[str, Any]], data_sets: Sequence[PreparedData]
) -> SweepInfo:
    """What is to be recorded about the sweep; refuses another objective than it was started with."""
    if old is not None and old.objectives != plan.objectives:
        raise _changed(plan.name, [f"objective: {described(old.objectives)} -> {described(plan.objectives)}"])
    if old is not None and old.metrics != plan.settings.metrics:
        raise _changed(plan.name, [f"metrics: {named_metrics(old.metrics)} -> {named_metrics(plan.settings.metrics)}"])
    named = {one.data_digest: one.summary.class_names for one in data_sets if one.summary.class_names}
    converted = {one.data_digest: one.conversions for one in data_sets}
    return SweepInfo(
        started=datetime.now(UTC).isoformat(timespec="microseconds") if old is None else old.started,
        objectives=plan.objectives,
        params=tuple(dict.fromkeys([*(old.params if old else ()), *plan.space.keys])),
        data=data_sets[0].summary.name,
        test_is_validation=data_sets[0].test_is_validation,
        sampler=plan.settings.sampler.name,
        pruner=plan.settings.pruner.name,
        fixed=plan.fixed,
        space={dimension.key: dimension.text for dimension in plan.space.dimensions},
        margin=plan.settings.report.margin,
        data_path=plan.trials[0].point.config["data"].get("path"),
        data_notes=about_each(nodes, [one.notes for one in data_sets]),
        data_warnings=(
            *(("Nothing was trained: executor=simulate made these figures up.",) if plan.settings.added else ()),
            *about_each(nodes, [one.warnings for one in data_sets]),
        ),
        class_names={**(old.class_names if old else {}), **named},
        groups={**(old.groups if old else {}), **{one.split_digest: one.groups for one in data_sets if one.groups}},
        conversions={digest: said for digest, said in ((old.conversions if old else {}) | converted).items() if said},
        precision=plan.settled.get("precision") or (old.precision if old else None),
        threads=plan.settled.get("threads") or (old.threads if old else None),
        metrics=plan.settings.metrics,
        baseline=(old.baseline if old else None) if plan.baseline is None else plan.baseline.point.overrides,
        second=old.second if old else None,
    )


def about_each(nodes: Sequence[Mapping[str, Any]], sentences: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Sentences about several data sets; one that does not hold for all is preceded by those that it is about.

    Args:
        nodes: the `data` node of each.
        sentences: what is said about each, in the same order.
    """
    every = dict.fromkeys(key for node in nodes for key in node)
    differing = [key for key in every if any(node.get(key) != nodes[0].get(key) for node in nodes)]
    about: dict[str, list[str]] = {}
    for node, said in zip(nodes, sentences, strict=True):
        for sentence in said:
            about.setdefault(sentence, []).append(
                " ".join(f"data.{key}={node[key]}" for key in differing if key in node)
            )
    return tuple(
        sentence if len(which) == len(nodes) else f"With {listed(which)}: {sentence}"
        for sentence, which in about.items()
    )


def _refuse_changed(name: str, candidate: Candidate, known: Sequence[StudyTrial]) -> None:
    """Compares what is under no swept key, of the old sweep or the new, in one trial of each."""
    if not known:
        return
    swept = {*candidate.params, *(key for trial in known for key in trial.params)}
    earlier = min(known, key=lambda trial: trial.repeat)  # the first repeat has the seed as it was typed
    old, new = (fixed_part(identity, swept) for identity in (earlier.identity, candidate.identity))
    if lines := differences(old, new):
        raise _changed(name, lines)


def _changed(name: str, lines: Sequence[str]) -> SweepChangedError:
    return SweepChangedError(
        f"sweep.name={name} was started with another configuration, and its trials would not be comparable: "
        f"{'; '.join(lines)}. Accepted under one name: the same fixed configuration, with more or other values of "
        f"what varies.  Try: sweep.name={name}-2"
    )


def _scheduler(plan: SweepPlan, factory: TrialFactory, study: SweepStudy, listener: Listener) -> AnyScheduler:
    settings = plan.settings
    pruning = None
    if settings.pruner.name != "none":
        epochs = max(int(planned.point.config["training"]["epochs"]) for planned in plan.trials)
        pruning = Pruning(settings.pruner, plan.objectives, plan.name, epochs, settings.metrics)
    in_folds = num_folds(plan.trials[0].point.config["data"]) > 1
    policy = Policy(settings.sweep.limits, pruning, settings.sweep.attempts.retry_failed, in_folds)
    if settings.sampler.name == "grid":
        num_points = settings.sweep.extent.trials
        return GridScheduler(
            factory, study.trials(), policy, plan.trials, enqueued=plan.enqueued, num_points=num_points
        )
    search = Search(settings.sampler, plan.space, plan.objectives, plan.composer.exists, settings.seed)
    if settings.sweep.warm_start is not None:
        _learn_from(settings.sweep.warm_start, plan, search, listener)
    points = SampledPoints(search, plan.composer, settings.num_points, plan.enqueued, baseline=plan.baseline)
    return SampledScheduler(factory, study, policy, points)


def _learn_from(name: str, plan: SweepPlan, search: Search, listener: Listener) -> None:
    """Gives a sampler what an earlier sweep found at configurations that this space has too."""
    rows = [row for row in stored_sweep.load(plan.paths, name).rows if row.state is TrialState.COMPLETE]
    used = 0
    for row in rows:
        values = [row.metrics.get(objective.metric) for objective in plan.objectives]
        if all(value is not None for value in values):
            known = [value for value in values if value is not None]
            used += search.learn(row.overrides, known, TrialState.COMPLETE, ()) is not None
    others = "" if used == len(rows) else "; the others lie outside this search space"
    listener(Note(f"sweep.warm_start={name}: the sampler knows {used} of its {len(rows)} complete trials{others}."))
