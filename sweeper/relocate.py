"""Points MLflow's absolute addresses to the folder in which its SQLite store lies now.

MLflow writes the address of every experiment, run, logged model and model version into the store, so a
folder that was moved or copied would be read at its old place. Each experiment of this project carries the
folder it was made in as a tag; where that differs from the present one, all addresses under it are rewritten.
What does not live here: anything that imports MLflow (this is plain sqlite3), and addresses on a server.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sweeper.core.errors import StoreError
from sweeper.core.paths import OutputPaths
from sweeper.tracking import tags

#: Where MLflow's schema keeps addresses. A table or column that a version lacks is passed over.
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("trace_tags", "value"),
)

_BUSY_TIMEOUT_S = 20.0


def relocate(paths: OutputPaths) -> Path | None:
    """Rewrites the addresses of a store whose folder was moved or copied, in one transaction.

    Returns:
        The folder that the addresses pointed into, or None where nothing was to be done (also: no store).

    Raises:
        StoreError: if `mlflow.db` is not a store of MLflow, or cannot be written though it must be.
    """
    if not paths.tracking_db.exists():
        return None
    if not paths.tracking_db.is_file():
        raise _not_a_store(paths.tracking_db, "it is not a file")
    with connect(paths.tracking_db, writable=False) as store:
        if "experiments" not in tables(store):
            raise _not_a_store(paths.tracking_db, "it has no table 'experiments'")
        if not _former_roots(store, paths.root):
            return None
    with connect(paths.tracking_db, writable=True) as store:
        return _rewrite(store, paths.root)


@contextmanager
def connect(db: Path, *, writable: bool) -> Iterator[sqlite3.Connection]:
    """Opens a store for reading, or for one transaction that is committed at the end.

    Raises:
        StoreError: for whatever SQLite objects to, inside the block too.
    """
    # Also for reading: a writer that was killed in mid-transaction leaves a journal, which a reader has to roll back.
    mode = "rw" if writable or os.access(db, os.W_OK) else "ro"
    try:
        with closing(
            sqlite3.connect(f"{db.as_uri()}?mode={mode}", uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        ) as store:
            store.execute("BEGIN IMMEDIATE" if writable else "BEGIN")
            yield store
            store.execute("COMMIT")
    except sqlite3.Error as err:
        raise _not_a_store(db, str(err)) from err


def tables(store: sqlite3.Connection) -> set[str]:
    """Returns the names of the tables; reads the file's header, so that a corrupt file is noticed."""
    return {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def moved(address: str, old: Path, new: Path) -> str:
    """Returns `address` with `old` replaced by `new`, if it is `old` or lies under it; else as it was.

    A `file:` URI is compared after decoding and encoded again; a bare absolute path stays bare.
    """
    if address.startswith("file:"):
        parts = urlsplit(address)
        path, is_uri = Path(unquote(parts.path)), True
        if parts.netloc or parts.query or parts.fragment:
            return address
    else:
        path, is_uri = Path(address), False
    if not path.is_absolute() or not path.is_relative_to(old):
        return address
    there = new / path.relative_to(old)
    return there.as_uri() if is_uri else str(there)


def _former_roots(store: sqlite3.Connection, root: Path) -> list[Path]:
    """Recorded output folders other than `root`; the deepest first, so that the longest prefix wins."""
    found = store.execute("SELECT DISTINCT value FROM experiment_tags WHERE key = ?", (tags.OUTPUT_DIR,))
    former = {Path(value) for (value,) in found} - {root}
    return sorted(former, key=lambda path: len(path.parts), reverse=True)


def _rewrite(store: sqlite3.Connection, root: Path) -> Path | None:
    """Rewrites every address; looks again for former roots, since another process may have been faster."""
    former = _former_roots(store, root)
    if not former:
        return None

    def rewritten(address: str) -> str:
        changed = (moved(address, old, root) for old in former)
        return next((new for new in changed if new != address), address)

    store.create_function("moved", 1, rewritten, deterministic=True)
    for table, column in _present(store):
        store.execute(f'UPDATE "{table}" SET "{column}" = moved("{column}") WHERE "{column}" != moved("{column}")')
    store.execute("UPDATE experiment_tags SET value = ? WHERE key = ?", (str(root), tags.OUTPUT_DIR))
    return former[0]


def _present(store: sqlite3.Connection) -> list[tuple[str, str]]:
    columns = {table: {row[1] for row in store.execute(f'PRAGMA table_info("{table}")')} for table, _ in ADDRESSES}
    return [(table, column) for table, column in ADDRESSES if column in columns[table]]


def _not_a_store(db: Path, reason: str) -> StoreError:
    return StoreError(
        f"{db} cannot be used as an MLflow store: {reason}. Accepted: the mlflow.db that a sweep has made, writable "
        f"and not held by another program. Move that file away, or try another folder: "
        f"python -m sweeper -m output_dir=mlruns-2 arch.depth=3,5,7"
    )
