"""Tango's statistic and who is not worse, compared with published figures and a plain loop over all pairs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from sweeper.inference import fewest_images, not_worse
from sweeper.inference.margin import tango_z

#: Draws trials of these accuracies (tests/inference/conftest.py).
Drawn = Callable[..., NDArray[np.bool_]]


@pytest.mark.parametrize(
    ("first", "second", "num_images", "lower_bound"),
    [(6, 16, 161, -0.1240), (1, 7, 21, -0.5174)],
    ids=["Cavo and others 2012", "Bentur and others 2009"],
)
def test_tangos_statistic_meets_the_published_lower_bound(
    first: int, second: int, num_images: int, lower_bound: float
) -> None:
    # 95 % intervals in Fagerland, Lydersen, Laake 2017, chapter 8: the bound is where the statistic is 1.96
    assert tango_z(first, second, num_images, -lower_bound) == pytest.approx(norm.ppf(0.975), abs=2e-3)


@given(st.integers(0, 40), st.integers(0, 40), st.floats(0.001, 0.3))
def test_tangos_statistic_is_the_score_at_the_likeliest_share(first: int, second: int, margin: float) -> None:
    num = 150

    def unlikelihood(share: float) -> float:
        own, same = share - margin, 1 - 2 * share + margin
        return -(
            first * math.log(max(own, 1e-300))
            + second * math.log(max(share, 1e-300))
            + (num - first - second) * math.log(max(same, 1e-300))
        )

    found = minimize_scalar(
        unlikelihood, bounds=(margin, (1 + margin) / 2), method="bounded", options={"xatol": 1e-10}
    ).x
    expected = (first - second + num * margin) / math.sqrt(num * (2 * found - margin - margin**2))
    assert tango_z(first, second, num, margin) == pytest.approx(expected, rel=1e-3, abs=1e-6)


def marked_by_the_text(correct: NDArray[np.bool_], margin: float, alpha: float) -> list[int]:
    """All pairs, then Holm with at most K - 1 hypotheses that can be true."""
    num, num_images = correct.shape
    p = []
    for trial in range(num):
        z = [
            float(tango_z((correct[trial] & ~other).sum(), (other & ~correct[trial]).sum(), num_images, margin))
            for rival, other in enumerate(correct)
            if rival != trial
        ]
        p.append(float(norm.sf(min(z))))
    marked: list[int] = []
    for place, trial in enumerate(sorted(range(num), key=lambda trial: p[trial])):
        if p[trial] > alpha / min(num - 1, num - place):
            break
        marked.append(trial)
    return marked


@pytest.mark.parametrize("margin", [0.0, 0.01, 0.02, 0.03, 0.06, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_who_is_not_worse_is_found_without_all_pairs(margin: float, seed: int, drawn: Drawn) -> None:
    correct = drawn([0.95, 0.95, 0.955, 0.945, 0.94, 0.9, 0.85], 2000, seed)
    reference = int(np.argmax(correct.sum(axis=1)))

    marked = np.flatnonzero(not_worse(correct, reference, margin))

    assert set(marked) == {reference, *marked_by_the_text(correct, margin, 0.05)}


def test_more_trials_than_a_block_are_compared_alike(drawn: Drawn) -> None:
    correct = drawn([0.95] * 1500 + [0.9] * 700, 3000)
    reference = int(np.argmax(correct.sum(axis=1)))

    marked = not_worse(correct, reference, 0.035)

    assert 0 < marked[:1500].sum() < 1500
    assert not marked[1500:].any()
    alone = [
        min(tango_z((correct[trial] & ~correct).sum(axis=1), (correct & ~correct[trial]).sum(axis=1), 3000, 0.035))
        for trial in np.flatnonzero(marked)[:20]
    ]
    assert min(alone) > norm.isf(0.05)


def test_with_a_wide_margin_all_pass_and_with_none_the_reference_alone(drawn: Drawn) -> None:
    correct = drawn([0.9] * 4, 500)

    assert not_worse(correct, 2, 0.3).all()
    assert not_worse(correct, 2, 0.0).tolist() == [False, False, True, False]
    assert not_worse(np.ones((3, 300), np.bool_), 0, 0.01).tolist() == [True, False, False]
    assert not_worse(np.ones((3, 4000), np.bool_), 0, 0.01).all()
    assert not_worse(np.ones((1, 1), np.bool_), 0, 0.01).tolist() == [True]
    assert not_worse(np.array([[True] * 200, [False] * 200]), 0, 0.1).tolist() == [True, False]


@pytest.mark.parametrize(("num_trials", "margin"), [(2, 0.005), (3, 0.005), (10, 0.005), (50, 0.01), (2, 0.05)])
def test_fewer_images_than_the_fewest_show_nothing(num_trials: int, margin: float) -> None:
    fewest = fewest_images(num_trials, margin)

    assert fewest is not None
    assert not_worse(np.ones((num_trials, fewest), np.bool_), 0, margin).all()
    assert not_worse(np.ones((num_trials, fewest - 1), np.bool_), 0, margin).tolist() == [True] + [False] * (
        num_trials - 1
    )


def test_equal_answers_never_show_a_margin_of_0() -> None:
    assert fewest_images(2, 0.0) is None
