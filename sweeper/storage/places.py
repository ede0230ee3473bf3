"""Where a sweep's study is kept: `optuna.db` under `output_dir`, or a database on a PostgreSQL server.

A sweep's `multirun.yaml` names the database, without its password, so that every command finds the study again.
What does not live here: how a server is reached, and what its errors mean (`sweeper.storage.server`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from sweeper.core.errors import ConfigError
from sweeper.core.paths import OutputPaths

#: The key of `multirun.yaml`; a sweep whose study is in `optuna.db` has none.
KEY = "storage"

_LINE = re.compile(rf"^{KEY}: *(['\"]?)(postgresql\S*?)\1 *$", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """Where studies are kept.

    Attributes:
        paths: the output folder.
        url: the address of a database on a server, without a password; None: `optuna.db` in the output folder.
    """

    paths: OutputPaths
    url: str | None = None

    def __str__(self) -> str:
        return str(self.paths.study_db) if self.url is None else self.url

    @property
    def may_hold_studies(self) -> bool:
        """Whether there is something to read: a file that does not exist, or is empty, holds nothing."""
        return self.url is not None or (self.paths.study_db.exists() and self.paths.study_db.stat().st_size > 0)


def recorded_url(paths: OutputPaths, name: str) -> str | None:
    """The address of the database that a sweep's folder names; None where it names none."""
    path = paths.sweep(name).multirun
    found = _LINE.search(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else None
    return found.group(2) if found else None


def place_of(paths: OutputPaths, name: str) -> Place:
    """Where a sweep's study is, as its folder says."""
    return Place(paths, recorded_url(paths, name))


def refuse_another(place: Place, name: str) -> None:
    """Refuses to start a sweep with another store than it has: its finished trials would be run again there.

    Raises:
        ConfigError: its folder names another store.
    """
    if not place.paths.sweep(name).multirun.is_file():
        return
    recorded = recorded_url(place.paths, name)
    if recorded is place.url is None or (recorded and place.url and _database(recorded) == _database(place.url)):
        return
    typed = "null" if recorded is None else f'"{recorded}"' if "=" in recorded else recorded
    raise ConfigError(
        f"sweep.name={name} has its study in {Place(place.paths, recorded)}, and this line names {place}. Accepted: "
        "the store that the sweep has (where the database has moved: its new address as `storage` in "
        f"{place.paths.sweep(name).multirun}), or another name.  Try: {shlex.quote(f'sweep.storage={typed}')}"
    )


def _database(url: str) -> tuple[object, ...]:
    """What says whether two addresses are of one database and schema; the user does not."""
    from sqlalchemy.engine import make_url

    parts = make_url(url)
    return (parts.host, parts.port or 5432, parts.database, sorted(parts.query.items()))


def on_servers(paths: OutputPaths) -> Iterator[tuple[Place, list[str]]]:
    """Each database that the sweeps of an output folder name, with the names of those sweeps."""
    names: dict[str, list[str]] = {}
    for path in sorted(paths.sweeps.glob("*/multirun.yaml")):
        if (url := recorded_url(paths, path.parent.name)) is not None:
            names.setdefault(url, []).append(path.parent.name)
    for url, of_url in names.items():
        yield Place(paths, url), of_url
