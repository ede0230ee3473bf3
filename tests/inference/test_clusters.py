"""Images in groups: exact sign flips of the groups' sums, and intervals that are worth fewer images."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.inference import (
    as_units,
    differences_by_clusters,
    differences_from_leader,
    group_sums,
    leading_configurations,
    leading_group,
    leading_group_by_clusters,
    mcnemar_p,
    rank_intervals,
    rank_intervals_by_clusters,
    sign_flip_p,
    winners_score,
)


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=9))
def test_p_is_the_share_of_all_signs_that_give_as_much(differences: list[int]) -> None:
    given_ = np.array(differences, float)
    all_signs = np.array(list(itertools.product((-1, 1), repeat=len(differences))))
    expected = float(np.mean(np.abs(all_signs @ np.abs(given_)) >= abs(given_.sum())))

    assert sign_flip_p(given_) == pytest.approx(expected)


def test_with_one_image_in_each_group_it_is_mcnemars_test() -> None:
    assert sign_flip_p(np.array([1.0] * 3000 + [-1.0] * 2800 + [0.0] * 100)) == pytest.approx(mcnemar_p(3000, 2800))

    random = np.random.default_rng(0)
    correct, own = random.random((4, 300)) < np.array([[0.9], [0.88], [0.8], [0.7]]), np.arange(300)

    assert leading_group_by_clusters(correct, own).members == leading_group(correct).members
    assert rank_intervals_by_clusters(correct, own).tolist() == rank_intervals(correct).tolist()


def test_images_that_are_copies_of_each_other_show_no_more_than_one() -> None:
    random = np.random.default_rng(1)
    one = random.random((3, 30)) < np.array([[0.95], [0.8], [0.6]])
    copies, groups = np.repeat(one, 10, axis=1), np.repeat(np.arange(30), 10)

    assert leading_group_by_clusters(copies, groups).members == leading_group(one).members
    assert len(leading_group(copies).members) < len(leading_group(one).members), "copies are taken for evidence"
    score, wrongly = winners_score(copies, groups=groups), winners_score(copies)
    assert score.high - score.low > 2 * (wrongly.high - wrongly.low)


def test_differences_are_those_of_the_groups() -> None:
    random = np.random.default_rng(0)
    by_group = random.random((3, 60)) < np.array([[0.95], [0.8], [0.6]])
    alone, copies = differences_from_leader(by_group), np.repeat(by_group, 20, axis=1)

    found = differences_by_clusters(copies, np.repeat(np.arange(60), 20))

    assert found[0].tolist() == [0, 0, 0]
    assert found[:, 0] == pytest.approx(alone[:, 0])
    assert found[1:, 1:] == pytest.approx(alone[1:, 1:], abs=0.03), "copies of an image show no more than the image"
    far = differences_from_leader(copies)
    assert (far[1:, 2] - far[1:, 1] < (found[1:, 2] - found[1:, 1]) / 2).all(), "taken as independent they would"


def test_one_group_alone_shows_nothing() -> None:
    correct = np.random.default_rng(0).random((2, 50)) < np.array([[0.9], [0.2]])

    found = differences_by_clusters(correct, np.zeros(50, int))

    assert found[1, 1:].tolist() == [-1, 1]


def test_sums_and_units_of_groups_in_any_order() -> None:
    scores, groups = np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([7, 2, 7, 7])

    assert group_sums(scores, groups).tolist() == [[2.0, 8.0]]
    assert as_units(scores, groups).tolist() == [[1.0, 4.0]]
    assert as_units(scores, groups).mean() == scores.mean()


def test_configurations_are_compared_over_groups() -> None:
    random = np.random.default_rng(2)
    one = [random.random((3, 20)) < level for level in (0.95, 0.75)]
    copies = [np.repeat(table, 20, axis=1) for table in one]
    groups = np.repeat(np.arange(20), 20)

    assert leading_configurations(copies, groups=groups).members == leading_configurations(one).members
    assert leading_configurations(copies, groups=groups).image_share == pytest.approx(
        leading_configurations(one).image_share
    )
