"""What is remembered of a node."""

from __future__ import annotations

from typing import Any

import pytest

from sweeper.config import identity
from sweeper.config.identity import OfNode


def test_a_function_is_called_once_for_each_node() -> None:
    calls: list[Any] = []
    known = OfNode(lambda node: calls.append(node) or len(node))
    one, equal = {"a": 1}, {"a": 1}

    assert [known(one), known(one), known(equal), known(one)] == [1, 1, 1, 1]
    assert len(calls) == 2, "an equal node is another one"


def test_a_node_that_is_gone_is_not_taken_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new object may get the id of one that was deleted."""
    monkeypatch.setattr(identity, "_MOST", 3)
    known = OfNode(lambda node: node["number"])

    assert [known({"number": number}) for number in range(1000)] == list(range(1000))
