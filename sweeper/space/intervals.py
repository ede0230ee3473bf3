"""Which intervals are of whole numbers, by what their keys take."""

from __future__ import annotations

from dataclasses import replace

from sweeper.core.errors import SpaceError
from sweeper.space.composer import Composer
from sweeper.space.dimensions import Dimension, Interval, SearchSpace
from sweeper.space.kinds import is_custom, kinds


def with_whole_intervals(space: SearchSpace, composer: Composer) -> SearchSpace:
    """The space with the intervals of whole numbers marked, by what each key takes.

    Hydra reads `interval(4,8)` and `interval(4.0,8.0)` alike.

    Raises:
        SpaceError: a custom function does not say which of the two an argument takes.
    """
    return replace(space, dimensions=tuple(_with_whole_interval(dimension, composer) for dimension in space.dimensions))


def _with_whole_interval(dimension: Dimension, composer: Composer) -> Dimension:
    node, _, key = dimension.key.partition(".")
    interval = dimension.interval
    if interval is None or not interval.ends_whole or node not in ("arch", "optimizer"):
        return dimension
    for values in composer.nodes(node):
        kind = kinds(node, values).get(key)
        if kind is None and is_custom(node, values):
            raise SpaceError(_unknown_kind(dimension, interval, str(values["_target_"])))
        if kind is int:
            return replace(dimension, interval=replace(interval, is_int=True))
    return dimension


def _unknown_kind(dimension: Dimension, interval: Interval, target: str) -> str:
    low, high = (int(end) for end in (interval.low, interval.high))
    log = "log," if interval.log else ""
    key = f"{dimension.prefix}{dimension.key}"
    name = dimension.key.rpartition(".")[2]
    fractions = f"tag({log}interval({low}.0,{high}.0))" if log else f"interval({low}.0,{high}.0)"
    return (
        f"{key}={dimension.text} may be of whole numbers or of fractions: {target} does not say which {name} is. "
        f"Accepted: tag({log}int,interval({low},{high})), {fractions}, or an annotation ({name}: int)."
        f"  Try: '{key}=tag({log}int,interval({low},{high}))'"
    )
