"""The charts of what is better than what in two figures at once: error against cost, and several objectives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sweeper.core.objectives import COSTS, Objective
from sweeper.core.text import counted, listed, percent
from sweeper.core.trials import TrialRow
from sweeper.ranking.leaderboard import interval_of
from sweeper.report.page.chart_data import MOST_POINTS, Known
from sweeper.report.page.vega import Chart, Spec, Variant, is_wide, part_of, points, quantity, rounded
from sweeper.report.sweep_report import scored
from sweeper.report.text import called, figure, plain, trials

_MOST_BARS = 15  # trials on a front up to which their intervals are drawn
_FAR = 8  # largest through smallest from which these axes are logarithmic


def error_and_cost(known: Known) -> Chart | None:
    """The error over each cost, with the front of those that none is better than in both."""
    rows = known.complete("val_accuracy")
    costs = [name for name in COSTS if len({row.metrics[name] for row in known.complete("val_accuracy", name)}) > 1]
    if not costs:
        return None
    fronts = {name: _front(known.complete("val_accuracy", name), name) for name in costs}
    on_any = {row.number for front in fronts.values() for row in front}
    chosen = known.thinned(rows, MOST_POINTS)
    here = {row.number for row in chosen}
    chosen += [row for row in rows if row.number in on_any - here]
    errors = [float(value) for row in chosen if (value := _error(row)) is not None]
    log = is_wide(errors, _FAR)
    floor = min(errors) / 2 if log else 0.0  # an interval that reaches down to 0 ends at the chart's edge
    on = {name: {row.number for row in front} for name, front in fronts.items()}
    data = tuple(
        (
            row.number,
            _error(row),
            *_bounds(row, floor),
            *(rounded(row.metrics.get(name)) for name in costs),
            *(int(row.number in on[name]) for name in costs),
        )
        for row in chosen
    )
    places = range(len(costs))
    fields = ("trial", "error", "low", "high", *(f"c{place}" for place in places), *(f"f{place}" for place in places))
    error = "test error (selected on it)" if known.report.test_is_validation else "validation error"
    y = quantity("error", error, "error", log=log, padding=10)
    variants = tuple(
        Variant(COSTS[name], _spec(known, chosen, name, place, y, fronts[name])) for place, name in enumerate(costs)
    )
    finding = _finding(fronts[costs[0]], costs[0], error)
    finding += " Each is one trained network, not a configuration's mean." if known.num_repeats > 1 else ""
    finding += part_of(len(chosen), len(rows))
    return Chart("", finding, variants, fields, data)


def _error(row: TrialRow) -> float | None:
    return rounded(1 - row.metrics["val_accuracy"])


def _bounds(row: TrialRow, floor: float) -> tuple[float | None, float | None]:
    """The 95 % interval of the error; where it is not known, the error itself."""
    low, high = interval_of(row) or (row.metrics["val_accuracy"],) * 2
    return rounded(max(1 - high, floor)), rounded(max(1 - low, floor))


def _front(rows: Sequence[TrialRow], cost: str) -> list[TrialRow]:
    """Those that none is better than in error and cost, the cheapest first."""
    found: list[TrialRow] = []
    for row in sorted(rows, key=lambda row: (row.metrics[cost], -row.metrics["val_accuracy"], row.number)):
        if not found or row.metrics["val_accuracy"] > found[-1].metrics["val_accuracy"] or _equal(row, found[-1], cost):
            found.append(row)
    return found


def _equal(one: TrialRow, other: TrialRow, cost: str) -> bool:
    return all(one.metrics[name] == other.metrics[name] for name in (cost, "val_accuracy"))


def _spec(known: Known, rows: Sequence[TrialRow], cost: str, place: int, y: Spec, on_front: Sequence[TrialRow]) -> Spec:
    values = [float(value) for row in rows if (value := rounded(row.metrics.get(cost))) is not None]
    x = quantity(f"c{place}", COSTS[cost], cost, log=is_wide(values, _FAR), padding=16)
    front: dict[str, Any] = {"transform": [{"filter": f"datum.f{place} === 1"}]}
    stairs = {"type": "line", "interpolate": "step-after", "color": "var(--ink)", "opacity": 0.5, "strokeDash": [4, 3]}
    bar = {"type": "rule", "opacity": 0.5, "color": "var(--ink)", "clip": True}
    bounds = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
    return {
        "height": 320,
        "layer": [
            {
                **front,
                "mark": stairs,
                "encoding": {"x": x, "y": y, "order": {"field": x["field"], "type": "quantitative"}},
            },
            *([{**front, "mark": bar, "encoding": bounds}] if len(on_front) <= _MOST_BARS else []),
            points(known.present(rows), x, y),
        ],
    }


def _finding(front: Sequence[TrialRow], cost: str, error: str) -> str:
    told = [
        f"trial {called(row)} ({figure(cost, row.metrics[cost])}; {percent(1 - row.metrics['val_accuracy'])})"
        for row in front
    ]
    return (
        f"By {COSTS[cost]} and {error}, {counted(len(front), 'trial is', 'trials are')} on the front, where nothing is "
        f"better in both: {listed(told, 6)}.{' Vertical bars are 95 % intervals.' * (len(front) <= _MOST_BARS)}"
    )


def objectives(known: Known) -> Chart | None:
    """The trials, or with repeats the points, by the first two of several objectives; None of a single one."""
    every = known.report.objectives
    if len(every) < 2:
        return None
    first, second = every[:2]
    found = known.points(first.metric, second.metric)
    if not found:
        return None
    chosen = known.thinned([point.row for point in found], MOST_POINTS)
    by_number = {point.row.number: point for point in found}
    data = tuple((row.number, *map(rounded, reversed(by_number[row.number].values))) for row in chosen)
    x = _axis(known, "x", second, [point.values[1] for point in found])
    y = _axis(known, "y", first, [point.values[0] for point in found])
    layer = points(known.present(chosen), x, y)
    front = [called(point.row) for point in found if point.row.number in known.roles.group]
    unit = "trial" if known.num_repeats == 1 else "configuration"
    which = listed(front) if known.num_repeats == 1 else f"which begin with {trials(front)}"
    names = listed([plain(one.metric) for one in every])
    finding = (
        f"On the Pareto front of {names}: {counted(len(front), unit)} ({which}); "
        "no other is at least as good in all and better in one."
    )
    finding += f" Of {len(every)} objectives the first two are drawn." if len(every) > 2 else ""
    finding += part_of(len(chosen), len(found), unit)
    return Chart("", finding, (Variant("objectives", {"height": 320, "layer": [layer]}),), ("trial", "x", "y"), data)


def _axis(known: Known, field: str, objective: Objective, values: Sequence[float]) -> Spec:
    better = "higher" if objective.sign > 0 else "lower"
    mean = "mean " if known.num_repeats > 1 else ""
    title = f"{mean}{scored(known.report, objective.metric)}, {better} is better"
    return quantity(field, title, objective.metric, log=is_wide(values, _FAR), padding=14)
