"""Keras callbacks of a trial: it reports each epoch, and stops early."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from sweeper.config.trial import TrainingConfig
from sweeper.core.errors import NonFiniteError
from sweeper.core.objectives import EPOCH_METRICS, Objective, epoch_name
from sweeper.core.trials import EpochReport
from sweeper.trial.validation import ValidationPass, weights_to_save

#: Called after each epoch; returns whether the trial is to stop (a pruner's decision).
Report = Callable[[EpochReport], bool]


def make_stopping(training: TrainingConfig, objective: Objective) -> Any:
    """A Keras callback that finds the best epoch, keeps its weights, and stops early; None where neither is asked for.

    It decides as `keras.callbacks.EarlyStopping` does, but keeps the weights that would be saved after an epoch, which
    with `optimizer.use_ema` are the averages. It comes after the reporter, whose validation metrics it reads.
    """
    import keras

    patience = training.early_stopping.patience
    if patience is None and not training.restore_best:
        return None
    name = epoch_name(objective.metric)  # None of a cost, such as num_params: stop by what is learned
    metric, sign = ("val_accuracy", 1) if name is None else (name, objective.sign)

    class Stopping(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.best_epoch = 0
            self._best = -math.inf
            self._wait = 0
            self._weights: Any = None

        def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
            value = sign * float((logs or {})[metric])
            self._wait += 1
            if value - training.early_stopping.min_delta > self._best:
                self._best, self.best_epoch, self._wait = value, epoch, 0
                if training.restore_best:
                    with weights_to_save(self.model):
                        self._weights = self.model.get_weights()
            if patience is not None and self._wait >= patience and epoch > 0:
                self.model.stop_training = True

        def restore(self) -> None:
            """Gives the model the best epoch's weights, once Keras has finished with it."""
            self.model.set_weights(self._weights)

    return Stopping()


def check_finite(objective: Objective, metrics: Mapping[str, float]) -> None:
    """Raises NonFiniteError where a trial cannot be ranked: its objective is NaN or infinite in the saved weights."""
    value = metrics.get(objective.metric, 0.0)
    if not math.isfinite(value):
        raise NonFiniteError(f"{objective.metric} of the saved weights is {value}")


def make_reporter(
    report: Report, validation: ValidationPass, save: Callable[[list[dict[str, float]]], None], saves: bool
) -> Any:
    """A Keras callback that reports each epoch, stops on request, and fails on a loss that is not finite.

    Args:
        report: called with each epoch.
        validation: scores each epoch.
        save: writes a checkpoint, after each epoch that another follows, where `saves`.
        saves: whether checkpoints are written.
    """
    import keras

    class Reporter(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.history: list[dict[str, float]] = []
            self.pruned = False
            self._started = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._started = time.monotonic()

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            logs = {} if logs is None else logs
            scores = validation.run()
            logs.update(scores)  # for the callbacks after this one, too
            metrics = {name: float(logs[name]) for name in (*EPOCH_METRICS, *scores)}
            metrics["duration_s"] = time.monotonic() - self._started
            for name in ("loss", "val_loss"):
                if not np.isfinite(metrics[name]):
                    raise NonFiniteError(f"{name} became {metrics[name]} in epoch {epoch + 1}")
            self.history.append(metrics)
            if saves and epoch + 1 < self.params["epochs"]:
                save(self.history)
            self._tell(epoch + 1, metrics)
            self.model.stop_training = self.model.stop_training or self.pruned

        def tell_again(self, history: Iterable[dict[str, float]]) -> None:
            """Reports the epochs of an earlier process, which are not recorded yet."""
            for epoch, metrics in enumerate(history, start=1):
                self.history.append(metrics)
                self._tell(epoch, metrics)

        def _tell(self, epoch: int, metrics: dict[str, float]) -> None:
            if report(EpochReport(epoch, metrics, int(time.time() * 1000))):
                self.pruned = True

    return Reporter()
