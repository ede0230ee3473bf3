"""What makes two trials the same trial, and what may not change under one `sweep.name`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Generic, TypeVar

from sweeper.core.datasets import PreparedData

Found = TypeVar("Found")

_MOST = 50_000  # nodes that are remembered; then all are forgotten

#: Keys of `data` that say where the arrays come from, not what they are; the digests represent them.
_WHERE = ("path",)


def trial_identity(config: Mapping[str, Any], prepared: PreparedData) -> dict[str, Any]:
    """The resolved arch, training, optimizer, seed, and the data by its digests (not by its path)."""
    data = {key: value for key, value in config["data"].items() if key not in _WHERE}
    data |= {"digest": prepared.data_digest, "split_digest": prepared.split_digest}
    return {**config, "data": data}


def trial_hash(identity: Mapping[str, Any]) -> str:
    """SHA-256 (hex, 64 digits) of a trial's identity; 0 and 0.0 are the same."""
    return hashlib.sha256(canonical(numbers_alike(identity)).encode()).hexdigest()


_AS_THEY_ARE = frozenset({str, int, bool, type(None)})


def numbers_alike(value: Any) -> Any:
    """Plain containers in which equal numbers are of one type: a whole number is an int."""
    if type(value) in _AS_THEY_ARE:  # most of them; what follows takes ten times as long
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict | Mapping):  # a dict is found to be one much faster than a Mapping
        return {key: numbers_alike(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [numbers_alike(entry) for entry in value]
    return value


def fixed_part(identity: Mapping[str, Any], swept: Collection[str]) -> dict[str, Any]:
    """The leaves of an identity that are under no swept key, by their full keys."""
    return {key: value for key, value in leaves(identity) if not _is_under(key, swept)}


def leaves(node: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yields every leaf with its full key; a list is a leaf."""
    for name, value in node.items():
        key = f"{above}{name}"
        if isinstance(value, Mapping):
            yield from leaves(value, f"{key}.")
        else:
            yield key, value


def _is_under(key: str, swept: Collection[str]) -> bool:
    if "data" in swept and key.startswith("data."):
        return True
    digests = key in ("data.digest", "data.split_digest") and any(name.startswith("data.") for name in swept)
    return digests or any(key == name or key.startswith(f"{name}.") for name in swept)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """One line per leaf that differs: `training.epochs: 10 -> 3`."""
    missing = "(not set)"
    keys = [*old, *(key for key in new if key not in old)]
    return [
        f"{key}: {old.get(key, missing)} -> {new.get(key, missing)}"
        for key in keys
        if old.get(key, missing) != new.get(key, missing)
    ]


def canonical(value: Any) -> str:
    """Writes plain containers as text that is equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


class OfNode(Generic[Found]):
    """A function of one plain node, which is never changed; by the node itself, not by what is in it.

    Example:
        >>> text = OfNode(str)
        >>> text({"depth": 3})
        "{'depth': 3}"
    """

    def __init__(self, function: Callable[[Any], Found]) -> None:
        self._function = function
        self._known: dict[int, tuple[Any, Found]] = {}

    def __call__(self, node: Any) -> Found:
        known = self._known.get(id(node))
        if known is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known[id(node)] = (node, self._function(node))  # while the node is kept, its id is its own
        return known[1]
