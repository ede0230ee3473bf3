"""Locks that die with the process that holds them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from sweeper.core.errors import StoreError, SweepLockedError
from sweeper.core.paths import OutputPaths

_OPENED = 20  # attempts to open a lock whose folder other drivers remove


@contextlib.contextmanager
def sweep_lock(path: Path, name: str) -> Iterator[None]:
    """Holds a sweep for one driver.

    Raises:
        SweepLockedError: another driver lives on the same sweep.
        StoreError: the file cannot be written or locked.
    """
    while True:
        with _opened(path) as file:
            try:
                _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                raise SweepLockedError(
                    f"sweep.name={name} is being run by another driver, process {holder}. One driver works on a sweep "
                    "at a time; the lock ends with it.  Try: wait for it, or another sweep.name"
                ) from error
            if not _is_still_at(path, file):
                continue
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield
            return


def _is_still_at(path: Path, file: TextIO) -> bool:
    """Whether a file that was locked is the one at its path: a driver that was refused removes its own."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def remove_lock(path: Path) -> None:
    """Removes a lock that this process holds, and its folder; not where another driver has just made its own there."""
    path.unlink()
    with contextlib.suppress(OSError):
        path.parent.rmdir()


@contextlib.contextmanager
def store_lock(path: Path) -> Iterator[None]:
    """Waits for its turn to create or migrate the stores; two drivers that create one at once would break it.

    Raises:
        StoreError: the file cannot be written or locked.
    """
    with _opened(path) as file:
        _lock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    for attempt in range(_OPENED):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
            break
        except (FileNotFoundError, FileExistsError) as error:  # a refused driver removes the folder at this moment
            if attempt == _OPENED - 1:
                raise _not_yours(path, f"written: {error.strerror}") from error
        except OSError as error:
            raise _not_yours(path, f"written: {error.strerror or error}") from error
    with file:
        yield file


def _not_yours(path: Path | str, what: str) -> StoreError:
    return StoreError(
        f"{path}, which locks out a second driver, cannot be {what}; it may be another user's. Accepted: an output_dir "
        "whose files you may write.  Try: output_dir=another-folder"
    )


def _lock(file: TextIO, how: int) -> None:
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        raise
    except PermissionError as error:
        raise _not_yours(file.name, f"locked: {error.strerror}") from error
    except OSError as error:
        raise StoreError(
            f"{file.name} cannot be locked: {error.strerror or error}. The file system of output_dir has no "
            "locks (some network file systems), so a second driver could not be locked out. Accepted: an output_dir "
            "on another file system.  Try: output_dir=/var/tmp/mlruns"
        ) from error


def check_writable(paths: OutputPaths) -> None:
    """Creates the output folder and tries a file in it.

    Raises:
        StoreError: it cannot be written.
    """
    probe = paths.root / f".write-{os.getpid()}-{time.monotonic_ns()}"
    try:
        paths.sweeps.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"\0" * 65536)
        probe.unlink()
    except OSError as error:
        raise StoreError(
            f"output_dir={paths.root} cannot be written: {error.strerror or error}. Accepted: a folder that you may "
            "write, with room on its disk.  Try: output_dir=another-folder"
        ) from error
