"""What a `_target_` names: the one place that imports a function or class by its dotted path."""

from __future__ import annotations

import importlib
from collections.abc import Callable
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
