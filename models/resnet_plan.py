"""The configuration of `arch=resnet` and the arithmetic of its shapes, before anything trains. Imports no Keras.

He, Zhang, Ren and Sun 2016, "Deep Residual Learning for Image Recognition", sections 3.3, 4.1 and 4.2. Where a block
halves the map, a bottleneck does so in its 3x3 convolution, as most later implementations do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.core.errors import ArchitectureError, ArchitectureValueError
from sweeper.models.checks import ACTIVATIONS, entries, entry_of, fault, from_keys, is_count, is_rate, one_of
from sweeper.models.shapes import LayerPlan, NetworkPlan, Shape

STEMS = ("auto", "small", "large")

#: The smaller side of an image, in pixels, from which `stem=auto` is the large one.
LARGE_FROM = 96

#: Output channels of a bottleneck block for each of its width (He and others 2016, figure 5).
EXPANSION = 4

_MAX_STAGES, _MAX_BLOCKS = 10, 1000


@dataclass(frozen=True)
class Block:
    """One residual block.

    Attributes:
        name: `stage2_block1`, both from 1.
        width: channels of its convolutions; a bottleneck's output has four times as many.
        strides: 2 where it halves the map.
        projects: whether its shortcut is a 1x1 convolution, since its input has another shape than its output.
    """

    name: str
    width: int
    strides: int
    projects: bool


@dataclass(frozen=True)
class ResNetConfig:
    """A residual network: a stem, stages of blocks, global average pooling, probabilities.

    Attributes:
        stages: number of stages, 1 to 10; each but the first halves the map.
        blocks: residual blocks in each stage, one number or a list with one for each.
        width: channels of the first stage, which each further one doubles; or a list with one for each stage.
        bottleneck: blocks of 1x1, 3x3 and 1x1 convolutions instead of two 3x3; their outputs have four times as many
            channels.
        stem: `small`, a 3x3 convolution, for images like CIFAR's; `large`, a 7x7 one and a pooling, which together
            quarter the map, as for ImageNet; `auto`, by the image.
        activation: after each convolution's batch normalisation, and after each sum.
        dropout: rate before the last layer, from 0 up to, but not, 1.

    Raises:
        ArchitectureValueError: values out of range, all at once.
        ArchitectureError: nothing but lists of the wrong length.
    """

    stages: int = 3
    blocks: Any = 2
    width: Any = 16
    bottleneck: bool = False
    stem: str = "auto"
    activation: str = "relu"
    dropout: float = 0.0

    @classmethod
    def from_mapping(cls, node: Mapping[str, Any]) -> ResNetConfig:
        """Builds it from the keys of an `arch` node (`_target_` is left out).

        Raises:
            ArchitectureError: an unknown key, or a value that is not accepted.
        """
        return from_keys(cls, node, "resnet", "arch.stages=3")

    def __post_init__(self) -> None:
        accepted = f"a whole number from 1 to {_MAX_STAGES}"
        if wrong := fault("stages", self.stages, is_count(self.stages) and self.stages <= _MAX_STAGES, accepted, "3"):
            raise ArchitectureValueError(" ".join(wrong))
        misfits = [
            f"arch.{key} has {entries(value)} for arch.stages={self.stages}: give one value, or {self.stages} of "
            f"them.  Try: arch.{key}=[{','.join([typed] * self.stages)}]"
            for key, value, typed in (("blocks", self.blocks, "2"), ("width", self.width, "16"))
            if isinstance(value, list | tuple) and len(value) != self.stages
        ]
        faults = [
            *self._counts("blocks", self.blocks, _MAX_BLOCKS, "2"),
            *self._counts("width", self.width, math.inf, "16"),
            *fault("bottleneck", self.bottleneck, isinstance(self.bottleneck, bool), "true or false", "true"),
            *one_of("stem", self.stem, STEMS),
            *one_of("activation", self.activation, ACTIVATIONS),
            *fault("dropout", self.dropout, is_rate(self.dropout), "a rate from 0 to below 1", "0.25"),
        ]
        if faults or misfits:
            raise (ArchitectureValueError if faults else ArchitectureError)(" ".join([*faults, *misfits]))

    @staticmethod
    def _counts(key: str, value: Any, most: float, typed: str) -> list[str]:
        given = value if isinstance(value, list | tuple) else [value]
        accepted = "a whole number from 1" + (f" to {most:g}" if math.isfinite(most) else "")
        ok = all(is_count(entry) and entry <= most for entry in given)
        return fault(key, value, ok, f"{accepted}, or a list with one for each stage", typed)

    def has_large_stem(self, input_shape: tuple[int, int, int]) -> bool:
        """Whether the network begins with a 7x7 convolution and a pooling."""
        return self.stem == "large" or (self.stem == "auto" and min(input_shape[:2]) >= LARGE_FROM)

    @property
    def stem_width(self) -> int:
        """Channels of the first convolution."""
        return int(entry_of(self.width, 0))

    def block_list(self) -> Iterator[Block]:
        """Yields the blocks in order."""
        channels = self.stem_width
        for stage in range(self.stages):
            width = self.width[stage] if isinstance(self.width, list | tuple) else self.width * 2**stage
            after = width * (EXPANSION if self.bottleneck else 1)
            for number in range(entry_of(self.blocks, stage)):
                strides = 2 if stage > 0 and number == 0 else 1
                yield Block(f"stage{stage + 1}_block{number + 1}", width, strides, strides > 1 or channels != after)
                channels = after


def plan(config: ResNetConfig, input_shape: tuple[int, int, int], num_classes: int) -> NetworkPlan:
    """Computes every layer of a network.

    Args:
        config: the architecture.
        input_shape: (height, width, channels) of one image.
        num_classes: units of the last layer.
    """
    return NetworkPlan(tuple(_layers(config, input_shape, num_classes)), input_shape)


def _layers(config: ResNetConfig, input_shape: tuple[int, int, int], num_classes: int) -> Iterator[LayerPlan]:
    large = config.has_large_stem(input_shape)
    shape: Shape = input_shape
    for layer in _convolution("stem", shape, config.stem_width, 7 if large else 3, 2 if large else 1):
        yield layer
        shape = layer.output_shape
    if large:
        shape = (-(-shape[0] // 2), -(-shape[1] // 2), shape[2])
        yield LayerPlan("stem_pool", shape)
    for block in config.block_list():
        for layer in _block(config, block, shape):
            yield layer
        shape = layer.output_shape
    yield LayerPlan("global_pool", (shape[2],))
    if config.dropout:
        yield LayerPlan("dropout", (shape[2],))
    params = (shape[2] + 1) * num_classes
    yield LayerPlan("probabilities", (num_classes,), params, params, 2 * shape[2] * num_classes)


def _block(config: ResNetConfig, block: Block, shape: Shape) -> Iterator[LayerPlan]:
    """The layers of one block; the shortcut comes before the last sum."""
    inner = shape
    for place, (filters, kernel, strides) in enumerate(convolutions(config, block), start=1):
        is_last = place == (3 if config.bottleneck else 2)
        for layer in _convolution(f"{block.name}_conv{place}", inner, filters, kernel, strides, activated=not is_last):
            yield layer
            inner = layer.output_shape
    if block.projects:
        yield from _convolution(f"{block.name}_shortcut", shape, inner[2], 1, block.strides, activated=False)
    yield LayerPlan(f"{block.name}_sum", inner)
    yield LayerPlan(f"{block.name}_out", inner)


def convolutions(config: ResNetConfig, block: Block) -> list[tuple[int, int, int]]:
    """Filters, kernel size and strides of a block's convolutions, in order."""
    if config.bottleneck:
        return [(block.width, 1, 1), (block.width, 3, block.strides), (block.width * EXPANSION, 1, 1)]
    return [(block.width, 3, block.strides), (block.width, 3, 1)]


def _convolution(
    name: str, shape: Shape, filters: int, kernel: int, strides: int, *, activated: bool = True
) -> Iterator[LayerPlan]:
    """A convolution without bias, its batch normalisation, which has one, and its activation."""
    height, width, channels = -(-shape[0] // strides), -(-shape[1] // strides), shape[2]
    after = (height, width, filters)
    weights = kernel * kernel * channels * filters
    yield LayerPlan(name, after, weights, weights, 2 * weights * height * width)
    yield LayerPlan(f"{name}_bn", after, 4 * filters, 2 * filters)
    if activated:
        yield LayerPlan(f"{name}_act", after)
