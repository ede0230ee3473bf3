"""The plan of a sweep as a table: each trial with its parameters, FLOPs, memory and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeper.core.paths import OutputPaths
from sweeper.core.text import duration
from sweeper.preflight import estimate
from sweeper.preflight.check import PlannedTrial, Preflight
from sweeper.space.dimensions import SearchSpace
from sweeper.sweep.settings import Settings

if TYPE_CHECKING:
    from sweeper.preflight.estimate import Speed

_SHOWN = 200  # rows; a larger plan is cut, and says so


def plan_table(trials: Sequence[PlannedTrial], speed: estimate.Speed) -> Table:
    """One row a trial: configuration, parameters, FLOPs of one image forward, memory and seconds (estimates)."""
    more = f" (the first {_SHOWN} of {len(trials)})" if len(trials) > _SHOWN else ""
    table = Table(title=f"Plan{more}", title_justify="left", box=None)
    table.add_column("trial", justify="right")
    table.add_column("configuration")
    for column in ("parameters", "MFLOPs/image", "memory", "time"):
        table.add_column(column, justify="right", no_wrap=True)
    for number, planned in enumerate(trials[:_SHOWN]):
        table.add_row(
            str(number), Text(" ".join(planned.point.overrides) or "(as configured)"), *_cells(planned, speed)
        )
    return table


def _cells(planned: PlannedTrial, speed: estimate.Speed) -> tuple[str, str, str, str]:
    network = planned.network
    seconds = estimate.trial_seconds(planned, speed)
    if network is None or seconds is None:
        return ("own builder", "", "", "")
    memory = network.memory_bytes(int(planned.point.config["training"]["batch_size"]))
    return (
        f"{network.num_params:,}",
        f"{network.flops / 1e6:,.1f}",
        f"{memory / 2**20:,.0f} MiB",
        f"about {duration(seconds)}",
    )


def print_sampler(console: Console, settings: Settings, space: SearchSpace, why: str) -> None:
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


def print_left_out(console: Console, settings: Settings, checked: Preflight) -> None:
    """Says which points are dropped or left out, and why."""
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


def print_plan(console: Console, settings: Settings, checked: Preflight) -> int:
    """Prints what `sweep.dry_run=true` promises; returns the exit status."""
    from sweeper.cli import plan

    is_grid = settings.sampler.name == "grid"
    trials = checked.trials[: settings.sweep.trials] if is_grid else checked.trials
    if is_grid:
        console.print(plan.plan_table(trials, _speed(settings.paths)))
    num_points = len(trials) if is_grid else settings.num_points
    print_start(console, settings, trials, num_points * settings.sweep.seeds)
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


def print_start(console: Console, settings: Settings, trials: Sequence[PlannedTrial], num_left: int) -> None:
    """Prints the machine, the number of trials and the estimated time."""
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
