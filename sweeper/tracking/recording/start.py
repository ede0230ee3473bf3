"""Starts the recorder's process, also before the sweep that it will record is known.

What does not live here: what the process does (`sweeper.tracking.recording.process`), and what the driver sends it
(`sweeper.tracking.recording.remote`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe

from sweeper.host import import_path, process

_CODE = "import sys; from sweeper.tracking.recording import process; process.start(int(sys.argv[1]), int(sys.argv[2]))"


@dataclass(frozen=True)
class Started:
    """The process, and the driver's end of its pipe."""

    process: subprocess.Popen[bytes]
    connection: Connection


_early: Started | None = None


def start() -> Started:
    """The process that `start_early` started, or a new one; it loads MLflow and waits for its first words."""
    global _early
    started, _early = _early, None
    return started or _new()


def start_early() -> None:
    """Lets MLflow be loaded while the configuration is composed. Without a sweep, it ends with this process, unseen."""
    global _early
    _early = _new()


def _new() -> Started:
    ours, theirs = Pipe()
    with theirs, process.terminal_held_back():  # the driver decides what Ctrl-C means
        started = subprocess.Popen(
            [sys.executable, "-c", _CODE, str(theirs.fileno()), str(os.getpid())],
            env={**os.environ, **import_path.environment()},
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    return Started(started, ours)
