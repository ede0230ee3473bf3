"""The permutation test by swapped answers, against all swaps written out and scikit-learn's metrics."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, f1_score

from sweeper.inference import leading_group_by_swaps, rank_intervals_by_swaps, swap_p
from sweeper.inference import swaps as module
from sweeper.metrics import OF_COUNTS

F1, BALANCED = OF_COUNTS["val_macro_f1"], OF_COUNTS["val_balanced_accuracy"]
ORACLES: dict[Any, Any] = {
    F1: lambda labels, predicted: f1_score(labels, predicted, average="macro", zero_division=0),
    BALANCED: balanced_accuracy_score,
}
BOTH = pytest.mark.parametrize("metric", [F1, BALANCED], ids=["macro F1", "balanced accuracy"])


def answers(
    seed: int, errors: tuple[float, ...], num_images: int = 1000, num_classes: int = 10
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels with classes of 10 to 1, and the classes that trials with these shares of errors predict."""
    random = np.random.default_rng(seed)
    sizes = np.linspace(10, 1, num_classes)
    labels = random.choice(num_classes, num_images, p=sizes / sizes.sum())
    rows = [
        np.where(random.random(num_images) < share, random.integers(0, num_classes, num_images), labels)
        for share in errors
    ]
    return labels, np.stack(rows)


def all_swaps(labels: Any, one: Any, other: Any, oracle: Any) -> float:
    """p by every swap of the images on which the two differ."""
    images = np.flatnonzero(one != other)
    measured = abs(oracle(labels, one) - oracle(labels, other))
    reached = 0
    for swapped in itertools.product([False, True], repeat=len(images)):
        first, second = one.copy(), other.copy()
        chosen = images[np.array(swapped, bool)]
        first[chosen], second[chosen] = other[chosen], one[chosen]
        reached += abs(oracle(labels, first) - oracle(labels, second)) >= measured - 1e-9
    return float(reached / 2 ** len(images))


@BOTH
@pytest.mark.parametrize("seed", range(4))
def test_p_is_that_of_all_swaps(metric: Any, seed: int) -> None:
    labels, (one, other) = answers(seed, (0.06, 0.15), num_images=40, num_classes=4)
    other[12:] = one[12:]
    other[:4] = labels[:4]

    exact = all_swaps(labels, one, other, ORACLES[metric])

    found = swap_p(labels, one, other, metric, smallest=1e-5)
    assert found == pytest.approx(exact, rel=0.65, abs=0.02)
    assert 0 < found <= 1


@BOTH
def test_the_bound_is_never_below_the_p_of_all_swaps(metric: Any) -> None:
    for seed in range(6):
        labels, (one, other) = answers(seed, (0.0, 0.9), num_images=60, num_classes=3)
        other[9:] = one[9:]
        pair = _pair(labels, one, other, metric)
        measured = abs(ORACLES[metric](labels, one) - ORACLES[metric](labels, other))

        assert pair.bound(measured - 1e-9) >= all_swaps(labels, one, other, ORACLES[metric])


@BOTH
def test_the_largest_change_by_one_image_is_no_smaller_than_any_that_occurs(metric: Any) -> None:
    labels, (one, other) = answers(3, (0.1, 0.2), num_images=300, num_classes=6)
    pair = _pair(labels, one, other, metric)
    changes = pair._changes()
    assert changes is not None
    random = np.random.default_rng(0)
    swaps = random.integers(0, 2, (300, len(pair.labels))).astype(np.float32)
    for image in range(len(pair.labels)):
        off, on = swaps.copy(), swaps.copy()
        off[:, image], on[:, image] = 0, 1
        assert np.abs(pair.difference(on) - pair.difference(off)).max() <= changes[image] + 1e-12


def _pair(labels: Any, one: Any, other: Any, metric: Any) -> Any:
    known = module._checked(labels, np.stack([one, other]))
    images = np.flatnonzero(one != other)
    return module._Pair(labels[images], one[images], other[images], known.support, *known.common(0, 1), metric)


@BOTH
def test_the_difference_without_a_swap_is_scikit_learns(metric: Any) -> None:
    labels, (one, other) = answers(5, (0.1, 0.3))
    pair = _pair(labels, one, other, metric)

    found = pair.difference(np.zeros((1, len(pair.labels)), np.float32))[0]

    assert found == pytest.approx(ORACLES[metric](labels, one) - ORACLES[metric](labels, other), abs=1e-12)


@BOTH
@pytest.mark.parametrize("seed", range(3))
def test_answers_to_a_group_are_swapped_together(metric: Any, seed: int) -> None:
    """Against every choice of groups, written out."""
    labels, (one, other) = answers(seed, (0.1, 0.3), num_images=60, num_classes=4)
    groups = np.arange(60) // 6
    measured = abs(ORACLES[metric](labels, one) - ORACLES[metric](labels, other))
    reached = 0
    for swapped in itertools.product([False, True], repeat=10):
        chosen = np.array(swapped)[groups]
        first, second = np.where(chosen, other, one), np.where(chosen, one, other)
        reached += abs(ORACLES[metric](labels, first) - ORACLES[metric](labels, second)) >= measured - 1e-9

    found = swap_p(labels, one, other, metric, smallest=1e-4, groups=groups)

    assert found == pytest.approx(reached / 2**10, rel=0.65, abs=0.02)


@BOTH
def test_the_bound_of_groups_is_never_below_the_p_of_all_swaps(metric: Any) -> None:
    for seed in range(4):
        labels, (one, other) = answers(seed, (0.0, 0.9), num_images=60, num_classes=3)
        groups = np.arange(60) // 4
        pair = dataclasses.replace(_pair(labels, one, other, metric), units=groups[one != other])
        measured = abs(ORACLES[metric](labels, one) - ORACLES[metric](labels, other)) / 2
        random = np.random.default_rng(seed)
        swaps = random.integers(0, 2, (4000, 15)).astype(np.float32)[:, pair.units]

        share = float((np.abs(pair.difference(swaps)) >= measured - 1e-9).mean())

        assert pair.bound(measured) >= share - 3 * math.sqrt(share * (1 - share) / 4000)


def test_groups_of_one_image_change_nothing() -> None:
    labels, predicted = answers(7, (0.1, 0.12, 0.3))
    each = np.arange(len(labels))

    assert leading_group_by_swaps(labels, predicted, F1, groups=each) == leading_group_by_swaps(labels, predicted, F1)
    alone, grouped = (rank_intervals_by_swaps(labels, predicted, F1, groups=one) for one in (None, each))
    assert alone.tolist() == grouped.tolist()


def test_equal_answers_and_equal_scores_have_p_1() -> None:
    labels = np.array([0, 0, 1, 1])

    assert swap_p(labels, np.array([0, 1, 1, 1]), np.array([0, 1, 1, 1]), F1) == 1
    assert swap_p(labels, np.array([0, 1, 1, 1]), np.array([1, 0, 1, 1]), F1) == 1


def test_a_clear_difference_reaches_the_threshold_of_fifty_trials() -> None:
    threshold = 0.05 / (50 * 49 / 2)
    labels, (one, other) = answers(1, (0.05, 0.14))

    assert swap_p(labels, one, other, F1, threshold) <= threshold
    assert swap_p(labels, one, other, F1, threshold) == swap_p(labels, one, other, F1, threshold)


def test_a_difference_in_the_middle_is_drawn_and_not_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, (one, other) = answers(2, (0.08, 0.13))
    by_bound = swap_p(labels, one, other, F1, 1e-4)
    monkeypatch.setattr(module._Pair, "bound", lambda self, measured: 1.0)

    drawn = swap_p(labels, one, other, F1, 1e-4)

    assert drawn == by_bound
    assert 1e-5 < drawn < 0.05


def test_a_class_that_only_swaps_bring_has_no_bound_and_is_drawn() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    one, other = labels.copy(), np.array([2, 2, 0, 1, 1, 1, 1, 2])  # a class without an image

    assert _pair(labels, one, other, F1).bound(0.3) == 1
    exact = all_swaps(labels, one, other, ORACLES[F1])
    assert swap_p(labels, one, other, F1) == pytest.approx(exact, rel=0.5)


def test_the_leading_group_and_the_ranks_of_trials_far_apart() -> None:
    labels, predicted = answers(0, (0.30, 0.02, 0.11, 0.02))

    group = leading_group_by_swaps(labels, predicted, F1)

    scores = [ORACLES[F1](labels, row) for row in predicted]
    assert set(group.members) == {1, 3}
    assert scores[group.members[0]] == max(scores), "the leader first"
    assert {left.index for left in group.left} == {0, 2}
    assert all(left.p <= left.threshold for left in group.left)
    assert rank_intervals_by_swaps(labels, predicted, F1).tolist() == [[4, 4], [1, 2], [3, 3], [1, 2]]


def test_one_trial_leads_alone() -> None:
    labels, predicted = answers(0, (0.1,))

    assert leading_group_by_swaps(labels, predicted, F1).members == (0,)
    assert rank_intervals_by_swaps(labels, predicted, F1).tolist() == [[1, 1]]


def test_equal_trials_are_seldom_separated() -> None:
    found = [len(leading_group_by_swaps(*answers(seed, (0.12,) * 4), F1).members) < 4 for seed in range(60)]

    assert np.mean(found) <= 0.1


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([0, 1], [[0, 1, 1]], r"shapes \(2,\) and \(1, 3\)"),
        ([0, 1], [0, 1], r"shapes \(2,\) and \(2,\)"),
        ([0, -1], [[0, 1]], "whole numbers from 0"),
        ([0.5, 1], [[0, 1]], "whole numbers from 0"),
    ],
)
def test_what_is_no_table_of_classes_is_refused(labels: Any, predicted: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        leading_group_by_swaps(np.array(labels), np.array(predicted), F1)


def test_an_alpha_outside_its_range_is_refused() -> None:
    labels, predicted = answers(0, (0.1, 0.2), num_images=50)
    for alpha in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="alpha lies between 0 and 1"):
            rank_intervals_by_swaps(labels, predicted, F1, alpha)
        with pytest.raises(ValueError, match="alpha lies between 0 and 1"):
            leading_group_by_swaps(labels, predicted, F1, alpha)
