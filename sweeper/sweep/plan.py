"""A checked sweep: what runs, under which name, into which folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from sweeper.config import keys
from sweeper.config.schema import LAST_SEED
from sweeper.config.sweep import SamplerConfig
from sweeper.config.training import AUTO
from sweeper.config.trial import num_folds
from sweeper.core.errors import ConfigError, did_you_mean
from sweeper.core.events import Estimate
from sweeper.core.objectives import Objective
from sweeper.core.paths import OutputPaths, SweepPaths
from sweeper.core.secrets import hide_passwords
from sweeper.preflight import check
from sweeper.preflight.check import PlannedTrial, Preflight
from sweeper.space.composer import Composer
from sweeper.space.dimensions import SearchSpace
from sweeper.space.intervals import with_whole_intervals
from sweeper.space.nodes import settled
from sweeper.space.parser import check_grid, parse_space
from sweeper.space.rules import partial_points, with_rules
from sweeper.storage.places import Place
from sweeper.sweep.refit.conditions import check_refit
from sweeper.sweep.seeds.baseline import planned_baseline, with_baseline
from sweeper.sweep.seeds.check import check_auto
from sweeper.sweep.settings import Settings

if TYPE_CHECKING:
    from sweeper.preflight.estimate import Speed


def choose_sampler(sampler: SamplerConfig, space: SearchSpace) -> tuple[SamplerConfig, str]:
    """The sampler that runs, and why, in words; without a choice a discrete space is a grid, a continuous one TPE.

    Raises:
        ConfigError: a name without a class.
    """
    options = keys.known()["sampler"].options
    if sampler._target_ is not None:
        return replace(sampler, name=sampler._target_ if sampler.name == "auto" else sampler.name), ""
    if sampler.name == "grid":
        return sampler, ""
    if sampler.name != "auto":
        raise ConfigError(
            f"sampler.name={sampler.name} has no class. Accepted: sampler={'|'.join(options)}, or sampler._target_. "
            f"{did_you_mean(sampler.name, options)}  Try: sampler=tpe"
        )
    if space.is_discrete:
        return replace(sampler, name="grid"), "every choice is discrete"
    interval = next(dimension.key for dimension in space.dimensions if dimension.interval is not None)
    tpe = SamplerConfig(**keys.option("sampler", "tpe"))
    return replace(tpe, seed=sampler.seed, options={**tpe.options, **sampler.options}), f"{interval} is an interval"


def checked_points(settings: Settings, composer: Composer, space: SearchSpace) -> Preflight:
    """A grid's every point, or for a sampler points in which each choice and both ends of each interval occur."""
    if settings.sampler.name == "grid":
        check_grid(space)
        if settings.sweep.warm_start is not None:
            raise ConfigError(
                "sweep.warm_start has no use: a grid trains every configuration. Accepted: with a sampler."
                "  Try: sampler=tpe"
            )
        skips = settings.sweep.rules.skip_infeasible
        return check.check(composer.points(), skip_infeasible=skips, kept=settings.paths.pictures)
    if not space.dimensions:
        raise ConfigError(
            f"sampler={settings.sampler.name} has nothing to choose: no key varies. Accepted: at least one choice or "
            "interval.  Try: 'optimizer.learning_rate=tag(log,interval(0.01,1.0))'"
        )
    from sweeper.search import sampler as search

    if settings.sweep.warm_start is not None and not settings.sweep.dry_run:  # a plan may come before that sweep
        from sweeper.storage.study import SweepStudy

        SweepStudy.load(settings.paths, settings.sweep.warm_start)
    search.make_sampler(settings.sampler, settings.seed, 0)
    return check.check(composer.probes(), skip_infeasible=True, kept=settings.paths.pictures)


def check_seeds(settings: Settings, space: SearchSpace) -> None:
    """Refuses repeats of a swept seed, or beyond the last seed, finalists without networks, and unusable pruners."""
    num_repeats = settings.sweep.extent.num_seeds
    if settings.seed <= LAST_SEED < settings.seed + num_repeats - 1:
        raise ConfigError(
            f"sweep.seeds={num_repeats} from seed={settings.seed} ends at {settings.seed + num_repeats - 1}. Accepted: "
            f"seeds up to {LAST_SEED}.  Try: seed={LAST_SEED + 1 - num_repeats}"
        )
    if num_repeats > 1 and "seed" in space.keys:
        raise ConfigError(
            f"sweep.seeds={num_repeats} and a swept seed do the same. Accepted: one of them. "
            "With sweep.seeds, repeats of a configuration are ranked by their mean.  Try: sweep.seeds=3, without seed"
        )
    if settings.executor.name == "simulate" and settings.report.finalists:
        raise ConfigError(
            f"executor=simulate trains no network that the test set could be opened for (report.finalists="
            f"{settings.report.finalists}). Accepted: report.finalists=0.  Try: executor=simulate report.finalists=0"
        )
    if settings.pruner.name != "none":
        from sweeper.search import pruner as pruning

        pruning.compared_metric(settings.pruner, settings.objectives, settings.metrics)
        pruning.make_pruner(settings.pruner, 10)


def check_folds(settings: Settings, space: SearchSpace, trials: Sequence[PlannedTrial]) -> None:
    """Refuses folds that vary, and more seeds than there are."""
    found = sorted({num_folds(planned.point.config["data"]) for planned in trials})
    if len(found) > 1 or "data.fold" in space.keys:
        key = "data.fold" if "data.fold" in space.keys else "data.folds"
        raise ConfigError(
            f"{key} cannot vary within a sweep: its configurations would be scored on different images. Accepted: "
            "data.folds with one number, which trains each configuration so often.  Try: data.folds=5"
        )
    last = settings.seed + settings.sweep.extent.num_seeds * found[0] - 1
    if found[0] > 1 and settings.seed <= LAST_SEED < last:
        raise ConfigError(
            f"data.folds={found[0]} and sweep.seeds={settings.sweep.extent.seeds} from seed={settings.seed} end at "
            f"{last}. Accepted: seeds up to {LAST_SEED}.  Try: seed=0"
        )


def check_open_settings(settings: Settings, space: SearchSpace, trials: Sequence[PlannedTrial]) -> None:
    """Refuses `auto` of a setting that is timed where it varies, and where no process can be timed."""
    for key, typed in (("precision", "float32"), ("threads", "2")):
        if not any(planned.point.config["training"][key] == AUTO for planned in trials):
            continue
        name = f"training.{key}"
        if name in space.keys:
            raise ConfigError(
                f"{name}=auto cannot be one of several choices: it is decided once for the whole sweep. "
                f"Accepted: auto alone, or choices without it.  Try: {name}=auto"
            )
        if settings.executor.name in ("serial", "simulate"):
            raise ConfigError(
                f"{name}=auto is timed in separate processes, and executor={settings.executor.name} has none.  "
                f"Try: {name}={typed}"
            )


@dataclass(frozen=True)
class SweepPlan:
    """A checked command: what runs, under which name, into which folder.

    Attributes:
        settings: the nodes that belong to the sweep and to no trial.
        space: what varies.
        preflight: a grid's every trial; for a sampler, trials in which each of its choices occurs.
        composer: makes the configuration of a choice of values.
        enqueued: partial configurations that come first.
        sampler_reason: why this sampler was chosen, in words; empty where it was asked for.
        name: the sweep's name.
        resume_command: the command that resumes it.
        provenance: tags that name the code and who ran it.
        settled: what `auto` became, by the key under `training`; without those that are not decided yet.
        baseline: the default configuration, where it is trained too; of a grid the first of its trials.
    """

    settings: Settings
    space: SearchSpace
    preflight: Preflight
    composer: Composer
    enqueued: tuple[Mapping[str, Any], ...]
    sampler_reason: str
    name: str = ""
    resume_command: str = ""
    provenance: dict[str, str] = field(default_factory=dict)
    settled: Mapping[str, Any] = field(default_factory=dict)
    baseline: PlannedTrial | None = None

    @property
    def trials(self) -> tuple[PlannedTrial, ...]:
        """The planned trials."""
        return self.preflight.trials

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What the sweep ranks by, the first first."""
        return self.settings.objectives

    @property
    def objective(self) -> Objective:
        """The first objective."""
        return self.objectives[0]

    @property
    def is_grid(self) -> bool:
        """Whether every configuration is trained, rather than those that a sampler proposes."""
        return self.settings.sampler.name == "grid"

    @property
    def num_repeats(self) -> int:
        """Trainings of each configuration: seeds times folds."""
        return self.settings.sweep.extent.num_seeds * num_folds(self.trials[0].point.config["data"])

    @property
    def params(self) -> list[dict[str, Any]]:
        """Swept values that may occur: a grid's; of a sampler each choice, though no trial here has it."""
        points = (planned.point for planned in self.trials) if self.is_grid else self.composer.probes()
        added = [] if self.baseline is None else [self.baseline.point.params]
        return [*added, *(point.params for point in points)]

    @property
    def paths(self) -> OutputPaths:
        """The output folder."""
        return self.settings.paths

    @property
    def place(self) -> Place:
        """Where the study is kept."""
        return self.settings.place

    @property
    def folder(self) -> SweepPaths:
        """The sweep's own folder."""
        return self.paths.sweep(self.name)

    @property
    def fixed(self) -> tuple[str, ...]:
        """The overrides that every trial has, without passwords; what was `auto` is what it became."""
        words = map(hide_passwords, self.space.fixed)
        became = tuple(f"training.{key}={value}" for key, value in self.settled.items())
        others = (word for word in words if not word.startswith(tuple(f"training.{key}=" for key in self.settled)))
        return (*others, *became)

    @property
    def open_settings(self) -> tuple[str, ...]:
        """The keys under `training` whose `auto` is still to be decided."""
        configs = [planned.point.config["training"] for planned in self.trials]
        return tuple(key for key in ("precision", "threads") if any(config[key] == AUTO for config in configs))

    def settle(self, key: str, value: Any) -> SweepPlan:
        """The same plan, in which `auto` of this key under `training` is this value."""
        self.composer.settle({key: value})

        def with_value(planned: PlannedTrial) -> PlannedTrial:
            return replace(planned, point=replace(planned.point, config=settled(planned.point.config, {key: value})))

        checked = replace(self.preflight, trials=tuple(map(with_value, self.trials)))
        baseline = None if self.baseline is None else with_value(self.baseline)
        return replace(self, preflight=checked, settled={**self.settled, key: value}, baseline=baseline)

    def with_workers(self, workers: int) -> SweepPlan:
        """The same plan with so many trials at a time."""
        return replace(self, settings=replace(self.settings, workers=workers))

    def named(self, name: str, resume_command: str, provenance: dict[str, str]) -> SweepPlan:
        """The same plan, to be run under a name."""
        return replace(self, name=name, resume_command=resume_command, provenance=provenance)


def plan_sweep(
    loader: ConfigLoader, config: DictConfig, arguments: Sequence[str], params: Mapping[str, Any]
) -> SweepPlan:
    """Checks a composed command: every configuration is composed and its shapes are checked, before anything trains.

    Args:
        loader: Hydra's.
        config: the composed configuration.
        arguments: the overrides, as typed.
        params: further swept keys, of `hydra.sweeper.params`.

    Raises:
        RefusedError: something of it is not accepted.
    """
    settings = Settings.of(config)
    space = parse_space(arguments, dict(params), OverridesParser.create(config_loader=loader), loader.get_group_options)
    rules = settings.sweep.rules
    space = with_whole_intervals(space, Composer(loader, config, space))
    space = with_rules(space, rules.zip, rules.exclude)
    enqueued = partial_points("sweep.enqueue", rules.enqueue, space)
    sampler, reason = choose_sampler(settings.sampler, space)
    settings = replace(settings, sampler=sampler)
    check_seeds(settings, space)
    composer = Composer(loader, config, space)
    checked = checked_points(settings, composer, space)
    baseline = planned_baseline(settings, composer)
    if settings.sampler.name == "grid":
        checked = with_baseline(checked, baseline)
    check.check_objectives(checked.trials, settings.objectives)
    check.check_metrics(checked.trials, settings.metrics)
    check_open_settings(settings, space, checked.trials)
    check_folds(settings, space, checked.trials)
    check_refit(settings, checked.trials)
    check_auto(settings, space, checked.trials)
    return SweepPlan(settings, space, checked, composer, enqueued, reason, baseline=baseline)


def estimated(plan: SweepPlan, trials: Sequence[PlannedTrial], num_left: int) -> Estimate:
    """What is ahead, by the speed of earlier trials in this output folder.

    Args:
        plan: the sweep.
        trials: those that are left, or that represent them.
        num_left: how many are left.
    """
    from sweeper.preflight import estimate

    speed = measured_speed(plan.place)
    workers = min(plan.settings.workers, max(num_left, 1))
    seconds = estimate.sweep_seconds(trials, speed, workers, max(num_left, len(trials)))
    threads = sorted({planned.point.config["training"]["threads"] for planned in trials}) or [0]
    return Estimate(num_left, workers, tuple(threads), seconds, speed.source)


def measured_speed(place: Place) -> Speed:
    """The speed of earlier trials of this output folder in the same store."""
    from sweeper.preflight import estimate

    if not place.may_hold_studies:
        return estimate.measured_speed([])
    from sweeper.storage.catalogue import newest
    from sweeper.storage.study import SweepStudy

    names = newest(place, 5)
    return estimate.measured_speed(trial for name in names for trial in SweepStudy.load(place.paths, name).trials())
