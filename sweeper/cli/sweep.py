"""One line `python -m sweeper …` from the composed configuration to the leaderboard.

    space -> points -> preflight -> (plan only, with sweep.dry_run) -> stores and forkserver -> driver -> leaderboard

Everything up to the stores refuses wrong input before anything trains or is written.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.text import Text

from sweeper import executors, server
from sweeper.config import keys
from sweeper.config.schema import (
    ExecutorConfig,
    ObjectiveConfig,
    PrunerConfig,
    ReportConfig,
    SamplerConfig,
    SweepConfig,
    TrackingConfig,
    check_output_dir,
)
from sweeper.core.errors import ConfigError, StoreError, did_you_mean
from sweeper.core.machine import Machine, look
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import Objective
from sweeper.preflight import check
from sweeper.preflight.check import PlannedTrial, Preflight
from sweeper.report.progress import duration
from sweeper.space.composer import Composer
from sweeper.space.dimensions import SearchSpace, check_grid, parse_space, partial_points
from sweeper.tracking import provenance

if TYPE_CHECKING:
    from sweeper.preflight.estimate import Speed

#: Points of a sampler, where `sweep.trials` does not say.
NUM_POINTS = 20

#: Exit status of the last line that ran; Hydra discards what a sweeper returns.
exit_status = 0


@dataclass(frozen=True)
class Settings:
    """The nodes that belong to the sweep and to no trial, checked."""

    objectives: tuple[Objective, ...]
    sweep: SweepConfig
    sampler: SamplerConfig
    pruner: PrunerConfig
    seed: int
    executor: ExecutorConfig
    tracking: TrackingConfig
    report: ReportConfig
    paths: OutputPaths
    machine: Machine
    workers: int

    @classmethod
    def of(cls, config: DictConfig) -> Settings:
        """Reads and checks them.

        Raises:
            ConfigError: a value that is not accepted.
        """
        executor = _node(config, "executor", ExecutorConfig)
        sweep = _node(config, "sweep", SweepConfig)
        executors.check(executor.name)
        machine = look()
        return cls(
            objectives=_node(config, "objective", ObjectiveConfig).resolve(),
            sweep=sweep,
            sampler=_node(config, "sampler", SamplerConfig),
            pruner=_named(_node(config, "pruner", PrunerConfig)),
            seed=0 if OmegaConf.is_missing(config, "seed") else config["seed"],  # missing: refused with the points
            executor=executor,
            tracking=_node(config, "tracking", TrackingConfig),
            report=_node(config, "report", ReportConfig),
            paths=OutputPaths(Path(check_output_dir(config["output_dir"])).expanduser().resolve()),
            machine=machine,
            workers=1 if executor.name == "serial" else machine.workers(sweep.workers),
        )

    @property
    def num_points(self) -> int:
        """Points of a sampler in all."""
        return NUM_POINTS if self.sweep.trials is None else self.sweep.trials


_Node = TypeVar("_Node")


def _node(config: DictConfig, key: str, kind: type[_Node]) -> _Node:
    """The checked schema object of one node."""
    node: Any = OmegaConf.to_object(config[key])
    if not isinstance(node, kind):
        raise ConfigError(f"{key}={node} is not accepted: a group or keys under it.  Try: python -m sweeper --cfg job")
    return node


def _named(pruner: PrunerConfig) -> PrunerConfig:
    """A pruner that is given by its class alone is called by it."""
    return pruner if pruner.name != "none" or pruner._target_ is None else replace(pruner, name=pruner._target_)


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


def _checked_points(settings: Settings, composer: Composer, space: SearchSpace) -> Preflight:
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


def _check_seeds(settings: Settings, space: SearchSpace) -> None:
    if settings.sweep.seeds > 1 and "seed" in space.keys:
        raise ConfigError(
            f"sweep.seeds={settings.sweep.seeds} and a swept seed are two ways of the same. Accepted: one of them. "
            "With sweep.seeds, repeats of a point are ranked by their mean.  Try: sweep.seeds=3 without seed=..."
        )
    if settings.pruner.name != "none":
        from sweeper.search import pruner as pruning

        pruning.compared_metric(settings.pruner, settings.objectives)
        pruning.make_pruner(settings.pruner, 10)


def run(loader: ConfigLoader, config: DictConfig, arguments: Sequence[str], params: dict[str, Any]) -> int:
    """Runs one line; returns its exit status and leaves it in `exit_status`."""
    global exit_status
    keys.check(config)
    if not isinstance(params, dict):
        raise ConfigError(
            f"hydra.sweeper.params={params} is not accepted: keys with their choices, as conf/experiment/notebook.yaml "
            "has them.  Try: experiment=notebook"
        )
    settings = Settings.of(config)
    space = parse_space(arguments, params, OverridesParser.create(config_loader=loader), loader.get_group_options)
    space = space.with_rules(settings.sweep.zip, settings.sweep.exclude)
    enqueued = partial_points("sweep.enqueue", settings.sweep.enqueue, space)
    sampler, why = choose_sampler(settings.sampler, space)
    settings = replace(settings, sampler=sampler)
    _check_seeds(settings, space)
    composer = Composer(loader, config, space)
    checked = _checked_points(settings, composer, space)
    check.check_objectives(checked.trials, settings.objectives)
    console = Console(highlight=False)
    _print_sampler(console, settings, space, why)
    _print_left_out(console, settings, checked)
    if settings.sweep.dry_run:
        exit_status = _print_plan(console, settings, checked)
    else:
        exit_status = _sweep(console, settings, composer, space, checked, enqueued)
    return exit_status


def _print_sampler(console: Console, settings: Settings, space: SearchSpace, why: str) -> None:
    """Says what proposes the points; of a grid that was chosen nothing need be said."""
    name, pruner = settings.sampler.name, settings.pruner.name
    reason = f" (chosen, since {why})" if why else ""
    pruned = f", pruner {pruner}" if pruner != "none" else ""
    if name == "grid":
        if space.dimensions and (why or pruned):
            console.print(f"Sampler: grid{reason}{pruned}.", markup=False)
        return
    varies = "; ".join(f"{dimension.key}={dimension.text}" for dimension in space.dimensions)
    console.print(
        f"Sampler: {name}{reason}, {settings.num_points} points in all{pruned}, of {varies}.",
        markup=False,
        soft_wrap=True,
    )


def _print_left_out(console: Console, settings: Settings, checked: Preflight) -> None:
    if settings.sampler.name != "grid":
        if checked.infeasible:
            overrides, reason = checked.infeasible[0]
            console.print(
                Text(f"Not every point of this space can be built ({overrides}: {reason}). Such are left out."),
                soft_wrap=True,
            )
        return
    if checked.num_equal:
        dropped = (
            "point equals an earlier one and was" if checked.num_equal == 1 else "points equal earlier ones and were"
        )
        console.print(f"{checked.num_equal} {dropped} dropped.")
    for overrides, reason in checked.infeasible:
        console.print(Text(f"Left out: {overrides}: {reason}"))


def _print_plan(console: Console, settings: Settings, checked: Preflight) -> int:
    from sweeper.cli import plan

    is_grid = settings.sampler.name == "grid"
    trials = checked.trials[: settings.sweep.trials] if is_grid else checked.trials
    if is_grid:
        console.print(plan.plan_table(trials, _speed(settings.paths)))
    num_points = len(trials) if is_grid else settings.num_points
    _print_start(console, settings, trials, num_points * settings.sweep.seeds)
    console.print("Nothing was trained: sweep.dry_run=true.")
    return 0


def _speed(paths: OutputPaths) -> Speed:
    """The speed of earlier trials in this output folder."""
    from sweeper.preflight import estimate
    from sweeper.storage.study import SweepStudy, sweep_names

    if not paths.study_db.is_file():
        return estimate.measured_speed([])
    names = sweep_names(paths)[:5]
    return estimate.measured_speed(trial.as_row() for name in names for trial in SweepStudy.load(paths, name).trials())


def _print_start(console: Console, settings: Settings, trials: Sequence[PlannedTrial], num_left: int) -> None:
    from sweeper.preflight import estimate

    speed = _speed(settings.paths)
    workers = min(settings.workers, max(num_left, 1))
    seconds = estimate.sweep_seconds(trials, speed, workers)
    if (
        seconds is not None and trials and num_left > len(trials)
    ):  # these stand for more: repeats, or a sampler's points
        seconds *= num_left / len(trials)
    threads = sorted({int(planned.point.config["training"]["threads"]) for planned in trials}) or [0]
    console.print(f"Found: {settings.machine.describe()}.")
    console.print(
        f"Trials: {num_left}, {workers} at a time, {', '.join(map(str, threads))} CPU threads each "
        f"(executor={settings.executor.name})."
    )
    told = "not known for a builder of your own" if seconds is None else f"about {duration(seconds)}"
    console.print(f"Estimated time: {told} ({speed.source}).")
    if settings.executor.name == "serial":
        console.print("executor=serial neither times out nor survives a crash: it is for debugging.")


def _sweep(
    console: Console,
    settings: Settings,
    composer: Composer,
    space: SearchSpace,
    checked: Preflight,
    enqueued: tuple[dict[str, Any], ...],
) -> int:
    from sweeper.storage.locks import sweep_lock
    from sweeper.sweep import run as lifecycle

    name = settings.sweep.name or datetime.now(UTC).astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    paths = settings.paths.sweep(name)
    server.check(settings.tracking.uri)
    check_writable(settings.paths)
    with ExitStack() as stack:
        stack.enter_context(sweep_lock(paths.lock, name))
        # The forkserver loads TensorFlow on one core while the data and the stores are opened on the other.
        executor = executors.create(settings.executor.name, settings.workers, settings.machine.gpus)
        stack.callback(executor.close)
        return lifecycle.run_sweep(
            lifecycle.SweepRequest(
                name=name,
                paths=settings.paths,
                space=space,
                trials=checked.trials,
                objectives=settings.objectives,
                sweep=settings.sweep,
                tracking=settings.tracking,
                report=settings.report,
                resume_line=resume_line(name),
                provenance=provenance.tags(),
                sampler=settings.sampler,
                pruner=settings.pruner,
                composer=composer,
                num_points=settings.num_points,
                seed=settings.seed,
                enqueued=enqueued,
            ),
            executor,
            console,
            lambda trials, left: _print_start(console, settings, trials, left),
        )


def check_writable(paths: OutputPaths) -> None:
    """Creates the output folder and tries a file in it.

    Raises:
        StoreError: it cannot be written.
    """
    probe = paths.root / f".write-{os.getpid()}-{time.monotonic_ns()}"
    try:
        paths.sweeps.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"\0" * 65536)
        probe.unlink()
    except OSError as error:
        raise StoreError(
            f"output_dir={paths.root} cannot be written: {error.strerror or error}. Accepted: a folder that you may "
            "write, with room on its disk.  Try: output_dir=another-folder"
        ) from error


def resume_line(name: str) -> str:
    """The command that goes on with this sweep: what was typed, with the sweep's name."""
    typed = [word for word in sys.argv[1:] if not word.startswith("sweep.name=")]
    multirun = [] if {"-m", "--multirun"} & set(typed) else ["-m"]
    return shlex.join(["python", "-m", "sweeper", *multirun, *typed, f"sweep.name={name}"])
