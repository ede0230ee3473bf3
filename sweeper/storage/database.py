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
from sweeper.storage import server
from sweeper.storage.places import Place

#: The tables and columns of Optuna's that are read or written here by SQL; a test compares them with Optuna's own.
SCHEMA = {
    "studies": ("study_id", "study_name"),
    "trials": ("trial_id", "study_id", "number", "state"),
    "trial_user_attributes": ("trial_id", "key", "value_json"),
    "trial_params": ("param_id", "trial_id", "param_name", "param_value", "distribution_json"),
    "trial_intermediate_values": ("trial_id", "step", "intermediate_value", "intermediate_value_type"),
}

_BUSY_TIMEOUT_S = 60.0
_MAKING_TABLES = "sweeper: making the tables of a study"
_DAMAGED = ("malformed", "not a database")  # as SQLite says it


def root_cause(error: BaseException) -> BaseException:
    """The error that began it, below Optuna's and SQLAlchemy's: the database's own where there is one."""
    chain = [error]
    while (before := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(before)
    own = [one for one in chain if isinstance(one, sqlite3.Error) or type(one).__module__.startswith("psycopg")]
    return (own or chain)[-1]


def quiet_optuna() -> Any:
    """The module `optuna`, with its log below warnings off."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def storage(place: Place) -> Any:
    """The store, opened once in a process: opening costs 0.1 s, of which checking its tables is most."""
    return _on_server(place.url) if place.url is not None else _opened(str(place.paths.study_db))


@functools.cache
def _opened(database: str) -> Any:
    from sqlalchemy.engine import URL

    if Path(database).exists():
        _check(database)
    return quiet_optuna().storages.RDBStorage(URL.create("sqlite", database=database).render_as_string())


@functools.cache
def _on_server(url: str) -> Any:
    """Opens a server's database, and makes the tables that it lacks; two drivers do that one after the other."""
    from sqlalchemy import create_engine, text

    server.check_driver(url)
    address = server.connect_url(url)
    options = server.engine_options(url)
    engine = create_engine(address, **options)
    try:
        with engine.begin() as connection:
            server.check_schema(url, connection)
            connection.execute(text(f"SELECT pg_advisory_xact_lock(hashtext('{_MAKING_TABLES}'))"))
            store = quiet_optuna().storages.RDBStorage(
                address.render_as_string(hide_password=False), options, skip_compatibility_check=True
            )
            if (found := store.get_current_version()) != (installed := store.get_head_version()):
                store.engine.dispose()
                raise server.unusable(url, f"its schema is Optuna's {found}, and the installed Optuna has {installed}")
            return store
    finally:
        engine.dispose()


def _check(database: str) -> None:
    """Reads every page of the file once; queries would miss rows of a damaged index without an error."""
    with closing(sqlite3.connect(database, timeout=_BUSY_TIMEOUT_S)) as store:
        found = store.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise ValueError(str(found).replace("***", ""))


class store_errors:
    """Turns the store's errors, and what cannot be understood in it, into one paragraph."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        refused = (SQLAlchemyError, sqlite3.Error, quiet_optuna().exceptions.StorageInternalError, RuntimeError)
        not_understood = (ValueError, KeyError, TypeError)
        if isinstance(error, (*refused, *not_understood)):
            if self._place.url is not None:
                raise server.unusable(self._place.url, str(root_cause(error))) from error
            cause = " ".join(str(error.__cause__ or error).split())[:300].rstrip(". ")
            db = self._place.paths.study_db
            if isinstance(error, not_understood) or any(words in cause for words in _DAMAGED):
                raise DamagedFileError(
                    f"{db} is damaged: {cause}. Accepted: an optuna.db as sweeps have made it.  Try: put a copy of it "
                    f"there; without one, mv {db} {db}.damaged, and the command that started a sweep runs all of its "
                    "trials again"
                ) from error
            raise StoreError(
                f"{db} cannot be used: {cause}. Accepted: a folder that can be written, with an "
                "optuna.db that this project made.  Try: output_dir=another-folder"
            ) from error


def trial_attributes(place: Place, study: str, keys: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """State (`COMPLETE`, `RUNNING`, …) and user attributes of each trial of a study, in the order of Optuna's numbers.

    Optuna would make objects of each parameter and value that a trial has, twice as long as all the rest.
    """
    names = {f"key{place}": key for place, key in enumerate(keys)}
    query = (
        "SELECT trials.number, trials.state, attributes.key, attributes.value_json FROM trials "
        "JOIN studies USING (study_id) JOIN trial_user_attributes AS attributes USING (trial_id) "
        f"WHERE study_name = :study AND attributes.key IN ({', '.join(f':{name}' for name in names)}) "
        "ORDER BY trials.number"
    )
    found = _read(place, query, {"study": study, **names})
    for _, own in itertools.groupby(found, key=lambda row: row[0]):
        cells = list(own)
        yield str(cells[0][1]), {key: json.loads(text) for _, _, key, text in cells}


def attributes_containing(place: Place, key: str, text: str) -> list[tuple[str, Any]]:
    """Study and value of every trial's attribute `key` whose JSON contains `text`, over all studies, in one query."""
    contains = "instr" if place.url is None else "strpos"
    query = (
        "SELECT study_name, value_json FROM trial_user_attributes JOIN trials USING (trial_id) "
        f"JOIN studies USING (study_id) WHERE key = :key AND {contains}(value_json, :text) > 0"
    )
    return [(name, json.loads(value)) for name, value in _read(place, query, {"key": key, "text": text})]


def _read(place: Place, query: str, values: dict[str, Any]) -> list[Any]:
    """The rows of a query; of a file without Optuna, which takes a third of a second to import."""
    if place.url is None:
        with closing(sqlite3.connect(place.paths.study_db, timeout=_BUSY_TIMEOUT_S)) as store:
            return store.execute(query, values).fetchall()
    from sqlalchemy import text

    with storage(place).engine.connect() as connection:
        return list(connection.execute(text(query), values).all())


def rewrite_params(place: Place, study: str, rewrite: Callable[[str, float, str], tuple[float, str] | None]) -> bool:
    """Rewrites a study's stored parameters in one transaction; returns whether any changed.

    Args:
        place: the store.
        study: its name.
        rewrite: given a parameter's name, stored value and distribution (JSON), returns new ones, or None to keep it.
    """
    from sqlalchemy import text

    query = (
        "SELECT param_id, param_name, param_value, distribution_json FROM trial_params "
        "JOIN trials USING (trial_id) JOIN studies USING (study_id) WHERE study_name = :study"
    )
    changed = []
    with storage(place).engine.begin() as store:
        for param_id, name, value, distribution in store.execute(text(query), {"study": study}).all():
            if (new := rewrite(name, value, distribution)) is not None:
                changed.append({"param": param_id, "value": new[0], "distribution": new[1]})
        if changed:
            update = (
                "UPDATE trial_params SET param_value = :value, distribution_json = :distribution "
                "WHERE param_id = :param"
            )
            store.execute(text(update), changed)
    return bool(changed)


def write_curve(place: Place, trial_id: int, curve: Sequence[float]) -> None:
    """Writes one value per epoch in one transaction, for Optuna's dashboard; Optuna itself takes one for each."""
    from sqlalchemy import text

    rows = [{"trial": trial_id, "step": step, "value": value} for step, value in enumerate(curve, start=1)]
    if not rows:
        return
    with storage(place).engine.begin() as store:
        store.execute(text("DELETE FROM trial_intermediate_values WHERE trial_id = :trial"), {"trial": trial_id})
        store.execute(
            text(
                "INSERT INTO trial_intermediate_values "
                "(trial_id, step, intermediate_value, intermediate_value_type) "
                "VALUES (:trial, :step, :value, 'FINITE')"
            ),
            rows,
        )
