"""The leaderboard's columns and cells."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sweeper.core.errors import ConfigError, did_you_mean
from sweeper.core.objectives import Objective
from sweeper.core.text import cell_text
from sweeper.core.trials import TrialRow, TrialState, mean
from sweeper.ranking.leaderboard import RankedRow, point_of, score_of

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


OTHER_COLUMNS = (
    "sweep",
    "point",
    "repeat",
    "outcome",
    "seeds",
    "flops",
    "val_accuracy_low",
    "val_accuracy_high",
    "leading_group",
    "rank_low",
    "rank_high",
    "verdict",
    "difference",
    "difference_low",
    "difference_high",
    "best_epoch",
    "taken_from",
    "label",
)


SELECTED_ON_TEST = "selected on the test set"


_WHOLE = ("num_params", "epochs", "flops", "best_epoch")


def columns(params: Sequence[str], rows: Iterable[TrialRow], *objectives: Objective) -> list[str]:
    """The names of the columns; none occurs twice."""
    return _columns(params, [_cells(RankedRow(None, row)) for row in rows], objectives)


def _columns(params: Sequence[str], cells: Sequence[Mapping[str, Any]], objectives: Sequence[Objective]) -> list[str]:
    filled = {name for one in cells for name, value in one.items() if value not in (None, "")}
    names = ["rank", "trial", "state", *params]
    names += [objective.metric for objective in objectives if objective.metric not in METRIC_COLUMNS]
    others = [name for name in OTHER_COLUMNS if name in filled]
    return list(dict.fromkeys([*names, *METRIC_COLUMNS, *others, *sorted(filled)]))


def asked_for(names: Iterable[str]) -> list[str]:
    """The columns of metrics that are there because they were asked for: `val_macro_f1`; then `test_macro_f1`."""
    fixed = {*METRIC_COLUMNS, *OTHER_COLUMNS}
    found = [name for name in names if name not in fixed and not name.endswith(("_mean", "_std"))]
    return [name for start in ("val_", "test_") for name in found if name.startswith(start)]


def merged(several: Sequence[Sequence[str]]) -> list[str]:
    """The columns of several leaderboards in one: what varies in any of them, then the figures, then the others."""
    starts = [names.index(METRIC_COLUMNS[0]) for names in several]
    heads = [name for names, start in zip(several, starts, strict=True) for name in names[:start]]
    return list(dict.fromkeys([*heads, *METRIC_COLUMNS, *(name for names in several for name in names)]))


def table(
    ranked: Sequence[RankedRow], params: Sequence[str], *objectives: Objective
) -> tuple[list[str], list[dict[str, Any]]]:
    """Column names, and for each row its cells by column: numbers, text, None for an empty cell."""
    cells = [_cells(one) for one in ranked]
    if any(one.row.num_repeats > 1 or one.row.standing is not None for one in ranked):
        spread = _spread([one.row for one in ranked], objectives)
        cells = [
            {**known, **spread.get(point_of(one.row), {}), **_repeat(one.row)}
            for one, known in zip(ranked, cells, strict=True)
        ]
    names = _columns(params, cells, objectives)
    rows = []
    for one, known in zip(ranked, cells, strict=True):
        full = {**known, **one.row.params, "rank": one.rank}
        rows.append({name: full.get(name) for name in names})
    return names, rows


def _cells(ranked: RankedRow) -> dict[str, Any]:
    row = ranked.row
    low, high = ranked.interval or (None, None)
    apart = ranked.difference
    cells = {
        **row.metrics,
        "trial": row.number if row.origin is None else row.origin.trial,
        "state": str(row.state),
        "seed": row.seed,
        "run_id": row.run_id,
        "error": " ".join(row.error.split()),
        "val_accuracy_low": low,
        "val_accuracy_high": high,
        "sweep": None if row.origin is None else row.origin.sweep,
        "leading_group": ranked.in_leading_group,
        "rank_low": ranked.rank_low,
        "rank_high": ranked.rank_high,
        "verdict": ranked.verdict,
        "difference": None if apart is None else apart.value,
        "difference_low": None if apart is None else apart.low,
        "difference_high": None if apart is None else apart.high,
        "best_epoch": row.facts.best_epoch,
        "taken_from": "" if row.facts.taken_from is None else row.facts.taken_from.name,
        "label": SELECTED_ON_TEST if row.facts.test_is_validation else "",
    }
    return {name: _whole(value) if name in _WHOLE else value for name, value in cells.items()}


def _repeat(row: TrialRow) -> dict[str, Any]:
    standing = row.standing
    stands = {} if standing is None else {"outcome": standing.outcome, "seeds": standing.num_seeds or None}
    return {"point": point_of(row), "repeat": row.repeat, **stands}


def _spread(rows: Sequence[TrialRow], objectives: Sequence[Objective]) -> dict[int, dict[str, float | None]]:
    """By point: mean and sample standard deviation (None of one) of each objective over its complete repeats."""
    values: dict[int, dict[str, list[float]]] = {}
    for row in rows:
        if row.standing is not None and not row.standing.is_fresh:
            continue
        point = values.setdefault(point_of(row), {})
        for objective in objectives:
            score = score_of(row, objective)
            if row.state is TrialState.COMPLETE and score is not None:
                point.setdefault(objective.metric, []).append(score)
    return {
        number: {
            key: value
            for metric, scores in point.items()
            for key, value in (
                (f"{metric}_mean", mean(scores)),
                (f"{metric}_std", statistics.stdev(scores) if len(scores) > 1 else None),
            )
        }
        for number, point in values.items()
    }


def _whole(value: Any) -> Any:
    return int(value) if value is not None and math.isfinite(value) else value


def sort_rows(names: Sequence[str], rows: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    """Orders rows by a column, descending with a leading `-`; empty cells last.

    Raises:
        ConfigError: there is no such column.
    """
    name = column.removeprefix("-")
    if name not in names:
        raise ConfigError(
            f"--sort {column} is not a column. There are: {', '.join(names)}. {did_you_mean(name, names)}"
            "  Try: --sort=duration_s, or --sort=-val_accuracy for the largest first"
        )
    full = [row for row in rows if not _is_empty(row[name])]
    numeric = all(isinstance(row[name], int | float) for row in full)
    full.sort(key=lambda row: row[name] if numeric else cell_text(row[name]), reverse=column.startswith("-"))
    return full + [row for row in rows if _is_empty(row[name])]


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))
