"""`python -m sweeper ui`: MLflow's own server on the SQLite store of one output folder, until Ctrl-C.

It listens on 127.0.0.1 only, works in the output folder, and leaves neither files elsewhere nor processes.
What does not live here: reading or writing the store, and anything that imports MLflow (the server is a process).
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from sweeper.core.errors import ConfigError, StoreError, SweeperError
from sweeper.core.paths import OutputPaths
from sweeper.host import process
from sweeper.tracking.format import sqlite_uri
from sweeper.tracking.store import relocate

HOST = "127.0.0.1"
DEFAULT_PORT = 5000

#: Ports tried from `DEFAULT_PORT` on.
PORTS_TRIED = 100

#: Seconds: until the server must answer, until it must have ended, and between two looks.
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 5.0
POLL_S = 0.1

#: MLflow's job runner (evaluation of language models) would be three more processes and a queue's files.
SERVER_ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def serve(output_dir: Path, port: int | None) -> int:
    """Serves the MLflow UI until a signal ends it.

    Args:
        output_dir: the folder of the sweeps.
        port: the port to listen on; None for 5000 or the next free one.

    Returns:
        128 + the signal's number: 130 after Ctrl-C.

    Raises:
        StoreError: no store lies in `output_dir`, or it is not MLflow's.
        ConfigError: the port is out of range or taken.
        SweeperError: the server ended; its last lines are given.
    """
    paths = OutputPaths(output_dir.absolute())
    _require_store(paths)
    chosen = _free_port() if port is None else _checked_port(port)
    former = relocate(paths)
    if former is not None:
        _say(f"The folder was moved from {former}: its addresses in MLflow's store now point here.")
    with _stop_signals() as stopped_by, tempfile.TemporaryFile() as log:
        server = _start(paths, chosen, log)
        try:
            if _answers(server, chosen, stopped_by, log):
                _say(f"MLflow UI: http://{HOST}:{chosen}  (Ctrl-C ends it)")
            while not stopped_by:
                _require_alive(server, log)
                time.sleep(POLL_S)
        finally:
            _end(server)
    return 128 + stopped_by[0]


def plain_command(output_dir: Path) -> str:
    """Returns the line of MLflow's own command that shows the same store."""
    uri = sqlite_uri(OutputPaths(output_dir.absolute()).tracking_db)
    return f"mlflow ui --backend-store-uri {shlex.quote(uri)}"


def _require_store(paths: OutputPaths) -> None:
    if not paths.tracking_db.is_file():
        raise StoreError(
            f"{paths.root} holds no mlflow.db, so there is nothing to show. Accepted: the output_dir of a sweep that "
            "has run.  Try: python -m sweeper -m arch.depth=3,5,7, then python -m sweeper ui --output-dir mlruns"
        )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    candidates = range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED)
    free = next((port for port in candidates if _is_free(port)), None)
    if free is None:
        raise ConfigError(
            f"no port from {candidates[0]} to {candidates[-1]} is free on {HOST}. Accepted: any free port.  "
            "Try: python -m sweeper ui --port 8080"
        )
    return free


def _checked_port(port: int) -> int:
    if not 1 <= port <= 65535:
        raise ConfigError(f"--port {port} is not a port. Accepted: 1 to 65535.  Try: python -m sweeper ui --port 5000")
    if not _is_free(port):
        raise ConfigError(
            f"--port {port} is taken by another program, or needs rights that you do not have. Accepted: a free port; "
            f"without --port, {DEFAULT_PORT} or the next free one.  Try: python -m sweeper ui"
        )
    return port


def _start(paths: OutputPaths, port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Starts the server in its own process group: the terminal's Ctrl-C reaches this process alone."""
    uri, artifacts = sqlite_uri(paths.tracking_db), paths.artifacts.as_uri()
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", uri, "--registry-store-uri", uri]
    command += ["--default-artifact-root", artifacts, "--artifacts-destination", artifacts]
    environment = {**process.MLFLOW_ENVIRONMENT, **os.environ, **SERVER_ENVIRONMENT}
    return subprocess.Popen(
        command, cwd=paths.root, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, process_group=0
    )


def _answers(server: subprocess.Popen[bytes], port: int, stopped_by: list[int], log: IO[bytes]) -> bool:
    """Waits until the server answers; False where a signal came first."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not stopped_by:
        _require_alive(server, log)
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if time.monotonic() > deadline:
                raise _server_ended(f"it did not answer within {START_TIMEOUT_S:g} s", log) from None
            time.sleep(POLL_S)
    return False


def _require_alive(server: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    if server.poll() is not None:
        raise _server_ended(f"it ended with status {server.returncode}", log)


def _server_ended(reason: str, log: IO[bytes]) -> SweeperError:
    log.seek(0)
    lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return SweeperError(f"the MLflow server has ended: {reason}. Its last lines: {' | '.join(lines[-5:]) or 'none'}")


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Notes the signals that end the server, in the order of arrival, instead of dying of them."""
    received: list[int] = []

    def note(signum: int, frame: FrameType | None) -> None:
        received.append(signum)

    former = {number: signal.signal(number, note) for number in process.stop_signals()}
    try:
        yield received
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ends the server and its workers, gently and then not."""
    for number, retry_timeout_s in ((signal.SIGTERM, STOP_TIMEOUT_S), (signal.SIGKILL, 1.0)):
        deadline = time.monotonic() + retry_timeout_s
        alive = _signal_group(server, number)
        while alive and time.monotonic() < deadline:
            time.sleep(POLL_S / 2)
            server.poll()  # reaps it, or its group would never be empty
            alive = _signal_group(server, 0)
        if not alive:
            return


def _signal_group(server: subprocess.Popen[bytes], number: int) -> bool:
    """Sends a signal to the server's group (0: none, only looks); False where no process is left in it."""
    try:
        os.killpg(server.pid, number)
    except ProcessLookupError:
        return False
    return True


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
