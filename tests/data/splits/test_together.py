from __future__ import annotations

import numpy as np
import pytest

from sweeper.data.splits import draw
from sweeper.data.splits.together import chosen_units, joined, numbered, reunited


def test_values_are_numbered_by_their_first_occurrence():
    assert numbered(np.array([70, -3, 70, 5, -3])).tolist() == [0, 1, 0, 2, 1]
    assert numbered(np.array(["b", "a", "b"])).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("groups", "copies", "expected"),
    [
        pytest.param([0, 0, 1, 1, 2], [0, 1, 2, 3, 4], [0, 0, 1, 1, 2], id="no copies"),
        pytest.param([0, 0, 1, 1, 2], [0, 1, 1, 3, 4], [0, 0, 0, 0, 1], id="a copy joins two groups"),
        pytest.param([0, 1, 2, 3, 4], [9, 8, 8, 7, 9], [0, 1, 1, 2, 0], id="two pairs"),
        pytest.param([0, 1, 1, 2, 2, 3], [5, 5, 6, 6, 7, 7], [0, 0, 0, 0, 0, 0], id="a chain"),
        pytest.param(["b", "a", "b", "c"], None, [0, 1, 0, 2], id="nothing known of copies"),
    ],
)
def test_units_are_groups_joined_by_copies(groups, copies, expected):
    found = joined(np.array(groups), None if copies is None else np.array(copies))
    assert found.tolist() == expected


# Copies


def test_a_split_without_copies_on_both_sides_stays_as_it_is():
    labels = np.repeat([0, 1], 10)
    kept, held = draw(labels, [(8, 8), (2, 2)], 0)
    prints = np.arange(20)
    prints[kept[1]] = prints[kept[0]]  # copies on one side
    prints[held[1]] = prints[held[0]]
    same = reunited(kept, held, labels, prints, 0)
    assert same[0] is kept
    assert same[1] is held


def test_a_copy_goes_to_training_and_another_image_of_its_class_validates():
    labels, prints = np.repeat([0, 1], 10), np.arange(20)
    kept, held = draw(labels, [(8, 8), (2, 2)], 0)
    copy, original = held[0], kept[0]
    prints[copy] = prints[original]
    train, validation = reunited(kept, held, labels, prints, 0)
    assert copy in train
    assert original in train
    assert np.bincount(labels[validation]).tolist() == [2, 2]
    assert sorted([*train, *validation]) == list(range(20))
    assert set(held) - set(validation) == {copy}


def test_images_that_come_in_exchange_depend_on_the_seed_and_not_on_the_values_of_prints():
    labels = np.zeros(40, int)
    kept, held = draw(labels, [(30,), (10,)], 0)
    prints = np.arange(40)
    prints[held] = prints[kept[:10]]
    found = [reunited(kept, held, labels, values, 3)[1] for values in (prints, -prints * 7, prints.astype(str))]
    assert found[0].tolist() == found[1].tolist() == found[2].tolist()
    assert found[0].tolist() != reunited(kept, held, labels, prints, 4)[1].tolist()


def test_copies_with_other_labels_are_brought_together_too():
    labels, prints = np.repeat([0, 1], 10), np.arange(20)
    kept, held = draw(labels, [(8, 8), (2, 2)], 0)
    one, other = held[labels[held] == 0][0], kept[labels[kept] == 1][0]
    prints[one] = prints[other]
    train, validation = reunited(kept, held, labels, prints, 0)
    assert {one, other} <= set(train)
    assert np.bincount(labels[validation]).tolist() == [2, 2]


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_on_both_sides_of_random_data_with_many_copies(seed):
    random = np.random.RandomState(seed)
    labels, prints = random.randint(0, 4, 300), random.randint(0, 120, 300)
    counts = np.bincount(labels)
    kept, held = draw(labels, [counts - counts // 5, counts // 5], seed)
    train, validation = reunited(kept, held, labels, prints, seed)
    assert not set(prints[train]) & set(prints[validation])
    assert sorted([*train, *validation]) == list(range(300))
    assert (np.bincount(labels[train], minlength=4) > 0).all()


def test_where_each_image_is_there_twice_the_sizes_stay_by_exchanging_pairs():
    labels, prints = np.repeat([0, 1], 100), np.repeat(np.arange(100), 2)
    kept, held = draw(labels, [(80, 80), (20, 20)], 0)
    train, validation = reunited(kept, held, labels, prints, 0)
    assert not set(prints[train]) & set(prints[validation])
    assert np.bincount(labels[validation]).tolist() == [20, 20]


def test_where_a_class_is_one_image_many_times_it_only_trains():
    labels, prints = np.repeat([0, 1], 10), np.concatenate([np.zeros(10, int), np.arange(1, 11)])
    kept, held = draw(labels, [(8, 8), (2, 2)], 0)
    train, validation = reunited(kept, held, labels, prints, 0)
    assert labels[validation].tolist() == [1, 1]
    assert (labels[train] == 0).sum() == 10


# Groups


def test_whole_units_are_chosen_and_come_near_to_what_is_wanted():
    random = np.random.RandomState(0)
    units = np.repeat(np.arange(60), random.randint(5, 15, 60))
    labels = random.randint(0, 5, len(units))
    wanted = [int(count) for count in np.bincount(labels) // 5]
    chosen = chosen_units(labels, units, wanted, 0)
    assert chosen is not None
    assert not set(units[chosen]) & set(units[~chosen])
    assert np.abs(np.bincount(labels[chosen]) - wanted).max() <= 3


def test_the_choice_depends_on_the_seed_alone():
    units, labels = np.repeat(np.arange(40), 5), np.tile([0, 1], 100)
    found = [chosen_units(labels, units, [20, 20], seed) for seed in (1, 1, 2)]
    assert found[0].tolist() == found[1].tolist() != found[2].tolist()


def test_units_of_single_images_are_chosen_to_the_very_number():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    chosen = chosen_units(labels, np.arange(100), [10, 6, 4], 0)
    assert np.bincount(labels[chosen]).tolist() == [10, 6, 4]


def test_as_even_as_scikit_learns_way_of_splitting_groups_by_class():
    from sklearn.model_selection import StratifiedGroupKFold

    random = np.random.RandomState(3)
    units = np.repeat(np.arange(50), random.randint(2, 30, 50))
    labels = (units % 4 + random.randint(0, 2, len(units))) % 4
    wanted = np.bincount(labels) / 5
    ours = chosen_units(labels, units, [round(count) for count in wanted], 0)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(labels, labels, units)
    theirs = min(np.abs(np.bincount(labels[held], minlength=4) - wanted).max() for _, held in folds)
    assert np.abs(np.bincount(labels[ours], minlength=4) - wanted).max() <= theirs


def test_a_class_of_one_unit_stays_in_training():
    units, labels = np.array([0, 0, 1, 1, 2, 2, 3, 3]), np.array([0, 0, 1, 1, 1, 1, 1, 1])
    for seed in range(10):
        chosen = chosen_units(labels, units, [1, 2], seed)
        assert set(units[chosen]) < {1, 2, 3}


def test_units_that_are_all_too_large_give_the_least_of_them():
    units, labels = np.repeat([0, 1, 2], [40, 30, 50]), np.tile([0, 1], 60)
    chosen = chosen_units(labels, units, [5, 5], 0)
    assert set(units[chosen]) == {1}


def test_no_unit_can_be_chosen_where_each_has_all_images_of_a_class():
    units = labels = np.repeat([0, 1, 2], 10)
    assert chosen_units(labels, units, [2, 2, 2], 0) is None


def test_two_hundred_classes_in_two_thousand_units():
    random = np.random.RandomState(0)
    units = np.repeat(np.arange(2000), 5)
    labels = np.concatenate([np.repeat(np.arange(200), 50)])[random.permutation(10_000)]
    chosen = chosen_units(labels, units, [10] * 200, 0)
    counts = np.bincount(labels[chosen], minlength=200)
    assert abs(int(chosen.sum()) - 2000) < 100
    assert np.abs(counts - 10).max() <= 4
