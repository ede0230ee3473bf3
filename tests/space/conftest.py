"""What the tests of search spaces share."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

NETWORKS = """
class Own:
    def __init__(self, learning_rate: float, warmup: int = 0, nesterov=False, power=1.0, name=None): ...


def build(input_shape, num_classes, width: int, widths: "list[int] | int", rate: float | None, either: int | float,
          depth=3, dropout=0.5, sizes=(3, 5), flag=False, label="a", plain=None, **more): ...
"""


NUMBERS = itertools.count()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of a user with a builder and an optimizer."""
    name = f"kinds_of_a_user_{next(NUMBERS)}"
    (tmp_path / f"{name}.py").write_text(NETWORKS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name
