"""The networks in Keras against the arithmetic of `sweeper.models.shapes`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sweeper.core.errors import ArchitectureError
from sweeper.models.checks import ACTIVATIONS
from sweeper.models.cnn import build
from sweeper.models.config import CnnConfig
from sweeper.models.shapes import plan

pytestmark = pytest.mark.usefixtures("keras_runtime")

CONFIGS = [
    pytest.param({}, (28, 28, 1), id="the defaults"),
    pytest.param({"depth": 1}, (8, 8, 1), id="depth 1, so never pooled"),
    pytest.param({"depth": 1, "pool_every": 1}, (8, 8, 1), id="depth 1, pooled"),
    pytest.param({"padding": "valid", "kernel_size": 5}, (28, 28, 1), id="valid padding"),
    pytest.param({"padding": "valid", "kernel_size": [1, 4, 2], "filters": [3, 5, 7]}, (11, 11, 1), id="lists"),
    pytest.param({"kernel_size": [2, 4, 6]}, (7, 7, 1), id="even kernels, same padding"),
    pytest.param({"pooling": "average", "pool_size": 3, "pool_every": 1}, (29, 29, 1), id="average pooling"),
    pytest.param({"pool_padding": "same", "pool_size": [3, 1, 4]}, (14, 14, 1), id="poolings of same padding"),
    pytest.param({"pool_padding": "same", "pool_size": 2, "pool_every": 1, "depth": 6}, (5, 3, 1), id="down to 1x1"),
    pytest.param({"batch_norm": True}, (8, 8, 1), id="batch normalisation"),
    pytest.param({"batch_norm": [True, False, True]}, (8, 8, 1), id="batch normalisation here and there"),
    pytest.param({"dropout": [0.1, 0.0, 0.3], "pool_every": 9}, (8, 8, 1), id="dropout without pooling"),
    pytest.param({"dropout": 0.0, "dense_dropout": 0.0}, (8, 8, 1), id="no dropout"),
    pytest.param({"dense_units": [9, 8, 7]}, (8, 8, 1), id="several hidden layers"),
    pytest.param({"dense_units": 0}, (8, 8, 1), id="no hidden layer"),
    pytest.param({"padding": "valid", "filters": 4}, (13, 16, 3), id="3 channels, not square"),
    pytest.param({"strides": 2}, (13, 16, 1), id="strides, same padding"),
    pytest.param({"strides": [2, 1, 3], "padding": "valid", "pool_every": 9}, (29, 31, 3), id="strides, valid padding"),
    pytest.param({"strides": [1, 2, 1], "padding": ["valid", "same", "valid"]}, (14, 15, 1), id="a padding each"),
    pytest.param({"final_pooling": "global_average"}, (13, 16, 1), id="global average pooling"),
    pytest.param({"final_pooling": "global_max", "dense_units": 0, "strides": 2}, (9, 9, 3), id="global max pooling"),
    pytest.param({"final_pooling": "global_average_max"}, (13, 16, 1), id="both global poolings"),
    pytest.param({"squeeze_excite": 2}, (8, 8, 1), id="squeeze and excitation"),
    pytest.param(
        {"squeeze_excite": [0, 3, 99], "batch_norm": True}, (9, 8, 3), id="squeeze and excitation, a ratio each"
    ),
    pytest.param({"batch_norm": True, "pool_size": 3, "pool_every": 1, "depth": 2}, (32, 20, 3), id="all of it"),
]


@pytest.mark.parametrize(("given", "shape"), CONFIGS)
def test_keras_builds_what_the_arithmetic_says(given: dict[str, Any], shape: tuple[int, int, int]) -> None:
    arch = {"filters": 6, "dense_units": 11, **given}
    planned = plan(CnnConfig(**arch), shape, 4)
    model = build(shape, 4, **arch)

    assert [(layer.name, tuple(layer.output.shape[1:])) for layer in model.layers] == [
        (layer.name, layer.output_shape) for layer in planned.layers
    ]
    assert [layer.count_params() for layer in model.layers] == [layer.num_params for layer in planned.layers]
    assert model.count_params() == planned.num_params
    assert sum(math.prod(weight.shape) for weight in model.trainable_variables) == planned.num_trainable


def test_the_output_is_a_probability_of_each_class() -> None:
    images = np.random.default_rng(0).random((5, 8, 7, 3), np.float32)
    model = build((8, 7, 3), 4, depth=2, filters=4, dense_units=8)
    probabilities = np.asarray(model(images))

    assert model.output_shape == (None, 4)
    assert model.layers[-1].activation.__name__ == "softmax"
    assert (probabilities > 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.fixture
def policy(request: pytest.FixtureRequest) -> Iterator[str]:
    import keras

    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(former)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"], indirect=True)
def test_the_probabilities_are_float32_in_every_precision(policy: str) -> None:
    model = build((8, 8, 1), 4, depth=2, filters=4, dense_units=8, batch_norm=True)

    assert np.asarray(model(np.ones((2, 8, 8, 1), np.float32))).dtype == np.float32
    assert model.layers[-1].compute_dtype == "float32"
    assert {layer.dtype_policy.name for layer in model.layers[:-1]} == {policy}
    assert {str(weight.dtype) for weight in model.weights} == {"float32"}


OTHER: dict[str, Any] = {
    "depth": 3,
    "kernel_size": 5,
    "filters": 6,
    "padding": "valid",
    "pooling": "average",
    "pool_size": 3,
    "pool_every": 1,
    "pool_padding": "same",
    "batch_norm": True,
    "dropout": 0.5,
    "dense_units": 16,
    "dense_dropout": 0.1,
    "activation": "tanh",
    "l2": 0.001,
    "strides": 2,
    "final_pooling": "global_max",
    "squeeze_excite": 2,
}
BASE: dict[str, Any] = {"depth": 2, "filters": 4, "dense_units": 8}


def test_the_same_configuration_gives_the_same_network() -> None:
    assert build((12, 12, 1), 4, **BASE).to_json() == build((12, 12, 1), 4, **BASE).to_json()


@pytest.mark.parametrize("key", list(CnnConfig.__dataclass_fields__))
def test_every_key_changes_the_network(key: str) -> None:
    changed = build((12, 12, 1), 4, **{**BASE, key: OTHER[key]})

    assert changed.to_json() != build((12, 12, 1), 4, **BASE).to_json()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_keras_knows_every_activation_that_is_accepted(activation: str) -> None:
    model = build((4, 4, 1), 2, depth=1, filters=1, dense_units=1, activation=activation)

    assert np.isfinite(np.asarray(model(np.ones((1, 4, 4, 1), np.float32)))).all()


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        pytest.param({"depth": 12}, r"pooling after convolution 10 .* deepest legal depth .* is 9", id="too deep"),
        pytest.param({"kernel_size": 0}, r"arch\.kernel_size=0 is not accepted", id="a value out of range"),
        pytest.param({"dept": 3}, r"arch\.dept is not a key .*Did you mean 'depth'", id="an unknown key"),
    ],
)
def test_a_network_that_cannot_be_is_refused(arch: dict[str, Any], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        build((28, 28, 1), 10, **arch)


def test_squeeze_and_excitation_is_what_its_paper_says() -> None:
    model = build(
        (6, 5, 3), 4, depth=1, filters=8, squeeze_excite=4, pool_every=9, final_pooling="flatten", dense_units=0
    )
    conv, block = model.get_layer("conv1"), model.get_layer("conv1_se")
    images = np.random.default_rng(0).random((2, 6, 5, 3), np.float32)
    maps = np.asarray(conv(images))
    (reduce, shift), (expand, offset) = (
        [np.asarray(weight) for weight in block.get_layer(f"conv1_se_{name}").weights] for name in ("squeeze", "excite")
    )
    hidden = np.maximum(maps.mean(axis=(1, 2)) @ reduce + shift, 0)
    factors = 1 / (1 + np.exp(-(hidden @ expand + offset)))

    assert reduce.shape == (8, 2)
    np.testing.assert_allclose(np.asarray(block(maps)), maps * factors[:, None, None, :], rtol=1e-5)


def test_both_global_poolings_stand_side_by_side() -> None:
    pool = build((6, 5, 3), 4, depth=1, filters=2, final_pooling="global_average_max").get_layer("global_pool")
    maps = np.random.default_rng(0).random((2, 6, 5, 2), np.float32)

    expected = np.concatenate([maps.mean(axis=(1, 2)), maps.max(axis=(1, 2))], axis=1)
    np.testing.assert_allclose(np.asarray(pool(maps)), expected, rtol=1e-6)
