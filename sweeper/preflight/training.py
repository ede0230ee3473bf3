"""Checks what a training asks for against its images and its optimizer, and the classes that it names.

What does not live here: the ranges of values (`sweeper.config.training`), the optimizer's own
(`sweeper.preflight.optimizers`).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.config import keras_sources
from sweeper.config.augment import AugmentConfig
from sweeper.config.training import TrainingConfig, weights_by_class
from sweeper.core.datasets import DataSummary
from sweeper.core.errors import ConfigError, TargetError, as_typed, did_you_mean
from sweeper.core.targets import load
from sweeper.host.process import stderr_aside


@dataclass(frozen=True)
class _Kind:
    """A key that lists classes, and what they are.

    Attributes:
        key: the key.
        package: of Keras's own.
        base: the class that custom ones are made from, and where it is in `keras`.
        base_place: as above.
        example: of an entry.
        common: arguments that every class with `**kwargs` takes.
    """

    key: str
    package: str
    base: str
    base_place: str
    example: str
    common: tuple[str, ...] = ()


CALLBACKS = _Kind(
    key="training.callbacks",
    package="keras.callbacks",
    base="Callback",
    base_place="callbacks.Callback",
    example="_target_: keras.callbacks.CSVLogger, filename: epochs.csv",
)
LAYERS = _Kind(
    key="augment.layers",
    package="keras.layers",
    base="Layer",
    base_place="layers.Layer",
    example="_target_: keras.layers.RandomHue, factor: 0.1, value_range: [0, 1]",
    common=("name", "dtype", "data_format", "seed"),
)

#: Keras's callbacks that remember nothing of earlier epochs, so that a checkpoint need not keep it.
_FORGETFUL = ("keras.callbacks.TerminateOnNaN",)
_STATE = ("state_dict", "load_state_dict")


def check_class_weight(training: TrainingConfig, summary: DataSummary) -> None:
    """Raises ConfigError where `training.class_weight` names a class that the images do not have."""
    if isinstance(training.class_weight, Mapping):
        weights_by_class(training.class_weight, summary.labels)


def check_averages(training: TrainingConfig, optimizer: Mapping[str, Any]) -> None:
    """Raises ConfigError where a training asks for two averages of the weights."""
    if optimizer.get("_target_") == "keras.optimizers.ScheduleFreeAdamW":
        asked = [("training.ema", training.ema), ("optimizer.use_ema", optimizer.get("use_ema") or None)]
        for key, value in ((key, value) for key, value in asked if value is not None):
            raise ConfigError(
                f"{key}={as_typed(value)} with optimizer=schedule_free_adamw averages the weights twice: that "
                "optimizer saves an average already. Accepted: one of the two.  Try: training.ema=null"
            )
    if training.ema is not None and optimizer.get("use_ema"):
        raise ConfigError(
            f"training.ema={as_typed(training.ema)} and optimizer.use_ema=true ask for the same average. Accepted: one "
            f"of the two.  Try: training.ema={as_typed(training.ema)}"
        )


def check_callbacks(training: TrainingConfig) -> None:
    """Checks that each of `training.callbacks` exists and takes its keys, and can be kept by a checkpoint.

    Raises:
        ConfigError: one cannot be used.
    """
    for node in training.callbacks:
        found = _check_class(node, CALLBACKS)
        target = str(node["_target_"])
        remembers = not all(hasattr(found, name) for name in _STATE) and target not in _FORGETFUL
        if training.checkpoint and remembers:
            raise ConfigError(
                f"training.checkpoint=true does not keep what the callback {target} remembers of earlier epochs, so "
                "that a resumed trial could differ. Accepted: a callback with state_dict(), which returns what it "
                "remembers as plain values ({} for nothing), and load_state_dict(state)."
                "  Try: training.checkpoint=false"
            )


def check_layers(augment: AugmentConfig) -> None:
    """Checks that each of `augment.layers` exists and takes its keys.

    Raises:
        ConfigError: one cannot be used.
    """
    for node in augment.layers:
        _check_class(node, LAYERS)


def _check_class(node: Mapping[str, Any], kind: _Kind) -> Any:
    """The class or function that a node names; None for one of Keras, which is not imported.

    Raises:
        ConfigError: there is no such one, or it does not take the node's keys.
    """
    target = str(node["_target_"])
    package, _, name = target.rpartition(".")
    keys = [key for key in node if not str(key).startswith("_")]
    if package == kind.package:
        _check_keras(name, keys, kind)
        return None
    return _custom(target, keys, kind)


def _check_keras(name: str, keys: list[str], kind: _Kind) -> None:
    classes = keras_sources.classes(kind.package)
    if name not in classes:
        raise ConfigError(
            f"{kind.key}: {kind.package}.{name} does not exist. Accepted: a class of {kind.package}, or a custom one. "
            f"{did_you_mean(name, classes)}  Try: '{kind.key}=[{{{kind.example}}}]'"
        )
    taken = keras_sources.arguments(kind.package, name)
    missing = [key for key, default in taken.items() if default == keras_sources.REQUIRED and key not in keys]
    unknown = [key for key in keys if key not in taken and not (taken.get("kwargs", "") is None and key in kind.common)]
    if missing or unknown:
        what = f"needs {', '.join(missing)}" if missing else f"does not take {', '.join(unknown)}"
        near = did_you_mean(unknown[0], taken) if unknown else ""
        raise ConfigError(
            f"{kind.key}: {kind.package}.{name} {what}. Accepted: "
            f"{', '.join(key for key in taken if key != 'kwargs') or 'no keys'}. {near}"
            f"  Try: '{kind.key}=[{{{kind.example}}}]'"
        )


def _custom(target: str, keys: list[str], kind: _Kind) -> Any:
    try:
        with stderr_aside():  # the user's module imports TensorFlow, which prints to stderr
            found = load(target, "class")
        if not callable(found):
            raise TargetError("is neither a class nor a function")
        if inspect.isclass(found) and not any(one.__name__ == kind.base for one in found.__mro__):
            raise TargetError(f"is not made from keras.{kind.base_place}")
        inspect.signature(found).bind(**dict.fromkeys(keys))
    except TargetError as error:
        raise ConfigError(
            f"{kind.key}: {target} {error}. Accepted: a class made from keras.{kind.base_place}, by its dotted path. "
            f"Python looks in the current folder and in PYTHONPATH.  Try: '{kind.key}=[{{_target_: my_module.Mine}}]'"
        ) from error
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{kind.key}: {target} does not take the keys {', '.join(keys) or '(none)'}: {error}. Accepted: what its "
            f"constructor takes.  Try: '{kind.key}=[{{_target_: {target}}}]'"
        ) from error
    return found
