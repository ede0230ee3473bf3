"""Checks an optimizer's class, its keys and their values before anything trains, without importing Keras.

What does not live here: what Keras's classes take (`sweeper.config.keras_optimizers`), and making an optimizer
(`sweeper.trial.train`).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.config import keras_optimizers
from sweeper.config.keras_optimizers import PACKAGE
from sweeper.core.errors import ConfigError, TargetError, as_typed, did_you_mean
from sweeper.core.targets import load
from sweeper.host.process import stderr_aside

OPTIMIZERS = "adadelta, adam, adamw, sgd, rmsprop, nadam, lion, muon, schedule_free_adamw"

#: Keras accepts one of them at a time.
_CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")


@dataclass(frozen=True)
class _Range:
    """What a number may be: from `low` to `high`; an end is included where `closed` names it."""

    low: float = 0
    high: float = math.inf
    closed: str = "low"
    example: str = "0.9"

    def __contains__(self, value: float) -> bool:
        above = self.low <= value if "low" in self.closed else self.low < value
        return above and (value <= self.high if "high" in self.closed else value < self.high)

    @property
    def words(self) -> str:
        low = f"a number from {self.low:g}" if "low" in self.closed else f"a number above {self.low:g}"
        if self.high == math.inf:
            return low
        return f"{low} to {self.high:g}" if "high" in self.closed else f"{low} to below {self.high:g}"


_RATES = ("rho", "beta_1", "beta_2", "momentum", "adam_beta_1", "adam_beta_2")
_NOT_NEGATIVE = _Range(example="0.001")
_POSITIVE = _Range(closed="", example="1.0")

#: The accepted values of each number.
_RANGES = {
    "learning_rate": _Range(closed="", example="0.001"),
    **dict.fromkeys(_RATES, _Range(high=1)),
    "ema_momentum": _Range(high=1, closed="low high", example="0.99"),
    "weight_decay": _Range(example="0.004"),
    "epsilon": _Range(example="1e-07"),
    **dict.fromkeys((*_CLIPS, "loss_scale_factor"), _POSITIVE),
    "initial_accumulator_value": _Range(example="0.1"),
    "learning_rate_power": _Range(low=-math.inf, high=0, closed="high", example="-0.5"),
    **{f"{name}_regularization_strength": _NOT_NEGATIVE for name in ("l1", "l2", "l2_shrinkage")},
}
_COUNTS_FROM = {"gradient_accumulation_steps": 2, "ema_overwrite_frequency": 1, "warmup_steps": 0}


def check_optimizer(node: Any) -> None:
    """Checks that the class of `optimizer._target_` exists, and takes the node's keys with their values.

    Raises:
        ConfigError: it does not, or a value is out of its range.
    """
    if not isinstance(node, Mapping) or not isinstance(node.get("_target_"), str):
        raise ConfigError(
            f"optimizer={as_typed(node)} names no optimizer. Accepted: {OPTIMIZERS}, or a custom class by "
            "optimizer._target_.  Try: optimizer=adam"
        )
    target = node["_target_"]
    package, _, name = target.rpartition(".")
    if package == PACKAGE:
        _check_keras(name, node)
    elif target.startswith("keras.") and not target.startswith("keras.src."):
        raise ConfigError(f"optimizer._target_={target} is not an optimizer. {_accepted()}  Try: optimizer=adam")
    else:
        _check_custom(target)
        for key in {"learning_rate", "weight_decay", *_RATES} & {*node}:
            _check_number(key, node[key], may_be_null=key != "learning_rate")


def _accepted() -> str:
    return f"Accepted: a class of {PACKAGE} ({', '.join(sorted(keras_optimizers.classes()))}), or a custom one."


def _check_keras(name: str, node: Mapping[str, Any]) -> None:
    classes = keras_optimizers.classes()
    if name not in classes:
        raise ConfigError(
            f"optimizer._target_={PACKAGE}.{name} does not exist. {_accepted()} "
            f"{did_you_mean(name, classes)}  Try: optimizer=adam"
        )
    taken, kinds = keras_optimizers.arguments(name), keras_optimizers.kinds(name)
    for key, value in node.items():
        if key == "_target_":
            continue
        if key not in taken:
            near = did_you_mean(key, taken)
            other = next((one for one in taken if f"'{one}'" in near), "")
            raise ConfigError(
                f"optimizer.{key} is not a key of {PACKAGE}.{name}. Accepted: {', '.join(taken)}. {near}"
                f"  Try: {f'+optimizer.{other}={as_typed(value)}' if other else 'optimizer.learning_rate=0.001'}"
            )
        if kinds.get(key) is bool:
            _check(isinstance(value, bool), key, value, "true or false", as_typed(taken[key]))
        elif kinds.get(key) is int:
            _check_count(key, value, may_be_null=taken[key] is None)
        elif kinds.get(key) is float:
            _check_number(key, value, may_be_null=taken[key] is None)
        elif key == "exclude_layers":
            _check(_is_names(value), key, value, "a list of layers' names, or null", "[probabilities]")
    if missing := [key for key, default in taken.items() if default == keras_optimizers.REQUIRED and key not in node]:
        raise ConfigError(
            f"optimizer._target_={PACKAGE}.{name} needs {', '.join(missing)}. Accepted: the keys that it requires."
            f"  Try: optimizer=adam"
        )
    _check_together(name, node)


def _check_together(name: str, node: Mapping[str, Any]) -> None:
    """Refuses combinations that Keras refuses, of values that are accepted one by one."""
    clips = [key for key in _CLIPS if node.get(key) is not None]
    if len(clips) > 1:
        raise ConfigError(
            f"{' and '.join(f'optimizer.{key}={as_typed(node[key])}' for key in clips)} are both given. Accepted: one "
            f"of {', '.join(_CLIPS)}.  Try: +optimizer.{clips[0]}={as_typed(node[clips[0]])}"
        )
    if name == "AdamW" and "weight_decay" in node:
        _check(node["weight_decay"] is not None, "weight_decay", None, "a number from 0", "0.004")
    if name in ("Lion", "ScheduleFreeAdamW") and "beta_1" in node:  # the latter divides by it
        _check(node["beta_1"] > 0, "beta_1", node["beta_1"], "a number above 0 to below 1", "0.9")


def _is_names(value: Any) -> bool:
    """Whether it is a list of texts; Keras would take the letters of a single text for names."""
    return value is None or (isinstance(value, list) and all(isinstance(entry, str) for entry in value))


def _check_number(key: str, value: Any, *, may_be_null: bool) -> None:
    allowed = _RANGES.get(key, _Range(low=-math.inf, closed=""))
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    words = allowed.words if key in _RANGES else "a number"
    ok = (may_be_null and value is None) or (is_number and value in allowed)
    _check(ok, key, value, f"{words}, or null" if may_be_null else words, allowed.example)


def _check_count(key: str, value: Any, *, may_be_null: bool) -> None:
    least = _COUNTS_FROM.get(key, 1)
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= least
    words = f"a whole number from {least}{', or null' if may_be_null else ''}"
    _check((may_be_null and value is None) or is_count, key, value, words, str(max(least, 1)))


def _check(ok: bool, key: str, value: Any, accepted: str, try_: str) -> None:
    if not ok:
        raise ConfigError(
            f"optimizer.{key}={as_typed(value)} is not accepted: {accepted}.  Try: optimizer.{key}={try_}"
        )


def _check_custom(target: str) -> None:
    try:
        with stderr_aside():  # the user's module imports TensorFlow, which prints to stderr
            found = load(target, "class")
        if not inspect.isclass(found) and not inspect.isfunction(found):
            raise TargetError("is neither a class nor a function")
    except TargetError as error:
        raise ConfigError(
            f"optimizer._target_={target} {error}. {_accepted()} Python looks in the current folder and in PYTHONPATH."
            "  Try: optimizer=adam"
        ) from error
