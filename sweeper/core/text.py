"""Numbers, durations and lists as people read them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


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


def percent(share: float) -> str:
    """`98.61 %`."""
    return f"{100 * share:.2f} %"


def capital(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def listed(items: Iterable[Any], most: int = 12) -> str:
    """`3, 5 and 7`; of more than `most` the first, and how many more there are."""
    texts = [str(item) for item in items]
    if len(texts) > most:
        return f"{', '.join(texts[:most])} and {len(texts) - most:,} more"
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 trial`, `1,200 trials`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def shortened(text: str, length: int, mark: str = "…") -> str:
    """The text, or its beginning with a mark where it is longer than `length` characters."""
    return text if len(text) <= length else text[: length - len(mark)] + mark


def amount(value: float) -> str:
    """A figure with three digits, or whole from 100 on."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Writes seconds for people: `3.2 s`, `4 min 05 s`, `2 h 07 min`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size_text(num_bytes: int) -> str:
    """Writes bytes for people: `812 kB`, `21.4 MB`, `3.2 GB`."""
    if num_bytes < 1e6:
        return f"{num_bytes / 1e3:.0f} kB"
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes < 1e9 else f"{num_bytes / 1e9:.1f} GB"


def figure(value: float) -> str:
    """Writes a metric for people: four decimals, whole numbers whole."""
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 10 else f"{value:.4f}"


def printable(text: str) -> str:
    """Text that cannot move the cursor: control characters as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def decimals(value: float) -> str:
    """Four decimals, or two digits where those would be 0 or too long to be read."""
    return f"{value:.4f}" if value == 0 or 0.001 <= abs(value) < 1e6 else f"{value:.2e}"
