"""What Keras's optimizers take, read from Keras's sources: importing Keras takes seconds, and a refusal should not.

What does not live here: the ranges of the values (`sweeper.preflight.optimizers`), and making an optimizer
(`sweeper.trial.train`).
"""

from __future__ import annotations

import ast
import functools
import importlib.util
from pathlib import Path
from typing import Any

PACKAGE = "keras.optimizers"

#: In place of a default, for an argument that has to be given.
REQUIRED = "(required)"

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
    spec = importlib.util.find_spec("keras")
    root = Path((spec.submodule_search_locations or ["."])[0]) if spec else Path()
    tree = ast.parse((root / "optimizers/__init__.py").read_text(encoding="utf-8"))
    return {
        alias.name: root.parent / f"{node.module.replace('.', '/')}.py"
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("keras.src.optimizers.")
        for alias in node.names
        if alias.name not in ("Optimizer", "OptimizerMap")  # the base class, and an argument of MultiOptimizer
    }


@functools.cache
def arguments(name: str) -> dict[str, Any]:
    """The arguments of a class with their defaults: REQUIRED where there is none, None where it is not a constant."""
    tree = ast.parse(classes()[name].read_text(encoding="utf-8"))
    [made] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    [init] = [node for node in made.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    names = [argument.arg for argument in init.args.args][1:]
    defaults = [_constant(entry) for entry in init.args.defaults]
    return dict(zip(names, [REQUIRED] * (len(names) - len(defaults)) + defaults, strict=True))


def _constant(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:  # an expression
        return None


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
