"""Training as a trial does it, without its process."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from sweeper.trial.fitting.labels import Targets
from sweeper.trial.train import create_variables

pytestmark = pytest.mark.usefixtures("keras_runtime")

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "adadelta": {},
    "adam": {"use_ema": True},
    "sgd": {"momentum": 0.9, "loss_scale_factor": 2.0},
}


def trained(name: str, *, ahead: bool) -> tuple[int, list[Any]]:
    """How often the training step was traced, and the weights after two epochs."""
    keras.utils.set_random_seed(0)
    traces = 0

    class Counting(keras.Model):  # type: ignore[misc]
        def train_step(self, data: Any) -> Any:
            nonlocal traces
            traces += 1
            return super().train_step(data)

    inputs = keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()(keras.layers.BatchNormalization()(inputs))
    model = Counting(inputs, keras.layers.Dense(3, activation="softmax")(keras.layers.Dropout(0.5)(flat)))
    optimizer = keras.optimizers.get({"class_name": name, "config": OPTIMIZERS[name]})
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    if ahead:
        create_variables(model, Targets(3, soft=False))
    images = np.random.default_rng(0).random((20, 4, 4, 1), dtype=np.float32)
    history = model.fit(images, np.arange(20) % 3, batch_size=10, epochs=2, shuffle=False, verbose=0).history
    return traces, [*model.get_weights(), history["loss"], history["accuracy"]]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_training_step_is_traced_once_with_the_same_figures(optimizer: str) -> None:
    traces, found = trained(optimizer, ahead=True)
    traces_without, expected = trained(optimizer, ahead=False)

    assert (traces, traces_without) == (1, 2)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
