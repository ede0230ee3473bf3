"""The leaderboard and the notebook's comparison as tables for a terminal, by rich. Nothing user-given is markup.

What does not live here: the order of the rows (`sweeper.ranking.leaderboard`), what stands around a table (`sweeper.report.terminal`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from models.builder import is_builtin
from models.config import CnnConfig
from sweeper.core.errors import ArchitectureError
from sweeper.core.trials import Objective, TrialRow, TrialState
from sweeper.ranking.leaderboard import cell_text

#: The column of the Wilson interval, and figures, the most wanted first.
_INTERVAL = "95 % interval"
_WANTED = ("val_accuracy", _INTERVAL, "num_params", "val_loss", "train_accuracy", "train_loss", "epochs", "duration_s")
_FIRST = ("rank", "trial", "state")
_GAP = 2  # characters between columns
_VALUE = 24  # characters of a swept value; a longer one goes on in the next line
_STYLES = {TrialState.FAILED: "red", TrialState.PRUNED: "yellow"}


def printable(text: str) -> str:
    """Text that cannot move the cursor: control characters as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


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
    table = _table(_total(shown), _GAP)
    notes = ["* the leading group: trials that the images cannot tell apart"] if _marks(rows) else []
    notes += [f"Too wide for here: {', '.join(left_out)}; --csv - has all columns"] if left_out else []
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


def _marks(rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(row.get("leading_group") for row in rows)


def _columns(
    names: Sequence[str], rows: Sequence[Mapping[str, Any]], params: Sequence[str], objectives: Sequence[Objective]
) -> list[_Column]:
    known = {*names, _INTERVAL} if "val_accuracy_low" in names else {*names}
    first = objectives[0].metric
    wanted = dict.fromkeys([f"{first}_mean", f"{first}_std", *(one.metric for one in objectives), *_WANTED])
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
    return sum(column.width + _GAP for column in columns) - _GAP


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
        (name in _WANTED or name.endswith(("_mean", "_std", "_ms")))
        and isinstance(value, float)
        and math.isfinite(value)
    ):
        return f"{value:.1f}" if name == "duration_s" else decimals(value)
    return printable(cell_text(value))


def decimals(value: float) -> str:
    """Four decimals, or two digits of what would then be nought or is too long to be read."""
    return f"{value:.4f}" if value == 0 or 0.001 <= abs(value) < 1e6 else f"{value:.2e}"


def pools(arch: Mapping[str, Any]) -> tuple[int, ...]:
    """The side of each pooling of a built-in network, in order.

    Raises:
        ArchitectureError: keys or values that the built-in network does not take.
    """
    layers = CnnConfig.from_mapping(arch).layers()
    return tuple(layer.pool_size for layer in layers if layer.pool_size > 1)


def notebook_table(rows: Sequence[TrialRow], *, test_is_validation: bool, width: int = 120) -> Table | None:
    """The notebook's comparison of its networks, with their true pooling; None where no trial is a built-in CNN.

    One row a trial that ended well, in the order of the trials; with its number where the rest does not tell them
    apart. As in the notebook, the errors are losses.
    """
    builtin = sorted((row for row in rows if is_comparable(row)), key=lambda row: row.number)
    if not builtin:
        return None
    heads = notebook_heads(test_is_validation=test_is_validation)
    lines = [notebook_cells(row) for row in builtin]
    if len({line[:4] for line in lines}) < len(lines):
        heads = ("trial", *heads)
        lines = [(str(row.number), *line) for row, line in zip(builtin, lines, strict=True)]
    widths, gap = _widths(heads, lines, width)
    table = _table(sum(widths) + gap * (len(widths) - 1), gap)
    for head, own in zip(heads, widths, strict=True):
        table.add_column(head, justify="right", width=own)
    for line in lines:
        table.add_row(*line)
    return table


def _widths(heads: Sequence[str], lines: Sequence[Sequence[str]], width: int) -> tuple[list[int], int]:
    """Each column's width and the gap between them: unbroken where all fit, else as wide as its longest word."""
    columns = [(head, *cells) for head, cells in zip(heads, zip(*lines, strict=True), strict=True)]
    gaps = len(columns) - 1
    whole = [max(map(len, texts)) for texts in columns]
    if sum(whole) + _GAP * gaps <= width:
        return whole, _GAP
    words = [max(map(_longest_word, texts)) for texts in columns]
    return words, _GAP if sum(words) + _GAP * gaps <= width else 1


def _longest_word(text: str) -> int:
    """Its length; a short text, such as a percentage or two poolings, is not broken."""
    return len(text) if len(text) <= 8 else max(map(len, text.split()))


def _table(least: int, gap: int) -> Table:
    """An empty table, `least` characters wide or more."""
    return Table(
        box=None,
        padding=(0, gap, 0, 0),
        pad_edge=False,
        header_style="bold",
        caption_justify="left",
        min_width=least,
    )


def notebook_heads(*, test_is_validation: bool) -> tuple[str, ...]:
    """The headings of the notebook's table, one a cell of `notebook_cells`."""
    heads = ("hidden layers", "kernel size", "padding", "max pooling", "epochs", "train error", "train accuracy")
    if test_is_validation:
        return (*heads, "test error (optimistic: chosen on it)", "test accuracy (optimistic: chosen on it)")
    return (*heads, "validation error", "validation accuracy")


def is_comparable(row: TrialRow) -> bool:
    """Whether the notebook's table has a row for it: a built-in CNN that ended well."""
    if row.state not in (TrialState.COMPLETE, TrialState.PRUNED) or not is_builtin(row.details.get("arch") or {}):
        return False
    try:
        pools(row.details["arch"])
    except ArchitectureError:  # recorded by another version, with keys that this one does not know
        return False
    return True


def notebook_cells(row: TrialRow) -> tuple[str, ...]:
    """One row of the notebook's table."""
    arch = row.details["arch"]
    config = CnnConfig.from_mapping(arch)
    pruned = " (pruned)" if row.state is TrialState.PRUNED else ""
    metrics = row.metrics
    return (
        str(config.depth),
        _sizes([layer.kernel_size for layer in config.layers()]),
        config.padding,
        _pooling(config.pooling, pools(arch)),
        (cell_text(metrics.get("epochs")).removesuffix(".0")) + pruned,
        _error(metrics.get("train_loss")),
        _percent(metrics.get("train_accuracy")),
        _error(metrics.get("val_loss")),
        _percent(metrics.get("val_accuracy")),
    )


def _pooling(kind: str, sides: Sequence[int]) -> str:
    sizes = _sizes(sides) or "none"
    return sizes if kind == "max" or not sides else f"{kind} {sizes}"


def _sizes(sides: Sequence[int]) -> str:
    return ", ".join(f"{side}x{side}" for side in dict.fromkeys(sides))


def _error(value: float | None) -> str:
    return "" if value is None else decimals(value)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f} %"
