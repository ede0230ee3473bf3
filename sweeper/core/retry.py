"""Trying again, for a while, what a store or server refuses for a while: gone, locked, read-only.

What is tried again is written so that a second time does no harm; what cannot get better (a full disk, a run that was
deleted) is not tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_R = TypeVar("_R")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0

#: What passes: words of SQLite's and of a network's errors.
_PASSING = (
    "database is locked",
    "database table is locked",
    "attempt to write a readonly database",
    "unable to open database file",
    "connection",
    "timed out",
    "max retries exceeded",
    "temporarily unavailable",
    "service unavailable",
    "bad gateway",
    "gateway time",
    "error code 50",
    "too many 50",
)


def passes(reason: str) -> bool:
    """Whether an error of this text may be gone at the next try."""
    return any(words in reason.lower() for words in _PASSING)


class Patience:
    """Tries again with growing pauses.

    Attributes:
        seconds: after which it gives up.
        say: told when trouble begins and when it is over.
        is_over: asked before each further try, so that a Ctrl-C ends the waiting.
    """

    def __init__(self, seconds: float, say: Callable[[str], None] = lambda text: None) -> None:
        self.seconds = seconds
        self.say = say
        self.is_over: Callable[[], bool] = lambda: False

    def call(
        self,
        what: str,
        function: Callable[[], _R],
        failures: tuple[type[Exception], ...],
        reason_of: Callable[[Exception], str],
        again: Callable[[], None] = lambda: None,
    ) -> _R:
        """Calls `function` until it succeeds, or raises the last error.

        Args:
            what: the store, for people.
            function: what is tried; harmless a second time.
            failures: errors that may pass.
            reason_of: the cause of one, in one line.
            again: called before each further try.
        """
        started, pause, told = time.monotonic(), _FIRST_PAUSE_S, False
        while True:
            try:
                result = function()
            except failures as error:
                reason = reason_of(error)
                if self.is_over() or not passes(reason) or time.monotonic() - started + pause > self.seconds:
                    raise
                if not told:
                    self.say(f"{what} fails: {reason}. It is tried again for {self.seconds:g} s; trials go on")
                    told = True
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
                again()
                continue
            if told:
                self.say(f"{what} works again")
            return result
