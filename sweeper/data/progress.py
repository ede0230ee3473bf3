"""How far a long look at a user's files has come; silent where there is little to do.

What does not live here: how it looks (`sweeper.report.progress`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sweeper.core.events import FilesRead

#: Called with each step.
Report = Callable[[FilesRead], None]

_PAUSE_S = 0.2  # between two reports


class Steps:
    """Counts files and reports them, not more often than they can be read.

    Attributes:
        done: files so far.
    """

    def __init__(self, verb: str, total: int, report: Report) -> None:
        self._verb, self._total, self._report = verb, total, report
        self.done = 0
        self._last = time.monotonic()

    def add(self, number: int) -> None:
        """Counts further files."""
        self.done += number
        if self.done == self._total or time.monotonic() - self._last >= _PAUSE_S:
            self._last = time.monotonic()
            self._report(FilesRead(self._verb, self.done, self._total))


def silent(_: FilesRead) -> None:
    """A report that is not shown."""
