"""The search space: what varies, parsed from Hydra's override grammar, and its grid.

Pure functions over text and values. Composing a point's configuration is `sweeper.compose`.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, QuotedString, RangeSweep, Transformer
from hydra.errors import HydraException
from omegaconf import OmegaConf

from sweeper import keys
from sweeper.errors import SpaceError

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
class Dimension:
    """One swept key with its choices, in the order typed.

    Attributes:
        key: without Hydra's `+` or `++`, e.g. `arch.depth`, or `arch` for a config group.
        prefix: `+`, `++` or nothing.
        is_group: whether the choices are options of a config group.
        options: for a group, all of its options.
    """

    key: str
    prefix: str
    is_group: bool
    choices: tuple[Choice, ...]
    options: tuple[str, ...] = ()

    def override(self, choice: Choice) -> str:
        return f"{self.prefix}{self.key}={choice.text}"


@dataclass(frozen=True)
class SearchSpace:
    """What varies (in command-line order), and the overrides that do not."""

    fixed: tuple[str, ...]
    dimensions: tuple[Dimension, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(dimension.key for dimension in self.dimensions)

    def __len__(self) -> int:
        total = 1
        for dimension in self.dimensions:
            total *= len(dimension.choices)
        return total

    def grid(self) -> Iterator[tuple[Choice, ...]]:
        """Yields every combination; the last key varies fastest. One empty combination where nothing varies."""
        return itertools.product(*(dimension.choices for dimension in self.dimensions))


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
        SpaceError: a key that may not vary, an empty range or glob, an interval, a key swept twice.
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
    space = SearchSpace(fixed, dimensions)
    if len(space) > MAX_POINTS:
        factors = " x ".join(str(len(dimension.choices)) for dimension in dimensions)
        raise SpaceError(
            f"The grid of {', '.join(space.keys)} has {factors} = {len(space)} points. Accepted: at most {MAX_POINTS}."
            f"  Try: {keys.example_sweep(dimensions[0].key)}"
        )
    return space


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
    return Dimension(key, prefix, bool(options), _choices(override), options)


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
        SpaceError: the sweep is continuous, or has no choice.
    """
    line, example = override.input_line, keys.example_sweep(override.key_or_group)
    if not override.is_discrete_sweep():
        raise SpaceError(
            f"{line} is an interval, of which a grid cannot take every value. Accepted by sampler=grid: "
            f"choices (3,5,7), range(start,stop,step), glob(pattern).  Try: {example}"
        )
    value = override.value()
    if isinstance(value, RangeSweep):
        _check_range(line or "", override.key_or_group, value)
    try:
        values = list(override.sweep_iterator(transformer=Transformer.identity))
    except HydraException as error:
        raise SpaceError(f"{line} cannot be expanded: {error}.  Try: {example}") from error
    if not values:
        raise SpaceError(f"{line} is empty. {_why_empty(override.key_or_group, value)}  Try: {example}")
    return tuple(Choice(str(Transformer.encode(value)), _plain(value)) for value in values)


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
