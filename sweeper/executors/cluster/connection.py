"""Starts Ray on this machine, or joins a cluster; and says in one paragraph why that cannot be.

Ray on this machine ends with this process, however that ends: its processes ask Linux for it.
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sweeper.core.errors import ConfigError, ExecutorError
from sweeper.executors.cluster import modules
from sweeper.executors.cluster.agent import USER_MODULES
from sweeper.host.process import set_variables, stop_signals, terminal_held_back

_REACHED_S = 5.0  # seconds in which a head node must take a connection
_STORE_BYTES = 128 * 2**20  # Ray's object store on this machine: a few pieces of files at a time
_CURRENT = "ray_current_cluster"  # where `ray start` leaves the address, in Ray's temporary folder

#: Of Ray, read when it starts: no memory watch that ends our agent where `executor=processes` has none, no notice
#: about GPUs, and no environment taken from `uv run`.
_LOCAL_ENVIRONMENT: dict[str, str | None] = {"RAY_memory_monitor_refresh_ms": "0"}
_ENVIRONMENT: dict[str, str | None] = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


def start_here(num_cpus: int, num_gpus: int) -> None:
    """Starts Ray on this machine, for this process alone. A cluster that runs here already is left alone.

    Raises:
        ExecutorError: it does not start.
    """
    with _quiet(_ENVIRONMENT | _LOCAL_ENVIRONMENT):
        try:
            _init(
                address="local", num_cpus=num_cpus, num_gpus=num_gpus, object_store_memory=_STORE_BYTES,
                _node_ip_address=_LOOPBACK,
            )  # fmt: skip
        except Exception as error:
            raise ExecutorError(
                f"Ray cannot be started on this machine: {_first_line(error)}.  Try: executor=processes"
            ) from error


#: Ray replaces 127.0.0.1 by an address that other machines reach; this one is as local, and stays.
_LOOPBACK = "127.0.0.2"


def join(address: str) -> None:
    """Joins the cluster at `auto` or `host:port`; this machine must be one of its nodes.

    Raises:
        ConfigError: there is none, or it runs another version of Ray or Python.
    """
    at = found(address)
    with tempfile.TemporaryDirectory() as folder, _quiet(_ENVIRONMENT):
        code = Path(folder) / USER_MODULES
        code.mkdir()
        modules.copy(Path.cwd(), code)
        (code / ".keep").touch()  # Ray refuses an empty folder
        try:
            _init(address=at, runtime_env={"working_dir": folder})
        except Exception as error:
            _leave_quietly()
            raise ConfigError(
                f"executor.address={address}: the Ray cluster at {at} cannot be joined: {_first_line(error)}. "
                "Accepted: a cluster of which this machine is a node, with the same versions of Ray and Python."
                "  Try: ray status"
            ) from error


def _init(**arguments: Any) -> None:
    import ray

    ray.init(include_dashboard=None if "runtime_env" in arguments else False, log_to_driver=False,
             logging_level="error", **arguments)  # fmt: skip


def _leave_quietly() -> None:
    import ray

    if ray.is_initialized():
        ray.shutdown()


def leave() -> None:
    """Ends what `start_here` started, or leaves the cluster."""
    with _quiet({}):
        _leave_quietly()


def _current() -> str:
    """The address of the cluster that this machine is a node of."""
    import ray._common.utils as utils

    if address := os.environ.get("RAY_ADDRESS"):
        return address
    file = Path(utils.get_default_ray_temp_dir()) / _CURRENT
    if not file.is_file():
        raise ConfigError(
            "executor.address=auto: no Ray runs on this machine. Accepted: a node of a cluster, or "
            "executor.address=null (Ray is started here, for this sweep).  Try: ray start --head"
        )
    return file.read_text(encoding="utf-8").strip()


def found(address: str) -> str:
    """The host and port at `auto` or `host:port`.

    Raises:
        ConfigError: nobody answers there, for which Ray itself would wait a minute.
    """
    at = _current() if address == "auto" else address
    host, _, port = at.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_REACHED_S):
            return at
    except (OSError, ValueError) as error:
        where = "" if at == address else f" (left by an earlier cluster: {at})"
        raise ConfigError(
            f"executor.address={address}{where}: nobody answers there ({error}). Accepted: auto, or HOST:PORT of a "
            "Ray cluster's head node.  Try: ray status"
        ) from error


@contextmanager
def _quiet(variables: dict[str, str | None]) -> Iterator[None]:
    """Ray sees these variables; it keeps no signal of ours, and Ctrl-C does not reach what it starts."""
    former = set_variables(variables)
    handlers = {number: signal.getsignal(number) for number in stop_signals()}
    try:
        with terminal_held_back():
            yield
    finally:
        set_variables(former)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__
