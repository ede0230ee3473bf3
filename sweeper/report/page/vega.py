"""Vega-Lite specifications: the pieces that all charts share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.core.objectives import COSTS
from sweeper.report.page.roles import LOOKS, OTHER, STOPPED
from sweeper.report.text import is_share, setting

#: Marks of a logarithmic axis; only those within it are drawn.
LOG_TICKS = [float(f"{mark}e{power}") for power in range(-12, 16) for mark in (1, 2, 5)]


_WIDE = 50  # largest through smallest from which an axis is logarithmic


_DIGITS = 5


_LARGEST = 1e100  # the span of larger numbers is none any more


Spec = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """One of the views of a chart that the reader chooses from."""

    label: str
    spec: Spec


@dataclass(frozen=True)
class Chart:
    """A chart: its title, what it shows in words, and its views.

    Attributes:
        title: its heading; may be empty.
        finding: in whole sentences; also the text for readers without the picture.
        variants: its views, the first shown first.
        fields: the names of the data's columns; `trial` is joined with what is known of the trial.
        rows: the data.
        width: pixels that it needs at least; a narrower window scrolls it.
    """

    title: str
    finding: str
    variants: tuple[Variant, ...]
    fields: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    width: int = 0


def rounded(value: Any) -> float | None:
    """A number with five digits, for a drawing; None of what is no number, or too large to be drawn."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
        return None
    if abs(value) < 1 / _LARGEST:
        return 0
    short = float(f"{value:.{_DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def is_wide(values: Sequence[float], ratio: float = _WIDE) -> bool:
    """Whether numbers are spread so far that their axis is logarithmic; never with one that has no logarithm."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= ratio


def labels_of(values: Sequence[Any]) -> list[str]:
    """Distinct values as they read: numbers in their order, others as they came; a key that a trial has not is none."""
    found = {label_of(value): value for value in values}
    if all(rounded(value) is not None for value in found.values()):
        return sorted(found, key=lambda label: float(found[label]))
    return list(found)


def label_of(value: Any) -> str:
    """A parameter's value as it reads."""
    return setting(value) or "none"


def part_of(shown: int, number: int, noun: str = "trial") -> str:
    """Says that a part is shown, where it is one."""
    if shown >= number:
        return ""
    return f" Shown are {shown:,} of {number:,} {noun}s: the best, and evenly spaced ones of the others."


def quantity(field: str, title: str | None, name: str, *, log: bool = False, **scale: Any) -> Spec:
    """A channel of numbers, with the format that a metric of this name has."""
    formats = {"format": ".2~%"} if is_share(name) or name == "error" else {"format": "~s"} if name in COSTS else {}
    kind = {"type": "log"} if log else {"type": "linear", "zero": False}
    ticks = {"values": LOG_TICKS} if log else {"tickCount": 5}
    axis = {"title": title, **ticks, "labelOverlap": True, **formats}
    return {"field": field, "type": "quantitative", "axis": axis, "scale": {**kind, "nice": False, **scale}}


def role_channel(roles: Sequence[str], *, shapes: bool = False, legend: str | None = "top") -> Spec:
    """Colours, or shapes, of the roles."""
    scale = {"domain": list(roles), "range": [LOOKS[role][shapes] for role in roles]}
    shown = None if legend is None else {"orient": legend, **({"columns": 2} if len(roles) > 3 else {})}
    return {"field": "role", "type": "nominal", "title": None, "scale": scale, "legend": shown}


def tooltip() -> list[Spec]:
    """What a chart says of the trial below the pointer."""
    return [{"field": "name", "title": "name"}, {"field": "stands", "title": "stands"}]


def points(roles: Sequence[str], x: Spec, y: Spec, *, legend: bool = True) -> Spec:
    """A layer of points in the colours and shapes of their roles."""
    place = "top" if legend else None
    return {
        "mark": {"type": "point", "filled": True, "clip": True},
        "encoding": {
            "x": x,
            "y": y,
            "color": role_channel(roles, legend=place),
            "shape": role_channel(roles, shapes=True, legend=place),
            "size": {"condition": {"test": "datum.role === 'leader'", "value": 130}, "value": 48},
            "opacity": {"condition": {"test": f"datum.role === '{OTHER}'", "value": 0.65}, "value": 1},
            "tooltip": tooltip(),
        },
    }


def lines(roles: Sequence[str], number: int, *, legend: str = "top", dashed: bool = True) -> tuple[Spec, Spec]:
    """Two layers: one line per trial, which is highlighted where the pointer is; and what makes it easy to point at.

    Args:
        roles: those that occur.
        number: how many lines there are; the more, the fainter those in the background.
        legend: where it is.
        dashed: whether lines of stopped trials are.
    """
    back = f"datum.role === '{OTHER}' || datum.role === '{STOPPED}'"
    pointed = {"param": "pointed", "empty": False}
    faint = round(min(0.85, max(0.25, 12 / number)), 2)
    encoding: Spec = {
        "detail": {"field": "trial"},
        "color": role_channel(roles, legend=legend),
        "strokeWidth": {
            "condition": [
                {**pointed, "value": 3.5},
                {"test": "datum.role === 'leader'", "value": 3},
                {"test": back, "value": 1.1},
            ],
            "value": 1.9,
        },
        "opacity": {"condition": [{**pointed, "value": 1}, {"test": back, "value": faint}], "value": 1},
    }
    if dashed and STOPPED in roles:
        encoding["strokeDash"] = {
            "condition": {"test": f"datum.role === '{STOPPED}'", "value": [3, 3]},
            "value": [1, 0],
        }
    select = {"type": "point", "fields": ["trial"], "on": "pointerover", "clear": "pointerout"}
    seen = {"mark": {"type": "line", "clip": True}, "encoding": encoding}
    felt = {
        "mark": {"type": "line", "strokeWidth": 12, "opacity": 0, "clip": True},
        "params": [{"name": "pointed", "select": select}],
        "encoding": {"detail": {"field": "trial"}, "tooltip": tooltip()},
    }
    return seen, felt


def close_up(values: Sequence[float], sign: int) -> tuple[tuple[float, float], tuple[float, float] | None]:
    """The ends of an axis for all values; and for the better half of them, where that shows much more.

    Args:
        values: finite, at least one.
        sign: +1 where larger is better.
    """
    ordered = sorted(values, key=lambda value: -sign * value)
    half = ordered[: max(2, (len(ordered) + 1) // 2)]
    every, better = (_with_room(min(some), max(some)) for some in (ordered, half))
    return every, better if every[1] - every[0] > 3 * (better[1] - better[0]) else None


def _with_room(low: float, high: float) -> tuple[float, float]:
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return float(f"{low - room:.5g}"), float(f"{high + room:.5g}")


_FEW = 6  # distinct numbers up to which each has its own place


def is_scale(values: Sequence[Any]) -> bool:
    """Whether values stand on an axis of numbers: many of them, each a number."""
    given = [value for value in values if value is not None]
    return len({setting(value) for value in given}) > _FEW and all(rounded(value) is not None for value in given)
