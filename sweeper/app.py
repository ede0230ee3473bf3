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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.text import Text

from sweeper import executors, keys, preflight, provenance, server
from sweeper.compose import Composer
from sweeper.config import ExecutorConfig, ObjectiveConfig, SamplerConfig, SweepConfig, TrackingConfig, check_output_dir
from sweeper.display import duration
from sweeper.errors import ConfigError, StoreError, did_you_mean
from sweeper.machine import Machine, look
from sweeper.paths import OutputPaths
from sweeper.preflight import PlannedTrial, Preflight
from sweeper.records import Objective
from sweeper.space import SearchSpace, parse_space

if TYPE_CHECKING:
    from sweeper.estimate import Speed

SAMPLERS = ("grid",)

#: Exit status of the last line that ran; Hydra discards what a sweeper returns.
exit_status = 0


@dataclass(frozen=True)
class Settings:
    """The nodes that belong to the sweep and to no trial, checked."""

    objective: Objective
    sweep: SweepConfig
    executor: ExecutorConfig
    tracking: TrackingConfig
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
        _check_sampler(_node(config, "sampler", SamplerConfig))
        executors.check(executor.name)
        machine = look()
        return cls(
            objective=_node(config, "objective", ObjectiveConfig).resolve(),
            sweep=sweep,
            executor=executor,
            tracking=_node(config, "tracking", TrackingConfig),
            paths=OutputPaths(Path(check_output_dir(config["output_dir"])).expanduser().resolve()),
            machine=machine,
            workers=1 if executor.name == "serial" else machine.workers(sweep.workers),
        )


_Node = TypeVar("_Node")


def _node(config: DictConfig, key: str, kind: type[_Node]) -> _Node:
    """The checked schema object of one node."""
    node: Any = OmegaConf.to_object(config[key])
    if not isinstance(node, kind):
        raise ConfigError(f"{key}={node} is not accepted: a group or keys under it.  Try: python -m sweeper --cfg job")
    return node


def _check_sampler(sampler: SamplerConfig) -> None:
    if sampler.name not in SAMPLERS:
        raise ConfigError(
            f"sampler.name={sampler.name} does not exist. Accepted: {', '.join(SAMPLERS)}. "
            f"{did_you_mean(sampler.name, SAMPLERS)}  Try: sampler=grid"
        )


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
    checked = preflight.check(Composer(loader, config, space).points(), skip_infeasible=settings.sweep.skip_infeasible)
    preflight.check_objective(checked.trials, settings.objective)
    console = Console(highlight=False)
    _print_left_out(console, checked)
    if settings.sweep.dry_run:
        exit_status = _print_plan(console, settings, checked)
    else:
        exit_status = _sweep(console, settings, space, checked)
    return exit_status


def _print_left_out(console: Console, checked: Preflight) -> None:
    if checked.num_equal:
        points = "point equals" if checked.num_equal == 1 else "points equal"
        console.print(f"{checked.num_equal} {points} an earlier one and was dropped.")
    for overrides, reason in checked.infeasible:
        console.print(Text(f"Left out: {overrides}: {reason}"))


def _print_plan(console: Console, settings: Settings, checked: Preflight) -> int:
    from sweeper import plan_table

    console.print(plan_table.plan_table(checked.trials, _speed(settings.paths)))
    _print_start(console, settings, checked.trials, len(checked.trials))
    console.print("Nothing was trained: sweep.dry_run=true.")
    return 0


def _speed(paths: OutputPaths) -> Speed:
    """The speed of earlier trials in this output folder."""
    from sweeper import estimate
    from sweeper.study import SweepStudy, sweep_names

    if not paths.study_db.is_file():
        return estimate.measured_speed([])
    names = sweep_names(paths)[:5]
    return estimate.measured_speed(trial.as_row() for name in names for trial in SweepStudy.load(paths, name).trials())


def _print_start(console: Console, settings: Settings, trials: Sequence[PlannedTrial], num_left: int) -> None:
    from sweeper import estimate

    speed = _speed(settings.paths)
    workers = min(settings.workers, max(num_left, 1))
    seconds = estimate.sweep_seconds(trials, speed, workers)
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


def _sweep(console: Console, settings: Settings, space: SearchSpace, checked: Preflight) -> int:
    from sweeper import lifecycle
    from sweeper.lock import sweep_lock

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
                objective=settings.objective,
                sweep=settings.sweep,
                tracking=settings.tracking,
                resume_line=resume_line(name),
                provenance=provenance.tags(),
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
