"""Locks that die with the process that holds them."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from sweeper.core.errors import SweepLockedError


@contextlib.contextmanager
def sweep_lock(path: Path, name: str) -> Iterator[None]:
    """Holds a sweep for one driver.

    Raises:
        SweepLockedError: another driver lives on the same sweep.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise SweepLockedError(
                f"sweep.name={name} is being run by another driver, process {holder}. One driver works on a sweep at a "
                "time; the lock ends with it.  Try: wait for it, or another sweep.name"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


@contextlib.contextmanager
def store_lock(path: Path) -> Iterator[None]:
    """Waits for its turn to create or migrate the stores; two drivers that create one at once would break it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
