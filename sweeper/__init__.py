"""A hyperparameter sweep orchestrator for Keras CNNs; `python -m sweeper --help` shows how it is used.

From Python: `sweeper.run(...)`, `sweeper.load(...)`, and the errors of `sweeper.core.errors` by their names. Importing
this package imports nothing else: trials, refusals and notebooks begin with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeper.api.sweep import Sweep

__all__ = ["load", "run"]


def run(*overrides: str, name: str | None = None, output_dir: str | None = None, quiet: bool = False) -> Sweep | None:
    """Runs a sweep as `python -m sweeper OVERRIDES` does, and returns it.

    The sweep runs in a process of its own, so it may be called from any thread, several times, beside other uses of
    Hydra, TensorFlow and multiprocessing, and in a script without `if __name__ == "__main__"`. The same call with the
    same name resumes a sweep. Ctrl-C (a notebook's stop button) ends it as on the command line: what has finished is
    kept, and KeyboardInterrupt is raised once it is recorded.

    Args:
        *overrides: the words of the command line, such as `"arch.depth=3,5,7"`; no quotes for a shell are needed.
        name: the sweep's name; the date and time where None.
        output_dir: where it is written; `mlruns` in the current folder where None.
        quiet: print nothing.

    Returns:
        The sweep, also where all of its trials failed; None with `sweep.dry_run=true`.

    Raises:
        RefusedError: the configuration is refused; the message is the command line's paragraph.
        SweeperError: something broke while it ran; finished trials are kept.

    Example:
        >>> sweep = sweeper.run("arch.depth=3,5,7", "training.epochs=3", name="mine")
        >>> sweep.leaderboard
    """
    from sweeper.api.run import run

    return run(overrides, name=name, output_dir=output_dir, quiet=quiet)


def load(*names: str, output_dir: str = "mlruns", trust: bool = False) -> Sweep:
    """Reads a recorded sweep, also one that is running.

    Args:
        *names: the sweep's name; the newest sweep where there is none. Several sweeps are ranked together.
        output_dir: where it was written.
        trust: whether an MLflow server that the folder names may be asked for models and predictions; it would get
            your MLflow credentials.

    Raises:
        RefusedError: no such sweep, or several that cannot be ranked together.
    """
    from sweeper.api.sweep import load

    return load(names, output_dir, trust=trust)


def __getattr__(name: str) -> Any:
    """The errors, which are imported when one is asked for."""
    if name.endswith("Error"):
        from sweeper.core import errors

        if hasattr(errors, name):
            return getattr(errors, name)
    raise AttributeError(f"module 'sweeper' has no attribute {name!r}")
