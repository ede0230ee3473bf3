"""Where Python looks for modules, so that names of a user's files hide nothing of ours, and theirs are found.

Only `os` and `sys` are imported here, which Python itself has loaded: this runs before anything is looked up.
"""

from __future__ import annotations

import os
import sys


def checkout() -> str | None:
    """The folder that this package was imported from, if it is a checkout of the project; None if it is installed."""
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return folder if os.path.isfile(os.path.join(folder, "pyproject.toml")) else None


def environment() -> dict[str, str]:
    """Variables by which a Python that is started now finds this package, and nothing of the current folder."""
    found_by = {"PYTHONSAFEPATH": "1"}
    if (folder := checkout()) is not None:
        found_by["PYTHONPATH"] = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))
    return found_by


def look_in_the_current_folder_last() -> None:
    """Puts the current folder at the end of `sys.path`, whether it was there or not.

    A `keras.py` or `utils.py` in it then hides no library, and a user's own module is found by `python -m sweeper` and
    by the console script alike. The top of a checkout, whose one package is imported already, is taken away: its
    `models/` would hide a user's.
    """
    try:
        here, ours = os.path.realpath(os.curdir), checkout()
    except FileNotFoundError:  # the folder was deleted, which the command is then refused for
        return
    look_last(here, hidden=() if ours is None else (ours,))


def look_last(folder: str, hidden: tuple[str, ...] = ()) -> None:
    """Puts a folder at the end of `sys.path`, whether it was there or not, and takes others away.

    Args:
        folder: the user's, where nothing may hide a library.
        hidden: folders in which no module is looked up any more.
    """
    ends = {os.path.realpath(entry) for entry in (folder, *hidden)}
    sys.path[:] = [*(entry for entry in sys.path if os.path.realpath(entry) not in ends), folder]
