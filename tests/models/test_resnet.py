"""The residual network in Keras against its arithmetic, and both against published figures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sweeper.core.errors import ArchitectureError, ArchitectureValueError
from sweeper.models import networks
from sweeper.models.resnet import build
from sweeper.models.resnet_plan import ResNetConfig, plan

CONFIGS = [
    pytest.param({}, (28, 28, 1), id="the defaults"),
    pytest.param({"stages": 1, "blocks": 1}, (8, 8, 1), id="one block, whose shortcut is its input"),
    pytest.param({"stages": 4, "width": 4}, (5, 3, 3), id="down to 1x1"),
    pytest.param({"bottleneck": True, "stages": 2}, (16, 16, 3), id="bottlenecks"),
    pytest.param({"blocks": [1, 3], "width": [6, 5], "stages": 2}, (9, 12, 3), id="lists"),
    pytest.param({"stem": "large", "stages": 2, "dropout": 0.2}, (33, 40, 3), id="the large stem"),
    pytest.param({"stages": 2, "blocks": 1}, (96, 97, 1), id="large images"),
    pytest.param({"activation": "gelu", "width": 3}, (8, 8, 1), id="another activation"),
]


@pytest.mark.usefixtures("keras_runtime")
@pytest.mark.parametrize(("given", "shape"), CONFIGS)
def test_keras_builds_what_the_arithmetic_says(given: dict[str, Any], shape: tuple[int, int, int]) -> None:
    planned = plan(ResNetConfig(**given), shape, 4)
    model = build(shape, 4, **given)

    built = {layer.name: layer for layer in model.layers if layer.name != "image"}
    assert {name: tuple(layer.output.shape[1:]) for name, layer in built.items()} == {
        layer.name: layer.output_shape for layer in planned.layers
    }
    assert {name: layer.count_params() for name, layer in built.items()} == {
        layer.name: layer.num_params for layer in planned.layers
    }
    assert model.count_params() == planned.num_params
    assert sum(math.prod(weight.shape) for weight in model.trainable_variables) == planned.num_trainable


@pytest.mark.parametrize(
    ("arch", "shape", "num_classes", "trainable", "giga_macs"),
    [
        # torchvision's documentation of its models: resnet18, resnet50 (parameters; GFLOPS, which are multiply-adds).
        ({"stages": 4, "width": 64}, (224, 224, 3), 1000, 11_689_512, 1.81),
        ({"stages": 4, "width": 64, "bottleneck": True, "blocks": [3, 4, 6, 3]}, (224, 224, 3), 1000, 25_557_032, 4.09),
    ],
    ids=["ResNet-18", "ResNet-50"],
)
def test_known_networks_have_their_published_sizes(
    arch: dict[str, Any], shape: tuple[int, int, int], num_classes: int, trainable: int, giga_macs: float
) -> None:
    planned = plan(ResNetConfig(**arch), shape, num_classes)

    assert planned.num_trainable == trainable
    assert planned.flops / 2e9 == pytest.approx(giga_macs, abs=0.01)


@pytest.mark.usefixtures("keras_runtime")
def test_a_block_adds_its_input() -> None:
    """With the last convolution of its only block at 0, the network is its stem and its last layer."""
    model = build((6, 6, 1), 3, stages=1, blocks=1, width=4)
    whole = model.get_layer("stage1_block1_conv2")
    whole.set_weights([np.zeros_like(weight) for weight in whole.get_weights()])
    images = np.random.default_rng(0).random((2, 6, 6, 1), np.float32)
    stem = model.get_layer("stem_act").output

    import keras

    after_stem, out = (np.asarray(x) for x in keras.Model(model.input, [stem, model.layers[-3].output])(images))

    np.testing.assert_allclose(out, after_stem, atol=1e-6)


@pytest.mark.usefixtures("keras_runtime")
def test_the_output_is_a_probability_of_each_class() -> None:
    images = np.random.default_rng(0).random((5, 8, 7, 3), np.float32)
    probabilities = np.asarray(build((8, 7, 3), 4, stages=2, width=4)(images))

    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("arch", "kind", "message"),
    [
        ({"stages": 0}, ArchitectureValueError, r"arch\.stages=0 is not accepted: a whole number from 1 to 10\."),
        ({"blocks": 0}, ArchitectureValueError, r"arch\.blocks=0 .* from 1 to 1000, or a list with one for each stage"),
        ({"width": [16, "x", 2]}, ArchitectureValueError, r"arch\.width=.* is not accepted"),
        ({"blocks": [2, 2]}, ArchitectureError, r"arch\.blocks has 2 entries for arch\.stages=3.*=\[2,2,2\]"),
        ({"stem": "larg"}, ArchitectureValueError, r"Try: arch\.stem=large"),
        ({"bottleneck": 1}, ArchitectureValueError, r"arch\.bottleneck=1 is not accepted: true or false"),
        ({"dropout": 1.0}, ArchitectureValueError, r"arch\.dropout=1\.0 is not accepted"),
        ({"activation": "relo"}, ArchitectureValueError, r"Try: arch\.activation=relu"),
        ({"depth": 3}, ArchitectureError, r"arch\.depth is not a key of arch=resnet\. Accepted: stages, blocks"),
    ],
)
def test_what_is_not_accepted_is_named(arch: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        networks.plan({"_target_": networks.RESNET, **arch}, (8, 8, 1), 3)
