"""Types lines into processes forked from this one, which has loaded what a line loads before anything trains.

Each line runs as `python -m sweeper` would run it, in its own process, with its own folder, environment, streams
and exit status. What it saves is the import of Hydra, Optuna and NumPy, most of what a refused line costs. Lines that
train are typed into fresh processes: what they start imports their main module again.

It reads one JSON object a line from stdin, and answers each with the line's exit status, below 0 where a signal ended
it. The fixture `type_line` is its other end.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys

LOADED = (
    *("hydra.main", "hydra._internal.hydra", "hydra._internal.callbacks", "hydra.core.plugins", "sqlalchemy"),
    *("optuna", "optuna.storages", "numpy", "rich.console", "rich.table"),
    *(
        "sweeper.__main__",
        "sweeper.cli.sweep",
        "sweeper.cli.commands",
        "sweeper.cli.errors",
        "sweeper.cli.arguments",
        "sweeper.config.keys",
    ),
    *(
        "sweeper.cli.plan",
        "sweeper.search.pruner",
        "sweeper.search.sampler",
        "sweeper.storage.study",
        "sweeper.preflight.estimate",
    ),
)


def serve() -> None:
    """Forks a process for each line; that process alone returns."""
    for name in LOADED:
        importlib.import_module(name)
    gc.freeze()  # what was loaded stays shared
    for request in sys.stdin:
        child = os.fork()
        if child == 0:
            return become(**json.loads(request))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def become(words: list[str], folder: str, env: dict[str, str], stdout: str, stderr: str, timeout_s: int) -> None:
    """Turns this process into one that was started with these words, in this folder, writing to these files."""
    signal.alarm(timeout_s)
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        opened = os.open(path, flags)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.path[0] = folder
    sys.argv = ["sweeper", *words]
    from sweeper.__main__ import run

    run()


if __name__ == "__main__":
    serve()
