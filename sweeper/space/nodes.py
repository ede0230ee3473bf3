"""What becomes of the top nodes of a composed point: types, defaults that earlier releases did not have, identity.

Each of these is a function of one node. Points share most nodes, so each is computed once for each node, and nodes are
never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sweeper.config.augment import augment_keys
from sweeper.config.identity import OfNode, canonical, numbers_alike
from sweeper.config.schema import VARYING
from sweeper.config.training import AUTO, trained_keys
from sweeper.config.trial import without_later_defaults
from sweeper.models import networks
from sweeper.space.kinds import cast_node


def _earlier_arch(node: Any) -> Any:
    return networks.without_later_defaults(node) if isinstance(node, Mapping) else node


_CAST: Mapping[str, OfNode[Any]] = {top: OfNode(partial(cast_node, top)) for top in VARYING}
_EARLIER: Mapping[str, OfNode[Any]] = {
    "arch": OfNode(_earlier_arch),
    "data": OfNode(without_later_defaults),
    "training": OfNode(trained_keys),
    "augment": OfNode(augment_keys),
}
_TEXT = OfNode(lambda node: canonical(numbers_alike(node)))


def cast_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The nodes that may vary, with values of open keys cast to what the keys take; others stay."""
    return {top: _CAST[top](config[top]) for top in VARYING}


def as_earlier_releases(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as earlier releases knew it, where it asks for nothing else."""
    nodes = {top: _EARLIER[top](node) if top in _EARLIER else node for top, node in config.items()}
    return nodes if nodes["augment"] else {top: node for top, node in nodes.items() if top != "augment"}


def settled(config: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A point's configuration with these values of `training` where `auto` leaves them open."""
    training = config["training"]
    found = {key: value for key, value in values.items() if training[key] == AUTO}
    return {**config, "training": {**training, **found}} if found else config


def identity_of(config: Mapping[str, Any]) -> str:
    """Text that is equal for configurations that train the same thing."""
    return "\n".join(f"{top}:{_TEXT(node)}" for top, node in sorted(config.items()))
