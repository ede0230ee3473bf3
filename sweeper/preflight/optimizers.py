"""What Keras's optimizers take, read from Keras's sources: importing Keras takes seconds, and a refusal should not.

What does not live here: the ranges of their figures (`sweeper.preflight.check`), and making one
(`sweeper.trial.train`).
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import inspect
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.core.errors import ConfigError, as_typed, did_you_mean
from sweeper.host.process import stderr_aside
from sweeper.preflight import optimizers

_PACKAGE = "keras.optimizers"


def check(node: Mapping[str, Any]) -> None:
    """Checks that the class of `optimizer._target_` exists and takes the node's keys.

    Raises:
        ConfigError: it does not.
    """
    target = node["_target_"]
    package, _, name = target.rpartition(".")
    if package == _PACKAGE:
        _check_keras(name, node)
    elif target.startswith("keras.") and not target.startswith("keras.src."):
        raise ConfigError(f"optimizer._target_={target} is no optimizer. {_accepted()}  Try: optimizer=adam")
    else:
        _check_own(package, name, target)


def _accepted() -> str:
    return f"Accepted: a class of {_PACKAGE} ({', '.join(sorted(_classes()))}), or a custom one."


def _check_keras(name: str, node: Mapping[str, Any]) -> None:
    if name not in _classes():
        raise ConfigError(
            f"optimizer._target_={_PACKAGE}.{name} does not exist. {_accepted()} "
            f"{did_you_mean(name, _classes())}  Try: optimizer=adam"
        )
    taken = _arguments(name)
    for key, value in node.items():
        if key not in taken and key != "_target_":
            near = did_you_mean(key, taken)
            other = next((one for one in taken if f"'{one}'" in near), "")
            raise ConfigError(
                f"optimizer.{key} is no key of {_PACKAGE}.{name}. Accepted: {', '.join(taken)}. {near}"
                f"  Try: {f'+optimizer.{other}={as_typed(value)}' if other else 'optimizer.learning_rate=0.001'}"
            )
        if isinstance(taken.get(key), bool) and not isinstance(value, bool):
            raise ConfigError(
                f"optimizer.{key}={as_typed(value)} is not accepted: true or false."
                f"  Try: optimizer.{key}={as_typed(taken[key])}"
            )


def _check_own(package: str, name: str, target: str) -> None:
    accepted = f"{_accepted()} Python looks in the current folder and in PYTHONPATH.  Try: optimizer=adam"
    if not package or not name:
        raise ConfigError(f"optimizer._target_={target} is no dotted path. {accepted}")
    with stderr_aside():  # the user's module imports TensorFlow, which prints to stderr
        try:
            found = getattr(importlib.import_module(package), name, None)
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}"
            raise ConfigError(f"optimizer._target_={target} cannot be imported: {reason}. {accepted}") from error
    if not inspect.isclass(found) and not inspect.isfunction(found):
        raise ConfigError(f"optimizer._target_={target}: {package} has no class {name}. {accepted}")


@functools.cache
def _classes() -> dict[str, Path]:
    """The names that `keras.optimizers` exports, with the files of their classes."""
    spec = importlib.util.find_spec("keras")
    root = Path((spec.submodule_search_locations or ["."])[0]) if spec else Path()
    tree = ast.parse((root / "optimizers/__init__.py").read_text(encoding="utf-8"))
    return {
        alias.name: root.parent / f"{node.module.replace('.', '/')}.py"
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("keras.src.optimizers.")
        for alias in node.names
        if alias.name != "Optimizer"
    }


@functools.cache
def _arguments(name: str) -> dict[str, Any]:
    """The keys of a class with their defaults; None where they are no constants."""
    tree = ast.parse(_classes()[name].read_text(encoding="utf-8"))
    [made] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    [init] = [node for node in made.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    names = [argument.arg for argument in init.args.args][1:]
    defaults = [entry.value if isinstance(entry, ast.Constant) else None for entry in init.args.defaults]
    return dict(zip(names, [None] * (len(names) - len(defaults)) + defaults, strict=True))


OPTIMIZERS = "adadelta, adam, adamw, sgd, rmsprop"


_BELOW_ONE = ("rho", "beta_1", "beta_2", "momentum")


def check_optimizer(node: Any) -> None:
    """Raises ConfigError for an optimizer without a class, or with a figure out of its range."""
    if not isinstance(node, Mapping) or not isinstance(node.get("_target_"), str):
        raise ConfigError(
            f"optimizer={as_typed(node)} names no optimizer. Accepted: {OPTIMIZERS}, or a custom class by "
            "optimizer._target_.  Try: optimizer=adam"
        )
    for key, value in node.items():
        if key == "learning_rate":
            _check_number(key, value, value_ok=_is_positive(value), accepted="a number above 0", try_="0.001")
        elif key in _BELOW_ONE:
            ok = _is_number(value) and 0 <= value < 1
            _check_number(key, value, value_ok=ok, accepted="a number from 0 up to, but not, 1", try_="0.9")
        elif key == "weight_decay":
            ok = value is None or (_is_number(value) and value >= 0)
            _check_number(key, value, value_ok=ok, accepted="a number from 0", try_="0.004")
    optimizers.check(node)


def _check_number(key: str, value: Any, *, value_ok: bool, accepted: str, try_: str) -> None:
    if not value_ok:
        raise ConfigError(
            f"optimizer.{key}={as_typed(value)} is not accepted: {accepted}.  Try: optimizer.{key}={try_}"
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0
