"""The interface of an executor: submit a trial, receive its events, stop or kill it.

An executor runs trials; it decides nothing and writes to no store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sweeper.core.trials import EpochReport, TrialSpec


@dataclass(frozen=True)
class TrialStarted:
    """A trial's process runs. `preloaded` is False where it had to import TensorFlow itself (5 s)."""

    number: int
    preloaded: bool = True


@dataclass(frozen=True)
class TrialEpoch:
    """A trial finished an epoch."""

    number: int
    report: EpochReport


@dataclass(frozen=True)
class TrialEnded:
    """A trial's process is gone.

    Attributes:
        number: the trial's.
        reason: why, where it left no result.
        is_lost: whether the machine that it ran on was lost, which is not the trial's fault.
    """

    number: int
    reason: str = ""
    is_lost: bool = False


@dataclass(frozen=True)
class Said:
    """A sentence about the machines that trials run on, for the user."""

    text: str


TrialEvent = TrialStarted | TrialEpoch | TrialEnded
Event = TrialEvent | Said


class Executor(Protocol):
    """Runs up to `workers` trials at a time; their number may change while machines come and go."""

    workers: int

    def submit(self, spec: TrialSpec) -> None:
        """Starts a trial. Raises ExecutorError where no process can be had."""

    def poll(self, handle: Callable[[Event], None], timeout_s: float) -> None:
        """Passes on the events of at most `timeout_s` seconds; returns as soon as there were any."""

    def stop(self, number: int) -> None:
        """Asks a trial to end within its epoch, keeping what it has (a pruner's decision)."""

    def kill(self, number: int, reason: str) -> None:
        """Ends a trial at once; its TrialEnded carries the reason."""

    def close(self) -> None:
        """Kills what still runs and gives everything back."""
