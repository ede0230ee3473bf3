"""A user's own metric: a function `(labels, probabilities, **options) -> float`, named by its dotted path."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sweeper.core.errors import ConfigError, MetricError, TargetError, as_typed
from sweeper.core.objectives import Metric
from sweeper.core.targets import load

ACCEPTED = (
    "Accepted: a function (labels, probabilities) -> float of an importable module, by its dotted path; labels are "
    "(images,) int64, probabilities (images, classes) float64. Python looks in the current folder and in PYTHONPATH."
)
_IMAGES_PER_CLASS = 4  # of the made-up images


def custom_value(metric: Metric, labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> float:
    """What a custom metric's function gives; it gets copies, so that it cannot change what others read.

    Raises:
        TargetError: the function is not there.
        MetricError: it failed, or gave no number; the message begins with the metric's name.
    """
    function = load(metric.target, "function")
    try:
        found = function(labels.astype(np.int64), probabilities.astype(np.float64), **metric.options)
    except Exception as error:  # a user's function may raise anything
        text = " ".join(str(error).split())
        raise MetricError(f"{metric.name}: {metric.target} raised {type(error).__name__}: {text}") from error
    number = np.asarray(found)
    if number.shape != () or number.dtype.kind not in "fiu":
        raise MetricError(f"{metric.name}: {metric.target} returned {_shown(found)}, not a number")
    return float(number)


def check_custom(metric: Metric, num_classes: int) -> None:
    """Calls a custom metric's function once, on made-up images with as many classes as the data have.

    Raises:
        ConfigError: it is not there, cannot be called, fails, or gives no finite number.
    """
    labels = np.tile(np.arange(num_classes), _IMAGES_PER_CLASS)
    probabilities = np.random.default_rng(0).dirichlet(np.ones(num_classes), len(labels)).astype(np.float32)
    about = f"metrics={as_typed([{'_target_': metric.target, 'direction': metric.direction}])}"
    what = f"{len(labels)} made-up images of {num_classes} classes"
    module = metric.target.rpartition(".")[0]
    example = f"python -c 'import {module}; print(dir({module}))'"
    try:
        if not callable(load(metric.target, "function")):
            raise TargetError(f"names nothing that can be called: {metric.target}")
        value = custom_value(metric, labels, probabilities)
    except TargetError as error:
        raise ConfigError(f"{about}: {metric.target} {error}. {ACCEPTED}  Try: {example}") from error
    except MetricError as error:
        raise ConfigError(f"{about} was called on {what}. {error}. {ACCEPTED}  Try: {example}") from error
    if not math.isfinite(value):
        raise ConfigError(
            f"{about} was called on {what}. {metric.name}: {metric.target} returned {value}, and no trial can be "
            f"ranked by that. {ACCEPTED}  Try: {example}"
        )


def _shown(found: object) -> str:
    text = " ".join(repr(found).split())
    return f"{type(found).__name__} {text[:60]}{'…' if len(text) > 60 else ''}"
