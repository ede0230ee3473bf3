"""The leaderboard as the page has it: which columns, how each cell reads, what it sorts by. Pure.

What does not live here: the order of the rows (`sweeper.ranking.leaderboard`), and what the browser makes of it
(`page.js`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.core.objectives import METRIC_DIRECTIONS
from sweeper.core.text import cell_text
from sweeper.core.trials import TrialRow, TrialState
from sweeper.ranking.columns import asked_for, table
from sweeper.ranking.leaderboard import RankedRow
from sweeper.report.command_lines import repeat_line, verify_line
from sweeper.report.page.roles import Roles
from sweeper.report.sweep_report import SweepReport, scored
from sweeper.report.text import called, figure, plain, setting

#: Rows in the page itself; of more, the browser shows as many at a time and searches all.
SHOWN = 500

_INTERVAL = "interval"
_LONG = 40  # characters from which a heading has more room
_WANTED = (
    "val_accuracy",
    _INTERVAL,
    "test_accuracy",
    "val_loss",
    "train_accuracy",
    "num_params",
    "epochs",
    "duration_s",
)
_FIRST = ("rank", "trial")
#: Shown otherwise: by the interval, beside the rank, by marks and in the headings.
_WITHIN = ("val_accuracy_low", "val_accuracy_high", "rank_low", "rank_high", "leading_group", "label")


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        key: its name in `leaderboard.csv`; `interval` for the drawn one.
        label: its heading.
        kind: `param`, `figure`, `text` or `interval`.
        better: `ascending` or `descending`, the order of a first click.
        extra: hidden until all figures are asked for.
    """

    key: str
    label: str
    kind: str
    better: str
    extra: bool

    @property
    def look(self) -> str:
        """Its cells' classes in the style sheet."""
        marks = {"state": self.key == "state", "long": len(self.label) > _LONG, "extra": self.extra}
        return " ".join([self.kind, *(name for name, given in marks.items() if given)])

    @property
    def parts(self) -> list[str]:
        """The heading in pieces between which a line may end."""
        return re.findall(r"[^._ ]+[._ ]*|[._ ]+", self.label)


@dataclass(frozen=True)
class Line:
    """A row of the table.

    Attributes:
        name: what the trial is called.
        state: as in `TrialState`.
        place: `leader`, `group`, or nothing.
        texts: a cell a column, as it is read.
        values: what each cell is sorted by, a number or a text; None for an empty one, which comes last.
        interval: low, measured and high accuracy; None where it is not known.
        repeat, verify: the lines that train it again.
        error: why it failed.
    """

    name: str
    state: str
    place: str
    texts: tuple[str, ...]
    values: tuple[float | str | None, ...]
    interval: tuple[float, float, float] | None
    repeat: str
    verify: str
    error: str


@dataclass(frozen=True)
class Board:
    """The table, and the common scale of its intervals: the accuracies at their left and right ends."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    scale: tuple[float, float]

    @property
    def has_intervals(self) -> bool:
        """Whether any row has one."""
        return any(line.interval for line in self.lines)


def lay_out(report: SweepReport, ranked: Sequence[RankedRow], known: Roles) -> Board:
    """The leaderboard's columns and rows, best first.

    Args:
        report: the sweep.
        ranked: its trials that ended.
        known: which trials are highlighted.
    """
    names, rows = table(ranked, report.params, *report.objectives)
    columns = _columns(report, names, rows)
    lines = [_line(report, columns, cells, one.row, known) for one, cells in zip(ranked, rows, strict=True)]
    return Board(columns, tuple(lines), _scale(lines))


def _columns(report: SweepReport, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    filled = {name for name in names if any(row[name] not in (None, "") for row in rows)}
    if "val_accuracy_low" in filled:
        filled.add(_INTERVAL)
    metric = report.objective.metric
    first = [f"{metric}_mean", f"{metric}_std", *(one.metric for one in report.objectives)]
    if "outcome" in filled:  # with `sweep.seeds=auto`: how far a configuration came, and under how many fresh seeds
        first = [f"{metric}_mean", "outcome", "seeds", metric]
    start = [*_FIRST, *(["sweep"] if "sweep" in filled else [])]
    wanted = dict.fromkeys([*first, *_WANTED[:4], *asked_for(names), *_WANTED])
    shown = [name for name in wanted if name in filled and name not in report.params]
    last = max((place for place, name in enumerate(shown) if name in (*first, _INTERVAL)), default=-1) + 1
    results, others = shown[:last], shown[last:]
    known = {*start, "state", *report.params, *shown, *_WITHIN}
    rest = [name for name in names if name in filled and name not in known]
    same = len({row["state"] for row in rows}) < 2
    directions = METRIC_DIRECTIONS | {one.name: one.direction for one in report.metrics}
    directions |= {one.metric: one.direction for one in report.objectives}
    return tuple(
        Column(
            name,
            _label(report, name),
            "param" if name in report.params else _INTERVAL if name == _INTERVAL else _kind(name),
            "descending" if directions.get(_metric(name)) == "maximize" else "ascending",
            name in rest or (name == "state" and same),
        )
        for name in [*start, *results, "state", *report.params, *others, *rest]
    )


def _metric(name: str) -> str:
    return "val_accuracy" if name == _INTERVAL else name.removesuffix("_mean").replace("test_", "val_")


def _kind(name: str) -> str:
    return "text" if name in ("sweep", "state", "outcome", "verdict", "run_id", "error", "label") else "figure"


def _label(report: SweepReport, name: str) -> str:
    if name == _INTERVAL:
        return f"95 % interval of {scored(report, 'val_accuracy')}"
    if name.endswith("accuracy_std"):
        return f"{plain(name)} (points)"
    return plain(name) if name in report.params else scored(report, name)


def _line(
    report: SweepReport, columns: Sequence[Column], row: Mapping[str, Any], trial: TrialRow, known: Roles
) -> Line:
    low, high, accuracy = (row.get(key) for key in ("val_accuracy_low", "val_accuracy_high", "val_accuracy"))
    interval = None if low is None or high is None or accuracy is None else (low, accuracy, high)
    ranks = report.findings.rank_intervals.get(trial.number)
    number, fixed = trial.number, report.about.get("fixed") if trial.origin is None else trial.origin.fixed
    return Line(
        name=called(trial),
        state=str(trial.state),
        place="leader" if number in known.leaders else "group" if number in known.group else "",
        texts=tuple(_text(column, row, interval, ranks) for column in columns),
        values=tuple(_value(column, row, interval) for column in columns),
        interval=interval,
        repeat=repeat_line(trial, fixed),
        verify=verify_line(trial, fixed) if trial.state is not TrialState.FAILED else "",
        error=plain(" ".join(trial.error.split())),
    )


def _text(
    column: Column,
    row: Mapping[str, Any],
    interval: tuple[float, float, float] | None,
    ranks: tuple[int, int] | None,
) -> str:
    if column.kind == "interval":
        return "" if interval is None else f"{100 * interval[0]:.2f}–{100 * interval[2]:.2f}"
    value = row.get(column.key)
    if column.kind == "param":
        return setting(value)
    if column.key == "rank":
        spread = f" ({ranks[0]}–{ranks[1]})" if ranks and ranks[0] != ranks[1] else ""
        return "" if value is None else f"{value}{spread}"
    return figure(column.key, value)


def _value(column: Column, row: Mapping[str, Any], interval: tuple[float, float, float] | None) -> float | str | None:
    """What a cell is sorted by; numbers stay numbers, what is not finite is empty."""
    value = (None if interval is None else interval[0]) if column.kind == "interval" else row.get(column.key)
    if value is None or value == "":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if math.isfinite(value) else None
    return cell_text(value)


def _scale(lines: Sequence[Line]) -> tuple[float, float]:
    """The ends of the intervals of the better half: one network that learnt nothing would flatten all others."""
    complete = [line.interval for line in lines if line.interval and line.state == TrialState.COMPLETE]
    shown = complete[: max(3, (len(complete) + 1) // 2)]
    if not shown:
        return 0.0, 1.0
    low, high = min(one[0] for one in shown), max(one[2] for one in shown)
    room = 0.04 * (high - low)
    return max(0.0, low - room), min(1.0, high + room)
