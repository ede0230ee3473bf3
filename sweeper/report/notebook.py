"""The notebook's table: one row a network, with its pooling and errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from sweeper.core.errors import ArchitectureError
from sweeper.core.text import cell_text, decimals, percent
from sweeper.core.trials import TrialRow, TrialState
from sweeper.models.config import CnnConfig
from sweeper.models.networks import is_cnn
from sweeper.report.tables import GAP, plain_table


def pools(arch: Mapping[str, Any]) -> tuple[int, ...]:
    """The side of each pooling of a built-in network, in order.

    Raises:
        ArchitectureError: keys or values that the built-in network does not take.
    """
    layers = CnnConfig.from_mapping(arch).layers()
    return tuple(layer.pool_size for layer in layers if layer.pool_size > 1)


def notebook_table(rows: Sequence[TrialRow], *, test_is_validation: bool, width: int = 120) -> Table | None:
    """The notebook's comparison of its networks, with their true pooling; None where no trial is a built-in CNN.

    One row per trial that ended well, in the order of the trials; with its number where the rest does not tell them
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
    table = plain_table(sum(widths) + gap * (len(widths) - 1), gap)
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
    if sum(whole) + GAP * gaps <= width:
        return whole, GAP
    words = [max(map(_longest_word, texts)) for texts in columns]
    return words, GAP if sum(words) + GAP * gaps <= width else 1


def _longest_word(text: str) -> int:
    """Its length; a short text, such as a percentage or two poolings, is not broken."""
    return len(text) if len(text) <= 8 else max(map(len, text.split()))


def notebook_heads(*, test_is_validation: bool) -> tuple[str, ...]:
    """The headings of the notebook's table, one a cell of `notebook_cells`."""
    heads = ("hidden layers", "kernel size", "padding", "max pooling", "epochs", "train error", "train accuracy")
    if test_is_validation:
        return (*heads, "test error (selected on it)", "test accuracy (selected on it)")
    return (*heads, "validation error", "validation accuracy")


def is_comparable(row: TrialRow) -> bool:
    """Whether the notebook's table has a row for it: a built-in CNN that ended well."""
    if row.state not in (TrialState.COMPLETE, TrialState.PRUNED) or not is_cnn(row.arch):
        return False
    try:
        pools(row.arch)
    except ArchitectureError:  # recorded by another version, with keys that this one does not know
        return False
    return True


def notebook_cells(row: TrialRow) -> tuple[str, ...]:
    """One row of the notebook's table."""
    arch = row.arch
    config = CnnConfig.from_mapping(arch)
    pruned = " (pruned)" if row.state is TrialState.PRUNED else ""
    metrics = row.metrics
    return (
        str(config.depth),
        _sizes([layer.kernel_size for layer in config.layers()]),
        ", ".join(dict.fromkeys(layer.padding for layer in config.layers())),
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
    return "" if value is None else percent(value)
