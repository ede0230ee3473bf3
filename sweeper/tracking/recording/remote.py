"""The driver's side of the recorder: it adds entries, calls the tracker there, and receives its reports."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sweeper.config.sweep import TrackingConfig
from sweeper.core.errors import TrackingError
from sweeper.core.paths import OutputPaths, SweepPaths
from sweeper.tracking.recording.process import ANSWER, FAILED, NOTE, RAISED, Setup
from sweeper.tracking.recording.queue import Kind, RecordQueue
from sweeper.tracking.recording.start import start
from sweeper.tracking.tracker import RunStatus

_DEATHS = 4  # in a row without anything written, after which the sweep gives up
_LONG_LIFE_S = 10.0  # after which a recorder's death has nothing to do with its start
_POLL_S = 0.2
_SILENT_S = 3.0  # before a note says that a call takes time
_LAST_WORDS_S = 5.0  # for which a recorder that is to end may finish what it writes


class RemoteTracker:
    """MLflow, written by the recorder's process. Entries return at once; calls wait for all entries before them.

    Attributes:
        uri: address of the store; known from `open` on.
        queue: what is still to be written.
    """

    def __init__(
        self, tracking: TrackingConfig, paths: OutputPaths, folder: SweepPaths, say: Callable[[str], None]
    ) -> None:
        """Starts the process, which loads MLflow while others work.

        Args:
            tracking: the store.
            paths: the output folder.
            folder: the sweep's folder.
            say: called with what the recorder says.
        """
        self.uri = ""
        self.queue = RecordQueue(folder.record)
        of_mlflow = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
        self._setup = Setup(tracking, paths.root, folder.root, of_mlflow)
        self._patience_s = tracking.retry_timeout_s
        self._say = say
        self._trouble = ""  # what the recorder last said, until it wrote something
        self._starts = 0
        self._deaths = 0
        self._oldest: int | None = None  # entry, at the last death
        self._unanswered = 0  # calls; more than one where Ctrl-C ended the wait for an answer
        self._process: subprocess.Popen[bytes]
        self._start()

    def _start(self) -> None:
        self._starts += 1
        self._started = time.monotonic()
        self._unanswered = 0
        started = start()
        self._process, self._connection = started.process, started.connection
        self._connection.send(self._setup)

    def add(self, trial: int, kind: Kind, content: Mapping[str, Any]) -> None:
        """Adds an entry about a trial; the recorder finds it within half a second."""
        self.queue.add(trial, kind, content)

    def check(self) -> None:
        """Passes on what the recorder says, and starts it again if it is gone.

        Raises:
            TrackingError: it failed, and a retry does not help.
        """
        try:
            while self._connection.poll():
                self._hear(*self._connection.recv())
        except (EOFError, OSError):
            self._restart()

    def drain(self) -> None:
        """Waits until every entry is written.

        Raises:
            TrackingError: the store has been away for longer than `tracking.retry_timeout_s`, or a retry does not help.
        """
        self.check()
        self._call("flush")

    def close(self) -> None:
        """Ends the process; what it has not written stays in the queue."""
        self._connection.close()
        self._end_process()
        self.queue.close()

    def open(self) -> Path | None:
        """Waits until the store is open; returns the former place of an output folder that was moved.

        Raises:
            StoreError: it cannot be created, read, written or reached.
        """
        self.uri, moved_from = self._call("open")
        return None if moved_from is None else Path(moved_from)

    def start_sweep(self, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """As `Tracker.start_sweep`."""
        return str(self._call("start_sweep", name, dict(params), dict(tags)))

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], tags: Mapping[str, str], step: int = 0) -> None:
        """As `Tracker.log_metrics`."""
        self._call("log_metrics", run_id, dict(metrics), dict(tags), step)

    def log_files(self, run_id: str, folder: Path, under: str) -> None:
        """As `Tracker.log_files`."""
        self._call("log_files", run_id, folder, under)

    def model_folder(self, run_id: str, into: Path) -> Path:
        """As `Tracker.model_folder`."""
        return Path(self._call("model_folder", run_id, into))

    def delete_model(self, run_id: str) -> int:
        """As `Tracker.delete_model`."""
        return int(self._call("delete_model", run_id))

    def finish_sweep(
        self,
        parent_run_id: str,
        status: RunStatus,
        artifacts: Sequence[Path],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> None:
        """As `Tracker.finish_sweep`."""
        self._call("finish_sweep", parent_run_id, status, list(artifacts), dict(metrics), dict(tags))

    def is_new(self, parent_run_id: str) -> bool:
        """As `Tracker.is_new`."""
        return bool(self._call("is_new", parent_run_id))

    def recorded_runs(self, parent_run_id: str) -> dict[int, str]:
        """As `Tracker.recorded_runs`."""
        return dict(self._call("recorded_runs", parent_run_id))

    @contextmanager
    def artifact(self, run_id: str, name: str) -> Iterator[Path]:
        """As `Tracker.artifact`."""
        with TemporaryDirectory() as folder:
            yield Path(self._call("download", run_id, name, folder))

    def _call(self, name: str, *arguments: Any, **named: Any) -> Any:
        """Calls a method of the recorder's tracker, once all entries are written; again if the recorder dies at it."""
        while True:
            starts = self._starts
            self._send((name, arguments, named))
            self._unanswered += 1
            started, is_said = time.monotonic(), False
            try:
                while starts == self._starts:
                    waited_s = time.monotonic() - started
                    if self._connection.poll(_POLL_S):
                        word, content = self._connection.recv()
                        if word in (ANSWER, RAISED):
                            self._unanswered -= 1
                            if self._unanswered:  # of an earlier call
                                continue
                        if word == ANSWER:
                            self._trouble, self._deaths = "", 0
                            return content
                        self._hear(word, content)
                    elif self._trouble and waited_s > self._patience_s:
                        raise TrackingError(
                            f"{self._trouble}. {len(self.queue)} entries about trials are not written yet; the next "
                            "start writes them"
                        )
                    elif waited_s > _SILENT_S and not is_said and (num_waiting := len(self.queue)):
                        self._say(f"Waiting for MLflow: {num_waiting} entries about trials are still to be written.")
                        is_said = True
            except (EOFError, OSError):
                self._restart()

    def _hear(self, word: str, content: Any) -> None:
        if word in (RAISED, FAILED):
            raise content
        if word == NOTE:
            self._trouble = content if " fails: " in content else ""
            self._say(content)

    def _send(self, words: Any) -> None:
        try:
            self._connection.send(words)
        except OSError:
            self._restart()
            self._connection.send(words)

    def _restart(self) -> None:
        """Starts the recorder again after its process has ended or was killed; nothing is lost by it."""
        self._end_process()
        oldest = self.queue.oldest()
        if oldest != self._oldest or time.monotonic() - self._started > _LONG_LIFE_S:
            self._deaths = 0
        self._oldest = oldest
        self._deaths += 1
        if self._deaths >= _DEATHS:
            raise TrackingError(
                f"the process that writes to MLflow ended {_DEATHS} times in a row, last with status "
                f"{self._process.returncode}"
            )
        self._say("the process that writes to MLflow ended; it is started again")
        self._connection.close()
        self._start()

    def _end_process(self) -> None:
        """Waits for the process, whose pipe is closed."""
        try:
            self._process.wait(timeout=_LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
