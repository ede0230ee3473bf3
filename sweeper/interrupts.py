"""Ctrl-C while a sweep starts: a library that swallows it during its import does not make it forgotten."""

from __future__ import annotations

import signal
from types import FrameType

_seen = False


def listen() -> None:
    """From here on a Ctrl-C is noted, and raises KeyboardInterrupt as ever."""
    signal.signal(signal.SIGINT, _note)


def _note(signum: int, frame: FrameType | None) -> None:
    global _seen
    _seen = True
    raise KeyboardInterrupt


def check() -> None:
    """Raises KeyboardInterrupt if there was one that went no further."""
    if _seen:
        raise KeyboardInterrupt
