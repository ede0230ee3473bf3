"""MLflow's client, and what it raises."""

from __future__ import annotations

import functools
import getpass
import logging
import os
import socket
import sqlite3
import time
import urllib.request
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sweeper.core.errors import StoreError
from sweeper.core.paths import OutputPaths
from sweeper.core.secrets import hide_passwords
from sweeper.core.text import shortened
from sweeper.host import process
from sweeper.tracking.format import CUT_MARKER, sqlite_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric


_TIMEOUT_S = 5.0


def check(uri: str | None) -> None:
    """Opens a connection to the server of `tracking.uri`, unless it is reached through a proxy.

    Raises:
        StoreError: no server listens there.
    """
    parts = urlsplit(uri or "")
    if not parts.hostname or through_proxy(uri or ""):
        return
    try:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        socket.create_connection((parts.hostname, port), timeout=_TIMEOUT_S).close()
    except OSError as error:
        raise StoreError(
            f"tracking.uri={uri} does not answer: {error.strerror or error}. Accepted: the address of a running "
            "`mlflow server`, or null (SQLite under output_dir).  Try: tracking.uri=null"
        ) from error


def through_proxy(uri: str) -> str:
    """` through the proxy … of http_proxy` where that variable applies to the server, else empty."""
    parts = urlsplit(uri)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy is None or not parts.hostname or urllib.request.proxy_bypass(parts.hostname):
        return ""
    return f" through the proxy {hide_passwords(proxy)} of {parts.scheme}_proxy"


def local_uri(paths: OutputPaths) -> str:
    """The tracking URI of the SQLite store under `output_dir`."""
    return sqlite_uri(paths.tracking_db)


def metric_entries(
    values: Mapping[str, float], timestamp_ms: int, step: int, model_id: str | None = None
) -> list[Metric]:
    """Metrics as MLflow's entities."""
    from mlflow.entities import Metric

    return [Metric(name, float(value), timestamp_ms, step, model_id=model_id) for name, value in values.items()]


def now_ms() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


@functools.cache
def user() -> str:
    """The user's name for MLflow's column; a container may run under a number that has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def connect(uri: str) -> MlflowClient:
    """A client of the store at this address, which is also its registry."""
    process.prepare_mlflow()
    from mlflow import MlflowClient

    # What fails in the database is raised too, and reported once, in a paragraph.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def failures() -> tuple[type[Exception], ...]:
    """What MLflow, its database or its files raise. (Requests' errors are OSErrors.)"""
    process.prepare_mlflow()
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, CommandError, OSError


def is_gone(error: BaseException) -> bool:
    """Whether MLflow says that a run was deleted: by anybody's `mlflow runs delete`, or finally by `mlflow gc`."""
    text = str(error)
    return "must be in the 'active' state" in text or ("Run with id=" in text and "not found" in text)


def reason(error: BaseException) -> str:
    """The first line of an error, without its full stop; a page of HTML is not a reason.

    Where the system or SQLite began it, theirs: `database or disk is full`, `[Errno 111] Connection refused`, which
    the user can fix, below MLflow's and SQLAlchemy's layers.
    """
    deepest = [one for one in _chain(error) if isinstance(one, OSError | sqlite3.Error)][-1:]
    text = str(deepest[0] if deepest else error).strip()
    lines = text.splitlines() or [type(error).__name__]
    return shortened(lines[0], 300, CUT_MARKER).rstrip(". ")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
