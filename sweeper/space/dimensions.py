"""The search space: what varies, parsed from Hydra's override grammar, and its grid.

Pure functions over text and values. Composing a point's configuration is `sweeper.space.composer`.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
    Sweep,
    Transformer,
)
from hydra.errors import HydraException
from omegaconf import OmegaConf

from sweeper.config import keys
from sweeper.core.errors import SpaceError, as_typed, did_you_mean

#: The nodes of the configuration whose keys may vary.
VARYING = ("arch", "data", "training", "optimizer", "seed")

#: Points of a grid, and values of a range: each is composed and checked before the first trains.
MAX_POINTS = 100_000


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
    """

    low: float
    high: float
    log: bool = False
    is_int: bool = False

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


#: A point's choices, one a dimension; None where a dimension does not exist under the chosen groups.
Choices = tuple[Choice | None, ...]


@dataclass(frozen=True)
class SearchSpace:
    """What varies (in command-line order), and the overrides that do not.

    Attributes:
        fixed: overrides that every trial has.
        dimensions: the swept keys.
        paired: keys whose choices go together, the first with the first, in groups (`sweep.zip`).
        excluded: partial points that are left out, key to value (`sweep.exclude`).
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

    def with_rules(self, paired: Any, excluded: Any) -> SearchSpace:
        """The same space with `sweep.zip` and `sweep.exclude`.

        Raises:
            SpaceError: a rule about a key that is not swept, pairs of unequal length, a value that is no choice.
        """
        groups = _pairs(paired, self)
        return SearchSpace(self.fixed, self.dimensions, groups, _partial_points("sweep.exclude", excluded, self))


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
    accepted = "Accepted: a list of points, each a mapping from swept keys to values."
    if not isinstance(points, list) or not all(isinstance(point, Mapping) and point for point in points):
        raise SpaceError(f"{rule}={as_typed(given)} is not accepted. {accepted}  {example}")
    found = []
    for point in points:
        flat = dict(_flat(point))
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
                f"{rule} gives {as_typed(point)}, which sweep.zip keeps apart. Accepted: choices of {named} that stand "
                f"in the same place.  Try: '{rule}=[{as_typed(example)}]'"
            )
    return points


def parse_space(
    arguments: Sequence[str],
    params: Mapping[str, Any],
    parser: OverridesParser,
    group_options: Callable[[str], Sequence[str]],
) -> SearchSpace:
    """Splits overrides into what is fixed and what varies.

    Args:
        arguments: the overrides of the command line.
        params: `hydra.sweeper.params`; a key on the command line replaces the same key here.
        parser: Hydra's parser, created with a config loader (`glob` needs one).
        group_options: gives the options of a config group, and nothing for any other key.

    Raises:
        SpaceError: a key that may not vary, an empty range or glob, a malformed interval, a key swept twice.
        HydraException: an override that Hydra's grammar refuses.
    """
    typed = parser.parse_overrides(list(arguments))
    taken = {override.key_or_group for override in typed}
    written = [_param_override(key, value) for key, value in _flat(params) if key.lstrip("+~") not in taken]
    overrides = [*parser.parse_overrides(written), *typed]
    fixed = tuple(override.input_line or "" for override in overrides if not override.is_sweep_override())
    swept = [override for override in overrides if override.is_sweep_override()]
    dimensions = tuple(_dimension(override, group_options) for override in swept)
    _refuse_repeated(dimensions)
    return SearchSpace(fixed, dimensions)


def check_grid(space: SearchSpace) -> None:
    """Refuses what a grid cannot go through.

    Raises:
        SpaceError: an interval, or more points than anybody trains.
    """
    for dimension in space.dimensions:
        if dimension.interval is not None:
            raise SpaceError(
                f"{dimension.key}={dimension.text} is an interval, of which a grid cannot take every value. Accepted "
                "by sampler=grid: choices (3,5,7), range(start,stop,step), glob(pattern).  Try: sampler=tpe, or "
                f"{keys.example_sweep(dimension.key)}"
            )
    if len(space) > MAX_POINTS:
        factors = " x ".join(str(len(space.dimensions[axis[0]].choices)) for axis in space.axes())
        raise SpaceError(
            f"The grid of {', '.join(space.keys)} has {factors} = {len(space)} points. Accepted: at most {MAX_POINTS}."
            f"  Try: {keys.example_sweep(space.dimensions[0].key)}"
        )


def _flat(params: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The entries by full key, whether written `arch.depth: 3,5` or under `arch:`."""
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _param_override(key: str, value: Any) -> str:
    """Turns an entry of `hydra.sweeper.params` into an override; a YAML list is a choice among its entries."""
    if isinstance(value, list | tuple):
        return f"{key}={','.join(_override_text(entry) for entry in value)}"
    return f"{key}={value if isinstance(value, str) else _override_text(value)}"


def _override_text(value: Any) -> str:
    """Writes a value as the right-hand side of an override."""
    if isinstance(value, str):
        return value
    return json.dumps(OmegaConf.to_container(value) if OmegaConf.is_config(value) else value).replace('"', "'")


def _dimension(override: Override, group_options: Callable[[str], Sequence[str]]) -> Dimension:
    key = override.key_or_group
    _refuse_fixed_key(key, override)
    options = tuple(group_options(key))
    prefix = override.get_key_element()[: -len(key)] if override.get_key_element().endswith(key) else ""
    value = override.value()
    if isinstance(value, IntervalSweep):
        return Dimension(key, prefix, bool(options), (), options, _interval(override, value))
    _check_tags(override, value, ())
    is_range = isinstance(value, RangeSweep) and not value.shuffle
    return Dimension(key, prefix, bool(options), _choices(override), options, is_range=is_range)


def _interval(override: Override, value: IntervalSweep) -> Interval:
    line, key = override.input_line, override.key_or_group
    _check_tags(override, value, ("log", "int"))
    low, high = value.start, value.end
    is_int = "int" in value.tags or (isinstance(low, int) and isinstance(high, int)) or _is_whole(key, low, high)
    log = "log" in value.tags
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high) and low < high):
        fault = "is empty: its first end must be below its second"
    elif log and low <= 0:
        fault = "cannot be logarithmic: its first end must be above 0"
    elif is_int and (int(low) != low or int(high) != high):
        fault = "is of whole numbers, and its ends are not"
    else:
        return Interval(low, high, log, is_int)
    raise SpaceError(
        f"{line} {fault}. Accepted: interval(low,high), tag(log,interval(low,high)), tag(int,interval(low,high))."
        f"  Try: '{key}=interval(0.1,1.0)'"
    )


def _is_whole(key: str, low: Any, high: Any) -> bool:
    """Whether a key holds whole numbers and so do the ends of its interval; Hydra makes fractions of those."""
    example = keys.known().get(key, keys.Key()).value
    ends = all(isinstance(end, int | float) and float(end).is_integer() for end in (low, high))
    return isinstance(example, int) and not isinstance(example, bool) and ends


def _check_tags(override: Override, value: Any, accepted: Sequence[str]) -> None:
    """Hydra lets any word be a tag, and of tags in tags forgets the inner ones; what nothing reads was meant."""
    line = override.input_line or ""
    if isinstance(value, IntervalSweep) and len(re.findall(r"\btag\s*\(", line)) > 1:
        words = re.findall(r"\b(?:log|int)(?=\s*[,(])", line.partition("=")[2])
        [ends] = re.findall(r"interval\s*\([^)]*\)", line)
        raise SpaceError(
            f"{line} has a tag within a tag, of which the inner one would be lost. Accepted: one tag with all words."
            f"  Try: '{override.key_or_group}=tag({','.join([*dict.fromkeys(words), ends])})'"
        )
    unknown = sorted(set(value.tags) - set(accepted)) if isinstance(value, Sweep) else []
    if unknown:
        taken = f"log and int, of an interval{'' if accepted else ' alone'}"
        raise SpaceError(
            f"{line} has the tag {', '.join(unknown)}, which nothing reads here. Accepted: {taken}."
            f"  Try: '{override.key_or_group}=tag(log,interval(0.001,1.0))'"
        )


def _refuse_fixed_key(key: str, override: Override) -> None:
    top = key.split(".")[0].split("/")[0]
    if override.is_delete():
        raise SpaceError(
            f"{override.input_line} deletes and varies a key at once. Accepted: one of the two."
            f"  Try: {keys.example_sweep(key)}"
        )
    if top in VARYING and override.package is None:
        return
    near = keys.nearest(key)
    if near and top not in keys.known():
        value = (override.input_line or "").partition("=")[2]
        raise SpaceError(
            f"{key} is not a key. Accepted: those of {', '.join(VARYING)}. Did you mean {near!r}?"
            f"  Try: {keys.as_word(near, value)}"
        )
    choices = override.value()
    if isinstance(choices, ChoiceSweep):
        fixed = keys.as_word(key, str(Transformer.encode(choices.list[0])))
    else:
        fixed = keys.example(key) or f"{key}=1"
    raise SpaceError(
        f"{override.input_line} may not vary: it does not belong to a trial. "
        f"Keys of {', '.join(VARYING)} may.  Try: {fixed}, or one sweep for each value"
    )


def _choices(override: Override) -> tuple[Choice, ...]:
    """The choices of a discrete sweep, e.g. `3,5,7`, `range(3,8,2)` or `glob(depth*)`.

    Raises:
        SpaceError: it has no choice.
    """
    line, example = override.input_line, keys.example_sweep(override.key_or_group)
    value = override.value()
    if isinstance(value, RangeSweep):
        _check_range(line or "", override.key_or_group, value)
    try:
        values = list(override.sweep_iterator(transformer=Transformer.identity))
    except HydraException as error:
        raise SpaceError(f"{line} cannot be expanded: {error}.  Try: {example}") from error
    if not values:
        raise SpaceError(f"{line} is empty. {_why_empty(override.key_or_group, value)}  Try: {example}")
    return tuple(Choice(Transformer.str(value), _plain(value)) for value in values)


def _check_range(line: str, key: str, value: RangeSweep) -> None:
    """Refuses a range that never ends, or has more values than anybody trains."""
    accepted = f"range(start,stop,step), the stop excluded, the step not 0, of at most {MAX_POINTS} values"
    start, stop, step = (float(bound) for bound in (value.start or 0, value.stop or 0, value.step))
    if not step:
        fault = "has a step of 0"
    elif not all(map(math.isfinite, (start, stop, step))):
        fault = "has a bound that is no number"
    elif (stop - start) / step > MAX_POINTS:
        fault = f"has {math.ceil((stop - start) / step)} values"
    else:
        return
    raise SpaceError(f"{line} {fault}. Accepted: {accepted}.  Try: {key}=range(3,8,2)")


def _why_empty(key: str, value: Any) -> str:
    if isinstance(value, Glob) and not keys.is_group(key):
        return "glob(...) goes through the options of a config group, and this key is none."
    if isinstance(value, Glob):
        return "No option of that config group matches the pattern."
    if isinstance(value, RangeSweep):
        return "A range excludes its stop: range(3,8,2) is 3, 5, 7."
    return "At least one choice is needed."


def _plain(value: Any) -> Any:
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list | ChoiceSweep):
        entries = value.list if isinstance(value, ChoiceSweep) else value
        return [_plain(entry) for entry in entries]
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return value


def _refuse_repeated(dimensions: Sequence[Dimension]) -> None:
    seen: set[str] = set()
    for dimension in dimensions:
        if dimension.key in seen:
            raise SpaceError(
                f"{dimension.key} is swept twice. Each key takes all its choices at once.  Try: "
                f"{dimension.key}={','.join(choice.text for choice in dimension.choices)}"
            )
        seen.add(dimension.key)
