"""What is counted in a network against the arithmetic of the built-in ones, and against sums done by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.models import counting, networks
from sweeper.models.builder import build_network

pytestmark = pytest.mark.usefixtures("keras_runtime")


@pytest.mark.parametrize(
    "arch",
    [
        {"_target_": networks.CNN, "depth": 3, "filters": 4, "strides": 2, "batch_norm": True},
        {"_target_": networks.CNN, "depth": 2, "filters": 4, "padding": "valid", "final_pooling": "global_max"},
        {"_target_": networks.RESNET, "stages": 2, "width": 4},
        {"_target_": networks.RESNET, "stages": 2, "width": 4, "bottleneck": True, "stem": "large"},
    ],
    ids=["cnn", "cnn with other settings", "resnet", "resnet with bottlenecks"],
)
def test_a_built_in_network_has_what_its_arithmetic_says(arch: dict[str, Any]) -> None:
    planned, counted = (
        networks.plan(arch, (12, 10, 3), 4),
        counting.count(build_network(arch, (12, 10, 3), 4), (12, 10, 3)),
    )

    assert counted.flops == planned.flops
    assert counted.num_params == planned.num_params
    assert counted.num_trainable == planned.num_trainable
    assert counted.memory_bytes(8) == planned.memory_bytes(8)


def test_squeeze_and_excitation_counts_as_its_two_dense_layers() -> None:
    arch = {"_target_": networks.CNN, "depth": 2, "filters": 8, "squeeze_excite": [4, 0], "dense_units": 0}
    arch["final_pooling"] = "global_average_max"
    planned, counted = (
        networks.plan(arch, (12, 10, 3), 4),
        counting.count(build_network(arch, (12, 10, 3), 4), (12, 10, 3)),
    )

    assert planned is not None
    se = next(layer for layer in planned.layers if layer.name == "conv1_se")
    assert (se.num_params, se.flops) == (8 * 2 + 2 + 2 * 8 + 8, 2 * (8 * 2 + 2 * 8))  # by hand: 8 -> 2 -> 8
    assert planned.layers[-1].num_params == (2 * 8 + 1) * 4
    assert (counted.flops, counted.num_params) == (planned.flops, planned.num_params)


def _depthwise(layers: Any) -> Any:
    return layers.DepthwiseConv2D(3, depth_multiplier=2)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        pytest.param(_depthwise, 2 * 9 * 6 * 4 * 6, id="depthwise"),  # each of 6x4 places of 6 channels
        pytest.param(lambda layers: layers.Conv2D(6, 3, groups=3), 2 * 9 * 1 * 6 * 4 * 6, id="grouped"),
        pytest.param(lambda layers: layers.Conv2DTranspose(5, 3, strides=2), 2 * 9 * 5 * 8 * 6 * 3, id="transposed"),
        pytest.param(lambda layers: layers.SeparableConv2D(5, 3), 2 * (9 * 24 * 3 + 24 * 3 * 5), id="separable"),
        pytest.param(lambda layers: layers.Dense(7), 2 * 48 * 3 * 7, id="dense on each pixel"),
        pytest.param(lambda layers: layers.MaxPooling2D(2), 0, id="pooling"),
    ],
)
def test_the_operations_of_a_layer(layer: Callable[[Any], Any], expected: int) -> None:
    import keras

    model = keras.Sequential([keras.Input((8, 6, 3)), layer(keras.layers)])

    assert counting.flops(model, (8, 6, 3)) == expected


def test_attention_is_counted() -> None:
    import keras

    image = keras.Input((4, 4, 6))
    tokens = keras.layers.Reshape((16, 6))(image)
    model = keras.Model(image, keras.layers.MultiHeadAttention(2, 5)(tokens, tokens))
    projections = 4 * 16 * 6 * 10  # queries, keys, values, output: two heads of five

    assert counting.flops(model, (4, 4, 6)) == 2 * (projections + 2 * 16 * 16 * 10)


def test_a_loop_cannot_be_counted() -> None:
    import keras

    model = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Reshape((16, 2)), keras.layers.GRU(3)])

    with pytest.raises(ValueError, match="it has loops"):
        counting.flops(model, (4, 4, 2))


def test_it_answers_by_the_line_whatever_a_builder_prints(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(
        "import keras\n"
        "def build(input_shape, num_classes, width):\n"
        "    print('hello')\n"
        "    if width == 0: raise RuntimeError('no width')\n"
        "    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(),\n"
        "                             keras.layers.Dense(width), keras.layers.Dense(num_classes, 'softmax')])\n"
    )
    requests = [
        {"arch": {"_target_": "nets.build", "width": width}, "input_shape": [4, 4, 1], "num_classes": 3}
        for width in (5, 0)
    ]
    done = subprocess.run(
        [sys.executable, "-m", "sweeper.models.counting"],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])},
        check=True,
    )
    first, second = map(json.loads, done.stdout.splitlines())

    assert sum(layer["num_params"] for layer in first["layers"]) == 17 * 5 + 6 * 3
    assert sum(layer["flops"] for layer in first["layers"]) == 2 * (16 * 5 + 5 * 3)
    assert second == {"error": "RuntimeError: no width"}
