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
from sweeper.core.text import duration, listed, printable
from sweeper.preflight import count, estimate
from sweeper.preflight.check import PlannedTrial, by_reason
from sweeper.report.progress import ConsoleListener, data_lines
from sweeper.storage.stored_sweep import recorded_digests
from sweeper.sweep.plan import SweepPlan, estimated, measured_speed
from sweeper.sweep.reuse.forecast import Forecast, forecast

_FIGURES = ("parameters", "MFLOPs\n/image", "memory", "time")
_NAMED = 12  # trials named in a line
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
    for overrides, reason in by_reason(checked.infeasible):
        console.print(Text(f"Left out: {overrides}: {reason}"))


def with_custom_networks(console: Console, plan: SweepPlan) -> SweepPlan:
    """The plan with the parameters and FLOPs of custom networks; prints which could not be counted, and why."""
    trials, faults = count.counted(plan.trials)
    for fault in faults:
        console.print(Text(fault), soft_wrap=True)
    return replace(plan, preflight=replace(plan.preflight, trials=trials))


def print_plan(console: Console, plan: SweepPlan) -> Forecast | None:
    """Prints what `sweep.dry_run=true` promises; reads the data as a run would.

    Returns:
        What a grid would take over from other sweeps and what it would train, where there is anything to say of it.

    Raises:
        DataError: arrays that a run would refuse.
    """
    _check_data(console, plan)
    trials: Sequence[PlannedTrial] = plan.trials
    trials = trials[: plan.settings.sweep.extent.trials] if plan.is_grid else plan.trials
    if plan.is_grid:
        print_trials(console, trials, measured_speed(plan.place))
    num_points = len(trials) if plan.is_grid else plan.settings.num_points
    num_trials = num_points * plan.num_repeats
    found = forecast(plan)
    if found is not None:
        _print_forecast(console, found, num_trials)
    if found is not None and plan.is_grid:
        num_trials = found.num_left
        trials = [planned for planned in trials if planned.point.overrides in found.left]
    print_estimate(console, plan, estimated(plan, trials, num_trials))
    for key in plan.open_settings:
        console.print(f"{key.capitalize()}: timed when the sweep starts (training.{key}=auto).")
    console.print("Nothing was trained: sweep.dry_run=true.")
    return found


def _print_forecast(console: Console, found: Forecast, total: int) -> None:
    """Which trials are taken over from which sweep, and what is left to train."""
    lines = []
    if found.num_finished:
        lines.append(f"{found.num_finished} of {total} trials are finished already in this sweep.")
    sweeps: dict[str, list[int]] = {}
    for number, one in found.taken.items():
        sweeps.setdefault(one.sweep, []).append(number)
    for sweep, numbers in sweeps.items():
        which = f"trial{'' if len(numbers) == 1 else 's'} {listed(numbers, _NAMED)}"
        lines.append(
            f"Taken over from sweep {sweep}, not trained: {which} ({len(numbers)} of {total}); settings, data, seed "
            "and versions are the same (sweep.reuse=false trains all)."
        )
    lines += found.said
    if found.num_finished or found.taken:
        lines.append(f"Left to train: {found.num_left} of {total} trials." if found.num_left else "Nothing is left.")
    for line in lines:
        console.print(Text(printable(line)), soft_wrap=True)


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
    threads = f"{', '.join(map(str, ahead.threads))} CPU thread{'' if set(ahead.threads) == {1} else 's'}"
    console.print(f"Trials: {ahead.num_trials}, {ahead.workers} at a time, {threads} each (executor={name}).")
    if ahead.to_look:
        console.print(
            "These are fresh seeds of the candidates, up to the next look at them (sweep.seeds=auto).", soft_wrap=True
        )
    elif plan.settings.sweep.extent.is_auto:
        console.print(
            "After the first seed of each configuration, the leading ones, at most eight, are trained under 3 to 12 "
            "fresh seeds (sweep.seeds=auto); the estimate is for the first.",
            soft_wrap=True,
        )
    told = "not known for a custom builder" if ahead.seconds is None else f"about {duration(ahead.seconds)}"
    console.print(f"Estimated time: {told} ({ahead.source}).", soft_wrap=True)
    if name == "simulate":
        console.print("executor=simulate trains nothing: trials sleep, and their figures are made up.")
    if name == "serial":
        console.print("executor=serial neither times out nor survives a crash: it is for debugging.")
