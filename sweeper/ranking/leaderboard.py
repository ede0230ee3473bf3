"""Ranking trials and laying them out as rows of cells. Pure; the standard library only.

What does not live here: how a cell looks on a terminal (`sweeper.report.tables`), and where the files go (`sweeper.report.terminal`).
"""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.core.errors import ConfigError, did_you_mean
from sweeper.core.trials import EPOCH_METRICS, Objective, TrialRow, TrialState
from sweeper.inference import wilson_interval

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
    "flops",
    "val_accuracy_low",
    "val_accuracy_high",
    "leading_group",
    "rank_low",
    "rank_high",
    "best_epoch",
    "label",
)
OPTIMISTIC = "optimistic: chosen on the test set"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_WHOLE = ("num_params", "epochs", "flops", "best_epoch")


@dataclass(frozen=True)
class RankedRow:
    """A trial with its rank, from 1; None where it has none (failed)."""

    rank: int | None
    row: TrialRow


def rank(rows: Iterable[TrialRow], *objectives: Objective) -> list[RankedRow]:
    """Orders trials: complete ones by the objectives, then pruned, then failed; running ones are left out.

    With one objective, equal values share a rank (1, 1, 3) and keep the order of their numbers. With several, the
    rank is the number of the Pareto front (1: no other trial is at least as good in all of them and better in one),
    and a front is ordered by the first objective. Repeats of a point share a rank, which is that of their mean. A
    trial without a finite objective never wins: it stands, without a rank, between the pruned and the failed; so does
    a point of which a repeat failed, was pruned or is missing.
    """
    points: dict[int, list[TrialRow]] = {}
    ordered = sorted(rows, key=lambda row: row.number)
    for row in ordered:
        if row.state is not TrialState.RUNNING:
            points.setdefault(point_of(row), []).append(row)
    num_repeats = max((row.details.get("repeats", 1) for row in ordered), default=1)
    scored = {number: _mean_scores(point, num_repeats, objectives) for number, point in points.items()}
    whole = {number: scores for number, scores in scored.items() if scores is not None}
    ranked = _ranked([(point, whole[number]) for number, point in points.items() if number in whole], objectives, 1)
    others = [row for number, point in points.items() if number not in whole for row in point]
    pruned = [row for row in others if row.state is TrialState.PRUNED]
    first = len(ranked) // num_repeats + 1 if len(objectives) == 1 else _last_rank(ranked) + 1
    ranked += _ranked([([row], _pruned_scores(row, objectives)) for row in pruned], objectives[:1], first)
    lost = [row for row in others if row.state is TrialState.COMPLETE]
    failed = [row for row in others if row.state is TrialState.FAILED]
    return ranked + [RankedRow(None, row) for row in [*lost, *failed]]


def point_of(row: TrialRow) -> int:
    """The number of a trial's point; with one repeat a point, the trial's own."""
    return int(row.details["point"]) if row.details.get("repeats", 1) > 1 else row.number


def _last_rank(ranked: Sequence[RankedRow]) -> int:
    return max((one.rank for one in ranked if one.rank is not None), default=0)


def _mean_scores(rows: Sequence[TrialRow], num_repeats: int, objectives: Sequence[Objective]) -> list[float] | None:
    """A point's mean of each objective; None unless all of its repeats are complete and finite."""
    if any(row.state is not TrialState.COMPLETE for row in rows) or len(rows) < num_repeats:
        return None
    scores = [[_score(row, objective) for row in rows] for objective in objectives]
    if any(score is None for one in scores for score in one):
        return None
    return [math.fsum(score for score in one if score is not None) / len(one) for one in scores]


def _pruned_scores(row: TrialRow, objectives: Sequence[Objective]) -> list[float]:
    score = _score(row, objectives[0])
    return [-objectives[0].sign * math.inf if score is None else score]


def _ranked(
    points: Sequence[tuple[Sequence[TrialRow], Sequence[float]]], objectives: Sequence[Objective], first: int
) -> list[RankedRow]:
    """Ranks points by their scores, from `first` on; the rows of a point follow one another."""
    costs = [[-o.sign * score for o, score in zip(objectives, scores, strict=True)] for _, scores in points]
    fronts = pareto_fronts(costs) if len(objectives) > 1 else [0] * len(points)
    order = sorted(range(len(points)), key=lambda index: (fronts[index], costs[index][0]))
    ranked: list[RankedRow] = []
    place, previous = first, None
    for position, index in enumerate(order):
        if len(objectives) > 1:
            place = first + fronts[index]
        elif costs[index] != previous:
            place = first + position
        previous = costs[index]
        ranked += [RankedRow(place, row) for row in points[index][0]]
    return ranked


def pareto_fronts(costs: Sequence[Sequence[float]]) -> list[int]:
    """The number of the front of each point, from 0, smaller costs being better (Deb and others 2002, section III A).

    Points are looked at in lexicographic order, so that one is dominated only by those before it; equal points share a
    front. Each front is searched from its end, which finds a dominating point early.
    """
    front_of = [0] * len(costs)
    fronts: list[list[Sequence[float]]] = []
    for index in sorted(range(len(costs)), key=lambda index: list(costs[index])):
        cost = costs[index]
        place = next(
            (
                number
                for number, front in enumerate(fronts)
                if not any(_dominates(one, cost) for one in reversed(front))
            ),
            len(fronts),
        )
        if place == len(fronts):
            fronts.append([])
        fronts[place].append(cost)
        front_of[index] = place
    return front_of


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and any(a < b for a, b in zip(one, other, strict=True))


def _score(row: TrialRow, objective: Objective) -> float | None:
    """The objective's value, of a pruned trial the last one it reported; None where that is not finite."""
    value = row.metrics.get(objective.metric)
    reported = objective.metric.removeprefix("train_")  # an epoch calls it loss, a trial train_loss
    if value is None and row.history and reported in EPOCH_METRICS:
        value = row.history[-1].get(reported)
    return float(value) if value is not None and math.isfinite(value) else None


def columns(params: Sequence[str], rows: Iterable[TrialRow], *objectives: Objective) -> list[str]:
    """The names of the columns; none occurs twice."""
    return _columns(params, [_cells(row) for row in rows], objectives)


def _columns(params: Sequence[str], cells: Sequence[Mapping[str, Any]], objectives: Sequence[Objective]) -> list[str]:
    filled = {name for one in cells for name, value in one.items() if value not in (None, "")}
    names = ["rank", "trial", "state", *params]
    names += [objective.metric for objective in objectives if objective.metric not in METRIC_COLUMNS]
    others = [name for name in OTHER_COLUMNS if name in filled]
    return list(dict.fromkeys([*names, *METRIC_COLUMNS, *others, *sorted(filled)]))


def merged(several: Sequence[Sequence[str]]) -> list[str]:
    """The columns of several leaderboards in one: what varies in any of them, then the figures, then the others."""
    starts = [names.index(METRIC_COLUMNS[0]) for names in several]
    heads = [name for names, start in zip(several, starts, strict=True) for name in names[:start]]
    return list(dict.fromkeys([*heads, *METRIC_COLUMNS, *(name for names in several for name in names)]))


def table(
    ranked: Sequence[RankedRow], params: Sequence[str], *objectives: Objective
) -> tuple[list[str], list[dict[str, Any]]]:
    """Column names, and for each row its cells by column: numbers, text, None for an empty cell."""
    cells = [_cells(one.row) for one in ranked]
    if any(one.row.details.get("repeats", 1) > 1 for one in ranked):
        spread = _spread([one.row for one in ranked], objectives)
        cells = [
            {**known, **spread[point_of(one.row)], **_repeat(one.row)} for one, known in zip(ranked, cells, strict=True)
        ]
    names = _columns(params, cells, objectives)
    rows = []
    for one, known in zip(ranked, cells, strict=True):
        full = {**known, **one.row.params, "rank": one.rank}
        rows.append({name: full.get(name) for name in names})
    return names, rows


def _cells(row: TrialRow) -> dict[str, Any]:
    low, high = _interval(row)
    cells = {
        **row.metrics,
        "trial": row.details.get("trial", row.number),
        "state": str(row.state),
        "seed": row.seed,
        "run_id": row.run_id,
        "error": " ".join(row.error.split()),
        "val_accuracy_low": low,
        "val_accuracy_high": high,
        "sweep": row.details.get("sweep"),
        "leading_group": row.details.get("leading_group"),
        "rank_low": row.details.get("rank_low"),
        "rank_high": row.details.get("rank_high"),
        "best_epoch": row.details.get("best_epoch"),
        "label": OPTIMISTIC if row.details.get("test_is_validation") else "",
    }
    return {name: _whole(value) if name in _WHOLE else value for name, value in cells.items()}


def _repeat(row: TrialRow) -> dict[str, Any]:
    return {"point": point_of(row), "repeat": row.details.get("repeat", 0)}


def _spread(rows: Sequence[TrialRow], objectives: Sequence[Objective]) -> dict[int, dict[str, float | None]]:
    """By point: mean and sample standard deviation (None of one) of each objective over its complete repeats."""
    values: dict[int, dict[str, list[float]]] = {}
    for row in rows:
        point = values.setdefault(point_of(row), {})
        for objective in objectives:
            score = _score(row, objective)
            if row.state is TrialState.COMPLETE and score is not None:
                point.setdefault(objective.metric, []).append(score)
    return {
        number: {
            key: value
            for metric, scores in point.items()
            for key, value in (
                (f"{metric}_mean", statistics.fmean(scores)),
                (f"{metric}_std", statistics.stdev(scores) if len(scores) > 1 else None),
            )
        }
        for number, point in values.items()
    }


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
