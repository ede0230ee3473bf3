"""Trials in their own processes, forked from a server that has TensorFlow and Keras loaded.

A trial is known by its pipe, not by what the forkserver says of it: only the pipe's end means that the process is
gone, so a killed forkserver neither ends a trial twice nor lets one run twice.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from sweeper.core.errors import ExecutorError
from sweeper.core.trials import TrialSpec
from sweeper.executors import server_start, worker
from sweeper.executors.base import Event, TrialEnded, TrialEpoch, TrialStarted
from sweeper.host.process import LIBRARY_ENVIRONMENT, set_variables, terminal_held_back

_START_ATTEMPTS = 3


@dataclass
class _Running:
    number: int
    process: BaseProcess
    connection: Connection
    gpu: int | None
    awaits_verdict: bool
    is_stopped: bool = False
    pid: int | None = None
    reason: str = ""


class ProcessExecutor:
    """Runs each trial in a fresh process. `warm_up` starts the forkserver, which loads while others work."""

    def __init__(
        self,
        workers: int,
        gpus: tuple[int, ...] = (),
        wake: Connection | None = None,
        gpu_memory_gb: float | None = None,
    ) -> None:
        """Starts nothing yet.

        Args:
            workers: trials at a time.
            gpus: indices of the GPUs that they share.
            wake: given where another process decides (`sweeper.executors.cluster`): what arrives here ends a `poll`
                early, and a trial that awaits a verdict waits for `go_on` or `stop`.
            gpu_memory_gb: GiB of its GPU's memory that a trial may take; None: what it needs and finds.
        """
        self.workers = workers
        self._gpu_memory_gb = gpu_memory_gb
        self._wake = wake
        self._free_gpus = [gpus[slot % len(gpus)] for slot in range(workers)] if gpus else []
        self._running: dict[int, _Running] = {}
        self._context = mp.get_context("forkserver")

    def warm_up(self) -> None:
        """Starts the forkserver, unless it runs; returns at once."""
        start_forkserver()

    def load(self) -> None:
        """Waits until the forkserver has loaded what trials need, so that the next trial starts at once."""
        with _environment():
            process = self._context.Process(name="nothing")
            process.start()
        process.join()

    def submit(self, spec: TrialSpec) -> None:
        gpu = self._free_gpus.pop(0) if self._free_gpus else None
        running = self._start(replace(spec, gpu=gpu, gpu_memory_gb=None if gpu is None else self._gpu_memory_gb))
        self._running[spec.number] = running

    def _start(self, spec: TrialSpec) -> _Running:
        """Starts a process; where the forkserver was killed, a new one is started first."""
        for attempt in range(1, _START_ATTEMPTS + 1):
            self.warm_up()
            ours, theirs = self._context.Pipe(duplex=True)
            process = self._context.Process(target=worker.main, args=(theirs, spec), name=f"trial-{spec.number}")
            try:
                with _environment():
                    process.start()
            except (OSError, EOFError) as error:  # no answer: a child that was forked ends at the closed pipe
                ours.close()
                if attempt == _START_ATTEMPTS:
                    raise ExecutorError(
                        f"Trial {spec.number} could not be started: {error or type(error).__name__}. The forkserver "
                        "died several times in a row, perhaps because memory ran out.  Try: sweep.workers=1"
                    ) from error
                continue
            finally:
                theirs.close()
            with contextlib.suppress(BrokenPipeError):  # gone already: its end is read by `poll`
                ours.send(worker.GO)
            return _Running(spec.number, process, ours, spec.gpu, spec.awaits_verdict)
        raise AssertionError("unreachable")

    def poll(self, handle: Callable[[Event], None], timeout_s: float) -> None:
        by_connection = {running.connection: running for running in self._running.values()}
        for ready in wait([*by_connection, *([self._wake] if self._wake else [])], timeout_s):
            if ready is self._wake:
                self._wake.recv_bytes()
                continue
            running = by_connection[ready]  # type: ignore[index]
            if running.number in self._running:
                self._receive(running, handle)

    def _receive(self, running: _Running, handle: Callable[[Event], None]) -> None:
        try:
            message = running.connection.recv()
        except (EOFError, OSError):
            handle(self._reap(running))
            return
        if message[0] == "started":
            running.pid = message[1]
            handle(TrialStarted(running.number, preloaded=message[2]))
        else:
            handle(TrialEpoch(running.number, message[1]))
            if self._wake is None:
                self.go_on(running.number)

    def _reap(self, running: _Running) -> TrialEnded:
        del self._running[running.number]
        running.connection.close()
        if running.gpu is not None:
            self._free_gpus.append(running.gpu)
        running.process.join(timeout=5)
        reason = running.reason or exit_reason(running.process.exitcode)
        with contextlib.suppress(ValueError):  # not joined in time: its pipe is closed, it is ending
            running.process.close()
        return TrialEnded(running.number, reason)

    def stop(self, number: int) -> None:
        if number in self._running:
            self._running[number].is_stopped = True
            self._say(self._running[number], worker.STOP)

    def go_on(self, number: int) -> None:
        """Lets a trial that awaits the verdict on its epoch begin the next one."""
        running = self._running.get(number)
        if running is not None and running.awaits_verdict and not running.is_stopped:
            self._say(running, worker.GO_ON)

    @staticmethod
    def _say(running: _Running, word: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # it just ended; `poll` reads that
            running.connection.send(word)

    def kill(self, number: int, reason: str) -> None:
        running = self._running.get(number)
        if running is None:
            return
        running.reason = reason
        pid = running.pid or running.process.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        for number in list(self._running):
            self.kill(number, "the sweep ended")
        for running in list(self._running.values()):
            running.connection.close()  # a process that was not reached by the signal ends at this
            running.process.join(timeout=5)
        self._running.clear()
        _end_forkserver()


def _end_forkserver() -> None:
    """Ends the forkserver at once: without this it would unload TensorFlow for 2 s, and this process would wait."""
    server: Any = vars(forkserver)["_forkserver"]
    if server._forkserver_pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server._forkserver_pid, signal.SIGKILL)
        server._stop()


def start_forkserver() -> None:
    """Starts the server that loads TensorFlow and forks the trials, unless it runs; returns at once.

    Raises:
        ExecutorError: the temporary folder cannot be written, or its path is too long for a socket.
    """
    mp.get_context("forkserver").set_forkserver_preload(["sweeper.executors.server_start", "sweeper.executors.preload"])
    try:
        with terminal_held_back():
            resource_tracker.ensure_running()  # otherwise the forkserver starts it, which unblocks Ctrl-C
        with _environment(), terminal_held_back():
            forkserver.ensure_running()
    except OSError as error:
        raise ExecutorError(
            f"The server that forks the trials cannot be started: {error}. Accepted: a temporary folder (TMPDIR) "
            "that can be written, with a path of less than 80 characters.  Try: export TMPDIR=/tmp"
        ) from error


def exit_reason(exitcode: int | None) -> str:
    """Says in words how a process ended that left no result; nothing to say of a quiet end."""
    if exitcode == 0:
        return ""
    if exitcode is None or exitcode == 255:
        return "its process ended for an unknown reason"
    if exitcode >= 0:
        return f"its process exited with status {exitcode}"
    name = signal.Signals(-exitcode).name if -exitcode in list(signal.Signals) else str(-exitcode)
    hints = {"SIGKILL": ", perhaps by the system because memory ran out", "SIGSEGV": ", a crash in native code"}
    return f"its process was killed by {name}{hints.get(name, '')}"


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Sets what a server or child that starts now reads, and the former values afterwards."""
    former = set_variables({**LIBRARY_ENVIRONMENT, **server_start.environment()})
    try:
        yield
    finally:
        set_variables(former)
