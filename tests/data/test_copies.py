from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.config.trial import DataConfig
from sweeper.data import copies, open_arrays, prepare
from sweeper.data.arrays import RawData
from sweeper.data.prints import prints_of
from sweeper.data.splits import SplitIndices


def copy_warnings(data: RawData, split: SplitIndices) -> tuple[str, ...]:
    return copies.copy_warnings(data, split, prints_of(data, split.validation_from))


def raw(**changes: Any) -> RawData:
    """Ten training, four test and three validation images of 2x2 pixels, all different."""
    images = np.arange(17 * 4, dtype=np.uint8).reshape(17, 2, 2, 1)
    labels = np.zeros(17, dtype=np.int64)
    known = {"x_train": images[:10], "x_test": images[10:14], "x_validation": images[14:]}
    known |= {"y_train": labels[:10], "y_test": labels[10:14], "y_validation": labels[14:]}
    return RawData(**{**known, **changes}, source="here")


def indices(validation_from: Any = "train") -> SplitIndices:
    """The first six training images, the other four for validation; or other images for validation."""
    validation = {"train": np.arange(6, 10), "test": np.arange(4), "file": np.arange(3)}[validation_from]
    return SplitIndices(np.arange(6), validation, np.arange(4), validation_from)


def with_copies(images: Any, places: dict[int, int]) -> Any:
    images = images.copy()
    for place, original in places.items():
        images[place] = images[original]
    return images


@pytest.mark.parametrize("validation_from", ["train", "test", "file"])
def test_different_images_give_no_warning(validation_from):
    assert copy_warnings(raw(), indices(validation_from)) == ()


def test_copies_within_training_alone_give_no_warning():
    assert copy_warnings(raw(x_train=with_copies(raw().x_train, {1: 0, 2: 0})), indices()) == ()


def test_validation_images_that_training_has_are_counted_and_named():
    x_train = with_copies(raw().x_train, {6: 2, 9: 0})
    assert copy_warnings(raw(x_train=x_train), indices()) == (
        "2 of 4 validation images are exact copies of training images (x_train[6] of x_train[2], x_train[9] of "
        "x_train[0]): validation figures are too high, since the networks were trained on these images.",
    )


def test_copies_within_validation_are_counted_without_the_first_and_the_first_three_named():
    x_train = with_copies(raw().x_train, {7: 6, 8: 6, 9: 6})
    assert copy_warnings(raw(x_train=x_train), indices()) == (
        "3 of 4 validation images are exact copies of other validation images (x_train[7] of x_train[6], x_train[8] "
        "of x_train[6], x_train[9] of x_train[6]): intervals and tests count each as a new image, and are "
        "too confident.",
    )


def test_more_than_three_copies_are_named_in_part():
    x_train = with_copies(raw().x_train, dict.fromkeys(range(6, 10), 0))
    first, _ = copy_warnings(raw(x_train=x_train), indices())
    assert "4 of 4 validation images" in first
    assert "x_train[8] of x_train[0], and 1 more)" in first


def test_copies_in_the_test_set_are_counted_against_training_itself_and_validation():
    x_test = raw().x_test.copy()
    x_test[0], x_test[1], x_test[3] = raw().x_train[5], raw().x_train[7], x_test[2]
    assert copy_warnings(raw(x_test=x_test), indices()) == (
        "1 of 4 test images is an exact copy of training images (x_test[0] of x_train[5]): test figures are too high, "
        "since the networks were trained on these images.",
        "1 of 4 test images is an exact copy of other test images (x_test[3] of x_test[2]): intervals and tests count "
        "each as a new image, and are too confident.",
        "1 of 4 test images is an exact copy of validation images (x_test[1] of x_train[7]): on these images the test "
        "set confirms nothing.",
    )


def test_the_test_set_as_validation_is_counted_once():
    x_test = with_copies(raw().x_test, {3: 2})
    (only,) = copy_warnings(raw(x_test=x_test), indices("test"))
    assert only.startswith("1 of 4 validation images is an exact copy of other validation images (x_test[3] of x_test")


def test_a_validation_set_of_the_file_is_named_as_there():
    x_validation = with_copies(raw().x_validation, {1: 0})
    (only,) = copy_warnings(raw(x_validation=x_validation), indices("file"))
    assert "(x_val[1] of x_val[0])" in only


def test_bytes_and_floats_are_compared_as_the_trials_see_them():
    x_test = (raw().x_test / np.float32(255)).astype(np.float32)
    x_test[0] = raw().x_train[0] / np.float32(255)
    (only,) = copy_warnings(raw(x_test=x_test), indices())
    assert "(x_test[0] of x_train[0])" in only


def test_an_image_with_several_labels_is_counted():
    x_train, y_train = with_copies(raw().x_train, {1: 0, 3: 2}), raw().y_train.copy()
    y_train[1] = 1
    assert copy_warnings(raw(x_train=x_train, y_train=y_train), indices()) == (
        "1 image of training or validation occurs with several labels (x_train[1] and x_train[0]).",
    )


def test_the_bundled_digits_have_no_copies(tmp_path: Path):
    assert prepare(DataConfig(), tmp_path).warnings == ()


def test_copies_are_named_as_the_images_lie_in_the_users_file(tmp_path: Path):
    images = np.random.RandomState(0).randint(0, 256, (40, 4, 4)).astype(np.uint8)
    val, labels = images[30:].copy(), np.arange(40) % 2
    val[3] = images[7]
    given = {"train_images": images[:20], "val_images": val, "test_images": images[20:30]}
    given |= {"train_labels": labels[:20], "val_labels": labels[30:], "test_labels": labels[20:30]}
    np.savez(tmp_path / "my.npz", **given)
    [warning, *_] = prepare(DataConfig(name="npz", path=str(tmp_path / "my.npz")), tmp_path / "prepared").warnings
    assert "1 of 10 validation images is an exact copy of training images (val_images[3] of train_images[7])" in warning


def test_copies_in_a_test_set_that_was_held_out_are_named_by_their_place_in_the_file(tmp_path: Path):
    images = np.random.RandomState(0).randint(0, 256, (60, 4, 4)).astype(np.uint8)
    labels = np.arange(60) % 2
    chosen = DataConfig(name="npz", path=str(tmp_path / "my.npz"))
    np.savez(tmp_path / "my.npz", images=images, labels=labels)
    test = open_arrays(prepare(chosen, tmp_path / "prepared")).x_test
    places = [int(np.flatnonzero((images == image[..., 0]).all((1, 2)))[0]) for image in np.asarray(test)]
    images[places[5]] = images[places[1]]
    np.savez(tmp_path / "my.npz", images=images, labels=labels)
    [warning, *_] = prepare(chosen, tmp_path / "prepared").warnings
    assert f"is an exact copy of other test images (images[{places[5]}] of images[{places[1]}])" in warning
