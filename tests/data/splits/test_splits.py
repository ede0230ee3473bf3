from __future__ import annotations

import numpy as np
import pytest

from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError, DataError
from sweeper.data.arrays import Inventory, RawData
from sweeper.data.splits import SplitIndices, apportion, draw, draw_splits, num_validation, plan_splits

TEN_EACH = Inventory((8, 8, 1), (10, 10, 10), (4, 4, 4))


@pytest.mark.parametrize(
    ("counts", "total", "lowest", "kept_back", "expected"),
    [
        pytest.param((10, 10), 4, 0, 0, (2, 2), id="even"),
        pytest.param((10, 10), 5, 0, 0, (3, 2), id="a tie goes to the lower class"),
        pytest.param((60, 30, 10), 10, 0, 0, (6, 3, 1), id="in proportion"),
        pytest.param((7, 5, 3), 5, 0, 0, (2, 2, 1), id="largest remainder"),
        pytest.param((1000, 2), 10, 1, 1, (9, 1), id="a rare class gets its one"),
        pytest.param((1000, 2), 1000, 1, 1, (999, 1), id="a rare class keeps one back"),
        pytest.param((5, 0, 5), 4, 1, 0, (2, 0, 2), id="an absent class gets none"),
        pytest.param((3, 4), 7, 0, 0, (3, 4), id="all"),
        pytest.param((3, 4), 0, 0, 0, (0, 0), id="none"),
    ],
)
def test_images_are_shared_out_by_largest_remainder_within_bounds(counts, total, lowest, kept_back, expected):
    assert apportion(counts, total, lowest, kept_back) == expected


def test_shares_keep_their_bounds_and_sum_for_random_counts():
    random = np.random.RandomState(0)
    for _ in range(300):
        counts = random.randint(2, 40, size=random.randint(2, 12))
        total = random.randint(len(counts), counts.sum() - len(counts) + 1)
        shares = np.array(apportion(counts, total, lowest=1, kept_back=1))
        assert shares.sum() == total
        assert (shares >= 1).all()
        assert (shares <= counts - 1).all()


def test_a_sharing_that_the_bounds_forbid_is_an_error():
    with pytest.raises(ValueError, match="9 images cannot be shared out between 0 and 8"):
        apportion((4, 4), 9)


@pytest.mark.parametrize(
    ("validation", "num_images", "expected"),
    [
        pytest.param(0.2, 60_000, 12_000, id="a fifth"),
        pytest.param(0.2, 1437, 287, id="rounded down"),
        pytest.param(0.2, 1438, 288, id="rounded up"),
        pytest.param(300, 1437, 300, id="a count"),
    ],
)
def test_a_fraction_is_rounded_and_a_count_taken_as_it_is(validation, num_images, expected):
    assert num_validation(validation, num_images) == expected


@pytest.mark.parametrize(
    ("config", "sizes"),
    [
        pytest.param(DataConfig(validation=0.2), (24, 6, 12), id="a fraction"),
        pytest.param(DataConfig(validation=5), (25, 5, 12), id="a count"),
        pytest.param(DataConfig(validation="test"), (30, 12, 12), id="the test set"),
        pytest.param(DataConfig(validation=0.5, max_samples=9), (5, 4, 9), id="a cap on both"),
        pytest.param(DataConfig(validation="test", max_samples=3), (3, 3, 3), id="a cap and the test set"),
        pytest.param(DataConfig(validation=0.2, max_samples=20), (16, 4, 12), id="a cap above the test set"),
        pytest.param(DataConfig(validation=0.2, max_samples=1000), (24, 6, 12), id="a cap above all"),
        pytest.param(DataConfig(validation=3), (27, 3, 12), id="the fewest for validation"),
        pytest.param(DataConfig(validation=27), (3, 27, 12), id="the fewest for training"),
    ],
)
def test_the_plan_caps_first_and_then_takes_validation_from_training(config, sizes):
    plan = plan_splits(TEN_EACH, config)
    assert (sum(plan.train), sum(plan.validation), sum(plan.test)) == sizes


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param(
            DataConfig(validation=2),
            r"data\.validation=2 of the 30 training images keeps 2 for validation, where 3 are needed, "
            r"one of each class\. "
            r"Accepted: 3 to 27 images, or a fraction that gives as many\.  Try: data\.validation=0\.2",
            id="too few for validation",
        ),
        pytest.param(DataConfig(validation=28), r"keeps 2 for training, where 3 are needed", id="too few for training"),
        pytest.param(
            DataConfig(validation=500), r"data\.validation=500 of the 30 .* keeps 0 for training", id="more than all"
        ),
        pytest.param(DataConfig(validation=0.01), r"keeps 0 for validation", id="a fraction of nothing"),
        pytest.param(
            DataConfig(validation=0.2, max_samples=8),
            r"of the 8 training images that data\.max_samples=8 leaves keeps 2 for .* Try: data\.validation=3",
            id="the cap leaves too few, and so does the default",
        ),
        pytest.param(
            DataConfig(max_samples=5),
            r"data\.max_samples=5 is not enough for 3 classes\. Accepted: 6 images or more \(2 of each class\)",
            id="a cap below two of each class",
        ),
        pytest.param(
            DataConfig(max_samples=2, validation="test"),
            r"Accepted: 3 images or more \(1 of each class\), or null for all\.  Try: data\.max_samples=300",
            id="a cap below one of each class",
        ),
    ],
)
def test_a_split_that_cannot_be_had_is_refused_with_what_can(config, message):
    with pytest.raises(ConfigError, match=message):
        plan_splits(TEN_EACH, config)


def test_the_only_image_of_a_class_is_trained_on():
    inventory = Inventory((8, 8, 1), (10, 1, 10), (4, 4, 4))
    plan = plan_splits(inventory, DataConfig(validation=6))
    assert (plan.train, plan.validation) == ((7, 1, 7), (3, 0, 3))
    assert plan_splits(inventory, DataConfig(validation="test")).train == (10, 1, 10)


def test_thirty_images_of_ten_classes_say_how_many_are_needed_and_what_works():
    inventory = Inventory((8, 8, 1), (3,) * 10, (1,) * 10)
    message = (
        r"data\.validation=0\.2 of the 30 training images keeps 6 for validation, where 10 are needed, one of each "
        r"class\. Accepted: 10 to 20 images, .*Try: data\.validation=10$"
    )
    with pytest.raises(ConfigError, match=message):
        plan_splits(inventory, DataConfig())
    assert plan_splits(inventory, DataConfig(validation=10)).validation == (1,) * 10


def test_one_image_of_each_class_is_refused_unless_the_test_set_validates():
    inventory = Inventory((8, 8, 1), (1, 1, 1), (4, 4, 4))
    with pytest.raises(DataError, match=r"Each of the 3 classes has 1 training image, .* Try: data\.validation=test"):
        plan_splits(inventory, DataConfig())
    assert plan_splits(inventory, DataConfig(validation="test")).train == (1, 1, 1)


OWN_VALIDATION = Inventory((8, 8, 1), (10, 10, 10), (4, 4, 4), (2, 2, 2))


def test_a_validation_set_that_comes_with_the_data_is_used_as_it_is():
    plan = plan_splits(OWN_VALIDATION, DataConfig())
    assert (plan.train, plan.validation, plan.validation_from) == ((10, 10, 10), (2, 2, 2), "file")


def test_the_cap_is_shared_by_training_images_and_the_validation_set_that_comes_with_them():
    plan = plan_splits(OWN_VALIDATION, DataConfig(max_samples=18))
    assert (sum(plan.train), sum(plan.validation), sum(plan.test)) == (15, 3, 12)


def test_the_notebooks_way_wins_over_a_validation_set_that_comes_with_the_data():
    plan = plan_splits(OWN_VALIDATION, DataConfig(validation="test"))
    assert (plan.validation, plan.validation_from) == ((4, 4, 4), "test")


def test_another_validation_than_the_one_that_comes_with_the_data_is_refused():
    config = DataConfig(name="npz", path="a b.npz", validation=0.3)
    message = (
        r"data\.validation=0\.3 would have no effect: .*\(6 images, .*Accepted: 0\.2, the default, .*Try: data=npz "
    )
    with pytest.raises(ConfigError, match=message):
        plan_splits(OWN_VALIDATION, config)


def test_every_class_is_in_training_and_validation_however_rare():
    plan = plan_splits(Inventory((8, 8, 1), (5000, 2, 3), (1, 0, 0)), DataConfig(validation=0.1, max_samples=500))
    assert min(plan.train) >= 1
    assert min(plan.validation) >= 1
    assert sum(plan.train) + sum(plan.validation) == 500


def _drawn(seed: int) -> SplitIndices:
    labels = np.repeat([0, 1, 2], 10)
    plan = plan_splits(TEN_EACH, DataConfig(validation=0.3, max_samples=12))
    images, y_test = np.zeros((30, 8, 8, 1), np.uint8), np.repeat([0, 1, 2], 4)
    return draw_splits(plan, RawData(images, labels, images[:12], y_test, "here"), seed)


def test_a_draw_is_disjoint_ascending_and_as_planned():
    drawn = _drawn(0)
    both = np.concatenate([drawn.train, drawn.validation])
    assert len(np.unique(both)) == len(both) == 12
    assert (np.diff(drawn.train) > 0).all()
    assert (np.diff(drawn.validation) > 0).all()
    assert np.bincount(both // 10).tolist() == [4, 4, 4]


def test_the_draw_depends_on_the_seed_alone():
    assert _drawn(3).digest() == _drawn(3).digest()
    assert _drawn(3).digest() != _drawn(4).digest()


def test_the_stream_of_draws_is_the_one_that_earlier_sweeps_had():
    (drawn,) = draw(np.repeat([0, 1], 10), [(2, 3)], seed=0)
    assert drawn.tolist() == [2, 8, 11, 13, 15]


def test_a_draw_of_all_is_all_in_order():
    labels = np.array([2, 0, 1, 1, 0])
    (drawn,) = draw(labels, [(2, 2, 1)], seed=9)
    assert drawn.tolist() == [0, 1, 2, 3, 4]


def test_validation_on_the_test_set_has_another_digest_than_the_same_numbers_of_training_images():
    same = np.arange(3)
    digests = {SplitIndices(same, same, same, source).digest() for source in ("train", "test", "file")}
    assert len(digests) == 3
