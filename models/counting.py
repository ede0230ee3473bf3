"""Parameters and operations of a network that only Keras knows, counted from the network itself.

    python -m sweeper.models.counting < request.json     # one line of JSON for each network that is asked for

It runs in a separate process, since a custom builder may take long, print, or end the process
(`sweeper.preflight.count` starts it).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import sys
from collections.abc import Iterator
from typing import Any

from sweeper.models.shapes import LayerPlan, NetworkPlan

#: Operations with a multiplication for each entry of a kernel or matrix; the rest of a network is below 1 %.
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D")
_CALLS, _LOOPS = ("PartitionedCall", "StatefulPartitionedCall"), ("While", "StatelessWhile")


def count(model: Any, input_shape: tuple[int, int, int]) -> NetworkPlan:
    """The layers of a Keras model with their parameters; the operations of all of them are given once, at the end.

    Raises:
        ValueError: the network has loops, whose rounds are not known before it runs.
    """
    import keras

    layers = [
        LayerPlan(
            layer.name,
            _size(layer),
            layer.count_params(),
            sum(math.prod(weight.shape) for weight in layer.trainable_variables),
        )
        for layer in _leaves(model)
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    return NetworkPlan((*layers, LayerPlan("operations", (0,), flops=flops(model, input_shape))), input_shape)


def _leaves(model: Any) -> Iterator[Any]:
    """The layers of a model, and of the models in it, in order."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        else:
            yield layer


def _size(layer: Any) -> tuple[int, ...]:
    """The shape of a layer's output for one image; nothing where Keras does not know it."""
    outputs = getattr(layer, "output", None)
    shapes = [tuple(one.shape[1:]) for one in (outputs if isinstance(outputs, list) else [outputs]) if one is not None]
    return (sum(math.prod(size or 1 for size in shape) for shape in shapes),)


def flops(model: Any, input_shape: tuple[int, int, int]) -> int:
    """Floating-point operations of one image forward, of convolutions and products of matrices (`NetworkPlan.flops`).

    They are counted in TensorFlow's graph of the model, so those of custom layers are counted too.

    Raises:
        ValueError: the network has loops, whose rounds are not known before it runs.
    """
    import tensorflow as tf

    image = tf.TensorSpec((1, *input_shape), tf.float32)
    traced = tf.function(lambda x: model(x, training=False), autograph=False).get_concrete_function(image)
    nodes = list(_nodes(traced.graph))
    if any(node.type in _LOOPS for node in nodes):
        raise ValueError("it has loops, whose rounds are not known")
    return sum(_operations(node) for node in nodes)


def _nodes(graph: Any) -> Iterator[Any]:
    """The operations of a graph, and of the functions that it calls (Keras compiles a grouped convolution as one)."""
    for node in graph.get_operations():
        yield node
        if node.type in _CALLS:
            yield from _nodes(graph._functions[node.get_attr("f").name].graph)  # no public way


def _operations(node: Any) -> int:
    """Two for each multiplication with its addition."""
    if node.type in _CONVOLUTIONS:  # kernel: (height, width, inputs, outputs)
        return 2 * int(math.prod(node.inputs[1].shape[:-1]) * math.prod(node.outputs[0].shape))
    if node.type == "DepthwiseConv2dNative":  # kernel: (height, width, inputs, multiplier)
        return 2 * int(math.prod(node.inputs[1].shape[:-2]) * math.prod(node.outputs[0].shape))
    if node.type == "Conv2DBackpropInput":  # a transposed convolution; kernel: (height, width, outputs, inputs)
        return 2 * int(math.prod(node.inputs[1].shape[:-1]) * math.prod(node.inputs[2].shape))
    if node.type in ("MatMul", "BatchMatMulV2"):
        transposed = node.get_attr("transpose_a" if node.type == "MatMul" else "adj_x")
        return 2 * int(node.inputs[0].shape[-2 if transposed else -1] * math.prod(node.outputs[0].shape))
    if node.type == "Einsum":
        terms = node.get_attr("equation").decode().partition("->")[0].split(",")
        sizes = {label: size for term, one in zip(terms, node.inputs, strict=True)
                 for label, size in zip(term, one.shape, strict=True)}  # fmt: skip
        return 2 * int(math.prod(sizes.values()))
    return 0


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    import keras

    from sweeper.models.builder import build_network

    keras.backend.clear_session()
    shape = tuple(request["input_shape"])
    try:
        return dataclasses.asdict(count(build_network(request["arch"], shape, request["num_classes"]), shape))
    except Exception as error:  # noqa: BLE001  a custom builder may raise anything; the plan says it
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}


def main() -> None:
    """Reads a list of requests from standard input, and writes a line of JSON for each."""
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # what a builder prints
        for request in json.load(sys.stdin):
            print(json.dumps(_answer(request)), file=out, flush=True)


if __name__ == "__main__":
    main()
