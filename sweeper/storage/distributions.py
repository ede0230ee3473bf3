"""Optuna's distributions of the swept keys."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeper.space.dimensions import Dimension
from sweeper.storage.database import quiet_optuna

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


Value = bool | int | float | str | None


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
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    log = dimension.interval is not None and dimension.interval.log and min(numbers, default=0) > 0
    if dimension.is_group:
        return CategoricalDistribution(dimension.options)
    if len(numbers) < len(values) or not numbers:
        return CategoricalDistribution(list(dict.fromkeys(values)) or [None])
    if all(isinstance(value, int) for value in numbers):
        return IntDistribution(int(min(numbers)), int(max(numbers)), log=log)
    return FloatDistribution(float(min(numbers)), float(max(numbers)), log=log)


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
    """A trial as a whole, for the store to write in one transaction; asking for one takes two and one a value.

    A key that does not exist at this point is left out.
    """
    return quiet_optuna().trial.create_trial(
        state=state,
        values=values,
        params={key: store_value(value) for key, value in params.items()},
        distributions={key: found for key, found in distributions.items() if key in params},
        user_attrs=attributes,
    )
