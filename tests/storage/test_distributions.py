"""Which of Optuna's distributions values get."""

from __future__ import annotations

from typing import Any

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sweeper.space.dimensions import Dimension, Interval
from sweeper.storage import distributions


def _key(key: str, interval: Interval | None = None) -> Dimension:
    return Dimension(key, "", is_group=False, choices=(), interval=interval)


@pytest.mark.parametrize(
    ("dimension", "values", "expected"),
    [
        pytest.param(_key("arch.depth"), [5, 3, 7], IntDistribution(3, 7), id="whole numbers"),
        pytest.param(_key("lr"), [0.1, 1], FloatDistribution(0.1, 1.0), id="a fraction among them"),
        pytest.param(_key("lr"), [True, False], CategoricalDistribution([True, False]), id="booleans"),
        pytest.param(_key("lr"), [1, None, 1], CategoricalDistribution([1, None]), id="null among them"),
        pytest.param(_key("lr"), [1.0, float("inf")], CategoricalDistribution([1.0, "inf"]), id="inf"),
        pytest.param(_key("arch.widths"), [[8, 16], [8]], CategoricalDistribution(["[8, 16]", "[8]"]), id="lists"),
        pytest.param(_key("lr"), [], CategoricalDistribution([None]), id="no values"),
        pytest.param(
            _key("lr", interval=Interval(0.001, 1.0, log=True)),
            [0.01, 0.5],
            FloatDistribution(0.01, 0.5, log=True),
            id="a logarithmic interval",
        ),
    ],
)
def test_a_key_is_stored_by_the_range_of_its_values(
    dimension: Dimension, values: list[Any], expected: BaseDistribution
) -> None:
    rows = [{dimension.key: value} for value in values]
    assert distributions.distributions([dimension], rows) == {dimension.key: expected}


def test_a_group_is_stored_with_all_of_its_options_whatever_was_tried() -> None:
    group = Dimension("arch", "", is_group=True, choices=(), options=("cnn", "plain"))
    assert distributions.distributions([group], [{"arch": "cnn"}]) == {
        "arch": CategoricalDistribution(["cnn", "plain"])
    }
