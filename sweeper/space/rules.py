"""Rules over a search space: keys that go together, configurations that are left out or come first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweeper.config import keys
from sweeper.core.errors import SpaceError, as_typed, did_you_mean
from sweeper.space.dimensions import Dimension, SearchSpace
from sweeper.space.parser import flat_items


def with_rules(space: SearchSpace, paired: Any, excluded: Any) -> SearchSpace:
    """The same space with `sweep.zip` and `sweep.exclude`.

    Raises:
        SpaceError: a rule about a key that is not swept, pairs of unequal length, a value that is no choice.
    """
    groups = _pairs(paired, space)
    return SearchSpace(space.fixed, space.dimensions, groups, _partial_points("sweep.exclude", excluded, space))


def _pairs(paired: Any, space: SearchSpace) -> tuple[tuple[str, ...], ...]:
    """`[a, b]` or `[[a, b], [c, d]]` as groups of keys."""
    accepted = "Accepted: a list of swept keys with equally many choices each, or a list of such lists."
    example = "Try: arch.depth=3,5,7 arch.kernel_size=3,5,6 sweep.zip=[arch.depth,arch.kernel_size]"
    given = paired or []
    if not isinstance(given, list):
        raise SpaceError(f"sweep.zip={as_typed(given)} is not accepted. {accepted}  {example}")
    groups = [given] if given and all(isinstance(entry, str) for entry in given) else given
    seen: set[str] = set()
    for group in groups:
        if not isinstance(group, list) or len(group) < 2 or not all(isinstance(key, str) for key in group):
            raise SpaceError(f"sweep.zip={as_typed(given)} is not accepted. {accepted}  {example}")
        for key in group:
            _check_swept("sweep.zip", key, space)
            if key in seen:
                raise SpaceError(f"sweep.zip={as_typed(given)} names {key} twice. {accepted}  {example}")
            seen.add(key)
        counts = {key: len(space.dimensions[space.keys.index(key)].choices) for key in group}
        if len(set(counts.values())) > 1 or 0 in counts.values():
            named = ", ".join(f"{key} has {count or 'an interval'}" for key, count in counts.items())
            raise SpaceError(
                f"sweep.zip={as_typed(group)} pairs keys of unequal length: {named}. {accepted}  {example}"
            )
    return tuple(tuple(group) for group in groups)


def _check_swept(rule: str, key: str, space: SearchSpace) -> None:
    if key not in space.keys:
        raise SpaceError(
            f"{rule} names {key}, which does not vary. Accepted: the swept keys ({', '.join(space.keys) or 'none'}). "
            f"{did_you_mean(key, space.keys)}  Try: add {keys.example_sweep(key)}"
        )


def _partial_points(rule: str, given: Any, space: SearchSpace) -> tuple[dict[str, Any], ...]:
    """A list of mappings from swept keys to values; every value is one that its key takes."""
    points = given or []
    example = f"Try: '{rule}=[{{arch.depth:7,arch.kernel_size:5}}]'"
    accepted = "Accepted: a list of configurations, each a mapping from swept keys to values."
    if not isinstance(points, list) or not all(isinstance(point, Mapping) and point for point in points):
        raise SpaceError(f"{rule}={as_typed(given)} is not accepted. {accepted}  {example}")
    found = []
    for point in points:
        flat = dict(flat_items(point))
        for key, value in flat.items():
            _check_swept(rule, key, space)
            _check_taken(rule, space.dimensions[space.keys.index(key)], value)
        found.append(flat)
    return tuple(found)


def _check_taken(rule: str, dimension: Dimension, value: Any) -> None:
    if dimension.interval is not None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and value in dimension.interval and (not dimension.interval.is_int or value == int(value)):
            return
    elif any(choice.value == value for choice in dimension.choices):
        return
    raise SpaceError(
        f"{rule} gives {dimension.key} the value {value}, which it does not take. Accepted: {dimension.text}."
        f"  Try: '{rule}=[{{{dimension.key}:{dimension.probes()[0].text}}}]'"
    )


def partial_points(rule: str, given: Any, space: SearchSpace) -> tuple[dict[str, Any], ...]:
    """The points of `sweep.enqueue` and their like, checked against the space.

    Raises:
        SpaceError: a key that does not vary, a value that it does not take, or values that `sweep.zip` keeps apart.
    """
    points = _partial_points(rule, given, space)
    for point in points:
        if not space.pairs_fit(point):
            named = "; ".join(f"{','.join(group)}" for group in space.paired)
            pairs = [axis for axis in space.axes() if len(axis) > 1]
            first = {space.keys[i]: space.dimensions[i].choices[0].value for axis in pairs for i in axis}
            example = {key: value for key, value in first.items() if key in point}
            raise SpaceError(
                f"{rule} gives {as_typed(point)}, which sweep.zip does not pair. Accepted: choices at the same "
                f"position of {named}.  Try: '{rule}=[{as_typed(example)}]'"
            )
    return points
