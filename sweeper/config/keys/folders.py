"""The folders of configurations: this program's `conf/`, those that the command names, and `conf/` of a user's project.

    this program's          `sweeper/conf`, in a checkout a link to `conf/` at its top; its files are never replaced
    --config-dir FOLDER     and `hydra.searchpath`
    ./conf                  found without a flag

What does not live here: what the files set (`sweeper.config.keys`), and Hydra's search path
(`sweeper.cli.hydra_sweeper`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

CONF = (Path(__file__).parents[2] / "conf").resolve()

#: The folders that the command names.
_of_the_command: list[Path] = []


def look_in(folder: Path) -> None:
    """Adds a folder of configurations (`--config-dir`), whose options are then known."""
    _of_the_command.append(folder)


def beside() -> Path | None:
    """`conf/` of the current folder, a user's own; None where there is none, or where it is this program's."""
    folder = Path(os.curdir, "conf")
    if not folder.is_dir() or folder.samefile(CONF):
        return None
    return folder.resolve()


def added() -> tuple[Path, ...]:
    """The folders besides this program's, the first in precedence first."""
    own = beside()
    return (*_of_the_command, *([] if own is None or own in _of_the_command else [own]))


def every() -> tuple[Path, ...]:
    """All folders, the first in precedence first."""
    return (CONF, *added())


def is_group(name: str) -> bool:
    """Whether a folder of that name has options of this program, or of the command."""
    return any((folder / name).is_dir() for folder in (*_of_the_command, CONF))


def files(folder: Path) -> list[Path]:
    """The files of a folder; of a user's `./conf` those of this program's groups, since it may hold anything."""
    if folder == beside() and folder not in _of_the_command:
        groups = [path for path in sorted(folder.iterdir()) if path.is_dir() and (CONF / path.name).is_dir()]
        return [file for group in groups for file in _yaml(group)]
    return _yaml(folder)


def _yaml(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.yaml")) if path.is_file()]


def config_file(name: str) -> Path | None:
    """The file that Hydra reads for `experiment/mine`; None where there is none."""
    return next(iter(config_files_of(name)), None)


def config_files_of(name: str) -> list[Path]:
    """All files of that name, the one that Hydra reads first."""
    return [path for folder in every() if (path := folder / f"{name}.yaml").is_file()]


def config_files() -> list[Path]:
    """All files of configurations."""
    return [path for folder in every() for path in files(folder)]


def entries(path: Path) -> Mapping[str, Any]:
    """What a configuration file sets; nothing if it cannot be read, which Hydra reports when it is chosen."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError):
        return {}
    return read if isinstance(read, Mapping) else {}


def origins(typed: Mapping[str, str]) -> list[str]:
    """Says which options are read from a user's files, and which of those files are hidden by others.

    Args:
        typed: the options of each group that the command chooses, separated by commas.
    """
    chosen = {**_defaults(), **_of_experiments(typed.get("experiment", "")), **typed}
    said = [where_from(group, option) for group, options in chosen.items() for option in options.split(",")]
    return [sentence for sentence in said if sentence]


def _defaults() -> dict[str, str]:
    """The option of each group that `conf/config.yaml` chooses."""
    chosen = [entry for entry in entries(CONF / "config.yaml")["defaults"] if isinstance(entry, Mapping)]
    return {group: option for entry in chosen for group, option in entry.items() if (CONF / group).is_dir() and option}


def _of_experiments(names: str) -> dict[str, str]:
    """The options that the files of experiments choose, by their groups."""
    found: dict[str, str] = {}
    for path in filter(None, (config_file(f"experiment/{name}") for name in names.split(","))):
        chosen = entries(path).get("defaults")
        for entry in chosen if isinstance(chosen, list) else []:
            for key, option in entry.items() if isinstance(entry, Mapping) else []:
                group = str(key).removeprefix("override").strip().lstrip("/")
                found |= {group: str(option)} if (CONF / group).is_dir() and option else {}
    return found


def where_from(group: str, option: str) -> str:
    """Says where an option is read from, where that may surprise: in `./conf`, or one of several files; else empty."""
    found = config_files_of(f"{group}/{option}")
    if not found:
        return ""
    first, *others = found
    own = beside()
    if not first.is_relative_to(CONF):
        if not others and (own is None or not first.is_relative_to(own) or own in _of_the_command):
            return ""
        instead = f", not from {_short(others[0])}" if others else ""
        return f"{group}={option} is read from {_short(first)}{instead}."
    if not others:
        return ""
    return (
        f"{group}={option} is this program's own; {_short(others[0])} has that name too and is not used. To use it, "
        "give it another name."
    )


def _short(path: Path) -> str:
    """A path as seen from the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
