"""Ranking trials and laying them out as rows of cells. Pure; the standard library only.

What does not live here: how a cell looks on a terminal (`sweeper.tables`), and where the files go (`sweeper.report`).
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.errors import ConfigError, did_you_mean
from sweeper.records import EPOCH_METRICS, Objective, TrialRow, TrialState
from sweeper.statistics import wilson_interval

#: The columns after the swept parameters, in their fixed order.
METRIC_COLUMNS = (
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "test_loss",
    "test_accuracy",
    "num_params",
    "epochs",
    "duration_s",
    "seed",
    "run_id",
    "error",
)
OTHER_COLUMNS = ("flops", "val_accuracy_low", "val_accuracy_high", "best_epoch", "label")
OPTIMISTIC = "optimistic: chosen on the test set"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_WHOLE = ("num_params", "epochs", "flops", "best_epoch")


@dataclass(frozen=True)
class RankedRow:
    """A trial with its rank, from 1; None where it has none (failed)."""

    rank: int | None
    row: TrialRow


def rank(rows: Iterable[TrialRow], objective: Objective) -> list[RankedRow]:
    """Orders trials: complete ones by the objective, then pruned, then failed; running ones are left out.

    Equal values share a rank (1, 1, 3) and keep the order of their numbers. A trial without a finite objective never
    wins: it stands, without a rank, between the pruned and the failed.
    """
    ordered = sorted(rows, key=lambda row: row.number)
    complete = [row for row in ordered if row.state is TrialState.COMPLETE and _score(row, objective) is not None]
    pruned = [row for row in ordered if row.state is TrialState.PRUNED]
    lost = [row for row in ordered if row.state is TrialState.COMPLETE and _score(row, objective) is None]
    failed = [row for row in ordered if row.state is TrialState.FAILED]
    ranked = _rank_group(complete, objective, 1) + _rank_group(pruned, objective, len(complete) + 1)
    return ranked + [RankedRow(None, row) for row in [*lost, *failed]]


def _rank_group(rows: Sequence[TrialRow], objective: Objective, first: int) -> list[RankedRow]:
    ordered = sorted(rows, key=lambda row: _key(row, objective))
    ranked: list[RankedRow] = []
    for position, row in enumerate(ordered, start=first):
        same = ranked and _key(row, objective) == _key(ranked[-1].row, objective)
        ranked.append(RankedRow(ranked[-1].rank if same else position, row))
    return ranked


def _key(row: TrialRow, objective: Objective) -> float:
    """Smaller is better; without a finite score, last."""
    score = _score(row, objective)
    return math.inf if score is None else -objective.sign * score


def _score(row: TrialRow, objective: Objective) -> float | None:
    """The objective's value, of a pruned trial the last one it reported; None where that is not finite."""
    value = row.metrics.get(objective.metric)
    reported = objective.metric.removeprefix("train_")  # an epoch calls it loss, a trial train_loss
    if value is None and row.history and reported in EPOCH_METRICS:
        value = row.history[-1].get(reported)
    return float(value) if value is not None and math.isfinite(value) else None


def columns(params: Sequence[str], rows: Iterable[TrialRow], objective: Objective) -> list[str]:
    """The names of the columns; none occurs twice."""
    return _columns(params, [_cells(row) for row in rows], objective)


def _columns(params: Sequence[str], cells: Sequence[Mapping[str, Any]], objective: Objective) -> list[str]:
    filled = {name for one in cells for name, value in one.items() if value not in (None, "")}
    names = ["rank", "trial", "state", *params]
    if objective.metric not in METRIC_COLUMNS:
        names.append(objective.metric)
    others = [name for name in OTHER_COLUMNS if name in filled]
    return list(dict.fromkeys([*names, *METRIC_COLUMNS, *others, *sorted(filled)]))


def merged(several: Sequence[Sequence[str]]) -> list[str]:
    """The columns of several leaderboards in one: what varies in any of them, then the figures, then the others."""
    starts = [names.index(METRIC_COLUMNS[0]) for names in several]
    heads = [name for names, start in zip(several, starts, strict=True) for name in names[:start]]
    return list(dict.fromkeys([*heads, *METRIC_COLUMNS, *(name for names in several for name in names)]))


def table(
    ranked: Sequence[RankedRow], params: Sequence[str], objective: Objective
) -> tuple[list[str], list[dict[str, Any]]]:
    """Column names, and for each row its cells by column: numbers, text, None for an empty cell."""
    cells = [_cells(one.row) for one in ranked]
    names = _columns(params, cells, objective)
    rows = []
    for one, known in zip(ranked, cells, strict=True):
        full = {**known, **one.row.params, "rank": one.rank}
        rows.append({name: full.get(name) for name in names})
    return names, rows


def _cells(row: TrialRow) -> dict[str, Any]:
    low, high = _interval(row)
    cells = {
        **row.metrics,
        "trial": row.number,
        "state": str(row.state),
        "seed": row.seed,
        "run_id": row.run_id,
        "error": " ".join(row.error.split()),
        "val_accuracy_low": low,
        "val_accuracy_high": high,
        "best_epoch": row.details.get("best_epoch"),
        "label": OPTIMISTIC if row.details.get("test_is_validation") else "",
    }
    return {name: _whole(value) if name in _WHOLE else value for name, value in cells.items()}


def _whole(value: Any) -> Any:
    return int(value) if value is not None and math.isfinite(value) else value


def _interval(row: TrialRow) -> tuple[float | None, float | None]:
    """The Wilson interval of the validation accuracy, where the number of images is known."""
    accuracy, num_images = row.metrics.get("val_accuracy"), row.details.get("num_validation")
    if accuracy is None or not num_images or not math.isfinite(accuracy):
        return None, None
    return wilson_interval(round(accuracy * num_images), num_images)


def sort_rows(names: Sequence[str], rows: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    """Orders rows by a column, descending with a leading `-`; empty cells last.

    Raises:
        ConfigError: there is no such column.
    """
    name = column.removeprefix("-")
    if name not in names:
        raise ConfigError(
            f"--sort {column} is no column. There are: {', '.join(names)}. {did_you_mean(name, names)}"
            "  Try: --sort=duration_s, or --sort=-val_accuracy for the largest first"
        )
    full = [row for row in rows if not _is_empty(row[name])]
    numeric = all(isinstance(row[name], int | float) for row in full)
    full.sort(key=lambda row: row[name] if numeric else cell_text(row[name]), reverse=column.startswith("-"))
    return full + [row for row in rows if _is_empty(row[name])]


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def cell_text(value: Any) -> str:
    """A cell as text that reads back to the same value: full digits, lists as JSON, true and false."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    return str(value)


def to_csv(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Comma-separated values (RFC 4180, lines end in \\n); text that a spreadsheet would compute gets an apostrophe."""
    cells: list[Sequence[Any]] = [names, *([row[name] for name in names] for row in rows)]
    return "".join(f"{_csv_line(line)}\n" for line in cells)


def _csv_line(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    # With this ending, and no other, csv of Python 3.11 also quotes a carriage return.
    csv.writer(out, lineterminator="\r\n").writerow([_csv_cell(cell) for cell in cells])
    return out.getvalue().removesuffix("\r\n")


def _csv_cell(value: Any) -> str:
    text = cell_text(value)
    return f"'{text}" if text.startswith(_FORMULA) and not isinstance(value, int | float) else text
