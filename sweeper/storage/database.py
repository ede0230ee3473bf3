"""Optuna's database: opened here, and read and written by SQL where Optuna's own way is too slow.

What does not live here: what the rows mean (`sweeper.storage.codec`, `sweeper.storage.study`).
"""

from __future__ import annotations

import functools
import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sweeper.core.errors import DamagedFileError, StoreError
from sweeper.core.paths import OutputPaths

#: The tables and columns of Optuna's that are read or written here by SQL; a test compares them with Optuna's own.
SCHEMA = {
    "studies": ("study_id", "study_name"),
    "trials": ("trial_id", "study_id", "number", "state"),
    "trial_user_attributes": ("trial_id", "key", "value_json"),
    "trial_params": ("param_id", "trial_id", "param_name", "param_value", "distribution_json"),
    "trial_intermediate_values": ("trial_id", "step", "intermediate_value", "intermediate_value_type"),
}

_BUSY_TIMEOUT_S = 60.0
_DAMAGED = ("malformed", "not a database")  # as SQLite says it


def root_cause(error: BaseException) -> BaseException:
    """The error that began it, below Optuna's and SQLAlchemy's."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return error


def quiet_optuna() -> Any:
    """The module `optuna`, with its log below warnings off."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def storage(paths: OutputPaths) -> Any:
    """The store, opened once in a process: opening costs 0.1 s, of which checking its tables is most."""
    return _opened(str(paths.study_db))


@functools.cache
def _opened(database: str) -> Any:
    from sqlalchemy.engine import URL

    if Path(database).exists():
        _check(database)
    return quiet_optuna().storages.RDBStorage(URL.create("sqlite", database=database).render_as_string())


def _check(database: str) -> None:
    """Reads every page of the file once; queries would miss rows of a damaged index without an error."""
    with closing(sqlite3.connect(database, timeout=_BUSY_TIMEOUT_S)) as store:
        found = store.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise ValueError(str(found).replace("***", ""))


class store_errors:
    """Turns the store's errors, and what cannot be understood in it, into one paragraph."""

    def __init__(self, paths: OutputPaths) -> None:
        self._paths = paths

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        refused = (SQLAlchemyError, sqlite3.Error, quiet_optuna().exceptions.StorageInternalError, RuntimeError)
        not_understood = (ValueError, KeyError, TypeError)
        if isinstance(error, (*refused, *not_understood)):
            cause = " ".join(str(error.__cause__ or error).split())[:300].rstrip(". ")
            if isinstance(error, not_understood) or any(words in cause for words in _DAMAGED):
                db = self._paths.study_db
                raise DamagedFileError(
                    f"{db} is damaged: {cause}. Accepted: an optuna.db as sweeps have made it.  Try: put a copy of it "
                    f"there; without one, mv {db} {db}.damaged, and the command that started a sweep runs all of its "
                    "trials again"
                ) from error
            raise StoreError(
                f"{self._paths.study_db} cannot be used: {cause}. Accepted: a folder that can be written, with an "
                "optuna.db that this project made.  Try: output_dir=another-folder"
            ) from error


def trial_attributes(paths: OutputPaths, study: str, keys: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """State (`COMPLETE`, `RUNNING`, …) and user attributes of each trial of a study, in the order of Optuna's numbers.

    Optuna would make objects of each parameter and value that a trial has, twice as long as all the rest.
    """
    query = (
        "SELECT trials.number, trials.state, attributes.key, attributes.value_json FROM trials "
        "JOIN studies USING (study_id) JOIN trial_user_attributes AS attributes USING (trial_id) "
        f"WHERE study_name = ? AND attributes.key IN ({', '.join('?' * len(keys))}) ORDER BY trials.number"
    )
    with closing(_connected(paths)) as store:
        found = store.execute(query, (study, *keys)).fetchall()
    for _, own in itertools.groupby(found, key=lambda row: row[0]):
        cells = list(own)
        yield str(cells[0][1]), {key: json.loads(text) for _, _, key, text in cells}


def attributes_containing(paths: OutputPaths, key: str, text: str) -> list[tuple[str, Any]]:
    """Study and value of every trial's attribute `key` whose JSON contains `text`, over all studies, in one query."""
    query = (
        "SELECT study_name, value_json FROM trial_user_attributes JOIN trials USING (trial_id) "
        "JOIN studies USING (study_id) WHERE key = ? AND instr(value_json, ?) > 0"
    )
    with closing(_connected(paths)) as store:
        return [(name, json.loads(value)) for name, value in store.execute(query, (key, text)).fetchall()]


def rewrite_params(
    paths: OutputPaths, study: str, rewrite: Callable[[str, float, str], tuple[float, str] | None]
) -> bool:
    """Rewrites a study's stored parameters in one transaction; returns whether any changed.

    Args:
        paths: the output folder.
        study: its name.
        rewrite: given a parameter's name, stored value and distribution (JSON), returns new ones, or None to keep it.
    """
    query = (
        "SELECT param_id, param_name, param_value, distribution_json FROM trial_params "
        "JOIN trials USING (trial_id) JOIN studies USING (study_id) WHERE study_name = ?"
    )
    changed = []
    with closing(_connected(paths)) as store, store:
        for param_id, name, value, text in store.execute(query, (study,)).fetchall():
            if (new := rewrite(name, value, text)) is not None:
                changed.append((*new, param_id))
        store.executemany("UPDATE trial_params SET param_value = ?, distribution_json = ? WHERE param_id = ?", changed)
    return bool(changed)


def write_curve(paths: OutputPaths, trial_id: int, curve: Sequence[float]) -> None:
    """Writes one value per epoch in one transaction, for Optuna's dashboard; Optuna itself takes one for each."""
    from sqlalchemy import text

    rows = [{"trial": trial_id, "step": step, "value": value} for step, value in enumerate(curve, start=1)]
    if not rows:
        return
    with storage(paths).engine.begin() as store:
        store.execute(text("DELETE FROM trial_intermediate_values WHERE trial_id = :trial"), {"trial": trial_id})
        store.execute(
            text(
                "INSERT INTO trial_intermediate_values "
                "(trial_id, step, intermediate_value, intermediate_value_type) "
                "VALUES (:trial, :step, :value, 'FINITE')"
            ),
            rows,
        )


def _connected(paths: OutputPaths) -> sqlite3.Connection:
    return sqlite3.connect(paths.study_db, timeout=_BUSY_TIMEOUT_S)
