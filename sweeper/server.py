"""Whether an MLflow server listens, before anything heavy is loaded. What it answers is the tracker's affair."""

from __future__ import annotations

import socket
import urllib.request
from urllib.parse import urlsplit

from sweeper.core.errors import StoreError

_TIMEOUT_S = 5.0


def check(uri: str | None) -> None:
    """Opens a connection to the server of `tracking.uri`, unless it is reached through a proxy.

    Raises:
        StoreError: nobody listens there.
    """
    parts = urlsplit(uri or "")
    if not parts.hostname or (parts.scheme in urllib.request.getproxies() and not _is_direct(parts.hostname)):
        return
    try:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        socket.create_connection((parts.hostname, port), timeout=_TIMEOUT_S).close()
    except OSError as error:
        raise StoreError(
            f"tracking.uri={uri} does not answer: {error.strerror or error}. Accepted: the address of a running "
            "`mlflow server`, or null (SQLite under output_dir).  Try: tracking.uri=null"
        ) from error


def _is_direct(host: str) -> bool:
    return bool(urllib.request.proxy_bypass(host))
