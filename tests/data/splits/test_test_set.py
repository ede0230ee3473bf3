from __future__ import annotations

import numpy as np
import pytest

from sweeper.data.splits.plan import held_out_counts
from sweeper.data.splits.test_set import held_out


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param((100, 50), (20, 10), id="a fifth"),
        pytest.param((10, 3, 2), (2, 1, 0), id="two stay"),
        pytest.param((2, 2), (0, 0), id="none"),
    ],
)
def test_a_fifth_of_each_class_is_the_test_set_as_far_as_two_stay(counts, expected):
    assert held_out_counts(counts) == expected


def test_the_test_set_that_earlier_releases_held_out():
    left, held = held_out(np.repeat([0, 1], 10), 2)
    assert held.tolist() == [0, 5, 14, 17]
    assert sorted([*left, *held]) == list(range(20))


def test_copies_and_groups_are_on_one_side():
    labels, groups = np.tile([0, 1], 50), np.repeat(np.arange(25), 4)
    copies = np.arange(100)
    copies[0] = copies[99]
    for own in (None, groups):
        left, held = held_out(labels, 2, own, copies)
        assert (0 in left) == (99 in left)
        assert np.bincount(labels[held]).tolist() == [10, 10]
    assert not set(groups[left]) & set(groups[held])


def test_no_group_that_would_leave_a_class_with_one_image_is_held_out():
    labels, groups = np.repeat([0, 1], 4), np.array([0, 0, 0, 1, 2, 2, 2, 3])
    left, held = held_out(labels, 2, groups)
    assert np.bincount(labels[left]).min() >= 2
    assert set(groups[held]) <= {1, 3}


def test_nothing_is_held_out_of_one_group():
    left, held = held_out(np.tile([0, 1], 10), 2, np.zeros(20))
    assert (len(left), len(held)) == (20, 0)
