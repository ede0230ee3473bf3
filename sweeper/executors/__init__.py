"""What runs trials. A new executor implements `base.Executor`, is named in `create` and tested by the contract."""

from __future__ import annotations

import contextlib

from sweeper.core.errors import ExecutorError
from sweeper.executors.base import Event, Executor, TrialEnded, TrialEpoch, TrialStarted

__all__ = ["Event", "Executor", "TrialEnded", "TrialEpoch", "TrialStarted", "create", "start_early"]


def create(name: str, workers: int, gpus: tuple[int, ...]) -> Executor:
    """Makes the executor of that name; it may begin to load what trials need."""
    if name == "serial":
        from sweeper.executors.serial import SerialExecutor

        return SerialExecutor()
    from sweeper.executors.processes import ProcessExecutor

    executor = ProcessExecutor(workers, gpus)
    executor.warm_up()
    return executor


def start_early() -> None:
    """Begins to load what trials need. If nothing is trained after all, it ends with this process, unseen."""
    from sweeper.executors.processes import start_forkserver

    with contextlib.suppress(ExecutorError):  # `create` tries again, when nothing else is wrong with the command
        start_forkserver()
