"""The layer before a network, of either kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sweeper.artifacts.model import load_model, save_model
from sweeper.core.datasets import PixelStatistics
from sweeper.trial.save import layer_weights
from sweeper.trial.standardize import standardized

pytestmark = pytest.mark.usefixtures("keras_runtime")

SHAPE = (4, 5, 2)
STATISTICS = PixelStatistics((0.25, 0.5), (0.04, 0.09))
IMAGES = np.random.default_rng(0).random((7, *SHAPE), dtype=np.float32)


def sequential() -> Any:
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Conv2D(3, 2, name="conv"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax", name="dense"),
        ],
        name="mine",
    )


def functional() -> Any:
    inputs = keras.Input(SHAPE)
    flat = keras.layers.Flatten()(keras.layers.Conv2D(3, 2, name="conv")(inputs))
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="dense")(flat), name="mine")


@pytest.mark.parametrize("build", [sequential, functional])
def test_the_network_sees_standardized_images_and_keeps_its_weights(build: Any) -> None:
    network = build()
    weights = [np.array(one) for one in network.get_weights()]
    by_hand = (IMAGES - np.array(STATISTICS.mean)) / np.sqrt(np.array(STATISTICS.variance))
    expected = np.asarray(network(by_hand.astype(np.float32)))
    found = standardized(network, STATISTICS, SHAPE)
    np.testing.assert_allclose(np.asarray(found(IMAGES)), expected, atol=1e-6)
    for one, other in zip(found.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert found.count_params() == network.count_params()
    assert list(layer_weights(found)) == ["conv", "dense"]


@pytest.mark.parametrize("build", [sequential, functional])
def test_the_saved_model_takes_images_as_they_are(build: Any, tmp_path: Path) -> None:
    found = standardized(build(), STATISTICS, SHAPE)
    save_model(found, tmp_path / "model", SHAPE, 3)
    loaded = load_model(tmp_path / "model")
    np.testing.assert_array_equal(np.asarray(loaded(IMAGES)), np.asarray(found(IMAGES)))


def test_the_layer_computes_in_float32_in_half_precision_too() -> None:
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    found = standardized(sequential(), STATISTICS, SHAPE)
    keras.config.set_dtype_policy(former)
    layer = found.get_layer("standardize")
    assert (layer.name, layer.compute_dtype, layer.get_weights()) == ("standardize", "float32", [])
