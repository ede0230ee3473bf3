"""The first and the last Keras callback of each epoch: it is scored, and it is reported.

Between them come those that read the scores: custom ones, the schedule, early stopping (`sweeper.trial.fitting`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.core.errors import NonFiniteError
from sweeper.core.objectives import Objective
from sweeper.core.trials import EpochReport
from sweeper.trial.fitting.averages import take_schedule_free
from sweeper.trial.fitting.schedule import learning_rate
from sweeper.trial.validation import ValidationPass

#: Called after each epoch; returns whether the trial is to stop (a pruner's decision).
Report = Callable[[EpochReport], bool]


def check_finite(objective: Objective, metrics: Mapping[str, float]) -> None:
    """Raises NonFiniteError where a trial cannot be ranked: its objective is NaN or infinite in the saved weights."""
    value = metrics.get(objective.metric, 0.0)
    if not math.isfinite(value):
        raise NonFiniteError(f"{objective.metric} of the saved weights is {value}")


def make_scorer(validation: ValidationPass, *, logs_rate: bool) -> Any:
    """A Keras callback that scores each epoch and keeps metrics and right answers; it precedes all that read them.

    Args:
        validation: scores the weights that would be saved.
        logs_rate: whether an epoch's metrics have `learning_rate`, that of its last step.
    """
    import keras

    class Scorer(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.history: list[dict[str, float]] = []
            self.bits: list[NDArray[np.uint8]] = []  # by epoch, one bit per validation image
            self._started = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._started = time.monotonic()

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            logs = {} if logs is None else logs
            rate = learning_rate(self.model) if logs_rate else None
            self.history.append({} if rate is None else {"learning_rate": rate})
            self.bits.append(np.empty(0, np.uint8))
            self.score(logs)

        def score(self, logs: dict[str, float]) -> None:
            """Scores the epoch that has just ended, again where its weights were changed since."""
            scores = validation.run()
            logs.update(scores)  # for the callbacks after this one, too
            self.history[-1] |= {name: float(logs[name]) for name in ("loss", "accuracy", *scores)}
            self.bits[-1] = validation.correct_bits

        def finish_epoch(self) -> dict[str, float]:
            """The metrics of the epoch that has just ended, with its seconds."""
            self.history[-1]["duration_s"] = time.monotonic() - self._started
            return self.history[-1]

        def on_train_end(self, logs: Any = None) -> None:
            take_schedule_free(self.model)  # Keras has swapped exponential averages in by now

    return Scorer()


def make_reporter(report: Report, scorer: Any, save: Callable[[], None] | None) -> Any:
    """A Keras callback that reports each epoch, stops on request, and fails on a loss that is not finite.

    It comes last, so that a checkpoint has what all other callbacks remember.

    Args:
        report: called with each epoch.
        scorer: has each epoch's metrics.
        save: writes a checkpoint, after each epoch that another may follow; None where none is asked for.
    """
    import keras

    class Reporter(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.pruned = False

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            metrics = scorer.finish_epoch()
            for name in ("loss", "val_loss"):
                if not np.isfinite(metrics.get(name, 0.0)):  # a refit has no validation images
                    raise NonFiniteError(f"{name} became {metrics[name]} in epoch {epoch + 1}")
            if save is not None and epoch + 1 < self.params["epochs"]:
                save()
            self._tell(epoch + 1, metrics)
            self.model.stop_training = self.model.stop_training or self.pruned

        def tell_again(self, history: Iterable[dict[str, float]]) -> None:
            """Reports the epochs of an earlier process, which are not recorded yet."""
            for epoch, metrics in enumerate(history, start=1):
                scorer.history.append(metrics)
                self._tell(epoch, metrics)

        def _tell(self, epoch: int, metrics: dict[str, float]) -> None:
            if report(EpochReport(epoch, metrics, int(time.time() * 1000))):
                self.pruned = True

    return Reporter()
