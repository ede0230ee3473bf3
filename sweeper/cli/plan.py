"""The plan of a sweep as a table: each trial with its parameters, FLOPs, memory and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from sweeper import data
from sweeper.config.identity import canonical
from sweeper.config.trial import DataConfig
from sweeper.core.events import Estimate
from sweeper.core.text import duration, printable
from sweeper.preflight import count, estimate
from sweeper.preflight.check import PlannedTrial
from sweeper.report.progress import ConsoleListener, data_lines
from sweeper.storage.stored_sweep import recorded_digests
from sweeper.sweep.plan import SweepPlan, estimated, measured_speed

_FIGURES = ("parameters", "MFLOPs\n/image", "memory", "time")
_SHOWN = 200  # rows; a longer plan is shortened, with a note


def print_trials(console: Console, trials: Sequence[PlannedTrial], speed: estimate.Speed) -> None:
    """Prints one row per trial: its swept values, parameters, FLOPs of one image forward, memory, estimated time.

    Where the table is wider than the console, each trial is a sentence: no value is cut.
    """
    more = f" (the first {_SHOWN} of {len(trials)})" if len(trials) > _SHOWN else ""
    title = f"Plan{more}"
    table = _table(title, trials[:_SHOWN], speed)
    wide = console.options.update(max_width=10_000)
    if Measurement.get(console, wide, table).maximum <= console.width:
        console.print(table)
        return
    console.print(title)
    for number, planned in enumerate(trials[:_SHOWN]):
        values = " ".join(f"{key}={value}" for key, value in _values(planned).items())
        parameters, flops, memory, time = _cells(planned, speed)
        network = f"{parameters} parameters, {flops} MFLOPs/image, {memory}" if flops else parameters
        figures = f"{network}, {time}" if time else network
        console.print(Text(f"trial {number}: {values or 'as configured'}: {figures}"), soft_wrap=True)


def _table(title: str, trials: Sequence[PlannedTrial], speed: estimate.Speed) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("trial", justify="right", no_wrap=True)
    rows = [_values(planned) for planned in trials]
    swept = list(dict.fromkeys(key for row in rows for key in row))
    for heading in (*(key.replace(".", ".\n") for key in swept), *_FIGURES):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for number, (planned, row) in enumerate(zip(trials, rows, strict=True)):
        table.add_row(str(number), *(Text(row.get(key, "")) for key in swept), *_cells(planned, speed))
    return table


def _values(planned: PlannedTrial) -> dict[str, str]:
    """The swept keys of a trial with their values, as typed."""
    words = [printable(override).partition("=") for override in planned.point.overrides]
    return {key.lstrip("+"): value for key, _, value in words}


def _cells(planned: PlannedTrial, speed: estimate.Speed) -> tuple[str, str, str, str]:
    network = planned.network
    seconds = estimate.trial_seconds(planned, speed)
    time = "" if seconds is None else f"about {duration(seconds)}"
    if network is None:
        return ("custom builder", "", "", time)
    memory = network.memory_bytes(int(planned.point.config["training"]["batch_size"]))
    return (
        f"{network.num_params:,}",
        f"{network.flops / 1e6:,.1f}",
        f"{memory / 2**20:,.0f} MiB",
        time,
    )


def print_sampler(console: Console, plan: SweepPlan) -> None:
    """Prints what proposes the configurations; nothing for a grid that was asked for."""
    settings = plan.settings
    name, pruner = settings.sampler.name, settings.pruner.name
    reason = f" (chosen, since {plan.sampler_reason})" if plan.sampler_reason else ""
    pruned = f", pruner {pruner}" if pruner != "none" else ""
    if plan.is_grid:
        if plan.space.dimensions and (reason or pruned):
            console.print(f"Sampler: grid{reason}{pruned}.", markup=False)
        return
    varies = "; ".join(f"{dimension.key}={dimension.text}" for dimension in plan.space.dimensions)
    console.print(
        f"Sampler: {name}{reason}, {settings.num_points} configurations in all{pruned}, of {varies}.",
        markup=False,
        soft_wrap=True,
    )


def print_left_out(console: Console, plan: SweepPlan) -> None:
    """Prints which configurations are dropped or left out, and why."""
    checked = plan.preflight
    if not plan.is_grid:
        if checked.infeasible:
            overrides, reason = checked.infeasible[0]
            console.print(
                Text(
                    f"Not every configuration of this space can be built ({overrides}: {reason}). "
                    "Those that cannot are left out."
                ),
                soft_wrap=True,
            )
        return
    if checked.num_equal:
        dropped = (
            "configuration equals an earlier one and was"
            if checked.num_equal == 1
            else "configurations equal earlier ones and were"
        )
        console.print(f"{checked.num_equal} {dropped} dropped.")
    for overrides, reason in checked.infeasible:
        console.print(Text(f"Left out: {overrides}: {reason}"))


def with_custom_networks(console: Console, plan: SweepPlan) -> SweepPlan:
    """The plan with the parameters and FLOPs of custom networks; prints which could not be counted, and why."""
    trials, faults = count.counted(plan.trials)
    for fault in faults:
        console.print(Text(fault), soft_wrap=True)
    return replace(plan, preflight=replace(plan.preflight, trials=trials))


def print_plan(console: Console, plan: SweepPlan) -> None:
    """Prints what `sweep.dry_run=true` promises; reads the data as a run would.

    Raises:
        DataError: arrays that a run would refuse.
    """
    _check_data(console, plan)
    trials = plan.trials[: plan.settings.sweep.extent.trials] if plan.is_grid else plan.trials
    if plan.is_grid:
        print_trials(console, trials, measured_speed(plan.place))
    num_points = len(trials) if plan.is_grid else plan.settings.num_points
    print_estimate(console, plan, estimated(plan, trials, num_points * plan.num_repeats))
    for key in plan.open_settings:
        console.print(f"{key.capitalize()}: timed when the sweep starts (training.{key}=auto).")
    console.print("Nothing was trained: sweep.dry_run=true.")


def _check_data(console: Console, plan: SweepPlan) -> None:
    """Reads the files that the user named. Those of a published data set are verified by their digests anyway."""
    nodes = {canonical(planned.point.config["data"]): planned.point.config["data"] for planned in plan.trials}
    for node in nodes.values():
        if node["path"] is not None:
            with ConsoleListener(console) as listener:
                checked = data.check(
                    DataConfig(**node), plan.paths.pictures, listener, lambda: recorded_digests(plan.place, plan.name)
                )
            for line in data_lines(checked):
                console.print(Text(line), soft_wrap=True)


def print_estimate(console: Console, plan: SweepPlan, ahead: Estimate) -> None:
    """Prints the machine, the number of trials and the estimated time."""
    if not ahead.num_trials:
        return
    name = plan.settings.executor.name
    console.print(f"Found: {plan.settings.machine.describe()}.")
    console.print(
        f"Trials: {ahead.num_trials}, {ahead.workers} at a time, {', '.join(map(str, ahead.threads))} CPU threads each "
        f"(executor={name})."
    )
    told = "not known for a custom builder" if ahead.seconds is None else f"about {duration(ahead.seconds)}"
    console.print(f"Estimated time: {told} ({ahead.source}).", soft_wrap=True)
    if name == "simulate":
        console.print("executor=simulate trains nothing: trials sleep, and their figures are made up.")
    if name == "serial":
        console.print("executor=serial neither times out nor survives a crash: it is for debugging.")
