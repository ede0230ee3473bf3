"""Configurations over folds: what makes one leave, and what does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from sweeper.inference import folds_from_leader, leading_over_folds, winning_over_folds

Table = list[NDArray[np.floating]]


def drawn(strengths: list[float], folds: int, images: int, seed: int = 0) -> list[Table]:
    """Scores of one seed per fold: of the images, of a fold's network, and of chance."""
    random = np.random.default_rng(seed)
    easy = [random.standard_normal(images) for _ in range(folds)]
    return [
        [
            (0.2 * one + strength + 0.02 * random.standard_normal() + 0.1 * random.standard_normal(images))[None]
            for one in easy
        ]
        for strength in strengths
    ]


def test_a_clear_difference_is_found_and_a_small_one_is_not() -> None:
    found = leading_over_folds(drawn([0.5, 0.2, 0.505], 5, 200))

    assert set(found.members) == {0, 2}
    assert [left.index for left in found.left] == [1]
    assert found.num_seeds == 1


def test_the_p_is_by_the_formula_of_the_docstring() -> None:
    """Two configurations, with loops."""
    one, other = drawn([0.2, 0.4], 5, 40, seed=3)

    found = leading_over_folds([one, other])

    differences = [float(b.mean() - a.mean()) for a, b in zip(one, other, strict=True)]
    by_image = np.concatenate([b.mean(axis=0) - a.mean(axis=0) for a, b in zip(one, other, strict=True)])
    images = float(np.var(by_image, ddof=1)) / 200
    own = max(0.0, float(np.var(differences, ddof=1)) / 5 - images)
    networks = (4 * own + own) / 5
    whole = networks + images
    degrees = whole**2 / (whole * (networks + images / 2) / 4 + images**2 / 199)
    assert found.left[0].p == pytest.approx(2 * student.sf(np.mean(differences) / math.sqrt(whole), degrees), rel=1e-9)


def test_differences_are_paired_over_folds() -> None:
    """Two configurations: Student's t of the folds' differences, where those vary more than images make them."""
    random = np.random.default_rng(1)
    one = [(random.random((1, 200)) < 0.9).astype(float) for _ in range(5)]
    other = [(random.random((1, 200)) < 0.9 - 0.1 * fold).astype(float) for fold in range(5)]
    apart = np.array([a.mean() - b.mean() for a, b in zip(one, other, strict=True)])
    half = student.ppf(0.975, 4) * math.sqrt(apart.var(ddof=1) / 5)

    leading, found = folds_from_leader([one, other])

    assert leading.tolist() == [0, 0, 0]
    assert found == pytest.approx([apart.mean(), apart.mean() - half, apart.mean() + half])


def test_equal_answers_differ_by_one_image_at_most() -> None:
    answers = [np.ones((1, 40)) for _ in range(5)]

    _, found = folds_from_leader([answers, answers])

    assert found == pytest.approx([0, -student.ppf(0.975, 4) / 200, student.ppf(0.975, 4) / 200])


def test_folds_that_differ_in_turn_are_no_proof() -> None:
    """One is better on three folds and worse on two, by as much: its images are many, its folds are few."""
    one = [np.full((1, 400), 0.5) for _ in range(5)]
    other = [np.full((1, 400), 0.5 + gain) for gain in (0.1, -0.1, 0.1, -0.1, 0.1)]

    assert set(leading_over_folds([one, other]).members) == {0, 1}


def test_equal_ones_stay_and_one_alone_leads() -> None:
    one = drawn([0.3], 5, 30)[0]

    assert leading_over_folds([one, [fold.copy() for fold in one]]).members == (0, 1)
    assert leading_over_folds([one]).members == (0,)


def right(shares: list[float], images: int = 100) -> list[NDArray[np.bool_]]:
    """One seed per fold, with that share of its images right."""
    return [(np.arange(images) < round(share * images))[None] for share in shares]


def test_what_is_expected_is_scored_where_it_was_not_chosen() -> None:
    """The first leads by one lucky fold; without it the second is chosen, and scored there."""
    lucky, steady = [0.80, 0.80, 0.80, 0.80, 1.00], [0.82, 0.82, 0.82, 0.82, 0.82]

    score = winning_over_folds([right(lucky), right(steady)])

    assert score.raw == pytest.approx(0.84)
    assert score.expected == pytest.approx((4 * 0.80 + 0.82) / 5)
    assert score.low < score.expected < score.high


def test_of_one_configuration_its_own_mean_is_expected() -> None:
    score = winning_over_folds([right([0.8, 0.9, 0.85, 0.9, 0.8])])

    assert score.expected == pytest.approx(score.raw) == pytest.approx(0.85)
    assert 0.7 < score.low < 0.85 < score.high < 0.95


def test_equal_configurations_stay_where_images_come_in_groups() -> None:
    """A short run of `benchmarks/folds.py --only groups`: at most 5 % are lost, with the run's own error."""
    random = np.random.default_rng(5)
    codes = np.arange(200) // 10
    lost = {True: 0, False: 0}
    for _ in range(150):
        tables: list[list[NDArray[np.bool_]]] = [[], []]
        for _ in range(5):
            easy = random.normal(0, 1, 20)[codes]
            for table in tables:
                own = random.normal(0, 1, 20)[codes] + random.normal(0, 0.3, 200) + 0.1 * random.normal()
                table.append((1.5 + easy + own > 0)[None])
        lost[True] += len(leading_over_folds(tables, groups=[codes] * len(tables[0])).members) < 2
        lost[False] += len(leading_over_folds(tables).members) < 2

    assert lost[True] <= 0.05 * 150 + 2.6 * math.sqrt(150 * 0.05 * 0.95)
    assert lost[False] > lost[True]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([[np.ones((1, 4))] * 4], "five folds at least"),
        ([[np.ones((1, 4))] * 5, [np.ones((1, 5))] * 5], "the same tables"),
        ([[*[np.ones((1, 4))] * 4, np.ones((2, 4))]], "the same seeds"),
        ([[np.full((1, 4), np.nan)] * 5], "finite"),
    ],
)
def test_what_is_no_table_of_folds_is_refused(answers: list[Table], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        leading_over_folds(answers)
