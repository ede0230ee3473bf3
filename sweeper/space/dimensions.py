"""The search space: what varies, parsed from Hydra's override grammar, and its grid.

Pure functions over text and values. Composing a point's configuration is `sweeper.space.composer`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Points of a grid, and values of a range: each is composed and checked before the first trains.
MAX_POINTS = 100_000

#: The choice of no option of a group whose default is null, as `experiment=null`.
NO_OPTION = "null"


@dataclass(frozen=True)
class Choice:
    """One value of a swept key: `text` as an override's right-hand side, `value` as Python has it."""

    text: str
    value: Any


@dataclass(frozen=True)
class Interval:
    """A continuous range of a swept key, both ends included.

    Attributes:
        low, high: its ends, low below high; above 0 where `log`.
        log: whether it is searched on a logarithmic scale.
        is_int: whether only whole numbers are taken.
        ends_whole: whether its ends were typed as whole numbers, without `tag(int,...)`.
    """

    low: float
    high: float
    log: bool = False
    is_int: bool = False
    ends_whole: bool = field(default=False, compare=False)

    def choice(self, value: float) -> Choice:
        """A value within it as a choice."""
        number = int(value) if self.is_int else float(value)
        return Choice(repr(number), number)

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Dimension:
    """One swept key with its choices, in the order typed, or with an interval.

    Attributes:
        key: without Hydra's `+` or `++`, e.g. `arch.depth`, or `arch` for a config group.
        prefix: `+`, `++` or nothing.
        is_group: whether the choices are options of a config group.
        choices: none for an interval.
        options: for a group, all of its options.
        interval: the continuous range, which only a sampler can take.
        is_range: whether the choices are evenly spaced numbers (`range`), which a sampler may take as ordered.
    """

    key: str
    prefix: str
    is_group: bool
    choices: tuple[Choice, ...]
    options: tuple[str, ...] = ()
    interval: Interval | None = None
    is_range: bool = False

    def override(self, choice: Choice) -> str:
        return f"{self.prefix}{self.key}={choice.text}"

    @property
    def text(self) -> str:
        """What it takes, for people."""
        if self.interval is None:
            return ",".join(choice.text for choice in self.choices)
        marks = [name for name, given in (("log", self.interval.log), ("int", self.interval.is_int)) if given]
        ends = f"interval({self.interval.low:g},{self.interval.high:g})"
        return f"tag({','.join(marks)},{ends})" if marks else ends

    def probes(self) -> tuple[Choice, ...]:
        """Every choice, or the two ends of the interval."""
        if self.interval is None:
            return self.choices
        return self.interval.choice(self.interval.low), self.interval.choice(self.interval.high)


#: A point's choices, one per dimension; None where a dimension does not exist under the chosen groups.
Choices = tuple[Choice | None, ...]


@dataclass(frozen=True)
class SearchSpace:
    """What varies (in command-line order), and the overrides that do not.

    Attributes:
        fixed: overrides that every trial has.
        dimensions: the swept keys.
        paired: keys whose choices go together, the first with the first, in groups (`sweep.zip`).
        excluded: partial configurations that are left out, key to value (`sweep.exclude`).
    """

    fixed: tuple[str, ...]
    dimensions: tuple[Dimension, ...]
    paired: tuple[tuple[str, ...], ...] = ()
    excluded: tuple[Mapping[str, Any], ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(dimension.key for dimension in self.dimensions)

    @property
    def is_discrete(self) -> bool:
        return all(dimension.interval is None for dimension in self.dimensions)

    def __len__(self) -> int:
        """Points of the grid, excluded ones included; an interval counts as one."""
        total = 1
        for axis in self.axes():
            total *= max(len(self.dimensions[axis[0]].choices), 1)
        return total

    def axes(self) -> tuple[tuple[int, ...], ...]:
        """The indices of the dimensions that vary together, each group at the place of its first key."""
        groups = {key: group for group in self.paired for key in group}
        found: list[tuple[int, ...]] = []
        for key in self.keys:
            axis = tuple(self.keys.index(one) for one in self.keys if one in groups.get(key, (key,)))
            if axis not in found:
                found.append(axis)
        return tuple(found)

    def rows(self, axis: tuple[int, ...]) -> list[tuple[Choice, ...]]:
        """The choices of an axis, those that go together as one tuple."""
        return list(zip(*(self.dimensions[index].choices for index in axis), strict=True))

    def place(self, axis: tuple[int, ...], given: Mapping[str, Any]) -> int | None:
        """The number of the first row of an axis with these values; None where there is none."""
        names = [self.dimensions[index].key for index in axis]
        for number, row in enumerate(self.rows(axis)):
            values = {key: choice.value for key, choice in zip(names, row, strict=True)}
            if all(values[key] == value for key, value in given.items() if key in values):
                return number
        return None

    def pairs_fit(self, point: Mapping[str, Any]) -> bool:
        """Whether the values of a partial point go together, as `sweep.zip` has them."""
        return all(self.place(axis, point) is not None for axis in self.axes() if len(axis) > 1)

    def grid(self) -> Iterator[tuple[Choice, ...]]:
        """Yields every combination; the last key varies fastest. One empty combination where nothing varies."""
        axes = self.axes()
        for places in itertools.product(*(range(len(self.dimensions[axis[0]].choices)) for axis in axes)):
            place = {index: place for axis, place in zip(axes, places, strict=True) for index in axis}
            choices = tuple(dimension.choices[place[index]] for index, dimension in enumerate(self.dimensions))
            if not self.excludes(choices):
                yield choices

    def excludes(self, choices: Choices) -> bool:
        """Whether a partial point of `sweep.exclude` fits."""
        values = {d.key: choice.value for d, choice in zip(self.dimensions, choices, strict=True) if choice is not None}
        return any(
            all(key in values and values[key] == value for key, value in partial.items()) for partial in self.excluded
        )
