"""A real `mlflow server` of a test's own on 127.0.0.1, with its files in a folder."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path


class MlflowServer:
    """One server; it can be killed and started again under the same address."""

    def __init__(self, folder: Path, store: str, environment: Mapping[str, str]) -> None:
        """Takes the folder of its artifacts and log, the address of its store, and further variables."""
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self._port: int = found.getsockname()[1]
        self._folder = folder
        self._store = store
        own = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._environment = {**os.environ, **own, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """As `tracking.uri` takes it."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Starts it; returns at once."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self._port)]
        command += ["--workers", "1", "--backend-store-uri", self._store]
        command += ["--artifacts-destination", f"{self._folder}/files"]
        with (self._folder / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self) -> None:
        """Waits until it answers."""
        assert self._process is not None
        log, deadline = self._folder / "server.log", time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.address}/health", timeout=2).close()
                return
            assert time.monotonic() < deadline, log.read_text()
            assert self._process.poll() is None, log.read_text()
            time.sleep(0.3)

    def kill(self) -> None:
        """Ends it and its workers at once."""
        if self._process is not None:
            os.killpg(self._process.pid, 9)
            self._process.wait(timeout=30)
            self._process = None


@contextlib.contextmanager
def running(folder: Path, store: str, **environment: str) -> Iterator[MlflowServer]:
    """A server that answers, killed at the end."""
    server = MlflowServer(folder, store, environment)
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.kill()
