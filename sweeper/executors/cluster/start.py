"""Makes the executor: Ray is started here or joined, and the agents begin."""

from __future__ import annotations

import math
from importlib.util import find_spec

from sweeper.config.sweep import ExecutorConfig
from sweeper.core.errors import ConfigError
from sweeper.executors.cluster import connection
from sweeper.executors.cluster.executor import RayExecutor
from sweeper.executors.cluster.nodes import Nodes, has_gpus
from sweeper.executors.cluster.slots import GIB, Slot
from sweeper.host import machine


def check(config: ExecutorConfig) -> None:
    """Refuses what can be known to be missing without starting anything.

    Raises:
        ConfigError: Ray is not installed, or nobody answers at the address of its cluster.
    """
    if find_spec("ray") is None:
        raise ConfigError(
            "executor=ray needs Ray, which is not installed. Accepted: this project with its extra `ray`, or "
            'executor=processes.  Try: pip install "keras-sweeper[ray]"'
        )
    if config.address is not None:
        connection.found(config.address)


def create(config: ExecutorConfig, workers: int, gpus: tuple[int, ...], *, is_asked: bool) -> RayExecutor:
    """Makes the executor.

    Args:
        config: `executor` of the sweep.
        workers: trials at a time on this machine, where Ray is started here.
        gpus: indices of this machine's GPUs.
        is_asked: whether `workers` was typed; a cluster then runs no more than that.

    Raises:
        ConfigError: as `check`; or the cluster cannot be joined, or no node can run a trial.
    """
    check(config)
    is_local = config.address is None
    if config.address is None:
        connection.start_here(max(machine.cpus(), math.ceil(workers * config.cpus) if is_asked else 0), len(gpus))
    else:
        connection.join(config.address)
    try:
        gpus_each = config.gpus if config.gpus is not None else float(has_gpus())
        slot = Slot(config.cpus, gpus_each, round((config.memory_gb or 0) * GIB), config.gpu_memory_gb)
        most = workers if is_local or is_asked else None
        nodes = Nodes(slot, most, is_local=is_local, is_simulated=config.name == "simulate")
        return RayExecutor(nodes, config.lost_after_s)
    except BaseException:
        connection.leave()
        raise
