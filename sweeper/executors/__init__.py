"""What runs trials. A new executor implements `base.Executor`, is named in `create` and tested by the contract."""

from __future__ import annotations

from sweeper.core.errors import ConfigError, did_you_mean
from sweeper.executors.base import Event, Executor, TrialEnded, TrialEpoch, TrialStarted

__all__ = ["Event", "Executor", "TrialEnded", "TrialEpoch", "TrialStarted", "check", "create"]

NAMES = ("processes", "serial")


def check(name: str) -> None:
    """Raises ConfigError for an executor that does not exist."""
    if name not in NAMES:
        raise ConfigError(
            f"executor.name={name} does not exist. Accepted: {', '.join(NAMES)}. {did_you_mean(name, NAMES)}"
            "  Try: executor=processes"
        )


def create(name: str, workers: int, gpus: tuple[int, ...]) -> Executor:
    """Makes the executor of that name; it may begin to load what trials need."""
    check(name)
    if name == "serial":
        from sweeper.executors.serial import SerialExecutor

        return SerialExecutor()
    from sweeper.executors.processes import ProcessExecutor

    executor = ProcessExecutor(workers, gpus)
    executor.warm_up()
    return executor
