"""The queue: what is still to be written to MLflow, in order, and the run that each trial has there.

A SQLite file in the sweep's folder, from a sweep's start until all of it is written. The driver adds entries, the
recorder removes those that it has written. It is not flushed to the disk: what a power cut takes is found missing by
the next start, from the study.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["begin", "epoch", "finish", "abandon"]

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY AUTOINCREMENT, trial INTEGER, kind TEXT, content TEXT);
    CREATE TABLE IF NOT EXISTS runs (trial INTEGER PRIMARY KEY, run_id TEXT, is_finished INTEGER DEFAULT 0);
"""
_WAIT_S = 60.0  # for the other process's transaction, which takes milliseconds


@dataclass(frozen=True)
class Entry:
    """Attributes: its place in the queue; the trial's number; what it is; its content, as the recorder takes it."""

    id: int
    trial: int
    kind: Kind
    content: dict[str, Any]


class RecordQueue:
    """One sweep's queue. Driver and recorder have one object each, on the same file."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or creates it; one that is damaged is made again, since the study has what it had.

        Raises:
            sqlite3.Error: it cannot be read or written.
        """
        self.path = path
        if path.is_file() and _is_damaged(path):
            path.unlink()
        self._database = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(_SCHEMA)

    def add(self, trial: int, kind: Kind, content: Mapping[str, Any]) -> None:
        """Adds an entry at the end."""
        self._database.execute(
            "INSERT INTO entries (trial, kind, content) VALUES (?, ?, ?)", (trial, kind, json.dumps(content))
        )

    def next(self, limit: int) -> list[Entry]:
        """The oldest entries."""
        rows = self._database.execute("SELECT id, trial, kind, content FROM entries ORDER BY id LIMIT ?", (limit,))
        return [Entry(id, trial, kind, json.loads(content)) for id, trial, kind, content in rows]

    def oldest(self) -> int | None:
        """The oldest entry's id; None where nothing waits."""
        found: int | None = self._database.execute("SELECT min(id) FROM entries").fetchone()[0]
        return found

    def written(self, entries: Sequence[Entry], run_id: str | None) -> None:
        """Removes one trial's entries, which are written, and keeps the run that the trial has from then on."""
        trial, is_finished = entries[0].trial, any(entry.kind == "finish" for entry in entries)
        with self._transaction():
            self._database.executemany("DELETE FROM entries WHERE id = ?", [(entry.id,) for entry in entries])
            if run_id is None:
                self._database.execute("DELETE FROM runs WHERE trial = ?", (trial,))
            else:
                self._database.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", (trial, run_id, is_finished))

    def run_ids(self) -> dict[int, str]:
        """The run of each trial that has one."""
        return dict(self._database.execute("SELECT trial, run_id FROM runs"))

    def run_id(self, trial: int) -> str | None:
        """A trial's run; None before it is begun."""
        found = self._database.execute("SELECT run_id FROM runs WHERE trial = ?", (trial,)).fetchone()
        return None if found is None else str(found[0])

    def begun(self) -> set[int]:
        """Trials whose run is begun, or is to be."""
        waiting = "SELECT trial FROM entries WHERE kind = 'begin'"
        return {trial for (trial,) in self._database.execute(f"SELECT trial FROM runs UNION {waiting}")}

    def ended(self) -> set[int]:
        """Trials whose end is written, or waits for it."""
        waiting = "SELECT trial FROM entries WHERE kind = 'finish'"
        query = f"SELECT trial FROM runs WHERE is_finished UNION {waiting}"
        return {trial for (trial,) in self._database.execute(query)}

    def __len__(self) -> int:
        """Entries that wait."""
        return int(self._database.execute("SELECT count(*) FROM entries").fetchone()[0])

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def _is_damaged(path: Path) -> bool:
    with contextlib.closing(sqlite3.connect(path, timeout=_WAIT_S)) as file:
        try:
            return bool(file.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
        except sqlite3.OperationalError:  # locked, or not to be opened: another matter
            return False
        except sqlite3.DatabaseError:
            return True


def run_ids(path: Path) -> dict[int, str]:
    """The runs of a queue that may be there, of a sweep that runs or was killed; none where it cannot be read."""
    if not path.is_file():
        return {}
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT_S)) as file:
        try:
            return dict(file.execute("SELECT trial, run_id FROM runs"))
        except sqlite3.DatabaseError:  # damaged, or not yet filled: the next start makes it anew
            return {}
