"""The process that `sweeper.run` starts: the command line, with its events for the caller.

What does not live here: the caller's side (`sweeper.api.run`).
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from sweeper.host import import_path, process

_CALLER = "SWEEPER_CALLER"

#: What the process executes. A module's name in place of it would be imported again by every trial.
CODE = "from sweeper.api import child; child.main()"


def environment() -> dict[str, str]:
    """The environment for the process: this one's, and what it needs to find this package and the caller's modules."""
    found_by = import_path.environment()
    former = {name: os.environ.get(name) for name in found_by}
    caller = {"pid": os.getpid(), "sys_path": [os.path.abspath(entry) for entry in sys.path], "environment": former}
    return {**os.environ, **found_by, _CALLER: json.dumps(caller)}


def main() -> None:
    """Runs the words of this process's command line."""
    _begin(**json.loads(os.environ.pop(_CALLER)))
    from sweeper.__main__ import leave
    from sweeper.__main__ import main as run_line
    from sweeper.report import event_lines

    event_lines.open_channel()
    leave(run_line())


def _begin(pid: int, sys_path: list[str], environment: dict[str, str | None]) -> None:
    """Takes over what this process should have of its caller.

    Args:
        pid: of the caller; when it ends, this process is asked to, as by Ctrl-C.
        sys_path: of the caller; a builder that it can import is found here too, after everything else.
        environment: what the variables that led here were before; None where one was not set.
    """
    process.ask_to_end_with(pid)
    process.set_variables(environment)
    sys.path += [entry for entry in sys_path if entry not in sys.path]


def listen(line: str) -> dict[str, Any] | None:
    """The event in a line of the process's output; None where it is none."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "event" in found else None
