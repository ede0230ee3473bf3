"""What Keras's classes are called and take, read from Keras's sources: importing Keras takes seconds.

A refusal should not take that long. What does not live here: what optimizers take of these arguments
(`sweeper.config.keras_optimizers`).
"""

from __future__ import annotations

import ast
import functools
import importlib.util
from pathlib import Path
from typing import Any

#: In place of a default, for an argument that has to be given.
REQUIRED = "(required)"


@functools.cache
def classes(package: str) -> dict[str, Path]:
    """The classes that `keras.optimizers`, `keras.callbacks`, `keras.layers` export, with the files they are in.

    Args:
        package: `keras.` and the package's name.
    """
    spec = importlib.util.find_spec("keras")
    root = Path((spec.submodule_search_locations or ["."])[0]) if spec else Path()
    name = package.removeprefix("keras.")
    tree = ast.parse((root / name / "__init__.py").read_text(encoding="utf-8"))
    return {
        alias.name: root.parent / f"{node.module.replace('.', '/')}.py"
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("keras.src.")
        for alias in node.names
        if alias.name[:1].isupper()
    }


@functools.cache
def arguments(package: str, name: str) -> dict[str, Any]:
    """The arguments of a class with their defaults: REQUIRED where there is none, None where it is not a constant.

    `kwargs` is among them where a class takes any. A class without a constructor takes what its base takes, which is
    not looked up: then there is nothing.
    """
    tree = ast.parse(classes(package)[name].read_text(encoding="utf-8"))
    [made] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    inits = [node for node in made.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    if not inits:
        return {}
    names = [argument.arg for argument in inits[0].args.args][1:]
    defaults = [_constant(entry) for entry in inits[0].args.defaults]
    found = dict(zip(names, [REQUIRED] * (len(names) - len(defaults)) + defaults, strict=True))
    return found | ({"kwargs": None} if inits[0].args.kwarg else {})


def _constant(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:  # an expression
        return None
