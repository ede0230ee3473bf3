"""What a `_target_` names: the one place that imports a function or class by its path, and which ones are harmless."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from sweeper.core.errors import TargetError


def load(target: str, what: str, import_module: Callable[[str], ModuleType] = importlib.import_module) -> Any:
    """Imports what a dotted path names.

    Args:
        target: the path, `package.module.name`.
        what: what the caller wants, in a word for the message: `function`, `class`.
        import_module: imports the module.

    Raises:
        TargetError: there is no such module, it cannot be imported, or it has no such name. The message continues a
            sentence that begins with the target.
    """
    module_name, _, name = target.rpartition(".")
    if not module_name:
        raise TargetError("is not a dotted path")
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        raise TargetError(f"cannot be imported: {type(error).__name__}: {error}") from error
    try:
        return getattr(module, name)
    except AttributeError as error:
        raise TargetError(f"names nothing: {module_name} has no {what} {name}") from error


#: Code that a configuration of unknown origin may have called: this project's own networks, Keras's optimizers, layers
#: that change images, and callbacks that touch no file and no network. Others of Keras read or write files, load saved
#: functions, or fetch from the internet.
_HARMLESS = re.compile(
    r"models\.cnn\.build|sweeper\.models\.(cnn|resnet|application)\.build"
    r"|keras\.optimizers\.[A-Z]\w*"
    r"|keras\.callbacks\.(EarlyStopping|ReduceLROnPlateau|TerminateOnNaN)"
    r"|keras\.layers\.(Random\w+|MixUp|CutMix|AugMix|RandAugment|AutoContrast|Equalization|Solarization|CLAHE)"
)


def foreign(node: Any) -> list[str]:
    """The targets at any depth of a plain configuration that are neither this project's nor known as harmless."""
    return [target for target in _targets(node) if not _HARMLESS.fullmatch(target)]


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield str(node["_target_"])
        for value in node.values():
            yield from _targets(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _targets(value)
