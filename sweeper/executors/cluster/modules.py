"""The user's own modules, which nodes import as this machine does: those of the folder in which the line was typed.

Only Python files and what lies in packages beside them are taken: the folder may hold data and results of any size.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sweeper.core.errors import ConfigError
from sweeper.host import import_path

MAX_BYTES = 100 * 2**20  # Ray refuses a package of more than 512 MiB; modules have a hundredth of that
_LEFT_OUT = {"__pycache__", "node_modules", "site-packages", "sweeper"}


def copy(folder: Path, to: Path) -> None:
    """Copies the user's modules in `folder` to `to`, which exists; none of a checkout of this project itself.

    Raises:
        ConfigError: they are larger than what travels.
    """
    checkout = import_path.checkout()
    if checkout is not None and folder.resolve() == Path(checkout).resolve():
        return
    total = 0
    for file in _files(folder):
        total += file.stat().st_size
        if total > MAX_BYTES:
            raise ConfigError(
                f"The Python modules in {folder} take more than {MAX_BYTES >> 20} MiB, with what lies in packages "
                "beside them, and executor=ray sends them to each node. Accepted: a folder with the modules of the "
                "sweep.  Try: the same line in a folder that holds only them"
            )
        place = to / file.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


def _files(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_looked_into(Path(here) / name))
        is_package = "__init__.py" in names and Path(here) != folder
        for name in sorted(names):
            file = Path(here) / name
            if (is_package or name.endswith(".py")) and file.is_file():
                yield file


def _is_looked_into(folder: Path) -> bool:
    hidden = folder.name.startswith(".") or folder.name in _LEFT_OUT
    return not hidden and not (folder / "pyvenv.cfg").is_file() and not (folder / "mlflow.db").is_file()
