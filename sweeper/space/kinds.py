"""The type that each key of a network or an optimizer takes, and values cast to it.

`0` and `0.0` are then one value, Keras gets the float that it asks for, and a number from a variable of the
environment, which is text, becomes a number. OmegaConf does the same for the keys that the schema types.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any

from sweeper.config import keras_optimizers
from sweeper.core.errors import ArchitectureError, TargetError
from sweeper.core.targets import load
from sweeper.host.process import stderr_aside
from sweeper.models.builder import resolve_builder
from sweeper.models.networks import config_class, is_builtin

_SCALARS = (bool, int, float, str)
_WHOLE = re.compile(r"[-+]?\d+")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


def cast_node(top: str, node: Any) -> Any:
    """A top node of a configuration with values of open keys cast to what the keys take; others stay."""
    if not isinstance(node, Mapping):
        return node
    if top in ("arch", "optimizer"):
        known = kinds(top, node)
        return {key: cast(value, known.get(key)) for key, value in node.items()}
    if top == "data" and isinstance(node.get("validation"), str):  # a number, or "test"
        kind = int if _WHOLE.fullmatch(node["validation"]) else float
        return {**node, "validation": cast(node["validation"], kind)}
    if top == "training" and isinstance(node.get("threads"), str):  # a number, or "auto"
        node = {**node, "threads": cast(node["threads"], int)}
    if top == "training" and isinstance(node.get("class_weight"), Mapping):
        # a class's number is a text in every stored configuration
        named = {str(key): cast(value, float) for key, value in node["class_weight"].items()}
        node = {**node, "class_weight": named}
    return node


def kinds(node: str, values: Mapping[str, Any]) -> Mapping[str, type]:
    """The types of the keys under `arch` or `optimizer`; without those that are not known.

    Args:
        node: `arch` or `optimizer`.
        values: what is under it.
    """
    target = values.get("_target_")
    if not isinstance(target, str):
        return {}
    if node == "arch" and is_builtin(values):
        return {field.name: type(field.default) for field in dataclasses.fields(config_class(values))}
    package, _, name = target.rpartition(".")
    if package == keras_optimizers.PACKAGE:
        return keras_optimizers.kinds(name) if name in keras_optimizers.classes() else {}
    return _argument_kinds(target, node)


def is_custom(node: str, values: Mapping[str, Any]) -> bool:
    """Whether the arguments are those of a user's own function or class."""
    target = str(values.get("_target_"))
    return not (is_builtin(values) if node == "arch" else target.startswith("keras."))


@functools.cache
def builder(target: str) -> Callable[..., Any]:
    """Imports a custom builder, once for all configurations; its module may import TensorFlow, which prints to stderr.

    Raises:
        ArchitectureError: it cannot be imported.
    """
    with stderr_aside():
        return resolve_builder(target)


@functools.cache
def _argument_kinds(target: str, node: str) -> Mapping[str, type]:
    try:
        function = builder(target) if node == "arch" else _optimizer(target)
        parameters = inspect.signature(function).parameters
        hints = typing.get_type_hints(function.__init__ if inspect.isclass(function) else function)
    except (ArchitectureError, TargetError, TypeError, ValueError, NameError):
        return {}  # the checks before training say why it cannot be used
    found = {name: _kind(hints.get(name), parameter.default) for name, parameter in parameters.items()}
    return {name: kind for name, kind in found.items() if kind is not None}


def _optimizer(target: str) -> Any:
    with stderr_aside():
        return load(target, "class")


def _kind(hint: Any, default: Any) -> type | None:
    """The type of an argument by its annotation, else by its default value."""
    named = {kind for kind in _leaves(hint) if kind in _SCALARS}
    if hint is not None:
        return next(iter(named)) if len(named) == 1 else None
    entry = default[0] if isinstance(default, list | tuple) and default else default
    return type(entry) if isinstance(entry, _SCALARS) else None


def _leaves(hint: Any) -> list[Any]:
    """The types in `int | list[int] | None`."""
    inner = typing.get_args(hint)
    return [leaf for one in inner for leaf in _leaves(one)] if inner else [hint]


def cast(value: Any, kind: type | None) -> Any:
    """A value as its key's type, where nothing is lost; the entries of a list likewise. Anything else stays.

    Example:
        >>> cast(0, float), cast("3", int), cast([1, 2.5], float), cast(2.5, int)
        (0.0, 3, [1.0, 2.5], 2.5)
    """
    if isinstance(value, list):
        return [cast(entry, kind) for entry in value]
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return float(value)
    if isinstance(value, str):
        if kind is float and _NUMBER.fullmatch(value):
            return float(value)
        if kind is int and _WHOLE.fullmatch(value):
            return int(value)
        if kind is bool and value.lower() in ("true", "false"):
            return value.lower() == "true"
    return value
