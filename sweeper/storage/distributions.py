"""Optuna's distributions: the only place that makes them, for the study, the samplers and the plots."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

from sweeper.space.dimensions import Dimension
from sweeper.storage.database import quiet_optuna

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution, CategoricalDistribution


Value = bool | int | float | str | None


def of_range(low: float, high: float, *, is_int: bool, log: bool = False) -> BaseDistribution:
    """The distribution of numbers from `low` to `high`, both included.

    Args:
        low, high: the ends.
        is_int: whether only whole numbers are in it.
        log: whether its scale is logarithmic; `low` is then above 0.
    """
    from optuna.distributions import FloatDistribution, IntDistribution

    if is_int:
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(float(low), float(high), log=log)


def of_numbers(numbers: Sequence[int | float], *, log: bool) -> BaseDistribution:
    """The distribution that just holds the numbers, of whole ones where all are whole."""
    return of_range(min(numbers), max(numbers), is_int=are_whole(numbers), log=log)


def of_choices(choices: Iterable[Value]) -> CategoricalDistribution:
    """The distribution of choices without an order."""
    from optuna.distributions import CategoricalDistribution

    return CategoricalDistribution(list(choices))


def are_numbers(values: Sequence[Any]) -> TypeGuard[Sequence[int | float]]:
    """Whether the values have a range: there are some, and all are finite numbers."""
    return bool(values) and all(
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and math.isfinite(value))
        for value in values
    )


def are_whole(numbers: Iterable[Any]) -> bool:
    """Whether all numbers are whole by their type: 1.0 is not."""
    return all(isinstance(number, int) for number in numbers)


def distributions(dimensions: Sequence[Dimension], rows: Sequence[Mapping[str, Any]]) -> dict[str, BaseDistribution]:
    """Optuna's distribution of each swept key: numbers by their range, groups by all their options.

    Args:
        dimensions: the swept keys.
        rows: the params of points, earlier ones of the sweep among them, whose values give each range.
    """
    return {
        dimension.key: _distribution(
            dimension, [store_value(row[dimension.key]) for row in rows if dimension.key in row]
        )
        for dimension in dimensions
    }


def _distribution(dimension: Dimension, values: Sequence[Value]) -> BaseDistribution:
    if dimension.is_group:
        return of_choices(dimension.options)
    if not are_numbers(values):
        return of_choices(dict.fromkeys(values) or [None])
    return of_numbers(values, log=dimension.interval is not None and dimension.interval.log and min(values) > 0)


def store_value(value: Any) -> Value:
    """A value as Optuna's store takes it: scalars as they are, lists and dicts as JSON text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return json.dumps(value)


def frozen_trial(
    state: Any,
    params: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
    attributes: dict[str, Any],
    values: list[float] | None = None,
) -> Any:
    """A trial as a whole, for the store to write in one transaction; asking for one takes two, and one more per value.

    A key that does not exist at this point is left out.
    """
    return quiet_optuna().trial.create_trial(
        state=state,
        values=values,
        params={key: store_value(value) for key, value in params.items()},
        distributions={key: found for key, found in distributions.items() if key in params},
        user_attrs=attributes,
    )
