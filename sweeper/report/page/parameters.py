"""The charts of the parameters: the objective over each of them, and how much each had to do with being good."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.core.text import shortened
from sweeper.core.trials import TrialRow
from sweeper.report.page.chart_data import MOST_POINTS, Known, Point, varying
from sweeper.report.page.vega import (
    Chart,
    Spec,
    Variant,
    close_up,
    is_scale,
    is_wide,
    label_of,
    labels_of,
    part_of,
    points,
    quantity,
    rounded,
)
from sweeper.report.sweep_report import scored
from sweeper.report.text import figure, plain, setting

MOST_EFFECTS = 12  # parameters with a chart
_NAMED = 24  # characters of labels that stand side by side below a chart
_SLANTED = 7  # labels that may stand aslant; more stand upright
_BARS = 20


def effects(known: Known) -> list[Chart]:
    """A chart a parameter that varies: the objective over its values. With repeats, means and their deviations."""
    found = known.points(known.report.objective.metric)
    return [_effect(known, found, key) for key in varying(known)[:MOST_EFFECTS]] if found else []


def _effect(known: Known, found: Sequence[Point], key: str) -> Chart:
    by_number = {point.row.number: point for point in found}
    rows = known.thinned([point.row for point in found], MOST_POINTS)
    scale = is_scale([point.row.params.get(key) for point in found])
    beside: Counter[str] = Counter()
    data = []
    for row in rows:
        point, value = by_number[row.number], row.params.get(key)
        spread, label = point.deviation or 0.0, label_of(value)
        ends = (rounded(point.value - spread), rounded(point.value + spread))
        data.append(
            (row.number, rounded(value) if scale else label, rounded(point.value), *ends, _aside(beside[label]))
        )
        beside[label] += 1
    repeated = any(point.deviation is not None for point in found)
    drawn = [point.value + sign * (point.deviation or 0) for point in found for sign in (-1, 1)]
    every, near = close_up(drawn, known.report.objective.sign)
    views = {"all": every} | ({"the better half": near} if near is not None else {})
    order = sorted(found, key=lambda point: point.row.number)
    x = _number_channel(data) if scale else _name_channel(labels_of([point.row.params.get(key) for point in order]))
    variants = tuple(
        Variant(label, _spec(known, rows, x, ends, scale=scale, repeated=repeated)) for label, ends in views.items()
    )
    finding = _finding(known, found, key, scale=scale)
    finding += part_of(len(rows), len(found), "configuration" if repeated else "trial")
    return Chart(plain(key), finding, variants, ("trial", "x", "y", "low", "high", "jitter"), tuple(data))


def _aside(place: int) -> float:
    """How far a point stands beside those of the same value: 0, then by the golden section, evenly spread."""
    return round((place * 0.618 + 0.5) % 1 * 2 - 1, 2)


def _number_channel(data: Sequence[Sequence[Any]]) -> Spec:
    log = is_wide([float(line[1]) for line in data if line[1] is not None])
    channel = quantity("x", None, "x", log=log, padding=10)
    channel["axis"]["format"] = "~g" if log else ""
    return channel


def _name_channel(labels: Sequence[str]) -> Spec:
    angle = 0 if sum(map(len, labels)) <= _NAMED else -35 if len(labels) <= _SLANTED else -90
    axis = {"title": None, "labelAngle": angle, "labelLimit": 110, "grid": False}
    return {"field": "x", "type": "nominal", "axis": axis, "scale": {"domain": list(labels)}}


def _spec(
    known: Known, rows: Sequence[TrialRow], x: Spec, ends: tuple[float, float], *, scale: bool, repeated: bool
) -> Spec:
    metric = known.report.objective.metric
    name = f"mean {scored(known.report, metric)}" if repeated else scored(known.report, metric)
    y = quantity("y", name, metric, domain=list(ends))
    dots = points(known.present(rows), x, y, legend=False)
    layers = []
    if repeated:
        deviation = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": dots["encoding"]["color"]}
        layers.append({"mark": {"type": "rule", "clip": True, "opacity": 0.6}, "encoding": deviation})
    layers.append(dots)
    if not scale:
        offset = {"type": "quantitative", "scale": {"domain": [-2.4, 2.4]}, "axis": None}
        for layer in layers:
            layer["encoding"]["xOffset"] = {"field": "jitter", **offset}
        dash = {"type": "tick", "orient": "horizontal", "thickness": 2, "size": 34, "clip": True, "color": "var(--ink)"}
        median = {"x": x, "xOffset": {"datum": 0, **offset}, "y": {**y, "aggregate": "median"}}
        layers.insert(0, {"mark": {**dash, "opacity": 0.7}, "encoding": median})
    return {"height": 190, "layer": layers}


def _finding(known: Known, found: Sequence[Point], key: str, *, scale: bool) -> str:
    objective = known.report.objective
    if scale:
        half = [point.row.params.get(key) for point in found[: max(1, (len(found) + 1) // 2)]]
        numbers = [value for value in half if value is not None]
        best = label_of(found[0].row.params.get(key))
        if not numbers:
            return f"The best has {best}."
        return f"The best has {best}; the better half has {setting(min(numbers))} to {setting(max(numbers))}."
    groups: dict[str, list[float]] = {}
    for point in found:
        groups.setdefault(label_of(point.row.params.get(key)), []).append(point.value)
    medians = {label: statistics.median(values) for label, values in groups.items()}
    order = sorted(medians, key=lambda label: -objective.sign * medians[label])
    told = {label: f"{shortened(label, 40)} ({figure(objective.metric, float(medians[label]))})" for label in order}
    name = plain(objective.metric)
    if len({figure(objective.metric, float(value)) for value in medians.values()}) == 1:
        return f"The median {name}, a dash, is {figure(objective.metric, float(medians[order[0]]))} with every value."
    return f"The median {name}, a dash, is best with {told[order[0]]} and worst with {told[order[-1]]}."


def importances(shares: Mapping[str, float]) -> Chart | None:
    """A bar a parameter: its share of what sets the best tenth apart."""
    if not shares:
        return None
    order = sorted(shares, key=lambda key: -shares[key])[:_BARS]
    data = tuple((plain(key), rounded(shares[key])) for key in order)
    name = {"title": None, "labelLimit": 170, "ticks": False, "domain": False}
    share = {"title": "share", "format": ".0%", "tickCount": 5}
    spec: Spec = {
        "height": max(60, 26 * len(order)),
        "encoding": {
            "y": {"field": "key", "type": "nominal", "sort": None, "axis": name},
            "x": {
                "field": "share",
                "type": "quantitative",
                "axis": share,
                "scale": {"domain": [0, 1.12 * max(shares.values()) or 1], "nice": False},
            },
        },
        "layer": [
            {"mark": {"type": "bar", "color": "var(--group)", "height": {"band": 0.6}}},
            {
                "mark": {"type": "text", "align": "left", "dx": 4, "color": "var(--ink)"},
                "encoding": {"text": {"field": "share", "format": ".0%"}},
            },
        ],
    }
    finding = f"{data[0][0]} has {100 * shares[order[0]]:.0f} % of what sets the best tenth of the trials apart."
    return Chart("", finding, (Variant("importance", spec),), ("key", "share"), data)
