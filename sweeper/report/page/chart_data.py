"""What the page's charts have in common: a Vega-Lite specification with its data, and what it shows in words.

Colours are names of the page's own (`var(--leader)`), so that one drawing serves light, dark and paper. Where there is
more than a chart can show, it shows a part, and says so. Fields have short names of ours: no user-given text is one.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sweeper.core.text import shortened
from sweeper.core.trials import TrialRow, TrialState, mean
from sweeper.ranking import leaderboard
from sweeper.ranking.leaderboard import RankedRow, point_of
from sweeper.report.page.roles import LOOKS, Roles
from sweeper.report.page.vega import label_of, rounded
from sweeper.report.sweep_report import SweepReport
from sweeper.report.text import called, figure, plain

MOST_POINTS = 500  # trials in a scatter plot


@dataclass(frozen=True)
class Point:
    """A trial, or with repeats a point.

    Attributes:
        row: the trial, or the point's first.
        values: its figures, of repeats their means.
        deviation: of the first figure over the repeats; None of one trial.
    """

    row: TrialRow
    values: tuple[float, ...]
    deviation: float | None

    @property
    def value(self) -> float:
        """The first figure."""
        return self.values[0]


@dataclass(frozen=True)
class Known:
    """What charts are drawn from.

    Attributes:
        ranked: trials that ended, the best first.
        roles: who stands out.
    """

    report: SweepReport
    ranked: tuple[RankedRow, ...]
    roles: Roles

    @cached_property
    def rows(self) -> list[TrialRow]:
        """The trials that ended, the best first."""
        return [one.row for one in self.ranked]

    def complete(self, *metrics: str) -> list[TrialRow]:
        """The complete trials for which these metrics are finite, the best first."""
        return [
            row
            for row in self.rows
            if row.state is TrialState.COMPLETE and all(rounded(row.metrics.get(name)) is not None for name in metrics)
        ]

    @cached_property
    def num_repeats(self) -> int:
        """Repeats of each point."""
        return leaderboard.num_repeats(self.report.rows)

    def points(self, *metrics: str) -> list[Point]:
        """The complete trials, or with repeats the points of which all trials are complete, the best first."""
        found: dict[int, list[TrialRow]] = {}
        for row in self.complete(*metrics):
            if row.standing is not None and row.repeat:  # parameters are compared under the one seed that all have
                continue
            found.setdefault(point_of(row), []).append(row)
        several = []
        for rows in found.values():
            if len(rows) >= self.num_repeats:
                scores = [[float(row.metrics[name]) for row in rows] for name in metrics]
                deviation = statistics.stdev(scores[0]) if len(rows) > 1 else None
                several.append(Point(rows[0], tuple(map(mean, scores)), deviation))
        return several

    def thinned(self, rows: Sequence[TrialRow], most: int) -> list[TrialRow]:
        """At most `most` rows in the order of drawing: the best, the leading group, of the rest evenly spaced ones."""
        chosen = list(rows)
        if len(rows) > most:
            chosen = [row for place, row in enumerate(rows) if place < most // 2 or row.number in self.roles.group]
            chosen = chosen[:most]
            first = {row.number for row in chosen}
            rest = [row for row in rows if row.number not in first]
            room = most - len(chosen)
            chosen += [rest[place * len(rest) // room] for place in range(room)]
        order = list(LOOKS)
        return sorted(chosen, key=lambda row: -order.index(self.roles.of(row)))

    def present(self, rows: Sequence[TrialRow]) -> list[str]:
        """The roles that occur, in the order of a legend."""
        found = {self.roles.of(row) for row in rows}
        return [role for role in LOOKS if role in found]

    def facts(self, numbers: set[int]) -> tuple[tuple[str, ...], list[list[Any]]]:
        """What every chart knows of these trials: role, a line that names it, a line with its rank."""
        metric = self.report.objective.metric
        found: list[list[Any]] = []
        for one in self.ranked:
            row = one.row
            if row.number not in numbers:
                continue
            how = shortened(" ".join(map(plain, row.overrides)) or "as configured", 160)
            state = "" if row.state is TrialState.COMPLETE else f" ({row.state})"
            value = figure(metric, row.metrics.get(metric))
            stands = f"rank {one.rank}, {plain(metric)} {value}" if one.rank is not None else "without a rank"
            found.append([row.number, self.roles.of(row), f"trial {called(row)}{state}: {how}", stands])
        return ("trial", "role", "name", "stands"), found


# ---------------------------------------------------------------- pieces of specifications


def varying(known: Known) -> list[str]:
    """The swept keys of which complete trials have more than one value."""
    rows = known.complete()
    return [key for key in known.report.params if len({label_of(row.params.get(key)) for row in rows}) > 1]
