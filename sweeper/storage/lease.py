"""A sweep is one driver's while that lives: of `optuna.db` by a file's lock, on a server by an advisory lock too.

PostgreSQL gives an advisory lock back when the connection ends that holds it: with the driver, however it ends. A
server that restarts forgets it; the driver then takes it again before it writes anything further.

What does not live here: the file's lock (`sweeper.storage.locks`), the server's address (`sweeper.storage.server`).
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time
from collections.abc import Iterator
from typing import Any

from sweeper.core.errors import SweepLockedError, TrackingError
from sweeper.storage import server
from sweeper.storage.database import storage, store_errors
from sweeper.storage.locks import sweep_lock
from sweeper.storage.places import Place

_KEEPALIVE = ("tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 3")
_FOR_OWN_SESSION_S = 5.0  # for which a session of this very driver that has lost its connection is ended


class Lease:
    """Says that a sweep is still this driver's. This one is a file's lock, which nothing but its end takes away."""

    def ensure(self) -> None:
        """Returns where the sweep is this driver's; called before each write to the study."""


class ServerLease(Lease):
    """An advisory lock on a server, named by the schema and the sweep."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._token = secrets.token_hex(4)
        self._connection: Any = None

    def take(self) -> None:
        """Takes the lock.

        Raises:
            SweepLockedError: another driver has it.
            SQLAlchemyError: the server cannot be reached.
        """
        from sqlalchemy import NullPool, create_engine, text

        options = server.engine_options(self._url, server.holder_name(self._token)) | {"pool_pre_ping": False}
        engine = create_engine(server.connect_url(self._url), poolclass=NullPool, **options)
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        for setting in _KEEPALIVE:  # the server notices within half a minute that a driver's machine is gone
            self._connection.execute(text(f"SET {setting}"))
        schema = self._connection.execute(text("SELECT current_schema()")).scalar_one()
        key = _key(schema, self._name)
        deadline = time.monotonic() + _FOR_OWN_SESSION_S
        while not self._connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar_one():
            pid, holder = self._holder(key)
            if f" {self._token} " not in holder or time.monotonic() > deadline:
                self.close()
                raise SweepLockedError(
                    f"sweep.name={self._name} is being run by another driver, {holder or 'unknown'}, in the same "
                    "database. One driver works on a sweep at a time; the lock ends with it.  Try: wait for it, or "
                    "another sweep.name"
                )
            self._connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            time.sleep(0.05)

    def _holder(self, key: int) -> tuple[int, str]:
        """Process on the server and name of the session that holds the lock."""
        from sqlalchemy import text

        found = self._connection.execute(
            text(
                "SELECT pid, application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE granted AND "
                "locktype = 'advisory' AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint) = :key"
            ),
            {"key": key},
        ).first()
        return (int(found[0]), str(found[1])) if found else (0, f" {self._token} ")  # it was just given back

    def ensure(self) -> None:
        """Looks whether the connection lives that holds the lock; where the server has lost it, takes the lock again.

        Raises:
            TrackingError: another driver has taken the sweep meanwhile.
            SQLAlchemyError: the server cannot be reached.
        """
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        try:
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
                return
        except SQLAlchemyError:
            self.close()
        try:
            self.take()
        except SweepLockedError as error:
            raise TrackingError(f"{error}. It took the sweep while the database was away from this driver") from error
        except SQLAlchemyError:
            self.close()
            raise

    def close(self) -> None:
        """Gives the lock back with the connection that holds it."""
        from sqlalchemy.exc import SQLAlchemyError

        if self._connection is not None:
            with contextlib.suppress(SQLAlchemyError):  # it is lost already
                self._connection.invalidate()
            self._connection.close()
            self._connection = None


def _key(schema: str, name: str) -> int:
    """63 bits, so that the two halves that PostgreSQL shows of it are plain numbers."""
    digest = hashlib.sha256(f"sweeper\0{schema}\0{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextlib.contextmanager
def hold_sweep(place: Place, name: str) -> Iterator[Lease]:
    """Holds a sweep for one driver, in its folder and on the server that has its study.

    Raises:
        SweepLockedError: another driver lives on the same sweep.
        StoreError: the file cannot be locked, or the server cannot be used.
    """
    with sweep_lock(place.paths.sweep(name).lock, name):
        if place.url is None:
            yield Lease()
            return
        lease = ServerLease(place.url, name)
        with store_errors(place):
            storage(place)  # which refuses what is wrong with the database before the lock is taken in it
            lease.take()
        try:
            yield lease
        finally:
            lease.close()
