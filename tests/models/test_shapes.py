"""The arithmetic of a network, against figures worked out by hand; `test_models_cnn` holds it against Keras."""

from __future__ import annotations

import dataclasses
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.core.errors import ArchitectureError
from sweeper.models.config import CnnConfig
from sweeper.models.shapes import plan

CONF = Path(__file__).resolve().parents[2] / "conf" / "arch"
IMAGE = (28, 28, 1)

#: The notebook's networks: each layer with its output shape and its parameters, by hand.
DEPTH3_KERNEL3 = [
    ("conv1", (26, 26, 48), 9 * 1 * 48 + 48),
    ("conv2", (24, 24, 64), 9 * 48 * 64 + 64),
    ("pool2", (12, 12, 64), 0),
    ("dropout2", (12, 12, 64), 0),
    ("conv3", (10, 10, 50), 9 * 64 * 50 + 50),
    ("pool3", (5, 5, 50), 0),
    ("dropout3", (5, 5, 50), 0),
    ("flatten", (1250,), 0),
    ("dense1", (128,), 1250 * 128 + 128),
    ("dense1_dropout", (128,), 0),
    ("probabilities", (10,), 128 * 10 + 10),
]
DEPTH5_KERNEL5 = [
    ("conv1", (28, 28, 50), 25 * 1 * 50 + 50),
    ("conv2", (28, 28, 50), 25 * 50 * 50 + 50),
    ("pool2", (14, 14, 50), 0),
    ("dropout2", (14, 14, 50), 0),
    ("conv3", (14, 14, 60), 25 * 50 * 60 + 60),
    ("dropout3", (14, 14, 60), 0),
    ("conv4", (14, 14, 40), 25 * 60 * 40 + 40),
    ("pool4", (5, 5, 40), 0),
    ("dropout4", (5, 5, 40), 0),
    ("conv5", (5, 5, 30), 25 * 40 * 30 + 30),
    ("dropout5", (5, 5, 30), 0),
    ("flatten", (750,), 0),
    ("dense1", (128,), 750 * 128 + 128),
    ("dense1_dropout", (128,), 0),
    ("probabilities", (10,), 128 * 10 + 10),
]
DEPTH7_KERNEL6 = [
    ("conv1", (28, 28, 70), 36 * 1 * 70 + 70),
    ("conv1_bn", (28, 28, 70), 4 * 70),
    ("conv2", (28, 28, 80), 36 * 70 * 80 + 80),
    ("conv2_bn", (28, 28, 80), 4 * 80),
    ("pool2", (14, 14, 80), 0),
    ("dropout2", (14, 14, 80), 0),
    ("conv3", (14, 14, 60), 36 * 80 * 60 + 60),
    ("conv3_bn", (14, 14, 60), 4 * 60),
    ("dropout3", (14, 14, 60), 0),
    ("conv4", (14, 14, 50), 36 * 60 * 50 + 50),
    ("conv4_bn", (14, 14, 50), 4 * 50),
    ("pool4", (7, 7, 50), 0),
    ("dropout4", (7, 7, 50), 0),
    ("conv5", (7, 7, 48), 36 * 50 * 48 + 48),
    ("conv5_bn", (7, 7, 48), 4 * 48),
    ("dropout5", (7, 7, 48), 0),
    ("conv6", (7, 7, 36), 36 * 48 * 36 + 36),
    ("conv6_bn", (7, 7, 36), 4 * 36),
    ("dropout6", (7, 7, 36), 0),
    ("conv7", (7, 7, 24), 36 * 36 * 24 + 24),
    ("conv7_bn", (7, 7, 24), 4 * 24),
    ("pool7", (4, 4, 24), 0),
    ("dropout7", (4, 4, 24), 0),
    ("flatten", (384,), 0),
    ("dense1", (128,), 384 * 128 + 128),
    ("dense1_dropout", (128,), 0),
    ("probabilities", (10,), 128 * 10 + 10),
]


@pytest.mark.parametrize(
    ("name", "layers", "num_params", "num_trainable"),
    [
        pytest.param("depth3_kernel3", DEPTH3_KERNEL3, 218_460, 218_460, id="first"),
        pytest.param("depth5_kernel5", DEPTH5_KERNEL5, 326_398, 326_398, id="second"),
        pytest.param("depth7_kernel6", DEPTH7_KERNEL6, 717_042, 716_306, id="third"),
    ],
)
def test_the_notebooks_networks_are_as_the_notebook_had_them(
    name: str, layers: list[tuple[str, tuple[int, ...], int]], num_params: int, num_trainable: int
) -> None:
    node = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    network = plan(CnnConfig.from_mapping(node), IMAGE, 10)

    assert [(layer.name, layer.output_shape, layer.num_params) for layer in network.layers] == layers
    assert network.num_params == num_params
    assert network.num_trainable == num_trainable


SMALL = CnnConfig(depth=2, filters=[2, 4], dense_units=5, dropout=0.0, dense_dropout=0.0)


def test_operations_and_parameters_of_a_small_network_are_those_by_hand() -> None:
    network = plan(SMALL, (8, 6, 1), 3)

    # a multiplication and its addition are two operations; the pooling leaves 4 x 3 x 4 = 48 values
    by_hand = {
        "conv1": (2 * (3 * 3 * 1) * 2 * 8 * 6, 9 * 1 * 2 + 2),
        "conv2": (2 * (3 * 3 * 2) * 4 * 8 * 6, 9 * 2 * 4 + 4),
        "pool2": (0, 0),
        "flatten": (0, 0),
        "dense1": (2 * 48 * 5, 48 * 5 + 5),
        "probabilities": (2 * 5 * 3, 5 * 3 + 3),
    }
    assert {layer.name: (layer.flops, layer.num_params) for layer in network.layers} == by_hand
    assert network.flops == 1728 + 6912 + 480 + 30
    assert network.num_params == 20 + 76 + 245 + 18


def test_memory_is_weights_four_times_and_every_output_twice_an_image() -> None:
    network = plan(SMALL, (8, 6, 1), 3)

    weights = 4 * (20 + 76 + 245 + 18)
    outputs = 48 + 8 * 6 * 2 + 8 * 6 * 4 + 48 + 48 + 5 + 3  # image, two convolutions, pooling, flat, dense, last
    assert network.memory_bytes(1) == 4 * (weights + 2 * outputs)
    assert network.memory_bytes(32) == 4 * (weights + 32 * 2 * outputs)
    assert network.memory_bytes(32, bytes_per_value=2) * 2 == network.memory_bytes(32)


@pytest.mark.parametrize(
    ("given", "shape", "message"),
    [
        pytest.param(
            {"depth": 3, "kernel_size": 5, "padding": "valid", "pool_every": 1},
            (12, 12, 1),
            r"^A network of depth 3 shrinks images of 12x12 below 1x1: convolution 2 \(kernel 5x5, valid padding\) "
            r"on a map of 4x4\. The deepest legal depth with these settings is 1\.  Try: arch\.depth=1, or "
            r"arch\.padding=same$",
            id="a kernel larger than its map",
        ),
        pytest.param(
            {"depth": 12},
            IMAGE,
            r"the pooling after convolution 10 \(2x2, valid padding\) on a map of 1x1\. The deepest legal depth with "
            r"these settings is 9\.  Try: arch\.depth=9, or arch\.pool_padding=same$",
            id="a pooling larger than its map",
        ),
        pytest.param(
            {"depth": 3, "kernel_size": 9, "padding": "valid"},
            (8, 40, 1),
            r"images of 8x40 .*convolution 1 .* on a map of 8x40\. With these settings no depth is legal\.  "
            r"Try: arch\.padding=same$",
            id="the first kernel, and one side alone",
        ),
        pytest.param(
            {"depth": 2, "kernel_size": 9, "padding": "valid", "pool_size": 30, "pool_every": 1},
            IMAGE,
            r"no depth is legal\.  Try: arch\.padding=same arch\.pool_padding=same$",
            id="one padding alone would not do",
        ),
        pytest.param(
            {"depth": 3, "kernel_size": 9, "filters": [48, 64, 50], "padding": "valid", "pool_size": [1, 2, 2]},
            IMAGE,
            r"is 2\.  Try: arch\.depth=2 arch\.filters=\[48,64\] arch\.pool_size=\[1,2\], or arch\.padding=same$",
            id="lists are cut along",
        ),
    ],
)
def test_an_impossible_network_is_refused_with_its_layer_and_the_deepest_legal_depth(
    given: dict[str, Any], shape: tuple[int, int, int], message: str
) -> None:
    with pytest.raises(ArchitectureError, match=message):
        plan(CnnConfig(**given), shape, 10)


IMPOSSIBLE = [
    pytest.param({"depth": 12}, IMAGE, id="defaults, too deep"),
    pytest.param({"depth": 40, "padding": "valid"}, IMAGE, id="valid padding"),
    pytest.param({"depth": 40, "padding": "valid", "pool_every": 50}, IMAGE, id="valid padding without pooling"),
    pytest.param({"depth": 9, "kernel_size": 6, "padding": "valid", "pool_padding": "same"}, IMAGE, id="pools of same"),
    pytest.param({"depth": 6, "pool_every": 1}, IMAGE, id="a pooling after each"),
    pytest.param({"depth": 6, "pool_size": 3, "pool_every": 1}, (28, 9, 3), id="the shorter side decides"),
    pytest.param({"depth": 6, "pool_size": 3, "pool_every": 1}, (9, 28, 3), id="the shorter side, turned"),
    pytest.param({"depth": 4, "padding": "valid", "kernel_size": [3, 20, 5, 5]}, IMAGE, id="a large kernel within"),
    pytest.param({"depth": 4, "pool_size": [2, 2, 2, 7]}, IMAGE, id="a large pooling at the end"),
    pytest.param(
        {
            "depth": 4,
            "padding": "valid",
            "pool_size": [1, 9, 1, 9],
            "filters": [1, 2, 3, 4],
            "dropout": [0, 0.5, 0, 0.5],
        },
        IMAGE,
        id="lists, and both paddings in the way",
    ),
    pytest.param({"depth": 2, "padding": "valid", "kernel_size": 29}, IMAGE, id="no depth, by the kernel"),
    pytest.param({"depth": 2, "pool_size": 29, "pool_every": 1}, IMAGE, id="no depth, by the pooling"),
    pytest.param({"depth": 3, "padding": "valid", "kernel_size": 3}, (1, 1, 1), id="images of one pixel"),
]


def _is_legal(config: CnnConfig, shape: tuple[int, int, int]) -> bool:
    try:
        plan(config, shape, 10)
    except ArchitectureError:
        return False
    return True


def _refusal(config: CnnConfig, shape: tuple[int, int, int]) -> str:
    with pytest.raises(ArchitectureError, match="below 1x1") as info:
        plan(config, shape, 10)
    return str(info.value)


@pytest.mark.parametrize(("given", "shape"), IMPOSSIBLE)
def test_the_deepest_legal_depth_is_legal_and_one_more_is_not(
    given: dict[str, Any], shape: tuple[int, int, int]
) -> None:
    config = CnnConfig(**given)
    text = _refusal(config, shape)

    named = re.search(r"deepest legal depth with these settings is (\d+)\.", text)
    deepest = int(named.group(1)) if named else 0
    assert named or "With these settings no depth is legal." in text
    assert [_is_legal(config.with_depth(depth), shape) for depth in range(1, config.depth + 1)] == [
        depth <= deepest for depth in range(1, config.depth + 1)
    ]


@pytest.mark.parametrize(("given", "shape"), IMPOSSIBLE)
def test_whatever_a_refusal_says_to_type_is_accepted(given: dict[str, Any], shape: tuple[int, int, int]) -> None:
    config = CnnConfig(**given)

    for words in _refusal(config, shape).split("Try: ")[1].split(", or "):
        pairs = (word.removeprefix("arch.").split("=") for word in words.split())
        typed = {key: yaml.safe_load(value) for key, value in pairs}
        assert _is_legal(dataclasses.replace(config, **typed), shape), words


def test_a_depth_of_a_thousand_is_refused_at_once() -> None:
    started = time.monotonic()
    _refusal(CnnConfig(depth=1000), IMAGE)

    assert time.monotonic() - started < 1


def test_with_same_padding_throughout_any_depth_is_legal() -> None:
    config = CnnConfig(depth=40, kernel_size=50, pool_size=3, pool_every=1, pool_padding="same")

    assert plan(config, IMAGE, 10).layers[-4].output_shape == (1 * 1 * 32,)
