"""Small sweeps to report, with values that a format could misread."""

from __future__ import annotations

from typing import Any

from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialRow, TrialState
from sweeper.report.sweep_report import SweepReport

ACCURACY = Objective("val_accuracy", "maximize")


HOSTILE = [
    "=cmd|' /C calc'!A0",
    "[bold]x[/bold]",
    "<script>alert(1)</script>",
    "a|b",
    "a\nb",
    'c,"d"',
    "größe 数字",
    "`x`",
]


def trial(number: int, value: float = 0.5, **more: Any) -> TrialRow:
    params = more.pop("params", {"arch.depth": number})
    return TrialRow(number, TrialState.COMPLETE, params, {"val_accuracy": value, **more.pop("metrics", {})}, **more)


def failed(number: int, error: str) -> TrialRow:
    return TrialRow(number, TrialState.FAILED, {"arch.depth": number}, error=error)


def sweep(*rows: TrialRow, name: str = "first", params: tuple[str, ...] = ("arch.depth",), **more: Any) -> SweepReport:
    return SweepReport(name, more.pop("objective", ACCURACY), params, rows, {"data": "digits"}, **more)
