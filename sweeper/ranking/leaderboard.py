"""Ranking trials and laying them out as rows of cells. Pure; the standard library only.

What does not live here: how a cell looks on a terminal (`sweeper.report.tables`), and where the files go
(`sweeper.report.terminal`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sweeper.core.objectives import Objective, epoch_name
from sweeper.core.trials import TrialRow, TrialState, mean_values
from sweeper.inference import accuracy_interval
from sweeper.ranking.findings import Difference, Findings


@dataclass(frozen=True)
class RankedRow:
    """A trial with its place on the leaderboard.

    Attributes:
        rank: from 1; None where it has none (failed).
        row: the trial.
        in_leading_group: whether it is in the leading group; None where that was not found.
        rank_low, rank_high: the ranks that it may truly have; None where they were not found.
        difference: the leader's accuracy less its own, with the ends of the 95 % interval; None where it is not known.
        verdict: as in `Findings.verdict`.
        chosen_interval: of the leader, the 95 % interval about what is expected of it; None of all others.
    """

    rank: int | None
    row: TrialRow
    in_leading_group: bool | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    difference: Difference | None = None
    verdict: str | None = None
    chosen_interval: tuple[float, float] | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of its accuracy on new images; None where it is not known.

        The leader's is about what is expected of it, since its own accuracy was selected for being the highest.
        """
        return self.chosen_interval or interval_of(self.row)


def rank(rows: Iterable[TrialRow], *objectives: Objective) -> list[RankedRow]:
    """Orders trials: complete ones by the objectives, then pruned, then failed; running ones are left out.

    With one objective, equal values share a rank (1, 1, 3) and keep the order of their numbers. With several, the
    rank is the number of the Pareto front (1: no other trial is at least as good in all of them and better in one),
    and a front is ordered by the first objective. Repeats of a point share a rank, which is that of their mean. A
    trial without a finite objective never wins: it stands, without a rank, between the pruned and the failed; so does
    a point of which a repeat failed, was pruned or is missing. With `sweep.seeds=auto`, the configurations that were
    compared under fresh seeds come first, as far as they came; then the others, by their one seed.
    """
    points: dict[int, list[TrialRow]] = {}
    ordered = sorted(rows, key=lambda row: row.number)
    if any(row.standing is not None for row in ordered):
        return _by_standing(ordered, objectives)
    for row in ordered:
        if row.state is not TrialState.RUNNING:
            points.setdefault(point_of(row), []).append(row)
    repeats = num_repeats(ordered)
    scored = {number: mean_values(point, objectives, repeats) for number, point in points.items()}
    whole = {number: scores for number, scores in scored.items() if scores is not None}
    ranked = _ranked([(point, whole[number]) for number, point in points.items() if number in whole], objectives, 1)
    others = [row for number, point in points.items() if number not in whole for row in point]
    pruned = [row for row in others if row.state is TrialState.PRUNED]
    first = len(ranked) // repeats + 1 if len(objectives) == 1 else _last_rank(ranked) + 1
    ranked += _ranked([([row], _pruned_scores(row, objectives)) for row in pruned], objectives[:1], first)
    lost = [row for row in others if row.state is TrialState.COMPLETE]
    failed = [row for row in others if row.state is TrialState.FAILED]
    return ranked + [RankedRow(None, row) for row in [*lost, *failed]]


def _by_standing(rows: Sequence[TrialRow], objectives: Sequence[Objective]) -> list[RankedRow]:
    """Rows of a sweep with `sweep.seeds=auto`; all trials of a configuration share its rank."""
    points: dict[int, list[TrialRow]] = {}
    for row in rows:
        if row.state is TrialState.COMPLETE:
            points.setdefault(point_of(row), []).append(row)
    placed, single, lost = [], [], []
    for own in points.values():
        own.sort(key=lambda row: (row.repeat == 0, row.repeat))  # the seed that chose it comes last
        standing = own[0].standing
        values = next((row.values(objectives) for row in own if row.repeat == 0), None)
        if standing is not None and standing.place is not None:
            placed.append((standing.place, own))
        elif values is None or (standing is not None and standing.outcome == "failed"):
            lost.append(own)
        else:
            single.append((own, values))
    ranked = [
        RankedRow(place, row)
        for place, (_, own) in enumerate(sorted(placed, key=lambda one: one[0]), start=1)
        for row in own
    ]
    ranked += _ranked(single, objectives, len(placed) + 1)
    ranked += [RankedRow(None, row) for own in lost for row in own]
    return ranked + [RankedRow(None, row) for row in rows if row.state in (TrialState.PRUNED, TrialState.FAILED)]


def compared_of(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """The trials that speak for their configuration: with `sweep.seeds=auto` those that were compared, else all."""
    fresh = [row for row in rows if row.standing is not None and row.standing.is_fresh]
    return fresh or list(rows)


def marked(ranked: Iterable[RankedRow], findings: Findings) -> list[RankedRow]:
    """The same rows with what was found about the complete ones.

    The interval about what is expected of the leader goes to the first of the group, or to the only complete trial;
    with repeats it is that of its configuration, which each of its repeats then has.
    """
    rows, group, expected = list(ranked), findings.group, findings.expected
    first = group[0] if group else next((one.row.number for one in rows if one.rank == 1), None)
    leading = next((point_of(one.row) for one in rows if one.row.number == first), None)
    interval = None if expected is None else (expected.low, expected.high)
    return [
        replace(
            one,
            in_leading_group=one.row.number in group if group else None,
            rank_low=findings.rank_intervals.get(one.row.number, (None, None))[0],
            rank_high=findings.rank_intervals.get(one.row.number, (None, None))[1],
            difference=findings.differences.get(one.row.number),
            verdict=None if one.rank is None else findings.verdict(one.row.number),
            chosen_interval=interval if point_of(one.row) == leading else None,
        )
        if one.row.state is TrialState.COMPLETE
        else one
        for one in rows
    ]


def num_repeats(rows: Iterable[TrialRow]) -> int:
    """Repeats of each configuration."""
    return max((row.num_repeats for row in rows), default=1)


def interval_of(row: TrialRow) -> tuple[float, float] | None:
    """The Wilson 95 % interval of a trial's validation accuracy; None where the number of images is not known."""
    accuracy, num_images = row.metrics.get("val_accuracy"), row.facts.num_validation
    if accuracy is None or not num_images or not 0 <= accuracy <= 1:
        return None
    return accuracy_interval(accuracy, num_images)


def failures_by_reason(rows: Iterable[TrialRow]) -> dict[str, list[TrialRow]]:
    """Each reason once, on one line, with the trials that it ended, by number."""
    found: dict[str, list[TrialRow]] = {}
    for row in sorted(rows, key=lambda row: row.number):
        if row.state is TrialState.FAILED:
            found.setdefault(" ".join(row.error.split()), []).append(row)
    return found


def point_of(row: TrialRow) -> int:
    """The number of a trial's configuration; with one repeat each, the trial's own."""
    has_several = row.num_repeats > 1 or row.standing is not None
    return row.point if has_several and row.point is not None else row.number


def _last_rank(ranked: Sequence[RankedRow]) -> int:
    return max((one.rank for one in ranked if one.rank is not None), default=0)


def _pruned_scores(row: TrialRow, objectives: Sequence[Objective]) -> list[float]:
    score = score_of(row, objectives[0])
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


def score_of(row: TrialRow, objective: Objective) -> float | None:
    """The objective's value, of a pruned trial the last one it reported; None where that is not finite."""
    value = row.metrics.get(objective.metric)
    reported = epoch_name(objective.metric)
    if value is None and row.history and reported is not None:
        value = row.history[-1].get(reported)
    return float(value) if value is not None and math.isfinite(value) else None
