"""Retrying, for a while, what a store or a server refuses for a while: it is gone, locked or read-only.

What is retried is written so that a second time does no harm; what cannot get better (a full disk, a deleted run) is
not retried.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

_R = TypeVar("_R")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0

#: What passes: words of SQLite's errors, of PostgreSQL's and of a network's.
_PASSING = (
    "database is locked",
    "database table is locked",
    "attempt to write a readonly database",
    "unable to open database file",
    "connection",
    "the database system is",  # starting up, shutting down
    "could not receive data",
    "consuming input failed",
    "failed to resolve host",
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
    """Whether an error of this text may be gone at the next attempt."""
    return any(words in reason.lower() for words in _PASSING)


class Retry:
    """Retries with growing pauses, for `timeout_s` seconds. One object serves every store of a sweep.

    Attributes:
        is_interrupted: set once a Ctrl-C came, which ends the waiting.
    """

    def __init__(self, timeout_s: float = 0.0, say: Callable[[str], None] = lambda text: None) -> None:
        """Takes the seconds after which it gives up, and what is called when trouble begins and ends."""
        self._timeout_s = timeout_s
        self._say = say
        self.is_interrupted = False

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
            again: called before each further attempt.
        """
        started, pause, told = time.monotonic(), _FIRST_PAUSE_S, False
        while True:
            try:
                result = function()
            except failures as error:
                reason = reason_of(error)
                waited = time.monotonic() - started + pause
                if self.is_interrupted or not passes(reason) or waited > self._timeout_s:
                    raise
                if not told:
                    until = "until it works" if math.isinf(self._timeout_s) else f"for {self._timeout_s:g} s"
                    self._say(f"{what} fails: {reason}. Retrying {until}; trials continue")
                    told = True
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
                again()
                continue
            if told:
                self._say(f"{what} works again")
            return result
