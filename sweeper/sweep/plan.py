"""A checked sweep: what runs, under which name, into which folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sweeper.config import keys
from sweeper.config.sweep import PrunerConfig, ReportConfig, SamplerConfig, SweepConfig, TrackingConfig
from sweeper.core.errors import ConfigError, did_you_mean
from sweeper.core.objectives import Objective
from sweeper.core.paths import OutputPaths, SweepPaths
from sweeper.preflight import check
from sweeper.preflight.check import PlannedTrial, Preflight
from sweeper.space.composer import Composer
from sweeper.space.dimensions import SearchSpace
from sweeper.space.parser import check_grid
from sweeper.sweep.settings import Settings


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
    return replace(_TPE, seed=sampler.seed, options={**_TPE.options, **sampler.options}), f"{interval} is an interval"


_TPE = SamplerConfig("tpe", _target_="optuna.samplers.TPESampler", options={"multivariate": True})


def checked_points(settings: Settings, composer: Composer, space: SearchSpace) -> Preflight:
    """A grid's every point, or for a sampler points in which each choice and both ends of each interval occur."""
    if settings.sampler.name == "grid":
        check_grid(space)
        if settings.sweep.warm_start is not None:
            raise ConfigError(
                "sweep.warm_start has nobody to teach: a grid takes every point. Accepted: with a sampler."
                "  Try: sampler=tpe"
            )
        return check.check(composer.points(), skip_infeasible=settings.sweep.skip_infeasible)
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
    return check.check(composer.probes(), skip_infeasible=True)


def check_seeds(settings: Settings, space: SearchSpace) -> None:
    """Refuses repeats of a swept seed, and a pruner that cannot be made."""
    if settings.sweep.seeds > 1 and "seed" in space.keys:
        raise ConfigError(
            f"sweep.seeds={settings.sweep.seeds} and a swept seed are two ways of the same. Accepted: one of them. "
            "With sweep.seeds, repeats of a point are ranked by their mean.  Try: sweep.seeds=3 without seed=..."
        )
    if settings.pruner.name != "none":
        from sweeper.search import pruner as pruning

        pruning.compared_metric(settings.pruner, settings.objectives)
        pruning.make_pruner(settings.pruner, 10)


@dataclass(frozen=True)
class SweepRequest:
    """A checked line: what to run, under which name, into which folder.

    Attributes:
        trials: a grid's every point; for a sampler, points in which each of its choices occurs.
        sampler: `grid`, or what proposes the points.
        num_points: points in all, of a sampler.
        enqueued: points that come first.
    """

    name: str
    paths: OutputPaths
    space: SearchSpace
    trials: tuple[PlannedTrial, ...]
    objectives: tuple[Objective, ...]
    sweep: SweepConfig
    tracking: TrackingConfig
    report: ReportConfig
    resume_line: str
    provenance: dict[str, str]
    sampler: SamplerConfig
    pruner: PrunerConfig
    composer: Composer
    num_points: int
    seed: int
    enqueued: tuple[Mapping[str, Any], ...] = ()

    @property
    def objective(self) -> Objective:
        """The first objective."""
        return self.objectives[0]

    @property
    def params(self) -> list[dict[str, Any]]:
        """Swept values that may occur: a grid's points; of a sampler each choice, though no trial here has it."""
        is_grid = self.sampler.name == "grid"
        points = (planned.point for planned in self.trials) if is_grid else self.composer.probes()
        return [point.params for point in points]

    @property
    def folder(self) -> SweepPaths:
        return self.paths.sweep(self.name)
