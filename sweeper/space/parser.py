"""Hydra's sweep overrides, parsed into dimensions."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from sweeper.config.schema import EXPERIMENT, VARYING
from sweeper.core.errors import SpaceError
from sweeper.space.dimensions import MAX_POINTS, NO_OPTION, Choice, Dimension, Interval, SearchSpace


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
        SpaceError: a key that cannot vary, an empty range or glob, a malformed interval, a key swept twice.
        HydraException: an override that Hydra's grammar refuses.
    """
    typed = parser.parse_overrides(list(arguments))
    taken = {override.key_or_group for override in typed}
    written = [_param_override(key, value) for key, value in flat_items(params) if key.lstrip("+~") not in taken]
    overrides = [*_with_choices(parser.parse_overrides(written), typed, parser), *typed]
    fixed = tuple(override.input_line or "" for override in overrides if not override.is_sweep_override())
    swept = [override for override in overrides if override.is_sweep_override()]
    dimensions = tuple(_dimension(override, group_options) for override in swept)
    _refuse_repeated(dimensions)
    return SearchSpace(fixed, dimensions)


def _with_choices(written: Sequence[Override], typed: Sequence[Override], parser: OverridesParser) -> list[Override]:
    """A fixed key of `params` under a group that varies as one choice: it may exist for some of the options only."""
    groups = {one.key_or_group for one in (*written, *typed) if one.is_sweep_override()} & set(keys.OPEN)
    found = []
    for override in written:
        node, _, key = override.key_or_group.partition(".")
        if node in groups and key and not override.is_sweep_override() and override.get_key_element()[0] not in "+~":
            [override] = parser.parse_overrides([f"{override.key_or_group}=choice({_right_side(override)})"])
        found.append(override)
    return found


def _right_side(override: Override) -> str:
    return (override.input_line or "").partition("=")[2]


def check_grid(space: SearchSpace) -> None:
    """Refuses what a grid cannot go through.

    Raises:
        SpaceError: an interval, or more than MAX_POINTS points.
    """
    for dimension in space.dimensions:
        if dimension.interval is not None:
            raise SpaceError(
                f"{dimension.key}={dimension.text} is an interval, and a grid needs single values. Accepted "
                "by sampler=grid: choices (3,5,7), range(start,stop,step), glob(pattern).  Try: sampler=tpe, or "
                f"{keys.example_sweep(dimension.key)}"
            )
    if len(space) > MAX_POINTS:
        factors = " x ".join(str(len(space.dimensions[axis[0]].choices)) for axis in space.axes())
        raise SpaceError(
            f"The grid of {', '.join(space.keys)} has {factors} = {len(space)} configurations. "
            f"Accepted: at most {MAX_POINTS}.  Try: {keys.example_sweep(space.dimensions[0].key)}"
        )


def flat_items(params: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The entries by full key, whether written `arch.depth: 3,5` or under `arch:`."""
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from flat_items(value, f"{above}{key}.")
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
    options = (*group_options(key), *((NO_OPTION,) if keys.may_be_null(key) else ()))
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
    is_added = override.get_key_element().startswith("+")  # a custom function's: another option may know that name
    is_int = "int" in value.tags or (isinstance(low, int) and isinstance(high, int))
    is_int = is_int or (not is_added and _is_whole(key, low, high))
    log = "log" in value.tags
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high) and low < high):
        fault = "is empty: its lower end must be below its upper end"
    elif log and low <= 0:
        fault = "cannot be logarithmic: its lower end must be above 0"
    elif is_int and (int(low) != low or int(high) != high):
        fault = "takes whole numbers, and its ends are not whole"
    else:
        ends = re.findall(r"interval\s*\(([^)]*)\)", line or "")
        ends_whole = not is_int and all(re.fullmatch(r"\s*[-+]?\d+\s*", end) for end in "".join(ends).split(","))
        return Interval(low, high, log, is_int, ends_whole)
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
    """Refuses tags that nothing reads: Hydra accepts any word as a tag, and drops a tag inside another one."""
    line = override.input_line or ""
    if isinstance(value, IntervalSweep) and len(re.findall(r"\btag\s*\(", line)) > 1:
        words = re.findall(r"\b(?:log|int)(?=\s*[,(])", line.partition("=")[2])
        [ends] = re.findall(r"interval\s*\([^)]*\)", line)
        raise SpaceError(
            f"{line} has a tag inside a tag, and Hydra would drop the inner one. Accepted: one tag with all words."
            f"  Try: '{override.key_or_group}=tag({','.join([*dict.fromkeys(words), ends])})'"
        )
    unknown = sorted(set(value.tags) - set(accepted)) if isinstance(value, Sweep) else []
    if unknown:
        taken = f"log and int, of an interval{'' if accepted else ' alone'}"
        raise SpaceError(
            f"{line} has the tag {', '.join(unknown)}, which is not known here. Accepted: {taken}."
            f"  Try: '{override.key_or_group}=tag(log,interval(0.001,1.0))'"
        )


def _refuse_fixed_key(key: str, override: Override) -> None:
    top = key.split(".")[0].split("/")[0]
    if override.is_delete():
        raise SpaceError(
            f"{override.input_line} deletes and varies the same key. Accepted: one of the two."
            f"  Try: {keys.example_sweep(key)}"
        )
    if (top in VARYING or key == EXPERIMENT) and override.package is None:
        return
    near = keys.nearest(key)
    if near and top not in keys.known():
        value = (override.input_line or "").partition("=")[2]
        raise SpaceError(
            f"{key} is not a key. Accepted: those of {', '.join(VARYING)}. Did you mean {near!r}?"
            f"  Try: {keys.as_word(near, value)}"
        )
    choices = override.value()
    if isinstance(choices, ChoiceSweep) and key == "metrics":  # a list without its brackets
        fixed = f"'{key}=[{','.join(str(Transformer.encode(choice)) for choice in choices.list)}]'"
    elif isinstance(choices, ChoiceSweep):
        fixed = keys.as_word(key, str(Transformer.encode(choices.list[0])))
    else:
        fixed = keys.example(key) or f"{key}=1"
    raise SpaceError(
        f"{override.input_line} cannot vary: it does not belong to a trial. "
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
    if isinstance(value, Glob):  # a template such as `custom`, which needs a value, is chosen only by its name
        values = [name for name in values if not keys.is_template(override.key_or_group, str(name))]
    if not values:
        raise SpaceError(f"{line} is empty. {_why_empty(override.key_or_group, value)}  Try: {example}")
    if keys.is_group(override.key_or_group):
        values = [NO_OPTION if value is None else value for value in values]
    return tuple(Choice(Transformer.str(value), _plain(value)) for value in values)


def _check_range(line: str, key: str, value: RangeSweep) -> None:
    """Refuses a range that never ends, or has more than MAX_POINTS values."""
    accepted = f"range(start,stop,step), the stop excluded, the step not 0, of at most {MAX_POINTS} values"
    start, stop, step = (float(bound) for bound in (value.start or 0, value.stop or 0, value.step))
    if not step:
        fault = "has a step of 0"
    elif not all(map(math.isfinite, (start, stop, step))):
        fault = "has a bound that is not a number"
    elif (stop - start) / step > MAX_POINTS:
        fault = f"has {math.ceil((stop - start) / step)} values"
    else:
        return
    raise SpaceError(f"{line} {fault}. Accepted: {accepted}.  Try: {key}=range(3,8,2)")


def _why_empty(key: str, value: Any) -> str:
    if isinstance(value, Glob) and not keys.is_group(key):
        return "glob(...) lists the options of a config group, and this key is not one."
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
