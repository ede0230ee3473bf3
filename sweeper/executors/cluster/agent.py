"""The agent of one node: it runs trials there as `executor=processes` does, and reports to its driver.

Ray calls its methods in two threads: commands in one, in their order, and `next_events` in the other. A command is
only noted; `next_events`, which is always waited for, carries it out. So one thread has to do with the trials.

Where the agent ends, however it does, its forkserver and its trials end with it: they read its pipes, and Linux ends
the forkserver with its parent. Files of an agent that was killed are deleted by the next one on that node.

What does not live here: anything of Ray (`sweeper.executors.cluster.nodes` makes an actor of it).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from sweeper.core.paths import TrialPaths
from sweeper.core.trials import EvaluationSpec, TrialSpec
from sweeper.executors.base import Event, TrialEnded, TrialEpoch, TrialEvent, TrialStarted
from sweeper.executors.cluster import agreement, cargo
from sweeper.executors.cluster.cargo import Piece
from sweeper.executors.processes import ProcessExecutor
from sweeper.executors.simulate import SimulateExecutor
from sweeper.host import import_path
from sweeper.host.process import set_variables

#: Bytes of files that one call of `next_events` returns, and a piece.
_LOAD_BYTES = 2 * cargo.PIECE_BYTES

#: The folder with the user's modules, in the one that Ray unpacks on a node.
USER_MODULES = "user_modules"

_FOLDERS = "keras-sweeper-agent-"
_CLOSED_S = 5.0  # seconds for which `close` waits until `next_events` has carried it out


@dataclass(frozen=True)
class Setting:
    """What an agent is to run by.

    Attributes:
        slots: trials at a time.
        num_gpus: GPUs that they share; those that Ray shows to the agent, counted from 0.
        gpu_memory_gb: GiB of its GPU's memory that a trial may take; None: what it needs and finds.
        is_simulated: whether trials sleep, in the agent's own process.
        variables: of the environment, as the driver has them; None where one is not set there.
        code: the folder with the user's modules; None: below the folder that Ray has unpacked for this job.
        hidden: folders that are not looked up for modules: Ray adds those of the driver in front of all others.
    """

    slots: int
    num_gpus: int
    variables: Mapping[str, str | None]
    code: str | None
    hidden: tuple[str, ...]
    gpu_memory_gb: float | None = None
    is_simulated: bool = False


class Agent:
    """Runs up to `slots` trials at a time, in fresh processes, in a folder of its own."""

    def __init__(self, setting: Setting) -> None:
        """Begins to load what trials need."""
        set_variables(setting.variables)
        self._lock, self._folder = _new_folder()
        code = setting.code or self._copied(Path.cwd() / USER_MODULES)
        own = import_path.checkout()
        hidden = (*setting.hidden, *_folders_of_ray(), *([own] if own else []))
        import_path.look_last(code, hidden)
        os.chdir(code)  # trials start here
        vars(sys.modules["__main__"]).pop("__file__", None)  # Ray's worker: a trial's process would import it again
        self._commands: deque[Callable[[], None]] = deque()
        self._woken, self._wake = Pipe(duplex=False)
        self._executor = _executor(setting, self._woken)
        self._executor.warm_up()
        self._jobs: dict[int, TrialSpec] = {}
        self._checkpoints: dict[int, float] = {}
        self._outgoing: deque[TrialEvent | Iterator[Piece]] = deque()

    def _copied(self, modules: Path) -> str:
        """The user's modules in the agent's own folder: Ray deletes its copy when it likes to."""
        copy = self._folder / USER_MODULES
        shutil.copytree(modules, copy)
        return str(copy)

    def about(self) -> dict[str, str]:
        """What must be the same here as where the driver runs."""
        return agreement.of_this_process()

    def load(self) -> None:
        """Waits until trials can start at once: TensorFlow takes seconds to load."""
        self._executor.load()

    def write(self, piece: Piece) -> None:
        """Lays down a piece of a file at its place in the agent's folder."""
        cargo.lay_down(self._folder, piece)

    def submit(self, spec: TrialSpec) -> None:
        """Starts a trial whose files lie here; its paths are relative to the agent's folder."""
        rooted = cargo.rooted(spec, self._folder)

        def start() -> None:
            self._jobs[spec.number] = rooted
            self._executor.submit(rooted)

        self._command(start)

    def go_on(self, number: int) -> None:
        """The verdict on a trial's epoch: it goes on."""
        self._command(lambda: self._executor.go_on(number))

    def stop(self, number: int) -> None:
        """The other verdict."""
        self._command(lambda: self._executor.stop(number))

    def kill(self, number: int, reason: str) -> None:
        """Ends a trial at once."""
        self._command(lambda: self._executor.kill(number, reason))

    def close(self) -> None:
        """Ends all trials and deletes the agent's folder."""

        def end() -> None:
            self._executor.close()
            shutil.rmtree(self._folder, ignore_errors=True)  # what is left goes with the next agent
            closed.set()

        closed = threading.Event()
        self._command(end)
        closed.wait(_CLOSED_S)

    def _command(self, command: Callable[[], None]) -> None:
        self._commands.append(command)
        self._wake.send_bytes(b".")

    def next_events(self, hold_s: float) -> list[TrialEvent | Piece]:
        """What happened since the last call, in order; waits for something for at most `hold_s` seconds.

        A trial's files come before its end, and a checkpoint before its epoch.
        """
        until = time.monotonic() + hold_s
        while True:
            while self._commands:
                self._commands.popleft()()
            if self._outgoing:
                return self._load()
            left = until - time.monotonic()
            if left <= 0:
                return []
            self._executor.poll(self._handle, left)

    def _handle(self, event: Event) -> None:
        if isinstance(event, TrialEpoch):
            self._send_checkpoint(event.number)
            self._outgoing.append(event)
        elif isinstance(event, TrialEnded):
            spec = self._jobs.pop(event.number)
            self._checkpoints.pop(event.number, None)
            job = self._folder / cargo.job_folder(event.number)
            num_folders = 1 + (len(spec.following) if isinstance(spec, EvaluationSpec) else 0)
            if job.is_dir():
                self._outgoing.append(cargo.left_behind(job, event.number, num_folders))
            self._outgoing.append(event)
        elif isinstance(event, TrialStarted):
            self._outgoing.append(event)

    def _send_checkpoint(self, number: int) -> None:
        """Sends the trial's newest checkpoint, if it was not sent yet."""
        paths = TrialPaths(self._jobs[number].folder)
        if not paths.checkpoint.is_file():
            return
        written = paths.checkpoint.stat().st_mtime_ns
        if self._checkpoints.get(number) != written:
            self._checkpoints[number] = written
            self._outgoing.append(cargo.pieces(paths.checkpoint, paths.checkpoint.name, number))

    def _load(self) -> list[TrialEvent | Piece]:
        """Events and pieces, as many as travel at once."""
        load: list[TrialEvent | Piece] = []
        num_bytes = 0
        while self._outgoing and num_bytes < _LOAD_BYTES:
            first = self._outgoing[0]
            if not isinstance(first, Iterator):
                load.append(first)
                self._outgoing.popleft()
                continue
            piece = next(first, None)
            if piece is None:
                self._outgoing.popleft()
                continue
            load.append(piece)
            num_bytes += len(piece.content)
        return load


def _executor(setting: Setting, woken: Connection) -> ProcessExecutor | SimulateExecutor:
    if setting.is_simulated:
        return SimulateExecutor(setting.slots, woken)
    return ProcessExecutor(setting.slots, tuple(range(setting.num_gpus)), woken, setting.gpu_memory_gb)


def _folders_of_ray() -> Sequence[str]:
    """Entries that Ray adds to `sys.path` for itself: its own sources and those of libraries that it brings."""
    home = str(Path(sys.modules["ray"].__file__ or "").parent) if "ray" in sys.modules else ""
    return [entry for entry in sys.path if home and entry.startswith(home)] + [str(Path.cwd())]


def _new_folder() -> tuple[object, Path]:
    """A new folder for this agent with a lock that ends with it; folders of agents that are gone are deleted."""
    above = Path(tempfile.gettempdir())
    for old in above.glob(f"{_FOLDERS}*"):
        _delete_if_left(old)
    new = Path(tempfile.mkdtemp(prefix="keras-sweeper-new-", dir=above))
    lock = (new / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    folder = above / (_FOLDERS + new.name.rpartition("-")[2])
    return lock, new.rename(folder)  # locked before another agent finds it


def _delete_if_left(folder: Path) -> None:
    """Deletes an agent's folder, unless its agent lives."""
    try:
        with (folder / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # its agent lives, or it is another user's
        return
