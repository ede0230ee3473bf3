"""A real PostgreSQL server of a test's own: in a temporary folder, on 127.0.0.1, with passwords."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PASSWORD = "s3cret"
ADMIN = "admin"


def binaries() -> Path | None:
    """The folder of `initdb` and `postgres`; Debian keeps them out of PATH. None where there is no PostgreSQL."""
    on_path = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin")) + ([Path(on_path).resolve().parent] if on_path else [])
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


def why_not() -> str:
    """Why no server can be started here; empty where one can."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        return f"psycopg is not installed: {error}"
    if binaries() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    return ""


def _other_user() -> dict[str, Any]:
    """PostgreSQL refuses to be run by root: arguments that start a process as a user without rights."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


class PostgresServer:
    """One server. `admin` may do everything; databases belong to `bob`, whose password is `PASSWORD`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port: int = found.getsockname()[1]
        self._bin = binaries() or Path()
        self._names = (f"db{number}" for number in itertools.count(1))
        self._process: subprocess.Popen[bytes] | None = None
        secret = folder / "password"
        secret.write_text(PASSWORD)
        initdb = [self._bin / "initdb", "-D", folder / "data", "-U", ADMIN, "-A", "scram-sha-256", "--no-sync"]
        if os.geteuid() == 0:
            for path in (folder, secret):
                shutil.chown(path, "nobody", "nogroup")
        subprocess.run([*initdb, f"--pwfile={secret}"], check=True, capture_output=True, cwd=folder, **_other_user())
        self.start()
        self.sql(f"CREATE ROLE bob LOGIN PASSWORD '{PASSWORD}'")

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        import psycopg

        options = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder}
        options |= {"fsync": "off", "max_connections": 50}
        words = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.folder / "data", *words],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **_other_user(),
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self._admins("postgres")).close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)

    def stop(self) -> None:
        """Ends it as a crash does: connections break, and what was not committed is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(timeout=60)
            self._process = None

    def _admins(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user={ADMIN} password={PASSWORD} dbname={database}"

    def sql(self, *statements: str, database: str = "postgres") -> list[Any]:
        """Runs statements as `admin`; returns the rows of the last one."""
        import psycopg

        with psycopg.connect(self._admins(database), autocommit=True) as connection:
            for statement in statements:
                found = connection.execute(statement)
            return found.fetchall() if found.description else []

    def url(self, database: str, *, user: str = f"bob:{PASSWORD}") -> str:
        """A database's address, as `sweep.storage` takes it."""
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{database}"

    def new_database(self, owner: str = "bob") -> str:
        """Makes a database; returns its name."""
        name = next(self._names)
        self.sql(f"CREATE DATABASE {name} OWNER {owner} STRATEGY file_copy")
        return name

    def environment(self) -> dict[str, str]:
        """Lets psql and createdb in, as `admin`."""
        own = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": ADMIN, "PGPASSWORD": PASSWORD}
        return {**os.environ, **own, "PATH": f"{self._bin}:{os.environ['PATH']}"}


@contextlib.contextmanager
def running() -> Iterator[PostgresServer]:
    """A server that is stopped and deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir="/tmp"))
    try:
        server = PostgresServer(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
