"""The best epoch: which one it is, its weights, and when nothing better is expected."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.config.training import TrainingConfig
from sweeper.core.objectives import Objective, epoch_name
from sweeper.trial.fitting.averages import weights_to_save


def watched(objective: Objective) -> tuple[str, int]:
    """The metric of an epoch that an objective is, with +1 where larger is better, else -1.

    An objective that no epoch has, such as `num_params`, is a cost: then it is `val_accuracy`, what is learned.
    """
    name = epoch_name(objective.metric)
    return ("val_accuracy", 1) if name is None else (name, objective.sign)


def make_stopping(training: TrainingConfig, objective: Objective) -> Any:
    """A Keras callback that finds the best epoch, keeps its weights, and stops early; None where neither is asked for.

    It decides as `keras.callbacks.EarlyStopping` does, but keeps the weights that would be saved after an epoch, which
    may be averages. It comes after the callback that scores each epoch. What it remembers of earlier epochs can be
    taken out and given back, so that a checkpoint has it.
    """
    import keras

    patience = training.early_stopping.patience
    if patience is None and not training.restore_best:
        return None
    metric, sign = watched(objective)

    class Stopping(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.best_epoch = 0
            self.best_weights: Sequence[Any] = ()
            self._best = -math.inf
            self._wait = 0

        def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
            value = sign * float((logs or {})[metric])
            self._wait += 1
            if value - training.early_stopping.min_delta > self._best:
                self._best, self.best_epoch, self._wait = value, epoch, 0
                if training.restore_best:
                    with weights_to_save(self.model):
                        self.best_weights = self.model.get_weights()
            if patience is not None and self._wait >= patience and epoch > 0:
                self.model.stop_training = True

        def restore(self, model: Any) -> None:
            """Gives the model the best epoch's weights, once Keras has finished with it."""
            model.set_weights(self.best_weights)

        def state_dict(self) -> dict[str, Any]:
            """What it remembers, but for the weights."""
            return {"best": self._best, "best_epoch": self.best_epoch, "wait": self._wait}

        def load_state_dict(self, state: Mapping[str, Any], best_weights: Sequence[Any]) -> None:
            self._best, self.best_epoch, self._wait = state["best"], state["best_epoch"], state["wait"]
            self.best_weights = best_weights

    return Stopping()
