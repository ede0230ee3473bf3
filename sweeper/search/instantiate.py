"""A sampler or a pruner of Optuna's, or a custom one, from its node's `_target_` and options."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from sweeper.config.sweep import PrunerConfig, SamplerConfig
from sweeper.core.errors import ConfigError, TargetError
from sweeper.core.targets import load
from sweeper.host.process import stderr_aside


@functools.cache
def _of_optuna(target: str) -> Any:
    return load(target, "class")


def _class(target: str) -> Any:
    """The class of a dotted path; one of Optuna's is looked up once, a custom one each time."""
    if target.startswith("optuna."):
        return _of_optuna(target)
    with stderr_aside():  # a custom module may import TensorFlow, which prints to stderr
        return load(target, "class")


def make(
    node: str,
    config: SamplerConfig | PrunerConfig,
    base: type[Any],
    options: Callable[[Any], Mapping[str, Any]],
    advice: str,
) -> Any:
    """An object of the class that `node._target_` names.

    Args:
        node: `sampler` or `pruner`.
        config: its node.
        base: what the class must be a kind of.
        options: gives what the class is called with.
        advice: what to type instead.

    Raises:
        ConfigError: no such class, of another kind, or an option that it does not take.
    """
    try:
        kind = _class(str(config._target_))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # experimental features
            made = kind(**options(kind))
        if not isinstance(made, base):
            raise TypeError(f"it is no {node}")
    except (TargetError, AttributeError, TypeError, ValueError) as error:
        because = f"cannot be made with {node}.options={dict(config.options)}: {error}"
        raise ConfigError(
            f"{node}._target_={config._target_} {error if isinstance(error, TargetError) else because}. "
            f"Accepted: a class of optuna.{node}s, or a custom one, and options that it takes.  Try: {advice}"
        ) from error
    return made
