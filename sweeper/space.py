"""The search space: what varies, parsed from Hydra's override grammar, and its grid.

Pure functions over text and values. Composing a point's configuration is `sweeper.compose`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, QuotedString, RangeSweep, Transformer
from hydra.errors import HydraException
from omegaconf import OmegaConf

from sweeper.errors import SpaceError, did_you_mean

#: The nodes of the configuration whose keys may vary.
VARYING = ("arch", "data", "training", "optimizer", "seed")


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
    written = [_param_override(key, value) for key, value in params.items() if key.lstrip("+~") not in taken]
    overrides = [*parser.parse_overrides(written), *typed]
    fixed = tuple(override.input_line or "" for override in overrides if not override.is_sweep_override())
    swept = [override for override in overrides if override.is_sweep_override()]
    dimensions = tuple(_dimension(override, group_options) for override in swept)
    _refuse_repeated(dimensions)
    return SearchSpace(fixed, dimensions)


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
        raise SpaceError(f"{override.input_line} deletes and varies a key at once.  Try: {key}=1,2")
    if top in VARYING and override.package is None:
        return
    raise SpaceError(
        f"{override.input_line} may not vary: it does not belong to a trial. "
        f"Keys of {', '.join(VARYING)} may. {did_you_mean(top, VARYING)} "
        f" Try: {key}={_first_choice(override)}, or one sweep for each value"
    )


def _first_choice(override: Override) -> str:
    texts = [choice.text for choice in _choices(override)]
    return texts[0]


def _choices(override: Override) -> tuple[Choice, ...]:
    """The choices of a discrete sweep, e.g. `3,5,7`, `range(3,8,2)` or `glob(depth*)`.

    Raises:
        SpaceError: the sweep is continuous, or has no choice.
    """
    line = override.input_line
    if not override.is_discrete_sweep():
        raise SpaceError(
            f"{line} is an interval, of which a grid cannot take every value. Accepted by sampler=grid: "
            f"choices (3,5,7), range(start,stop,step), glob(pattern).  Try: {override.key_or_group}=0.1,0.3,1.0"
        )
    value = override.value()
    if isinstance(value, RangeSweep) and not value.step:
        raise SpaceError(
            f"{line} has a step of 0. Accepted: range(start,stop,step), the stop excluded, the step not 0."
            f"  Try: {override.key_or_group}=range(3,8,2)"
        )
    try:
        values = list(override.sweep_iterator(transformer=Transformer.identity))
    except HydraException as error:
        raise SpaceError(f"{line} cannot be expanded: {error}.  Try: {override.key_or_group}=3,5,7") from error
    if not values:
        raise SpaceError(f"{line} is empty. {_why_empty(value)}  Try: {override.key_or_group}=3,5,7")
    return tuple(Choice(str(Transformer.encode(value)), _plain(value)) for value in values)


def _why_empty(value: Any) -> str:
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
