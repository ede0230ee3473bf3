"""Trials that sleep instead of training, any number of them at a time in one process, without threads.

    submit    what a trial will do is drawn from its configuration, and its first epoch is due
    poll      what is due happens: an epoch is reported, or a result is left and the trial's end reported

Time is real. What a trial does follows from its configuration and `executor.simulate.seed` alone, so that a sweep has
the same figures with any number of workers. Its folder holds what a real trial leaves but for network and pictures.
The process is the driver's, or that of an agent on a Ray cluster (`executor.address`).
"""

from __future__ import annotations

import heapq
import itertools
import json
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper import data
from sweeper.artifacts.predictions import save_predictions
from sweeper.artifacts.result import write_result
from sweeper.config.simulate import SimulateConfig
from sweeper.core import targets
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import ExecutorError
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import EpochReport, TrainingSpec, TrialFacts, TrialResult, TrialSpec, TrialState
from sweeper.executors.base import Event, TrialEnded, TrialEpoch, TrialStarted

#: What such a trial's record says of the packages that it ran with: none of them, so that no sweep takes it for real.
VERSIONS = {"simulated": "yes"}


@dataclass
class _Sleeping:
    """A trial: what it will report, and when."""

    spec: TrainingSpec
    accuracies: NDArray[np.float64]  # (epochs,)
    fails: bool
    duration_s: float
    started: float
    epoch: int = 0  # the last one that was reported
    is_stopped: bool = False
    is_waiting: bool = False  # for the verdict on its last epoch
    is_over: bool = False  # stopped while it waited
    history: list[dict[str, float]] = field(default_factory=list)

    def due(self) -> float:
        """When its next epoch ends; now, where no epoch comes any more."""
        if self.is_over:
            return time.monotonic()
        return self.started + self.duration_s * (self.epoch + 1) / len(self.accuracies)


class SimulateExecutor:
    """Runs up to `workers` sleeping trials."""

    def __init__(self, workers: int, wake: Connection | None = None) -> None:
        """Starts nothing.

        Args:
            workers: trials at a time.
            wake: ends `poll` when something is sent to it; a trial that awaits a verdict then waits for `go_on` or
                `stop`, which come later. Without it, `poll` takes an answered event for a verdict.
        """
        self.workers = workers
        self._wake = wake
        self._order = itertools.count()  # of trials that are due at the same time
        self._due: list[tuple[float, int, int]] = []  # a heap: when, order, trial
        self._running: dict[int, _Sleeping] = {}
        self._started: list[int] = []  # their start is not reported yet
        self._killed: dict[int, str] = {}

    def warm_up(self) -> None:
        """There is nothing to load."""

    def load(self) -> None:
        """There is nothing to load."""

    def submit(self, spec: TrialSpec) -> None:
        if not isinstance(spec, TrainingSpec):
            raise ExecutorError(
                f"executor=simulate has no network that {type(spec).__name__} could work on.  Try: report.finalists=0"
            )
        sleeping = _drawn(spec)
        self._running[spec.number] = sleeping
        self._started.append(spec.number)
        self._wait_for(sleeping)

    def _wait_for(self, sleeping: _Sleeping) -> None:
        heapq.heappush(self._due, (sleeping.due(), next(self._order), sleeping.spec.number))

    def poll(self, handle: Callable[[Event], None], timeout_s: float) -> None:
        until = time.monotonic() + timeout_s
        while not self._happens(handle):
            now = time.monotonic()
            if now >= until:
                return
            left_s = max(0.0, min(until, self._due[0][0] if self._due else until) - now)
            if self._wake is None:
                time.sleep(left_s)
            elif wait([self._wake], left_s):
                self._wake.recv_bytes()
                return

    def _happens(self, handle: Callable[[Event], None]) -> bool:
        """Reports all that is due by now; returns whether there was anything."""
        started, self._started = self._started, []
        for number in started:
            handle(TrialStarted(number))
        killed, self._killed = self._killed, {}
        for number, reason in killed.items():
            if self._running.pop(number, None) is not None:
                handle(TrialEnded(number, reason))
        now, happened = time.monotonic(), bool(started or killed)
        while self._due and self._due[0][0] <= now:
            _, _, number = heapq.heappop(self._due)
            if number in self._running and number not in self._killed:
                happened = True
                self._advance(self._running[number], handle)
        return happened

    def _advance(self, sleeping: _Sleeping, handle: Callable[[Event], None]) -> None:
        """Ends a trial's epoch, and the trial with its last one, where it fails or where it is to stop."""
        number, epochs = sleeping.spec.number, len(sleeping.accuracies)
        if sleeping.is_over:
            self._end(sleeping, _result(sleeping), handle)
            return
        if sleeping.fails and sleeping.epoch >= epochs // 2:
            self._end(sleeping, TrialResult.failure("executor.simulate.failures chose this trial"), handle)
            return
        sleeping.epoch += 1
        metrics = _metrics(sleeping)
        sleeping.history.append(metrics)
        handle(TrialEpoch(number, EpochReport(sleeping.epoch, metrics, int(time.time() * 1000))))
        if number in self._killed:
            return
        if sleeping.is_stopped or sleeping.epoch == epochs:
            self._end(sleeping, _result(sleeping), handle)
        elif self._wake is None or not sleeping.spec.awaits_verdict:
            self._wait_for(sleeping)
        else:
            sleeping.is_waiting = True

    def _end(self, sleeping: _Sleeping, result: TrialResult, handle: Callable[[Event], None]) -> None:
        folder = TrialPaths(sleeping.spec.folder)
        folder.artifacts.mkdir(parents=True, exist_ok=True)
        if result.state is not TrialState.FAILED:
            right = round(result.metrics["val_accuracy"] * len(_labels(sleeping.spec.data)))
            folder.predictions.write_bytes(_predictions(sleeping.spec.data, right, sleeping.spec.folder))
        duration_s = time.monotonic() - sleeping.started
        write_result(
            folder,
            TrialResult(
                result.state,
                {**result.metrics, "duration_s": duration_s},
                error=result.error,
                history=tuple(sleeping.history),
                facts=result.facts,
            ),
        )
        del self._running[sleeping.spec.number]
        handle(TrialEnded(sleeping.spec.number))

    def stop(self, number: int) -> None:
        if number in self._running:
            self._running[number].is_stopped = True
            self._resume(number)

    def go_on(self, number: int) -> None:
        """Lets a trial that awaits the verdict on its epoch begin the next one."""
        if number in self._running:
            self._resume(number)

    def _resume(self, number: int) -> None:
        """Lets a trial go on that awaits a verdict; where that is to stop, it ends with the epoch that it has."""
        sleeping = self._running[number]
        if sleeping.is_waiting:
            sleeping.is_waiting, sleeping.is_over = False, sleeping.is_stopped
            self._wait_for(sleeping)

    def kill(self, number: int, reason: str) -> None:
        if number in self._running:
            self._killed[number] = reason

    def close(self) -> None:
        self._running.clear()
        self._due.clear()


def _drawn(spec: TrainingSpec) -> _Sleeping:
    """What a trial will do, by its configuration: equal ones do the same."""
    simulate = SimulateConfig(**spec.config["simulate"])
    decisive = {key: spec.config[key] for key in ("arch", "training", "optimizer")}
    text = json.dumps(decisive, sort_keys=True, default=str)
    rng = np.random.default_rng([simulate.seed, int(spec.config["seed"]), zlib.crc32(text.encode())])
    duration_s = simulate.duration_s * float(np.exp(simulate.spread * rng.standard_normal()))
    final, fails = float(rng.uniform(*simulate.accuracy)), bool(rng.random() < simulate.failures)
    epochs = int(spec.config["training"]["epochs"])
    curve = _rising(final, epochs) if simulate.curve is None else _given(simulate.curve, spec.config, epochs, rng)
    return _Sleeping(spec, curve, fails, duration_s, time.monotonic())


def _rising(final: float, epochs: int) -> NDArray[np.float64]:
    """(epochs,): towards the last epoch's accuracy, ever more slowly."""
    done = np.arange(1, epochs + 1) / epochs
    rising: NDArray[np.float64] = final * (1 - np.exp(-3 * done)) / (1 - np.exp(-3))
    return rising


def _given(path: str, config: Mapping[str, Any], epochs: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(epochs,): what a function of the user's says.

    Raises:
        ExecutorError: it gives something else.
    """
    curve = np.asarray(targets.load(path, "function")(config, epochs, rng), dtype=np.float64)
    if curve.shape != (epochs,) or not ((curve >= 0) & (curve <= 1)).all():
        raise ExecutorError(
            f"executor.simulate.curve={path} gave {curve.tolist()}. Accepted: {epochs} validation accuracies from 0 to "
            "1, one per epoch"
        )
    return curve


def _metrics(sleeping: _Sleeping) -> dict[str, float]:
    """An epoch's figures: so many whole images are right, and the loss follows from the accuracy."""
    images = len(_labels(sleeping.spec.data))
    accuracy = round(float(sleeping.accuracies[sleeping.epoch - 1]) * images) / images
    loss = -float(np.log(max(accuracy, 0.01)))
    return {"loss": loss, "accuracy": accuracy, "val_loss": loss, "val_accuracy": accuracy}


def _result(sleeping: _Sleeping) -> TrialResult:
    last, summary = sleeping.history[-1], sleeping.spec.data.summary
    metrics = {
        **{name: last[name] for name in ("val_loss", "val_accuracy")},
        "train_loss": last["loss"],
        "train_accuracy": last["accuracy"],
        "num_params": 0.0,
        "epochs": float(sleeping.epoch),
    }
    facts = TrialFacts(num_train=summary.num_train, num_validation=summary.num_validation, versions=VERSIONS)
    is_pruned = sleeping.is_stopped and sleeping.epoch < len(sleeping.accuracies)
    return TrialResult(TrialState.PRUNED if is_pruned else TrialState.COMPLETE, metrics, facts=facts)


def _labels(prepared: PreparedData) -> NDArray[np.int64]:
    """(validation images,): their true classes."""
    key = prepared.split_digest
    if key not in _LABELS:
        _LABELS[key] = np.asarray(data.open_training_arrays(prepared).y_validation, dtype=np.int64)
    return _LABELS[key]


_LABELS: dict[str, NDArray[np.int64]] = {}
_FILES: dict[tuple[str, int], bytes] = {}


def _predictions(prepared: PreparedData, right: int, folder: Path) -> bytes:
    """`predictions.npz` with so many right answers, the first ones; made once for each number."""
    key = (prepared.split_digest, right)
    if key not in _FILES:
        labels, classes = _labels(prepared), prepared.summary.num_classes
        answered = np.where(np.arange(len(labels)) < right, labels, (labels + 1) % classes)
        probabilities = np.full((len(labels), classes), 0.1 / max(classes - 1, 1))
        probabilities[np.arange(len(labels)), answered] = 0.9
        paths = TrialPaths(folder)
        save_predictions(paths, probabilities, labels, prepared.summary.class_names)
        _FILES[key] = paths.predictions.read_bytes()
    return _FILES[key]
