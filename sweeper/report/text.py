"""Figures, lists and shell lines as the page writes them. Pure; nothing here knows of HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sweeper.core.text import cell_text, decimals, duration, listed, percent, printable
from sweeper.core.trials import TrialRow


def plain(value: Any) -> str:
    """Any value as one line that cannot play tricks: control characters and reversals of the text as escapes."""
    return printable(cell_text(value))


def is_share(name: str) -> bool:
    """Whether a metric is written in per cent."""
    return "accuracy" in name


def figure(name: str, value: Any) -> str:
    """A metric as people read it: accuracies in per cent, counts with commas, seconds with their unit."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return plain(value)
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "NaN")
    if name.endswith("accuracy_std"):
        return f"{100 * value:.2f}"
    if is_share(name):
        return percent(value)
    if name == "duration_s":
        return duration(value)
    if name in ("num_params", "flops", "epochs", "best_epoch", "seed") and float(value).is_integer():
        return f"{value:,.0f}" if name in ("num_params", "flops") else f"{value:.0f}"
    return decimals(value) if isinstance(value, float) else f"{value}"


def setting(value: Any) -> str:
    """A parameter's value, a long fraction with four significant digits."""
    if isinstance(value, float) and math.isfinite(value) and len(repr(value)) > 7:
        return f"{value:.4g}"
    return "" if value is None else plain(value)


def between(low: float, high: float) -> str:
    """`94.60 to 98.58 %`."""
    return f"{100 * low:.2f} to {percent(high)}"


def called(row: TrialRow) -> str:
    """A trial's number; of several sweeps together its own there, `3 of first`."""
    return plain(row.name)


def trials(names: Sequence[str]) -> str:
    """`trial 3`, `trials 3 and 5`."""
    return f"trial{'' if len(names) == 1 else 's'} {listed(names)}"


def when(date: str) -> str:
    """`23 November 2026, 16:10 UTC` of an ISO 8601 date; another text as it is."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return plain(date)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
