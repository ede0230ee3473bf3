"""Plain nodes of one point made from those of another: only the leaves that differ are set anew.

OmegaConf checks and converts a value that is set, and writes a whole node as plain containers for that. Of 10,000
points most values occur in many; here each is set once, and its leaf is then put into a copy of what is on its path.
Points that have the same values under a top node (`arch`, `training`, ...) share it, so that what follows from a node
is found out once for all of them (`sweeper.config.identity.OfNode`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sweeper.space.dimensions import Choice, Dimension


class Template:
    """The nodes of the first point of one combination of groups, for all further ones."""

    def __init__(self, nodes: dict[str, Any]) -> None:
        self._nodes = nodes
        self._leaves: dict[tuple[str, str], Any] = {}
        self._tops: dict[tuple[tuple[str, str], ...], Any] = {}

    def with_values(
        self, values: Iterable[tuple[Dimension, Choice]], leaf: Callable[[str, Choice], Any]
    ) -> dict[str, Any]:
        """The nodes with these values; what they share with other points' is never changed.

        Args:
            values: a choice of each key that varies.
            leaf: what a key becomes with a choice, as OmegaConf converts it; called once for each.
        """
        under: dict[str, list[tuple[Dimension, Choice]]] = {}
        for dimension, choice in values:
            under.setdefault(dimension.key.partition(".")[0], []).append((dimension, choice))
        return self._nodes | {top: self._top(top, own, leaf) for top, own in under.items()}

    def _top(self, top: str, values: Sequence[tuple[Dimension, Choice]], leaf: Callable[[str, Choice], Any]) -> Any:
        names = tuple((dimension.key, choice.text) for dimension, choice in values)
        if names not in self._tops:
            node = self._nodes[top]
            for name, (dimension, choice) in zip(names, values, strict=True):
                if name not in self._leaves:
                    self._leaves[name] = leaf(dimension.key, choice)
                node = _with_leaf(node, dimension.key.split(".")[1:], self._leaves[name])
            self._tops[names] = node
        return self._tops[names]


def is_leaf(value: Any) -> bool:
    """Whether a value is set without a look at others: no dict, which is merged, no interpolation, not `???`."""
    text = str(value)
    return not isinstance(value, dict) and "${" not in text and "???" not in text


def are_apart(keys: Sequence[str]) -> bool:
    """Whether no key lies below another one."""
    return not any(one != other and other.startswith(f"{one}.") for one in keys for other in keys)


def select(config: dict[str, Any], key: str) -> Any:
    """What plain containers have at a dotted key."""
    value: Any = config
    for part in key.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def _with_leaf(node: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    head, *rest = path
    if isinstance(node, list):
        index = int(head)
        return [*node[:index], _with_leaf(node[index], rest, value), *node[index + 1 :]]
    return {**node, head: _with_leaf(node[head], rest, value)}
