"""The leaderboard and the notebook's comparison as tables for a terminal, by rich. Nothing user-given is markup."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from models.builder import is_builtin
from models.config import CnnConfig
from sweeper.leaderboard import cell_text
from sweeper.records import Objective, TrialRow, TrialState

#: Columns of the terminal's table after the swept parameters, the most wanted first.
_WANTED = ("val_accuracy", "val_loss", "train_accuracy", "train_loss", "num_params", "epochs", "duration_s")


def leaderboard_table(
    names: Sequence[str], rows: Sequence[Mapping[str, Any]], params: Sequence[str], objective: Objective, width: int
) -> Table:
    """Rank, trial, state, the swept parameters, then as many figures as `width` characters hold."""
    shown = ["rank", "trial", "state", *(name for name in params if name not in ("rank", "trial", "state"))]
    figures = [objective.metric, *(name for name in _WANTED if name != objective.metric)]
    shown += [name for name in figures if name in names and name not in shown]
    cells = {name: [_shown(name, row[name]) for row in rows] for name in shown}
    while len(shown) > 4 and shown[-1] != objective.metric and _width(shown, cells) > width:
        shown.pop()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in shown:
        table.add_column(Text(name), justify="left" if name == "state" else "right", no_wrap=name not in params)
    for index, row in enumerate(rows):
        style = {"failed": "red", "pruned": "yellow"}.get(str(row["state"]), "")
        table.add_row(*(Text(cells[name][index], style=style) for name in shown))
    return table


def _width(shown: Sequence[str], cells: Mapping[str, Sequence[str]]) -> int:
    return sum(max([len(name), *map(len, cells[name])]) + 2 for name in shown)


def _shown(name: str, value: Any) -> str:
    """A figure for reading: accuracies and losses with four decimals, counts with commas."""
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.1f}" if name == "duration_s" else f"{value:.4f}" if name in _WANTED else cell_text(value)
    if name in ("num_params", "flops") and isinstance(value, int):
        return f"{value:,}"
    return cell_text(value)


def notebook_table(rows: Sequence[TrialRow], *, test_is_validation: bool) -> Table | None:
    """The notebook's comparison of its networks, with their true pooling; None where no trial is a built-in CNN."""
    builtin = [row for row in rows if row.state is TrialState.COMPLETE and is_builtin(row.details.get("arch") or {})]
    if not builtin:
        return None
    scored = "test" if test_is_validation else "validation"
    table = Table(box=None, pad_edge=False, header_style="bold")
    heads = ("hidden layers", "kernel size", "padding", "max pooling", "epochs")
    for head in (*heads, "train error", "train accuracy", f"{scored} error", f"{scored} accuracy"):
        table.add_column(head, justify="right")
    for row in sorted(builtin, key=lambda row: row.number):
        table.add_row(*notebook_cells(row))
    return table


def notebook_cells(row: TrialRow) -> tuple[str, ...]:
    """One row of the notebook's table; its errors are losses."""
    config = CnnConfig.from_mapping(row.details["arch"])
    metrics = row.metrics
    return (
        str(config.depth),
        _sizes([layer.kernel_size for layer in config.layers()]),
        config.padding,
        _sizes([layer.pool_size for layer in config.layers() if layer.pool_size > 1]) or "none",
        f"{metrics['epochs']:.0f}",
        f"{metrics['train_loss']:.4f}",
        f"{100 * metrics['train_accuracy']:.2f} %",
        f"{metrics['val_loss']:.4f}",
        f"{100 * metrics['val_accuracy']:.2f} %",
    )


def _sizes(sides: Sequence[int]) -> str:
    return ", ".join(f"{side}x{side}" for side in dict.fromkeys(sides))
