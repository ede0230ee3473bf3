"""The arithmetic of a network's shapes, parameters and operations, before anything trains. Imports no Keras."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

from sweeper.core.errors import ArchitectureError
from sweeper.models.config import CnnConfig, ConvLayer

Shape = tuple[int, ...]


@dataclass(frozen=True)
class LayerPlan:
    """One layer: its Keras name, output shape without the batch, parameters, and operations for one image."""

    name: str
    output_shape: Shape
    num_params: int = 0
    num_trainable: int = 0
    flops: int = 0


@dataclass(frozen=True)
class NetworkPlan:
    """A whole network.

    Attributes:
        layers: in order, from the first convolution to the probabilities.
        input_shape: (height, width, channels).
    """

    layers: tuple[LayerPlan, ...]
    input_shape: tuple[int, int, int]

    @property
    def num_params(self) -> int:
        return sum(layer.num_params for layer in self.layers)

    @property
    def num_trainable(self) -> int:
        return sum(layer.num_trainable for layer in self.layers)

    @property
    def flops(self) -> int:
        """Floating-point operations of one image forward.

        A multiplication with its addition counts as two; convolutions and dense layers alone are counted, since
        the rest is below 1 % (the convention of most profilers).
        """
        return sum(layer.flops for layer in self.layers)

    def memory_bytes(self, batch_size: int, bytes_per_value: int = 4) -> int:
        """An estimate of the memory of a training step, without TensorFlow's own half gigabyte.

        Weights, gradients and two slots of the optimizer, and each layer's output forward and backward.
        """
        values = math.prod(self.input_shape) + sum(math.prod(layer.output_shape) for layer in self.layers)
        return bytes_per_value * (4 * self.num_params + 2 * batch_size * values)


def plan(config: CnnConfig, input_shape: tuple[int, int, int], num_classes: int) -> NetworkPlan:
    """Computes every layer of a network.

    Args:
        config: the architecture.
        input_shape: (height, width, channels) of one image.
        num_classes: units of the last layer.

    Raises:
        ArchitectureError: a map would shrink below 1x1; names the layer and the deepest legal depth.
    """
    try:
        return NetworkPlan(tuple(_layers(config, input_shape, num_classes)), input_shape)
    except _TooSmall as error:
        raise ArchitectureError(_refusal(config, input_shape, error)) from None


class _TooSmall(Exception):
    """A window that is larger than its map; its text names both. It belongs to convolution `number`, from 1."""

    def __init__(self, text: str, number: int) -> None:
        super().__init__(text)
        self.number = number


def _layers(config: CnnConfig, input_shape: tuple[int, int, int], num_classes: int) -> Iterator[LayerPlan]:
    shape: Shape = input_shape
    for number, layer in enumerate(config.layers(), start=1):
        for planned in _convolution(config, layer, number, shape):
            yield planned
            shape = planned.output_shape
    units = math.prod(shape) if config.final_pooling == "flatten" else shape[2]
    if config.final_pooling == "global_average_max":
        units = 2 * shape[2]
    yield LayerPlan("flatten" if config.final_pooling == "flatten" else "global_pool", (units,))
    for number, hidden in enumerate(config.hidden_units(), start=1):
        yield _dense(f"dense{number}", units, hidden)
        if config.dense_dropout:
            yield LayerPlan(f"dense{number}_dropout", (hidden,))
        units = hidden
    yield _dense("probabilities", units, num_classes)


def _convolution(config: CnnConfig, layer: ConvLayer, number: int, shape: Shape) -> Iterator[LayerPlan]:
    height, width, channels = shape
    kernel = layer.kernel_size
    what = f"convolution {number} (kernel {kernel}x{kernel}, {layer.padding} padding)"
    height, width = (_convolved(side, kernel, layer.strides, layer.padding) for side in (height, width))
    shape = _checked((height, width, layer.filters), what, shape, number)
    weights = kernel * kernel * channels * layer.filters
    params = weights + layer.filters
    yield LayerPlan(f"conv{number}", shape, params, params, 2 * weights * height * width)
    if layer.batch_norm:  # scale and offset are trained; mean and variance are counted along
        yield LayerPlan(f"conv{number}_bn", shape, 4 * layer.filters, 2 * layer.filters)
    if layer.squeezed:
        yield _squeeze_excite(f"conv{number}_se", shape, layer.squeezed)
    if layer.pool_size > 1:
        size = layer.pool_size
        what = f"the pooling after convolution {number} ({size}x{size}, {config.pool_padding} padding)"
        height, width = (_pooled(side, size, config.pool_padding) for side in (height, width))
        shape = _checked((height, width, layer.filters), what, shape, number)
        yield LayerPlan(f"pool{number}", shape)
    if layer.dropout:
        yield LayerPlan(f"dropout{number}", shape)


def _convolved(side: int, kernel: int, strides: int, padding: str) -> int:
    return math.ceil((side if padding == "same" else side - kernel + 1) / strides)


def _pooled(side: int, size: int, padding: str) -> int:
    return math.ceil(side / size) if padding == "same" else side // size


def _checked(after: Shape, what: str, before: Shape, number: int) -> Shape:
    if min(after) < 1:
        raise _TooSmall(f"{what} on a map of {before[0]}x{before[1]}", number)
    return after


def _dense(name: str, inputs: int, units: int) -> LayerPlan:
    params = inputs * units + units
    return LayerPlan(name, (units,), params, params, 2 * inputs * units)


def _squeeze_excite(name: str, shape: Shape, squeezed: int) -> LayerPlan:
    channels = shape[2]
    squeeze, excite = _dense("", channels, squeezed), _dense("", squeezed, channels)
    params = squeeze.num_params + excite.num_params
    return LayerPlan(name, shape, params, params, squeeze.flops + excite.flops)


def _refusal(config: CnnConfig, input_shape: tuple[int, int, int], error: _TooSmall) -> str:
    deepest = error.number - 1  # the layers before the convolution that fails are a legal network
    size = "x".join(map(str, input_shape[:2]))
    given = f"A network of depth {config.depth} shrinks images of {size} below 1x1: {error}."
    padded = _typed(config, _padded(config, input_shape))
    if deepest == 0:
        return f"{given} With these settings no depth is legal.  Try: {padded}"
    shorter = _typed(config, config.with_depth(deepest))
    return f"{given} The deepest legal depth with these settings is {deepest}.  Try: {shorter}, or {padded}"


def _padded(config: CnnConfig, input_shape: tuple[int, int, int]) -> CnnConfig:
    """The same settings with as much *same* padding as the input needs; with both nothing shrinks below 1x1."""
    both = dataclasses.replace(config, padding="same", pool_padding="same")
    alone = (
        dataclasses.replace(both, pool_padding=config.pool_padding),
        dataclasses.replace(both, padding=config.padding),
    )
    return next((one for one in alone if _is_legal(one, input_shape)), both)


def _is_legal(config: CnnConfig, input_shape: tuple[int, int, int]) -> bool:
    try:
        return bool(list(_layers(config, input_shape, num_classes=2)))
    except _TooSmall:
        return False


def _typed(old: CnnConfig, new: CnnConfig) -> str:
    """The overrides that turn one configuration into the other."""
    pairs = ((field.name, getattr(new, field.name)) for field in dataclasses.fields(new))
    return " ".join(f"arch.{key}={value}".replace(" ", "") for key, value in pairs if value != getattr(old, key))
