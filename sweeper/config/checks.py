"""The checks that the schema's classes share, and their messages."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable
from typing import Any

from sweeper.core.errors import ConfigError, as_typed


def refuse(key: str, value: Any, accepted: str, try_: str) -> ConfigError:
    """The error for a value that its key does not accept."""
    return ConfigError(f"{key}={as_typed(value)} is not accepted: {accepted}.  Try: {key}={try_}")


def check(condition: bool, key: str, value: Any, accepted: str, try_: str) -> None:
    """Raises `refuse(...)` unless the condition holds."""
    if not condition:
        raise refuse(key, value, accepted, try_)


def nearest(given: Any, accepted: Iterable[str], otherwise: str) -> str:
    """The accepted name that is nearest to what was given, or `otherwise`."""
    return _nearest(str(given), tuple(accepted), otherwise)


@functools.cache  # asked for each configuration of a grid, also where nothing is refused
def _nearest(given: str, accepted: tuple[str, ...], otherwise: str) -> str:
    return next(iter(difflib.get_close_matches(given, accepted, n=1, cutoff=0.5)), otherwise)


def is_int(value: Any) -> bool:
    """Whether a value is a whole number, and not true or false."""
    return isinstance(value, int) and not isinstance(value, bool)
