"""What runs in the recorder's process: entries are written to MLflow in order, calls are answered between them.

It never gives up on a store that is away or locked: the sweep continues meanwhile. A lasting failure (a full disk, a
run that somebody deleted) ends it, and with it the sweep.
"""

from __future__ import annotations

import gc
import itertools
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sweeper.config.sweep import TrackingConfig
from sweeper.core.errors import RunGoneError, SweeperError, TrackingError
from sweeper.core.paths import OutputPaths, SweepPaths
from sweeper.core.retry import Retry
from sweeper.core.trials import EpochReport, TrialState
from sweeper.host import process
from sweeper.tracking.recording.queue import Entry, RecordQueue
from sweeper.tracking.store import load_mlflow
from sweeper.tracking.tracker import Tracker

#: What the recorder sends, each with its content: to be shown, an answer to a call, its error, its own end.
NOTE, ANSWER, RAISED, FAILED = "note", "answer", "raised", "failed"

_AT_A_TIME = 1_000  # entries read at once
_PAUSE_S = 1.0  # between two looks at the queue: what came in between is written in few transactions


@dataclass(frozen=True)
class Setup:
    """What the recorder is given at its start.

    Attributes:
        tracking: the store.
        root: the output folder.
        sweep: the sweep's folder.
        variables: MLflow's variables of the environment, among them the user and password that stood in the address.
    """

    tracking: TrackingConfig
    root: Path
    sweep: Path
    variables: dict[str, str]


def start(file: int, driver: int) -> None:
    """Writes until the driver closes its end of the pipe, or is gone.

    Args:
        file: descriptor of this end of the pipe; the driver's first words are a `Setup`.
        driver: its pid, with which this process ends.
    """
    process.end_with(driver)
    gc.disable()  # importing MLflow and creating its store make no garbage; looking for some takes a sixth of the time
    connection: Connection = Connection(file)
    try:
        load_mlflow()
        setup = connection.recv()
        process.set_variables(setup.variables)
        _Recorder(connection, setup).run()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


class _Recorder:
    def __init__(self, connection: Connection, setup: Setup) -> None:
        self._connection = connection
        self._setup = setup
        self._folder = SweepPaths(setup.sweep)
        self._queue = RecordQueue(self._folder.record)
        self._tracker: Tracker | None = None

    def run(self) -> None:
        """The loop: the driver's calls, and each second all entries that wait."""
        while True:
            if self._connection.poll(_PAUSE_S):
                self._answer(*self._connection.recv())
            elif self._tracker is not None:
                try:
                    self._write_waiting()
                except SweeperError as error:
                    self._connection.send((FAILED, error))
                    return

    def _answer(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        try:
            tracker = self._opened()
            if name != "open":
                self._write_waiting()
            answer = self._about_the_store() if name == "open" else getattr(tracker, name)(*arguments, **named)
        except SweeperError as error:
            self._connection.send((RAISED, error))
        else:
            self._connection.send((ANSWER, answer))

    def _opened(self) -> Tracker:
        """The tracker; the store is opened by the first call, since two processes may not create one at once."""
        if self._tracker is None:
            retry = Retry(math.inf, lambda text: self._connection.send((NOTE, text)))
            self._tracker = Tracker.open(self._setup.tracking, OutputPaths(self._setup.root), retry)
            if len(self._queue):
                self._tracker.expect_leftovers()
            gc.freeze()  # the collector leaves alone what MLflow has loaded
            gc.enable()
        return self._tracker

    def _about_the_store(self) -> tuple[str, Path | None]:
        """Its address, and the former place of a folder that was moved."""
        return self._opened().uri, self._opened().moved_from

    def _write_waiting(self) -> None:
        while entries := self._queue.next(_AT_A_TIME):
            for _, of_trial in itertools.groupby(sorted(entries, key=lambda one: one.trial), lambda one: one.trial):
                self._write_unless_gone(list(of_trial))

    def _write_unless_gone(self, entries: Sequence[Entry]) -> None:
        """Writes one trial's entries, or, where somebody has deleted its run, says so and passes over them."""
        trial = entries[0].trial
        try:
            self._write(entries)
        except RunGoneError as error:
            self._connection.send((NOTE, f"trial {trial} is not recorded in MLflow any more: {error}"))
            self._queue.written(entries, self._queue.run_id(trial))
            if entries[-1].kind == "finish":
                shutil.rmtree(self._folder.trial(trial).root, ignore_errors=True)

    def _write(self, entries: Sequence[Entry]) -> None:
        """Writes one trial's entries, oldest first."""
        trial = entries[0].trial
        with self._opened().together():
            run_id = self._written(trial, entries, self._queue.run_id(trial))
        self._queue.written(entries, run_id)
        if entries[-1].kind == "finish":
            shutil.rmtree(self._folder.trial(trial).root, ignore_errors=True)

    def _written(self, trial: int, entries: Sequence[Entry], run_id: str | None) -> str | None:
        """Hands one trial's entries to the tracker; returns its run after them."""
        for kind, group in itertools.groupby(entries, lambda entry: entry.kind):
            same = list(group)
            match kind:
                case "begin":
                    for entry in same:
                        run_id = self._opened().start_trial(number=trial, **entry.content)
                case "epoch":
                    reports = [EpochReport(**entry.content) for entry in same]
                    self._opened().log_epochs(_known(run_id, trial), reports)
                case "finish":
                    self._finish(_known(run_id, trial), trial, same[-1].content)
                case "abandon":
                    self._opened().abandon_trial(_known(run_id, trial))
                    run_id = None
        return run_id

    def _finish(self, run_id: str, trial: int, content: dict[str, Any]) -> None:
        folder = self._folder.trial(trial)
        self._opened().finish_trial(
            run_id,
            TrialState(content["state"]),
            content["metrics"],
            content["tags"],
            folder.artifacts if folder.artifacts.is_dir() else None,
            folder.model if folder.model.is_dir() else None,
            content["end_time_ms"],
        )


def _known(run_id: str | None, trial: int) -> str:
    if run_id is None:
        raise TrackingError(f"trial {trial} has no run in MLflow: its beginning is missing in the queue")
    return run_id
