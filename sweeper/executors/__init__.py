"""What runs trials. A new executor implements `base.Executor`, is named in `create` and tested by the contract."""

from __future__ import annotations

import contextlib

from sweeper.config.sweep import ExecutorConfig
from sweeper.core.errors import ExecutorError
from sweeper.executors.base import Event, Executor, Said, TrialEnded, TrialEpoch, TrialStarted

__all__ = ["Event", "Executor", "Said", "TrialEnded", "TrialEpoch", "TrialStarted", "check", "create", "start_early"]


def create(
    name: str,
    workers: int,
    gpus: tuple[int, ...],
    config: ExecutorConfig | None = None,
    *,
    is_asked: bool = True,
) -> Executor:
    """Makes the executor of that name; it may begin to load what trials need.

    Args:
        name: processes, serial, ray or simulate.
        workers: trials at a time.
        gpus: indices of this machine's GPUs.
        config: `executor` of the sweep, where it has one: what a cluster needs, and how GPUs are shared.
        is_asked: whether `workers` was typed rather than derived from this machine.
    """
    if name == "ray" or (config and config.is_on_cluster):
        from sweeper.executors.cluster import start

        return start.create(config or ExecutorConfig("ray"), workers, gpus, is_asked=is_asked)
    if name == "simulate":
        from sweeper.executors.simulate import SimulateExecutor

        return SimulateExecutor(workers)
    if name == "serial":
        from sweeper.executors.serial import SerialExecutor

        return SerialExecutor()
    from sweeper.executors.processes import ProcessExecutor

    executor = ProcessExecutor(workers, gpus, gpu_memory_gb=config.gpu_memory_gb if config else None)
    executor.warm_up()
    return executor


def check(config: ExecutorConfig) -> None:
    """Refuses, before anything is written, what can be known to be missing without starting anything.

    Raises:
        ConfigError: Ray is not installed, or nobody answers at the address of its cluster.
    """
    if config.is_on_cluster:
        from sweeper.executors.cluster import start

        start.check(config)


def start_early() -> None:
    """Begins to load what trials need. If nothing is trained after all, it ends with this process, unseen."""
    from sweeper.executors.processes import start_forkserver

    with contextlib.suppress(ExecutorError):  # `create` tries again, when nothing else is wrong with the command
        start_forkserver()
