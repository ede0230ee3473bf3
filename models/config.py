"""The configuration of `arch=cnn`: its keys, ranges and per-layer lists. Imports neither Keras nor NumPy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.core.errors import ArchitectureError, ArchitectureValueError
from sweeper.models.checks import ACTIVATIONS, entries, entry_of, fault, from_keys, is_count, is_number, is_rate, one_of

PADDINGS = ("same", "valid")
POOLINGS = ("max", "average")
FINAL_POOLINGS = ("flatten", "global_average", "global_max", "global_average_max")

#: Convolutions in a row; without shortcuts between them far fewer can be trained.
MAX_DEPTH = 1000

#: Keys that take one value, or a list with one for each convolution.
PER_LAYER = ("kernel_size", "filters", "strides", "padding", "pool_size", "batch_norm", "dropout", "squeeze_excite")


@dataclass(frozen=True)
class ConvLayer:
    """One convolution with what follows it.

    Attributes:
        filters: output channels, at least 1.
        kernel_size: side of the square kernel, at least 1.
        batch_norm: whether batch normalisation follows the activation.
        pool_size: side of the pooling window (and its stride); 1 is no pooling.
        dropout: rate of the dropout at the end, 0 is none.
        strides: pixels from one place of the kernel to the next, at least 1.
        padding: `same` or `valid`.
        squeezed: units between a squeeze and its excitation, which follow the batch normalisation; 0 is none.
    """

    filters: int
    kernel_size: int
    batch_norm: bool
    pool_size: int
    dropout: float
    strides: int = 1
    padding: str = "same"
    squeezed: int = 0


@dataclass(frozen=True)
class CnnConfig:
    """A plain convolutional classifier; a list has one entry for each convolution.

    Attributes:
        depth: number of convolutions, 1 to 1,000.
        kernel_size: side of each square kernel, one number or a list.
        filters: output channels, one number or a list.
        strides: of the convolutions, one number or a list.
        padding: of the convolutions, `same` or `valid`, one value or a list.
        pooling: `max` or `average`.
        pool_size: one number: pools after every `pool_every`-th convolution; a list: after each, 1 is no pooling.
        pool_every: convolutions between two poolings, where `pool_size` is one number.
        pool_padding: of the poolings, `valid` or `same`.
        batch_norm: batch normalisation after each convolution, one value or a list.
        dropout: one rate: after each pooling; a list: after each convolution. From 0 up to, but not, 1.
        final_pooling: how the last maps become features: `flatten` takes all of their values, `global_average` and
            `global_max` one of each map, `global_average_max` both of these.
        dense_units: units of the hidden dense layer, or a list of several; 0 or [] is none.
        dense_dropout: rate after each hidden dense layer.
        activation: of the convolutions and the hidden dense layers.
        l2: factor of the L2 penalty on the kernels of convolutions and dense layers, which the training loss has; 0 is
            none.
        squeeze_excite: after each convolution each of its maps is multiplied by a factor between 0 and 1 that two dense
            layers compute from the averages of all maps; this is the reduction ratio r, the channels for each unit
            between the two (Hu and others 2018, https://arxiv.org/abs/1709.01507, section 3). One number or a list; 0
            is none.

    Raises:
        ArchitectureValueError: values out of range, and lists of the wrong length with them, all at once.
        ArchitectureError: nothing but lists of the wrong length.
    """

    depth: int = 3
    kernel_size: Any = 3
    filters: Any = 32
    padding: Any = "same"
    pooling: str = "max"
    pool_size: Any = 2
    pool_every: int = 2
    pool_padding: str = "valid"
    batch_norm: Any = False
    dropout: Any = 0.25
    dense_units: Any = 128
    dense_dropout: float = 0.5
    activation: str = "relu"
    l2: float = 0.0
    strides: Any = 1
    final_pooling: str = "flatten"
    squeeze_excite: Any = 0

    @classmethod
    def from_mapping(cls, node: Mapping[str, Any]) -> CnnConfig:
        """Builds it from the keys of an `arch` node (`_target_` is left out).

        Raises:
            ArchitectureError: an unknown key, or a value that is not accepted.
        """
        return from_keys(cls, node, "cnn", "arch.depth=3")

    def __post_init__(self) -> None:
        if faults := self._depth_faults():
            raise ArchitectureValueError(" ".join(faults))
        if faults := self._faults():
            only_misfits = len(faults) == sum(self._misfits(key) for key in PER_LAYER)
            raise (ArchitectureError if only_misfits else ArchitectureValueError)(" ".join(faults))

    def _depth_faults(self) -> list[str]:
        ok = is_count(self.depth) and self.depth <= MAX_DEPTH
        return fault("depth", self.depth, ok, f"a whole number from 1 to {MAX_DEPTH}", "3")

    def _faults(self) -> list[str]:
        faults = [
            *self._per_layer("kernel_size", is_count, "a whole number from 1", "3"),
            *self._per_layer("filters", is_count, "a whole number from 1", "32"),
            *self._per_layer("strides", is_count, "a whole number from 1", "2"),
            *self._per_layer("pool_size", is_count, "a whole number from 1 (1: no pooling)", "2"),
            *self._per_layer("batch_norm", lambda value: isinstance(value, bool), "true or false", "true"),
            *self._per_layer("dropout", is_rate, "a rate from 0 to below 1", "0.25"),
            *self._per_layer("squeeze_excite", _is_ratio, "a whole number from 1, or 0 for none", "16"),
            *fault("pool_every", self.pool_every, is_count(self.pool_every), "a whole number from 1", "2"),
            *fault("dense_dropout", self.dense_dropout, is_rate(self.dense_dropout), "a rate from 0 below 1", "0.5"),
            *fault("l2", self.l2, is_number(self.l2) and self.l2 >= 0, "a number from 0", "0.0001"),
            *self._padding_faults(),
            *one_of("pooling", self.pooling, POOLINGS),
            *one_of("pool_padding", self.pool_padding, PADDINGS),
            *one_of("final_pooling", self.final_pooling, FINAL_POOLINGS),
            *one_of("activation", self.activation, ACTIVATIONS),
        ]
        units = self.dense_units if isinstance(self.dense_units, list | tuple) else [self.dense_units]
        accepted = "a whole number from 1, a list of them, or 0 for none"
        units_ok = self.dense_units == 0 or all(is_count(value) for value in units)
        return [*faults, *fault("dense_units", self.dense_units, units_ok, accepted, "128")]

    def _padding_faults(self) -> list[str]:
        if isinstance(self.padding, list | tuple):
            return self._per_layer("padding", lambda value: value in PADDINGS, " or ".join(PADDINGS), "same")
        return one_of("padding", self.padding, PADDINGS)

    def _per_layer(self, key: str, accepts: Callable[[Any], bool], accepted: str, try_: str) -> list[str]:
        value = getattr(self, key)
        if not isinstance(value, list | tuple):
            return fault(key, value, accepts(value), f"{accepted}, or a list with one for each convolution", try_)
        if self._misfits(key):
            typed = ",".join([try_] * self.depth)
            return [
                f"arch.{key} has {entries(value)} for arch.depth={self.depth}: give one value, or "
                f"{self.depth} of them.  Try: arch.{key}=[{typed}]"
            ]
        wrong = [entry for entry in value if not accepts(entry)]
        return fault(key, list(value), not wrong, f"each entry {accepted}", try_)

    def _misfits(self, key: str) -> bool:
        """Whether a list has another length than the network is deep, which another depth would fix."""
        value = getattr(self, key)
        return isinstance(value, list | tuple) and len(value) != self.depth

    def layers(self) -> tuple[ConvLayer, ...]:
        """The convolutions in order, each with its own figures."""
        pools = self._pools()
        return tuple(
            ConvLayer(
                filters=entry_of(self.filters, index),
                kernel_size=entry_of(self.kernel_size, index),
                strides=entry_of(self.strides, index),
                padding=entry_of(self.padding, index),
                batch_norm=entry_of(self.batch_norm, index),
                pool_size=pools[index],
                dropout=self._dropout(index, pools[index]),
                squeezed=_squeezed(entry_of(self.filters, index), entry_of(self.squeeze_excite, index)),
            )
            for index in range(self.depth)
        )

    def _pools(self) -> list[int]:
        if isinstance(self.pool_size, list | tuple):
            return list(self.pool_size)
        return [self.pool_size if (index + 1) % self.pool_every == 0 else 1 for index in range(self.depth)]

    def _dropout(self, index: int, pool_size: int) -> float:
        if isinstance(self.dropout, list | tuple):
            return float(self.dropout[index])
        return float(self.dropout) if pool_size > 1 else 0.0

    def hidden_units(self) -> tuple[int, ...]:
        """Units of each hidden dense layer."""
        if isinstance(self.dense_units, list | tuple):
            return tuple(self.dense_units)
        return (self.dense_units,) if self.dense_units else ()

    def with_depth(self, depth: int) -> CnnConfig:
        """The same settings with another depth; lists are cut, or their last entry repeated."""
        lists = {key: _resized(getattr(self, key), depth) for key in PER_LAYER}
        return dataclasses.replace(self, depth=depth, **lists)


def _is_ratio(value: Any) -> bool:
    return is_count(value) or (value == 0 and not isinstance(value, bool))


def _squeezed(channels: int, ratio: int) -> int:
    return max(channels // ratio, 1) if ratio else 0


def _resized(value: Any, depth: int) -> Any:
    if not isinstance(value, list | tuple):
        return value
    return [value[min(index, len(value) - 1)] for index in range(depth)]
