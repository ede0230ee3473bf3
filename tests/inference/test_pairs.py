"""Counts of differing images, McNemar's p and Holm's correction, compared with published figures and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from sweeper.inference import (
    discordant,
    holm,
    mcnemar_p,
)

tables = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8))


@pytest.mark.parametrize(
    ("first", "second", "published"),
    [
        (6, 16, 0.052479),  # Cavo and others 2012, in Fagerland, Lydersen, Laake 2017, chapter 8
        (1, 7, 0.070313),  # Bentur and others 2009, in the same chapter
        (0, 5, 0.0625),  # the notebook's 5 images, at their most telling
        (0, 0, 1.0),
        (3, 3, 1.0),
    ],
)
def test_mcnemars_p_is_the_published_one(first: int, second: int, published: float) -> None:
    assert mcnemar_p(first, second) == pytest.approx(published, abs=1e-6)
    assert mcnemar_p(second, first) == pytest.approx(published, abs=1e-6)


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemars_p_is_statsmodels(first: int, second: int) -> None:
    expected = mcnemar([[0, first], [second, 0]], exact=True).pvalue if first + second else 1.0
    assert mcnemar_p(first, second) == pytest.approx(min(1.0, expected), rel=1e-9)


def test_mcnemars_p_is_exact_far_out_in_the_tail_and_takes_arrays() -> None:
    p = mcnemar_p([0, 10], [[200], [1000]])

    assert p.shape == (2, 2)
    assert p[0, 0] == pytest.approx(2 * 0.5**200, rel=1e-9)
    assert p[1, 1] == pytest.approx(binomtest(10, 1010).pvalue, rel=1e-9)


@pytest.mark.parametrize("count", [-1, 0.5, math.nan])
def test_counts_that_are_none_are_refused(count: float) -> None:
    with pytest.raises(ValueError, match=r"numbers of images are whole and not negative; given: "):
        mcnemar_p(count, 1)


@given(tables)
def test_discordant_counts_what_one_has_right_and_the_other_wrong(correct: NDArray[np.bool_]) -> None:
    expected = [[int((first & ~second).sum()) for second in correct] for first in correct]
    assert discordant(correct).tolist() == expected


def test_holms_adjusted_values_are_those_of_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.7, 0.8]) == [1.0, 1.0]


@pytest.mark.parametrize("p_values", [[0.3], [0.02, 0.01, 0.01, 1.0, 0.0], [0.04] * 3, [k**2 / 900 for k in range(30)]])
def test_holms_adjusted_values_are_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist(), abs=1e-12)


def test_a_p_value_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"p-values lie between 0 and 1, these do not: \[1\.5\]"):
        holm([0.1, 1.5])
