"""The first thing that the forkserver imports. Where no driver started it, its import does nothing.

- The server takes over its driver's import path: otherwise Python would look in the current folder first, where a
  user may have a `keras.py`.
- It ends with its driver, also while it is busy importing. Otherwise it would notice a killed driver only when all
  imports are done, which takes seconds. Trials that it forks do not inherit this; they notice the end of their pipes.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from sweeper.host import import_path, process

_DRIVER = "SWEEPER_DRIVER"


def environment() -> dict[str, str]:
    """Variables for a server that this process starts now: what it reads here, and where it finds this module."""
    found_by = import_path.environment()
    former = {name: os.environ.get(name) for name in found_by}
    return {**found_by, _DRIVER: json.dumps({"pid": os.getpid(), "sys_path": sys.path, "environment": former})}


def _begin(pid: int, sys_path: list[str], environment: dict[str, str | None]) -> None:
    """Runs in the server.

    Args:
        pid: of its driver.
        sys_path: of its driver.
        environment: what the variables that led here were before; None where one was not set.
    """
    process.end_with(pid)
    sys.path[:] = sys_path
    process.set_variables(environment)


_handed_over: dict[str, Any] = json.loads(os.environ.pop(_DRIVER, "{}"))
if _handed_over:
    _begin(**_handed_over)
