"""The leaderboard and the notebook's comparison as tables for a terminal, by rich. Nothing user-given is markup.

What does not live here: the order of the rows (`sweeper.ranking.leaderboard`), what surrounds a table
(`sweeper.report.terminal`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from sweeper.core.objectives import Objective
from sweeper.core.text import cell_text, decimals, printable
from sweeper.core.trials import TrialState
from sweeper.ranking.columns import asked_for

#: The column of the Wilson interval, and figures, the most wanted first.
_INTERVAL = "95 % interval"
_WANTED = ("val_accuracy", _INTERVAL, "num_params", "val_loss", "train_accuracy", "train_loss", "epochs", "duration_s")
_FIRST = ("rank", "trial", "state")
GAP = 2  # characters between columns
_VALUE = 24  # characters of a swept value; a longer one continues in the next line
_STYLES = {TrialState.FAILED: "red", TrialState.PRUNED: "yellow"}


@dataclass(frozen=True)
class _Column:
    name: str
    heading: str
    cells: tuple[str, ...]
    limit: int = 10_000

    @property
    def width(self) -> int:
        longest = max(map(cell_len, self.cells), default=0)
        return max(min(longest, self.limit), *map(cell_len, self.heading.split("\n")))


def leaderboard_table(
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    params: Sequence[str],
    objective: Objective,
    width: int,
    further: Sequence[Objective] = (),
) -> Table:
    """Rank, trial, state, the swept parameters, the objective, then as many figures as `width` characters hold.

    Where even the first do not fit, headings are broken, then parameters left out, those first that are the same in
    every row; the caption names them. Numbers are never cut.
    """
    shown, left_out = _fitted(_columns(names, rows, params, (objective, *further)), params, objective, width)
    table = plain_table(_total(shown), GAP)
    notes = [f"* {leading_group_note(rows)}"] if _marks(rows) else []
    notes += [f"Too wide for this terminal: {', '.join(left_out)}; --csv - has all columns"] if left_out else []
    table.caption = Text("\n".join(notes)) if notes else None
    for column in shown:
        table.add_column(
            Text(column.heading),
            justify="left" if column.name == "state" else "right",
            width=column.width,
            overflow="fold",
        )
    for index, row in enumerate(rows):
        style = _STYLES.get(row["state"], "")
        table.add_row(*(Text(column.cells[index], style=style) for column in shown))
    return table


def plain_cells(
    names: Sequence[str], rows: Sequence[Mapping[str, Any]], params: Sequence[str], objectives: Sequence[Objective]
) -> tuple[list[str], list[tuple[str, ...]]]:
    """The headings and cells of the same table, as text, whatever its width."""
    columns = _columns(names, rows, params, objectives)
    return [column.heading for column in columns], list(zip(*(column.cells for column in columns), strict=True))


def leading_group_note(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the marks of the leading group mean; with repeats it has configurations."""
    if any("repeat" in row for row in rows):
        return "the leading group: configurations that these trainings and images cannot separate"
    return "the leading group: trials that the images cannot separate"


def _marks(rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(row.get("leading_group") for row in rows)


def _columns(
    names: Sequence[str], rows: Sequence[Mapping[str, Any]], params: Sequence[str], objectives: Sequence[Objective]
) -> list[_Column]:
    known = {*names, _INTERVAL} if "val_accuracy_low" in names else {*names}
    first = objectives[0].metric
    asked = [name for name in asked_for(names) if name.startswith("val_")]
    by_rank = [f"{first}_mean", f"{first}_std", *(one.metric for one in objectives)]
    if "outcome" in names:  # with `sweep.seeds=auto`: how far a configuration came, and under how many fresh seeds
        by_rank = [f"{first}_mean", "outcome", "seeds", first]
    wanted = dict.fromkeys([*by_rank, *_WANTED[:2], *asked, *_WANTED])
    figures = [name for name in wanted if name in known and name not in params]
    return [
        _Column(name, printable(name), tuple(_shown(name, row) for row in rows), _VALUE if name in params else 10_000)
        for name in [*_FIRST, *(["sweep"] if "sweep" in names else []), *params, *figures]
    ]


def _fitted(
    columns: list[_Column], params: Sequence[str], objective: Objective, width: int
) -> tuple[list[_Column], list[str]]:
    """The columns that `width` holds, and the names of the parameters left out."""
    if _total(columns) > width:
        columns = [_broken(column, ".") if column.name in params else column for column in columns]
    while _total(columns) > width and columns[-1].name not in (*params, objective.metric):
        columns = columns[:-1]
    if _total(columns) > width:
        columns = [_broken(column, "._") if column.name in params else column for column in columns]
    left_out: list[str] = []
    order = columns[::-1]
    order.sort(key=lambda column: len(set(column.cells)) > 1)
    for column in order:
        if column.name in params and _total(columns) > width:
            columns = [other for other in columns if other is not column]
            left_out.append(column.name)
    return columns, [name for name in params if name in left_out]


def _total(columns: Sequence[_Column]) -> int:
    return sum(column.width + GAP for column in columns) - GAP


def _broken(column: _Column, marks: str) -> _Column:
    heading = column.heading.replace("\n", "")
    for mark in marks:
        heading = heading.replace(mark, f"{mark}\n")
    return _Column(column.name, heading.removesuffix("\n"), column.cells, column.limit)


def _shown(name: str, row: Mapping[str, Any]) -> str:
    """A cell for reading: accuracies and losses with four decimals, counts with commas."""
    if name == _INTERVAL:
        low, high = row["val_accuracy_low"], row["val_accuracy_high"]
        return "" if low is None else f"{low:.4f}-{high:.4f}"
    value = row[name]
    if name == "rank" and row.get("leading_group"):
        return f"*{value}"
    if name in ("num_params", "flops") and isinstance(value, int):
        return f"{value:,}"
    if (
        (name in _WANTED or name.startswith("val_") or name.endswith(("_mean", "_std", "_ms")))
        and isinstance(value, float)
        and math.isfinite(value)
    ):
        return f"{value:.1f}" if name == "duration_s" else decimals(value)
    return printable(cell_text(value))


def plain_table(least: int, gap: int) -> Table:
    """An empty table, `least` characters wide or more."""
    return Table(
        box=None,
        padding=(0, gap, 0, 0),
        pad_edge=False,
        header_style="bold",
        caption_justify="left",
        min_width=least,
    )
