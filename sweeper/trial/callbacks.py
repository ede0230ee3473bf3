"""Keras callbacks of a trial: it reports each epoch, and stops early."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from sweeper.config.trial import TrainingConfig
from sweeper.core.errors import NonFiniteError
from sweeper.core.objectives import EPOCH_METRICS, Objective
from sweeper.core.trials import EpochReport

#: Told of each epoch; answers whether the trial is to stop (a pruner's decision).
Report = Callable[[EpochReport], bool]


def early_stopping(training: TrainingConfig, objective: Objective) -> Any:
    """Keras's own early stopping, which also restores the best weights; None where neither is asked for."""
    import keras

    patience = training.early_stopping.patience
    if patience is None and not training.restore_best:
        return None
    metric = objective.metric.removeprefix("train_")
    if metric not in EPOCH_METRICS:  # the objective is a cost, such as num_params: stop by what is learnt
        metric, mode = "val_accuracy", "max"
    else:
        mode = objective.direction[:3]
    return keras.callbacks.EarlyStopping(
        monitor=metric,
        mode=mode,
        min_delta=training.early_stopping.min_delta,
        patience=training.epochs if patience is None else patience,
        restore_best_weights=training.restore_best,
    )


def make_reporter(report: Report, save: Callable[[list[dict[str, float]]], None], saves: bool) -> Any:
    """A Keras callback that reports each epoch, stops on request, and fails on a loss that is not finite.

    Args:
        report: called with each epoch.
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

        def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
            metrics = {name: float((logs or {})[name]) for name in EPOCH_METRICS}
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
