"""Ctrl-C, SIGTERM and SIGHUP while trials run: noted, so that what has finished is recorded before the sweep ends.

What does not live here: an interruption before that or after it, which is a KeyboardInterrupt (`sweeper.host.process`).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sweeper.core.retry import Retry
from sweeper.host import process


class Interruption:
    """Whether the sweep was interrupted.

    Attributes:
        is_set: it was; the driver then starts no further trial.
    """

    def __init__(self, retry: Retry) -> None:
        """Takes what waits for the stores; an interruption ends its waiting.

        Raises:
            KeyboardInterrupt: there was one before, which a library has swallowed.
        """
        process.raise_if_interrupted()
        self._retry = retry
        self.is_set = False

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Within this block the first signal is noted, the second one ends the process and its trials."""

        def note(signum: int, frame: FrameType | None) -> None:
            if self.is_set:
                os._exit(130)
            self.is_set = self._retry.is_interrupted = True

        former = {number: signal.signal(number, note) for number in process.stop_signals()}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
