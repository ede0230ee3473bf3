"""The chart of parallel coordinates: one line per trial through its values and its objectives."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.core.objectives import Objective
from sweeper.core.text import counted, listed, shortened
from sweeper.core.trials import TrialRow
from sweeper.report.page.chart_data import Known, varying
from sweeper.report.page.vega import (
    Chart,
    Spec,
    Variant,
    is_scale,
    is_wide,
    label_of,
    labels_of,
    lines,
    part_of,
    rounded,
)
from sweeper.report.text import figure, is_share, plain

_MOST_LINES = 200
_MOST_AXES = 9
_MOST_TICKS = 10
_LINES, _LINE = 2, 13  # of a title, and pixels of each
_TICK, _TITLE, _WIDTH = 14, 15, 104  # characters beside an axis and above it; pixels of an axis


@dataclass(frozen=True)
class _Axis:
    """One of the vertical axes: what is written above and beside it, and where each trial crosses it, from 0 to 1."""

    title: str
    ticks: tuple[tuple[float, str], ...]
    places: Mapping[int, float]


def parallel(known: Known) -> Chart | None:
    """A line a complete trial through its values and its objectives; None where fewer than two parameters vary."""
    objectives = known.report.objectives
    rows = known.complete(*(one.metric for one in objectives))
    found = varying(known)
    if len(found) < 2 or len(rows) < 2:
        return None
    keys = found[: max(1, _MOST_AXES - len(objectives))]
    chosen = known.thinned(rows, _MOST_LINES)
    axes = [_parameter_axis(key, chosen) for key in keys] + [_objective_axis(one, chosen) for one in objectives]
    data = [(row.number, place, axis.places.get(row.number), "") for row in chosen for place, axis in enumerate(axes)]
    ticks = [("tick", place, at, text) for place, axis in enumerate(axes) for at, text in axis.ticks]
    titles = [("title", place, 1, title) for place, title in enumerate(_titles([axis.title for axis in axes]))]
    finding = _finding(known, rows, keys, len(found)) + part_of(len(chosen), len(rows))
    variant = Variant("all", _spec(known.present(chosen), len(chosen), len(axes)))
    return Chart("", finding, (variant,), ("trial", "axis", "at", "text"), (*data, *ticks, *titles), _WIDTH * len(axes))


def _titles(titles: Sequence[str]) -> list[str]:
    """Titles of `_LINES` short lines each, the upper ones empty; of a long one the last."""
    return ["\n".join([" "] * (_LINES - len(lines)) + lines[-_LINES:]) for lines in map(_broken, titles)]


def _broken(title: str) -> list[str]:
    """A title in lines of at most `_TITLE` characters, broken after dots and underscores where it has them."""
    lines = [""]
    for piece in re.findall(rf"[^._]{{0,{_TITLE - 1}}}[._]|[^._]{{1,{_TITLE}}}", title):
        if lines[-1].endswith(".") or len(lines[-1]) + len(piece) > _TITLE:
            lines.append("")
        lines[-1] += piece
    if len(lines) > _LINES:
        lines[-_LINES] = f"…{lines[-_LINES]}"
    return lines


def _finding(known: Known, rows: Sequence[TrialRow], keys: Sequence[str], number: int) -> str:
    """How to read it, and what the leading group has in common."""
    metrics = listed([plain(one.metric) for one in known.report.objectives])
    found = f"One line per trial, through its value of each parameter to its {metrics} on the right, better above."
    group = [row for row in rows if row.number in known.roles.group]
    if len(group) > 1:
        same = {key: {label_of(row.params.get(key)) for row in group} for key in keys}
        agreed = [f"{plain(key)} {shortened(values.pop(), 40)}" for key, values in same.items() if len(values) == 1]
        has = f"has in common {listed(agreed)}" if agreed else "agrees in no parameter"
        found += f" The {known.roles.name} of {len(group):,} trials {has}."
    if number > len(keys):
        found += f" {counted(number - len(keys), 'more parameter varies', 'more parameters vary')}."
    return found


def _parameter_axis(key: str, rows: Sequence[TrialRow]) -> _Axis:
    title = plain(key)
    by_number = {row.number: row.params.get(key) for row in sorted(rows, key=lambda row: row.number)}
    if is_scale(list(by_number.values())):
        return _number_axis(title, {number: rounded(value) for number, value in by_number.items()}, key)
    labels = labels_of(list(by_number.values()))
    places = {label: place / max(len(labels) - 1, 1) for place, label in enumerate(labels)}
    step = math.ceil(len(labels) / _MOST_TICKS)
    ticks = tuple((round(places[label], 4), shortened(label, _TICK)) for label in labels[::step])
    return _Axis(title, ticks, {number: round(places[label_of(value)], 4) for number, value in by_number.items()})


def _objective_axis(objective: Objective, rows: Sequence[TrialRow]) -> _Axis:
    values = {row.number: rounded(row.metrics[objective.metric]) for row in rows}
    return _number_axis(plain(objective.metric), values, objective.metric, flipped=objective.sign < 0)


def _number_axis(title: str, found: Mapping[int, float | None], name: str, *, flipped: bool = False) -> _Axis:
    """An axis of numbers, logarithmic where they are far apart; `flipped` has the smallest above."""
    values = {number: value for number, value in found.items() if value is not None}
    low, high = min(values.values()), max(values.values())
    log = is_wide(list(values.values()))

    def place(value: float) -> float:
        if high == low:
            return 0.5
        share = math.log(value / low) / math.log(high / low) if log else (value - low) / (high - low)
        return round(1 - share if flipped else share, 4)

    steps = [low * (high / low) ** (part / 4) if log else low + (high - low) * part / 4 for part in range(5)]
    ticks = {place(step): _tick(name, step) for step in steps}
    return _Axis(title, tuple(ticks.items()), {number: place(value) for number, value in values.items()})


def _tick(name: str, value: float) -> str:
    if is_share(name):
        return figure(name, value)
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{rounded(float(f'{value:.3g}'))}"


def _spec(roles: Sequence[str], number: int, num_axes: int) -> Spec:
    x = {"field": "axis", "type": "quantitative", "axis": None}
    y = {"field": "at", "type": "quantitative", "axis": None}
    seen, felt = lines(roles, number, legend="bottom", dashed=False)
    trials, ticks, titles = ([{"filter": test}] for test in _KINDS)
    beside = {"type": "text", "align": "left", "dx": 6, "fontSize": 10.5}
    above = {"type": "text", "baseline": "bottom", "fontSize": 11, "fontWeight": 600, "limit": 1.3 * _WIDTH}
    return {
        "height": 320,
        "encoding": {
            "x": {**x, "scale": {"domain": [-0.45, num_axes - 0.4], "nice": False}},
            "y": {**y, "scale": {"domain": [-0.03, 1.2], "nice": False}},
        },
        "layer": [
            {"transform": trials, **seen},
            {
                "transform": titles,
                "mark": {"type": "rule", "color": "var(--muted)"},
                "encoding": {"y": {"datum": 0}, "y2": {"datum": 1}},
            },
            {
                "transform": ticks,
                "mark": {
                    **beside,
                    "fill": "var(--ground)",
                    "stroke": "var(--ground)",
                    "strokeWidth": 4,
                    "opacity": 0.85,
                },
                "encoding": {"text": {"field": "text"}},
            },
            {"transform": ticks, "mark": {**beside, "color": "var(--ink)"}, "encoding": {"text": {"field": "text"}}},
            {
                "transform": titles,
                "mark": {**above, "lineBreak": "\n", "lineHeight": _LINE, "dy": -10 - _LINE * (_LINES - 1)},
                "encoding": {"text": {"field": "text"}},
            },
            {"transform": trials, **felt},
        ],
    }


#: Which rows of the data are lines, writing beside an axis, and writing above one.
_KINDS = ("isNumber(datum.trial)", "datum.trial === 'tick'", "datum.trial === 'title'")
