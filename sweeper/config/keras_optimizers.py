"""What Keras's optimizers take, read from Keras's sources: importing Keras takes seconds, and a refusal should not.

What does not live here: the ranges of the values (`sweeper.preflight.optimizers`), and making an optimizer
(`sweeper.trial.train`).
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from sweeper.config import keras_sources
from sweeper.config.keras_sources import REQUIRED as REQUIRED

PACKAGE = "keras.optimizers"

#: Arguments that count something. Every other number is a float: Keras refuses `momentum=0`.
_COUNTS = (
    "ema_overwrite_frequency",
    "gradient_accumulation_steps",
    "dynamic_growth_steps",
    "ns_steps",
    "warmup_steps",
)


@functools.cache
def classes() -> dict[str, Path]:
    """The names that `keras.optimizers` exports, with the files of their classes."""
    found = keras_sources.classes(PACKAGE)  # without the base class, and an argument of MultiOptimizer
    return {name: path for name, path in found.items() if name not in ("Optimizer", "OptimizerMap")}


def arguments(name: str) -> dict[str, Any]:
    """The arguments of a class with their defaults: REQUIRED where there is none, None where it is not a constant."""
    return {key: value for key, value in keras_sources.arguments(PACKAGE, name).items() if key != "kwargs"}


@functools.cache
def kinds(name: str) -> dict[str, type]:
    """The type of each argument of a class that is a number, or true or false."""
    found: dict[str, type] = {}
    for key, default in arguments(name).items():
        if isinstance(default, bool):
            found[key] = bool
        elif key in _COUNTS:
            found[key] = int
        elif key not in ("name", "exclude_layers") and not isinstance(default, str):
            found[key] = float
    return found
