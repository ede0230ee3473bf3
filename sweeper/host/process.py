"""This process: what native libraries print, Ctrl-C while it starts, and the environment that libraries need."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from types import FrameType

from sweeper.core.errors import SweeperError

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # <malloc.h>

_interrupted = False  # whether one of them came since `note_interrupts`


@contextlib.contextmanager
def stderr_aside() -> Iterator[None]:
    """Keeps what native code writes to stderr aside, and shows it only if the block raises an unexpected error."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        sys.stderr.flush()
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except SweeperError:  # it says what happened
            raise
        except BaseException:
            aside.seek(0)
            os.write(stderr, aside.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)


def end_with(parent: int) -> None:
    """Lets this process end when its parent does, also while it is busy and however the parent ends (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:  # it ended before this line
        os._exit(1)


def ask_to_end_with(parent: int) -> None:
    """Lets this process get a SIGTERM when its parent ends, however that ends (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != parent:  # it ended before this line
        os._exit(1)


def keep_freed_memory() -> None:
    """Lets this process keep the memory that it frees, for its next allocation (glibc, `mallopt(3)`).

    TensorFlow takes and frees each batch's activations, several megabytes each. By default glibc gives such blocks
    back to the system and gets them again, one page fault every 4 KiB. Call it in a process that trains one network
    and ends; elsewhere than under glibc it does nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_TOP_PAD, 64 * 2**20)


def stop_signals() -> list[signal.Signals]:
    """The signals that end a sweep or server: Ctrl-C, SIGTERM and a terminal that was closed.

    Not those that its parent made this process ignore, as `nohup` does, and a shell's `&` in a script.
    """
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [number for number in ends if signal.getsignal(number) is not signal.SIG_IGN]


@contextlib.contextmanager
def terminal_held_back() -> Iterator[None]:
    """A process that is started now sees no Ctrl-C, nor the end of its terminal; this one sees them afterwards."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def note_interrupts() -> None:
    """From here on Ctrl-C, SIGTERM and SIGHUP are noted, and raise KeyboardInterrupt."""
    for number in stop_signals():
        signal.signal(number, _note)


def _note(signum: int, frame: FrameType | None) -> None:
    global _interrupted
    _interrupted = True
    raise KeyboardInterrupt


def raise_if_interrupted() -> None:
    """Raises KeyboardInterrupt if there was one that went no further."""
    if _interrupted:
        raise KeyboardInterrupt


#: Read by libraries when they are imported: the same in the driver, the forkserver and the trials, whatever was set
#: before; None: not set. (Jupyter sets MPLBACKEND for every command that a cell starts, to its own backend. Keras
#: ends each training early, without a word, where KERAS_MAX_EPOCHS is set.)
LIBRARY_ENVIRONMENT: dict[str, str | None] = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
    "KERAS_MAX_EPOCHS": None,
    "KERAS_MAX_STEPS_PER_EPOCH": None,
    "MPLBACKEND": "agg",
}


def prepare_libraries() -> None:
    """Sets `LIBRARY_ENVIRONMENT` in this process, and lets no warning be an error in it and in those that it starts.

    Call it before any library is imported: with `python -W error`, several of them cannot be.
    """
    set_variables(LIBRARY_ENVIRONMENT)
    if os.path.expanduser("~") == "~":  # a user without a home folder, whom MLflow's import would stop
        set_variables({"HOME": "/nonexistent"})
    if any(option.startswith("error") for option in sys.warnoptions):
        sys.warnoptions[:] = [option for option in sys.warnoptions if not option.startswith("error")]
        set_variables({"PYTHONWARNINGS": None})
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)  # as Python does by default


def set_variables(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Sets variables of the environment, or removes those given as None; returns what they were before."""
    former = {name: os.environ.get(name) for name in values}
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    return former


#: No reports to its makers, no log line below a warning, no bar and no address printed between our own lines.
#: What the user has set already is kept. (By default MLflow would try again for four minutes, silently.)
MLFLOW_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def prepare_mlflow() -> None:
    """Sets `MLFLOW_ENVIRONMENT` in this process; call it before each `import mlflow`."""
    for name, value in MLFLOW_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if sys.flags.optimize > 1:  # `python -OO` takes away the docstrings that MLflow's import fills in
        warnings.filterwarnings("ignore", message="Failed to register a dataset source")
