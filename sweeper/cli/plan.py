"""The plan of a sweep as a table: each trial with its parameters, FLOPs, memory and time."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from sweeper.preflight import estimate
from sweeper.preflight.check import PlannedTrial
from sweeper.report.progress import duration

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
