"""Opens MLflow's store: creates it, checks it, and points a moved one to its new place."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from sweeper.core.errors import StoreError
from sweeper.core.paths import OutputPaths
from sweeper.host import process
from sweeper.tracking import tags
from sweeper.tracking.client import connect, failures, local_uri, reason, through_proxy
from sweeper.tracking.format import sqlite_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment


def relocate_if_moved(paths: OutputPaths) -> None:
    """Points the runs of a folder that was moved to their new place; a folder that cannot be written stays as it is."""

    if paths.tracking_db.is_file() and os.access(paths.tracking_db, os.W_OK):
        relocate(paths)


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
    with connect_db(paths.tracking_db, writable=False) as store:
        if "experiments" not in tables(store):
            raise _not_a_store(paths.tracking_db, "it has no table 'experiments'")
        if not _former_roots(store, paths.root):
            return None
    with connect_db(paths.tracking_db, writable=True) as store:
        return _rewrite(store, paths.root)


@contextmanager
def connect_db(db: Path, *, writable: bool) -> Iterator[sqlite3.Connection]:
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
        f"and not held by another program.  Try: put a copy of it there; without one, mv {db} {db}.damaged, and the "
        "next sweep makes another, without the runs that were in it"
    )


#: Seconds and retries of the first request to a server. (MLflow's own: 120 s, and retries for four minutes.)
FIRST_CONTACT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


def load_mlflow() -> None:
    """Imports what a local store needs, which takes more than a second."""
    process.prepare_mlflow()
    import mlflow
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


def create_store(paths: OutputPaths) -> None:
    """Creates the store next to its place and renames it, so that a Ctrl-C leaves no incomplete one.

    MLflow's default experiment would keep its artifacts under the working directory; here it has its own folder
    among ours.
    """
    process.prepare_mlflow()
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    paths.root.mkdir(parents=True, exist_ok=True)
    beside = paths.root / ".mlflow.db.tmp"
    for left_over in paths.root.glob(f"{beside.name}*"):
        left_over.unlink()
    store = SqlAlchemyStore(sqlite_uri(beside), paths.artifacts.as_uri())  # type: ignore[no-untyped-call]
    store.engine.dispose()
    os.replace(beside, paths.tracking_db)


def get_experiment(client: MlflowClient, name: str, location: str | None) -> Experiment:
    """Gets, restores or creates the experiment; `location` is where a new one keeps its artifacts."""
    found = client.get_experiment_by_name(name)
    if found is None:
        kind = {tags.MLFLOW_EXPERIMENT_KIND: tags.MODEL_TRAINING}
        return client.get_experiment(client.create_experiment(name, artifact_location=location, tags=kind))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found


def check_uri(uri: str, db: Path) -> None:
    """Before version 2.1, SQLAlchemy takes a quoted path as it is; MLflow would retry for minutes."""
    from sqlalchemy.engine import make_url

    if make_url(uri).database != str(db):
        raise StoreError(
            f"{db} has a '?' or '%' in its path, which this version of SQLAlchemy cannot open. Accepted: a path "
            "without them, or SQLAlchemy from 2.1.  Try: output_dir=mlruns"
        )


def check_local_artifacts(experiment: Experiment) -> None:
    """Refuses an experiment whose artifacts only a server can reach."""
    if urlsplit(experiment.artifact_location).scheme not in ("", "file"):
        raise StoreError(
            f"tracking.experiment={experiment.name} keeps its artifacts at {experiment.artifact_location}, which only "
            "the server that made it can reach. Accepted: an experiment that a sweep has made, or a new name.  "
            f"Try: tracking.experiment={experiment.name}-2"
        )


@contextmanager
def first_contact() -> Iterator[None]:
    """Shortens MLflow's waiting while a server is contacted for the first time; what the user has set is kept."""
    former = {name: os.environ.get(name) for name in FIRST_CONTACT}
    ours = {name for name, value in former.items() if value in (None, process.MLFLOW_ENVIRONMENT.get(name))}
    os.environ.update({name: FIRST_CONTACT[name] for name in ours})
    process.prepare_mlflow()
    try:
        yield
    finally:
        for name in ours:
            os.environ[name] = process.MLFLOW_ENVIRONMENT[name]


def unusable_store(db: Path, uri: str, error: Exception) -> StoreError:
    """The error for a store that cannot be opened, with what to type."""
    if "database schema" in str(error) or "Can't locate revision" in str(error):
        return StoreError(
            f"{db} was written by another version of MLflow: {reason(error)}. A newer store needs that newer MLflow; "
            f"an older one is upgraded, after a backup, by: mlflow db upgrade '{uri}'"
        )
    return StoreError(
        f"{db} cannot be used: {reason(error)}. Accepted: a folder that can be written, and in it the mlflow.db that "
        f"a sweep has made, or none.  Try: python -m sweeper -m output_dir=mlruns-2 arch.depth=3,5,7"
    )


def open_local(experiment: str, paths: OutputPaths) -> tuple[MlflowClient, str, str, Path | None]:
    """Opens the SQLite store under `output_dir`, and creates what is missing of it.

    Returns:
        The client, the store's address, the experiment's id, and the former place of a folder that was moved.

    Raises:
        StoreError: the store cannot be created, read or written.
    """
    uri = local_uri(paths)
    db = paths.tracking_db
    check_uri(uri, db)
    try:
        if not db.exists() or (db.is_file() and db.stat().st_size == 0):
            create_store(paths)
        moved_from = relocate(paths)
        with connect_db(db, writable=True):
            pass  # the write lock was had
        client = connect(uri)
        found = get_experiment(client, experiment, paths.artifacts.as_uri())
        check_local_artifacts(found)
        if found.tags.get(tags.OUTPUT_DIR) != str(paths.root):
            client.set_experiment_tag(found.experiment_id, tags.OUTPUT_DIR, str(paths.root))
    except failures() as error:
        raise unusable_store(db, uri, error) from error
    return client, uri, found.experiment_id, moved_from


def open_server(experiment: str, uri: str) -> tuple[MlflowClient, str, str]:
    """Opens an experiment of an MLflow server; returns the client, the address and the experiment's id.

    Raises:
        StoreError: the server does not answer as one.
    """
    try:
        with first_contact():
            client = connect(uri)
            found = get_experiment(client, experiment, None)
    except failures() as error:
        raise StoreError(
            f"tracking.uri={uri} does not answer as an MLflow server{through_proxy(uri)}: {reason(error)}. Accepted: "
            "the address of a running `mlflow server`, or null (SQLite under output_dir).  Try: "
            + (f"no_proxy={urlsplit(uri).hostname} in front of the line" if through_proxy(uri) else "tracking.uri=null")
        ) from error
    return client, uri, found.experiment_id
