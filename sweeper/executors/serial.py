"""Trials in the driver's own process, one after the other, for a debugger.

It neither times out nor survives a crash, and says so at the start of a sweep.
"""

from __future__ import annotations

from collections.abc import Callable

from sweeper.core.trials import EpochReport, TrialSpec
from sweeper.executors.base import Event, TrialEnded, TrialEpoch, TrialStarted


class _Killed(BaseException):
    """Unwinds a trial's code; not an Exception, so that no trial records it as its own failure."""


class SerialExecutor:
    """Runs a submitted trial inside `poll`."""

    workers = 1

    def __init__(self) -> None:
        self._waiting: list[TrialSpec] = []
        self._stopped: set[int] = set()
        self._killed: dict[int, str] = {}

    def submit(self, spec: TrialSpec) -> None:
        self._waiting.append(spec)

    def poll(self, handle: Callable[[Event], None], timeout_s: float) -> None:
        if not self._waiting:
            return
        from sweeper.executors import preload  # noqa: F401  loads what a trial's process has loaded
        from sweeper.trial.run import run_to_result

        spec = self._waiting.pop(0)

        def report(epoch: EpochReport) -> bool:
            handle(TrialEpoch(spec.number, epoch))
            if spec.number in self._killed:
                raise _Killed
            return spec.number in self._stopped

        handle(TrialStarted(spec.number))
        try:
            run_to_result(spec, report)
        except _Killed:
            handle(TrialEnded(spec.number, self._killed.pop(spec.number)))
        else:
            handle(TrialEnded(spec.number))
        finally:
            self._stopped.discard(spec.number)  # it may be submitted again

    def stop(self, number: int) -> None:
        self._stopped.add(number)

    def kill(self, number: int, reason: str) -> None:
        """Takes effect at the end of the running epoch: nothing can interrupt a call in this very process."""
        self._killed[number] = reason

    def close(self) -> None:
        self._waiting.clear()
