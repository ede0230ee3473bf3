"""The weights that are saved, where they are others than those that are trained: averages over the steps.

`training.ema` and `optimizer.use_ema` keep an exponential average (Keras 3, `Optimizer.finalize_variable_values`).
Schedule-free AdamW (A. Defazio and others 2024, https://arxiv.org/abs/2405.15682) trains at y, a mixture of the average
x and the base sequence z; x is what is evaluated and saved. Keras's class keeps y in the model and z in its slots.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


def keep_average(optimizer: Any, momentum: float) -> None:
    """Lets a Keras optimizer, which has not been built, keep an exponential average of the weights.

    Args:
        optimizer: of any class of Keras.
        momentum: between 0 and 1: the average's share that each step keeps.
    """
    optimizer.use_ema = True
    optimizer.ema_momentum = momentum


@contextmanager
def weights_to_save(model: Any) -> Iterator[None]:
    """Gives the model, within the block, the weights that would be saved if the training ended now."""
    if not averages_weights(model):
        yield
        return
    variables = model.trainable_variables
    trained = [np.array(variable) for variable in variables]
    model.optimizer.finalize_variable_values(variables)
    take_schedule_free(model)
    try:
        yield
    finally:
        for variable, value in zip(variables, trained, strict=True):
            variable.assign(value)


def take_schedule_free(model: Any) -> None:
    """Gives the model the average x, where its optimizer is schedule-free and the model has y.

    y = (1 - beta_1) z + beta_1 x; computed in float64.
    """
    optimizer = inner_optimizer(model)
    if not is_schedule_free(optimizer):
        return
    beta = float(optimizer.beta_1)
    for variable, base in zip(model.trainable_variables, optimizer._momentums, strict=True):
        y, z = (np.asarray(one, dtype=np.float64) for one in (variable, base))
        variable.assign(((y - (1 - beta) * z) / beta).astype(variable.dtype))


def averages_weights(model: Any) -> bool:
    """Whether the weights that a model's optimizer would have saved are others than those that it trains."""
    optimizer = inner_optimizer(model)
    return bool(getattr(optimizer, "use_ema", False)) or is_schedule_free(optimizer)


def is_schedule_free(optimizer: Any) -> bool:
    """Whether it is Keras's ScheduleFreeAdamW or a class made from it."""
    import keras

    return isinstance(optimizer, keras.optimizers.ScheduleFreeAdamW)


def inner_optimizer(model: Any) -> Any:
    """A model's optimizer; where one for loss scaling wraps it, the one within."""
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)
