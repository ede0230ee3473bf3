"""From an `arch` node to a Keras model: a built-in builder, or a custom one by `arch._target_`.

`models.cnn.build` is this project's network in every configuration, recorded ones included, also where a user has a
`models/cnn.py`. Every other name is looked up as Python does, so that a user's own `models` is theirs; where it has no
such module, a file that was added to this project's `models/` is taken.
"""

from __future__ import annotations

import importlib
import inspect
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from sweeper.core.errors import ArchitectureError, TargetError
from sweeper.core.targets import load
from sweeper.models.networks import CNN, is_builtin

_ACCEPTED = "Accepted: a function build(input_shape, num_classes, **keys) of an importable module, by its dotted path."


def other_file() -> Path | None:
    """A user's `models/cnn.py` on the import path, which `models.cnn.build` does not name."""
    own = Path(__file__).with_name("cnn.py")
    files = (Path(entry, "models", "cnn.py") for entry in sys.path)
    return next((file.resolve() for file in files if file.is_file() and not file.samefile(own)), None)


def resolve_builder(target: str) -> Callable[..., Any]:
    """Imports a builder by its dotted path.

    Raises:
        ArchitectureError: no such module or attribute, or it cannot be called.
    """
    module, _, name = target.rpartition(".")
    try:
        builder = load(target, "function", lambda name: _module(target, name))
        if not callable(builder):
            raise TargetError(f"names nothing: {module} has no function {name}")
    except TargetError as error:
        example = f"python -c 'import {module}; print(dir({module}))'" if module else f"arch._target_={CNN}"
        raise ArchitectureError(
            f"arch._target_={target} {error}. {_ACCEPTED} Python looks in the current folder and in PYTHONPATH."
            f"  Try: {example}"
        ) from error
    return builder  # type: ignore[no-any-return]


def _module(target: str, name: str) -> ModuleType:
    top, _, added = name.partition(".")
    if target == CNN:
        return importlib.import_module(f"sweeper.{name}")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        is_ours = top == "models" and Path(__file__).with_name(f"{added}.py").is_file()
        if not is_ours or error.name not in (top, name):
            raise
        return importlib.import_module(f"sweeper.{name}")


def build_network(arch: Mapping[str, Any], input_shape: tuple[int, int, int], num_classes: int) -> Any:
    """Builds the network that an `arch` node describes.

    Input shape: (batch, *input_shape), float32 in [0, 1].
    Output shape: (batch, num_classes), probabilities.

    Returns:
        A keras.Model, not compiled.

    Raises:
        ArchitectureError: the builder cannot be had, does not take the node's keys, or returns another thing; its
            network cannot be called with such images, or could not be loaded again once it is saved.
    """
    import keras

    target = arch["_target_"]
    builder = resolve_builder(target)
    check_signature(builder, arch)
    model = builder(input_shape=input_shape, num_classes=num_classes, **_keys(arch))
    if not isinstance(model, keras.Model):
        raise ArchitectureError(f"arch._target_={target} returned {type(model).__name__}, not a keras.Model.")
    shape = _output_shape(model, target, input_shape)
    if shape != (None, num_classes):
        raise ArchitectureError(
            f"arch._target_={target} gives an output of shape {shape}. Accepted: (None, {num_classes}), the "
            "probability of each class."
        )
    if not is_builtin(arch):
        _check_can_be_loaded(model, target)
    return model


def _output_shape(model: Any, target: str, input_shape: tuple[int, int, int]) -> Any:
    """The shape of a network's output, (None, ...); one that knows no input yet is built for images of `input_shape`.

    A Sequential without an Input, and a subclass of keras.Model, know their input when they are first called.
    """
    import keras

    if model.built and getattr(model, "output_shape", None) is not None:
        return model.output_shape
    try:
        output = model(keras.ops.zeros((1, *input_shape)), training=False)
    except Exception as error:  # a user's own `call` may raise anything
        raise ArchitectureError(
            f"arch._target_={target} gives a network that cannot be called with one image of shape {input_shape}: "
            f"{type(error).__name__}: {' '.join(str(error).split())}"
        ) from error
    return tuple(None if axis == 0 else size for axis, size in enumerate(output.shape))


def _check_can_be_loaded(model: Any, target: str) -> None:
    """Raises ArchitectureError where the saved network could not be loaded again: a row that cannot be used.

    Python's random numbers, from which Keras draws its seeds, are left as they were.
    """
    import keras

    state = random.getstate()
    try:
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    except Exception as error:  # a user's own `get_config` may raise anything
        own = sorted({type(layer).__name__ for layer in _layers(model) if not _is_of_keras(type(layer))})
        lambdas = [layer.name for layer in _layers(model) if isinstance(layer, keras.layers.Lambda)]
        reason = f"the Lambda layer {lambdas[0]} holds a Python function." if lambdas else _first_line(error)
        what = f" Its own classes: {', '.join(own)}." if own else ""
        raise ArchitectureError(
            f"arch._target_={target} gives a network that could not be loaded again once it is saved: {reason}{what} "
            "Accepted: layers of Keras, and custom classes that are registered and have a get_config for what their "
            "constructor takes; instead of a Lambda layer, such a class with the function as its call."
            f"  Try: @keras.saving.register_keras_serializable() above class {own[0] if own else 'MyLayer'}"
        ) from error
    finally:
        random.setstate(state)


def _layers(model: Any) -> Iterator[Any]:
    """The model, and all layers in it at any depth."""
    yield model
    for layer in getattr(model, "layers", []):
        yield from _layers(layer)


def _is_of_keras(layer: type) -> bool:
    return layer.__module__.partition(".")[0] == "keras"


def _first_line(error: Exception) -> str:
    """The first line of Keras's long message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def check_signature(builder: Callable[..., Any], arch: Mapping[str, Any]) -> None:
    """Raises ArchitectureError where a builder does not take the keys of its node."""
    target, keys = arch["_target_"], _keys(arch)
    try:
        inspect.signature(builder).bind(input_shape=(1, 1, 1), num_classes=2, **keys)
    except (TypeError, ValueError) as error:  # ValueError: what is written in C may have no signature
        raise ArchitectureError(
            f"arch._target_={target} does not take the keys under arch ({', '.join(keys) or 'none'}): {error}. "
            f"{_ACCEPTED} arch=custom begins without keys.  Try: arch=custom arch._target_={target} +arch.width=8,16"
        ) from error


def _keys(arch: Mapping[str, Any]) -> dict[str, Any]:
    """The node's keys for its builder."""
    return {key: value for key, value in arch.items() if key != "_target_"}
