"""The learning rate of each step: a function of the step alone, and, with `plateau`, of what validation has said.

Steps count from 0 at the start of the training, also after a resume, so a resumed trial has the rates of an
undisturbed one. With W steps of warm-up and T in all, step s of epoch e = floor(s / S), S steps per epoch:

- warm-up: (s + 1) / W, as Goyal and others 2017 (https://arxiv.org/abs/1706.02677)
- cosine: from 1 at W to alpha at T, as `keras.optimizers.schedules.CosineDecay`
- step: gamma to the power of floor(e / step_size), as PyTorch's `StepLR`; with `milestones` to the power of how many
  of them are at most e, as its `MultiStepLR`
- exponential: gamma to the power of (s - W) / S, as `keras.optimizers.schedules.ExponentialDecay`
- one_cycle: by a cosine from 1/25 to 1 in the warm-up (without one: 30 % of the steps), then by a cosine to 1/250,000,
  as PyTorch's `OneCycleLR` (Smith and Topin 2018), which leaves the momentum alone here
- plateau: gamma after `patience` epochs without improvement, not below alpha, as `keras.callbacks.ReduceLROnPlateau`
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping
from typing import Any

from sweeper.config.training import TrainingConfig
from sweeper.core.errors import ConfigError
from sweeper.trial.fitting.averages import inner_optimizer

_FIRST, _LAST = 1 / 25, 1 / 25 / 1e4  # of one_cycle, as factors of the largest rate
_RISING = 0.3  # of one_cycle's steps, where no warm-up is given

#: The factor of the optimizer's learning rate in a step.
Factor = Callable[[int], float]


def learning_rate_factor(training: TrainingConfig, steps_per_epoch: int) -> Factor:
    """The factor of each step without what `plateau` has lowered.

    Args:
        training: the schedule and its keys.
        steps_per_epoch: batches of an epoch, from 1.

    Returns:
        A function from the step, from 0, to a factor from 0 to 1.
    """
    total = training.epochs * steps_per_epoch
    warmup = round(training.warmup_epochs * steps_per_epoch)
    after = _after_warmup(training, steps_per_epoch, warmup, total)
    if training.schedule == "one_cycle":
        return after
    return lambda step: (step + 1) / warmup if step < warmup else after(step)


def _after_warmup(training: TrainingConfig, steps_per_epoch: int, warmup: int, total: int) -> Factor:
    gamma, decay = training.gamma, training.decay
    match training.schedule:
        case "cosine":
            return lambda step: _cosine(1.0, decay.alpha, (step - warmup) / max(total - warmup, 1))
        case "step" if decay.milestones:
            return lambda step: float(gamma ** bisect.bisect_right(decay.milestones, step // steps_per_epoch))
        case "step":
            size = decay.step_size or -(-training.epochs // 3)
            return lambda step: float(gamma ** (step // steps_per_epoch // size))
        case "exponential":
            return lambda step: float(gamma ** ((step - warmup) / steps_per_epoch))
        case "one_cycle":
            peak = (warmup or max(round(_RISING * total), 1)) - 1
            return lambda step: (
                _cosine(_FIRST, 1.0, step / max(peak, 1))
                if step <= peak
                else _cosine(1.0, _LAST, (step - peak) / max(total - 1 - peak, 1))
            )
        case _:
            return lambda step: 1.0


def _cosine(start: float, end: float, share: float) -> float:
    """From start (share 0) to end (share 1) along half a wave."""
    return end + (start - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2


def make_schedule(training: TrainingConfig, model: Any, steps_per_epoch: int, metric: str, sign: int) -> Any:
    """A Keras callback that sets the learning rate before each step; None where it never changes.

    It comes after the callback that scores each epoch, whose metrics `plateau` reads.

    Args:
        training: the schedule.
        model: compiled; its optimizer has the learning rate of the configuration still.
        steps_per_epoch: batches of an epoch.
        metric: what `plateau` watches.
        sign: +1 where a larger one is better, -1 where a smaller one is.

    Raises:
        ConfigError: the optimizer has no learning rate that can be set.
    """
    import keras

    if not training.varies_learning_rate:
        return None
    factor = learning_rate_factor(training, steps_per_epoch)
    rate = learning_rate(model)
    if rate is None:
        raise ConfigError(
            f"training.schedule={training.schedule} sets the learning rate, which an optimizer of the class "
            f"{type(inner_optimizer(model)).__name__} does not let itself be given. Accepted: an optimizer with a "
            "number as its learning_rate.  Try: training.schedule=constant training.warmup_epochs=0"
        )
    base: float = rate

    class Schedule(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._epoch = 0
            self._best = -math.inf
            self._wait = 0
            self._lowered = 1.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._epoch = epoch

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            step = self._epoch * steps_per_epoch + batch
            self.model.optimizer.learning_rate = base * self._lowered * factor(step)

        def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
            if training.schedule != "plateau":
                return
            value = sign * float((logs or {})[metric])
            self._wait += 1
            if value > self._best:
                self._best, self._wait = value, 0
            elif self._wait >= training.decay.patience:
                self._lowered, self._wait = max(self._lowered * training.gamma, training.decay.alpha), 0

        def state_dict(self) -> dict[str, Any]:
            """What it remembers of earlier epochs."""
            return {"best": self._best, "wait": self._wait, "lowered": self._lowered}

        def load_state_dict(self, state: Mapping[str, Any]) -> None:
            self._best, self._wait, self._lowered = state["best"], state["wait"], state["lowered"]

    return Schedule()


def learning_rate(model: Any) -> float | None:
    """The learning rate of a compiled model's optimizer at present; None where it is not one number that can be set."""
    import keras

    rate = getattr(inner_optimizer(model), "_learning_rate", None)
    return float(rate) if isinstance(rate, keras.Variable) else None
