"""What the keys of a network accept, in words and in code."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sized
from typing import Any, TypeVar

from sweeper.core.errors import ArchitectureError, as_typed, did_you_mean

ACTIVATIONS = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish", "mish", "tanh", "sigmoid", "softplus",
    "softsign", "hard_silu", "linear",
)  # fmt: skip


_Config = TypeVar("_Config")


def from_keys(kind: type[_Config], node: Mapping[str, Any], option: str, example: str) -> _Config:
    """Builds a network's configuration from the keys of an `arch` node (`_target_` is left out).

    Args:
        kind: its dataclass.
        node: the node.
        option: the network's name, as in `arch=cnn`.
        example: a key with a value that it takes, to be typed.

    Raises:
        ArchitectureError: an unknown key, or a value that is not accepted.
    """
    known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]  # a dataclass
    keys = {key: value for key, value in node.items() if key != "_target_"}
    if unknown := [key for key in keys if key not in known]:
        raise ArchitectureError(
            f"arch.{unknown[0]} is not a key of arch={option}. Accepted: {', '.join(known)}. "
            f"{did_you_mean(unknown[0], known)}  Try: {example}"
        )
    return kind(**keys)


def entries(value: Sized) -> str:
    """How many a list has: `1 entry`, `3 entries`."""
    return "1 entry" if len(value) == 1 else f"{len(value)} entries"


def entry_of(value: Any, index: int) -> Any:
    """The entry of a list; of one value for all, that value."""
    return value[index] if isinstance(value, list | tuple) else value


def is_count(value: Any) -> bool:
    """Whether it is a whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_number(value: Any) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_rate(value: Any) -> bool:
    """Whether it is a number from 0 up to, but not, 1."""
    return is_number(value) and 0 <= value < 1


def fault(key: str, value: Any, ok: bool, accepted: str, try_: str) -> list[str]:
    """What is wrong with a value of `arch.KEY`; nothing where it is accepted."""
    return [] if ok else [f"arch.{key}={as_typed(value)} is not accepted: {accepted}.  Try: arch.{key}={try_}"]


def one_of(key: str, value: Any, accepted: tuple[str, ...]) -> list[str]:
    """The same of a value that is one of several words."""
    if value in accepted:
        return []
    near = did_you_mean(str(value), accepted)
    one = next((name for name in accepted if f"'{name}'" in near), accepted[0])
    given = f"arch.{key}={as_typed(value)} is not accepted"
    return [f"{given}: one of {', '.join(accepted)}. {near}  Try: arch.{key}={one}"]
