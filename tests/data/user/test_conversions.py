"""Arrays in the forms that people have: what each becomes, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from custom_arrays import Given, arrays, saved
from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError
from sweeper.data import describe, open_arrays, prepare

NAMES = np.array(["bee", "ant", "cat"])  # of the classes 0, 1 and 2, in another order than the alphabet's


def both(kind: str, change: Callable[[Any], Any]) -> Given:
    """The images or the labels of both splits, changed."""
    return {key: change(array) if key[0] == kind else array for key, array in arrays().items()}


def alike(images: Any) -> Any:
    """The images with a highest pixel of 255 in each split."""
    images = images.copy()
    images[0, 0, 0] = 255
    return images


LABELS = [
    pytest.param(
        lambda y: y[:, None],
        (),
        "y_train and y_test are a column (n, 1): one label for each image.",
        id="a column",
    ),
    pytest.param(lambda y: y[None], (), "y_train and y_test are a row (1, n): one label for each image.", id="a row"),
    pytest.param(
        lambda y: np.eye(3)[y],
        (),
        "y_train and y_test are one-hot with 3 columns: a class is the number of its column, from 0.",
        id="one-hot",
    ),
    pytest.param(
        lambda y: np.eye(3, dtype=bool)[y],
        (),
        "y_train and y_test are one-hot with 3 columns: a class is the number of its column, from 0.",
        id="one-hot bool",
    ),
    pytest.param(
        lambda y: y.astype(np.float32),
        (),
        "y_train and y_test are whole numbers in floats, read as whole numbers.",
        id="floats",
    ),
    pytest.param(
        lambda y: y.astype(str),
        (),
        "y_train and y_test are text of whole numbers, read as numbers.",
        id="numbers as text",
    ),
    pytest.param(
        lambda y: (y * 5).astype("S"),
        ("0", "5", "10"),
        "y_train and y_test are text of whole numbers, read as numbers. "
        "y_train and y_test have labels with gaps: the outputs of a network are the classes 0, 5 and 10, in this "
        "order.",
        id="numbers as bytes, of two lengths",
    ),
    pytest.param(
        lambda y: y + 1,
        ("1", "2", "3"),
        "y_train and y_test have the labels 1 to 3: the first output of a network is class 1.",
        id="from 1",
    ),
    pytest.param(
        lambda y: (y + 1)[:, None].astype(np.uint8),
        ("1", "2", "3"),
        "y_train and y_test are a column (n, 1): one label for each image. "
        "y_train and y_test have the labels 1 to 3: the first output of a network is class 1.",
        id="a column from 1",
    ),
    pytest.param(
        lambda y: y * 10**12,
        ("0", "1000000000000", "2000000000000"),
        "y_train and y_test have labels with gaps: the outputs of a network are the classes 0, 1000000000000 and "
        "2000000000000, in this order.",
        id="gaps",
    ),
    pytest.param(
        lambda y: y * 2 - 3,
        ("-3", "-1", "1"),
        "y_train and y_test have labels with gaps: the outputs of a network are the classes -3, -1 and 1, in this "
        "order.",
        id="negative",
    ),
    pytest.param(
        lambda y: np.eye(5)[y + 1],
        ("1", "2", "3"),
        "y_train and y_test are one-hot with 5 columns: a class is the number of its column, from 0. "
        "y_train and y_test have the labels 1 to 3: the first output of a network is class 1.",
        id="one-hot, with columns that nothing is",
    ),
]


@pytest.mark.parametrize(("change", "names", "said"), LABELS)
def test_labels_become_the_numbers_of_classes_and_it_is_said(change, names, said, tmp_path):
    chosen = saved(tmp_path, both("y", change))
    prepared = prepare(chosen, tmp_path / "prepared")

    assert " ".join(prepared.conversions) == said
    assert prepared.notes[: len(prepared.conversions)] == prepared.conversions
    assert prepared.summary == describe(chosen)
    assert prepared.summary.class_names == names
    opened, plain = open_arrays(prepared), arrays()
    np.testing.assert_array_equal(opened.y_test, plain["y_test"])
    assert opened.y_train.dtype == np.int64
    same = prepare(saved(tmp_path, plain), tmp_path / "plain")
    assert same.split_digest == prepared.split_digest
    assert (same.data_digest == prepared.data_digest) == (not names)


@pytest.mark.parametrize("kind", ["U", "S"])
def test_text_is_the_name_of_a_class_in_alphabetical_order(kind, tmp_path):
    prepared = prepare(saved(tmp_path, both("y", lambda y: NAMES[y].astype(kind))), tmp_path / "prepared")
    assert prepared.summary.class_names == prepared.summary.labels == ("ant", "bee", "cat")
    np.testing.assert_array_equal(open_arrays(prepared).y_test, np.array([1, 0, 2])[arrays()["y_test"]])
    assert prepared.conversions == (
        "y_train and y_test are text: the classes, in alphabetical order, are ant, bee and cat.",
    )


def test_arrays_as_medmnist_has_them_are_read_with_their_validation_set(tmp_path):
    random, given = np.random.RandomState(6), {}
    for split, number in (("train", 12), ("val", 5), ("test", 6)):
        given[f"{split}_images"] = random.randint(0, 256, (number, 6, 5, 3)).astype(np.uint8)
        given[f"{split}_labels"] = (np.arange(number) % 3).astype(np.uint8)[:, None]
    chosen = replace(saved(tmp_path, given), validation=0.2)
    prepared = prepare(chosen, tmp_path / "prepared")
    assert prepared.summary == describe(chosen)
    assert prepared.notes == (
        "By their names, train_images is x_train, train_labels is y_train, test_images is x_test, test_labels is "
        "y_test, val_images is x_val and val_labels is y_val.",
        "train_labels, test_labels and val_labels are a column (n, 1): one label for each image.",
        "The validation images are those of val_images and val_labels, not a part of the training images.",
    )
    opened = open_arrays(prepared)
    for field, split in (("train", "train"), ("validation", "val"), ("test", "test")):
        np.testing.assert_array_equal(getattr(opened, f"x_{field}"), given[f"{split}_images"])
        np.testing.assert_array_equal(getattr(opened, f"y_{field}"), given[f"{split}_labels"][:, 0])


def test_two_hundred_named_classes_one_of_two_images_are_each_trained_on_and_validated(tmp_path):
    labels = np.delete(np.tile(np.arange(200), 6), [7, 207, 407, 607])  # class 7 keeps two of its six images
    images = np.random.RandomState(0).randint(0, 256, (len(labels), 6, 5)).astype(np.uint8)
    names = np.array([f"class {number:03d}" for number in range(200)])
    np.savez(tmp_path / "my.npz", images=images, labels=names[labels])
    chosen = DataConfig(name="npz", path=str(tmp_path / "my.npz"), validation=200)
    with pytest.raises(ConfigError, match=r"keeps 191 for validation, where 200 are .*Try: data\.validation=200$"):
        describe(replace(chosen, validation=0.2))
    prepared = prepare(chosen, tmp_path / "prepared")
    assert prepared.summary == describe(chosen)
    assert prepared.summary.class_names == tuple(names)
    opened = open_arrays(prepared)
    counts = [np.bincount(one, minlength=200) for one in (opened.y_train, opened.y_validation, opened.y_test)]
    assert [one[7] for one in counts] == [1, 1, 0]
    assert min(counts[0].min(), counts[1].min()) == 1
    assert prepared.warnings == ("No test image is of class class 007: test figures say nothing about it.",)


def test_other_names_of_the_same_classes_are_other_data(tmp_path):
    digests = set()
    for names in (NAMES, np.array(["bees", "ant", "cat"])):
        chosen = saved(tmp_path, both("y", lambda y, names=names: names[y]))
        digests.add(prepare(chosen, tmp_path / "prepared").data_digest)
    assert len(digests) == 2


PIXELS = [
    pytest.param(lambda x: x.astype(np.int32), "are int32 from 0 to 255: read as bytes", id="int32"),
    pytest.param(lambda x: x.astype(np.uint16), "are uint16 from 0 to 255: read as bytes", id="bytes in uint16"),
    pytest.param(lambda x: x.astype(np.float32), "are float32 from 0 to 255: read as bytes", id="whole floats"),
    pytest.param(lambda x: x.astype(np.float64), "are float64 from 0 to 255: read as bytes", id="whole float64"),
    pytest.param(
        lambda x: x.astype(np.uint16) * 257,
        "are uint16 from 0 to 65,535: divided by 257 and rounded to bytes, as pictures of 16 bits are",
        id="uint16",
    ),
    pytest.param(
        lambda x: (x.astype(np.int64) * 257 - 128).clip(0),
        "are int64 from 0 to 65,407: divided by 257 and rounded to bytes, as pictures of 16 bits are",
        id="16 bits in int64, rounded up",
    ),
]


@pytest.mark.parametrize(("change", "said"), PIXELS)
def test_pixels_on_a_scale_beyond_doubt_become_the_bytes_that_they_are(change, said, tmp_path):
    prepared = prepare(saved(tmp_path, both("x", lambda x: change(alike(x)))), tmp_path / "prepared")
    same = prepare(saved(tmp_path, both("x", alike)), tmp_path / "plain")
    assert prepared.conversions == (f"x_train and x_test {said}.",)
    assert prepared.notes == prepared.conversions
    np.testing.assert_array_equal(open_arrays(prepared).x_train, open_arrays(same).x_train)
    assert (prepared.data_digest, prepared.split_digest) == (same.data_digest, same.split_digest)


def test_fractions_up_to_255_are_divided_by_it(tmp_path):
    given = both("x", lambda x: alike(x) * 0.9961)
    prepared = prepare(saved(tmp_path, given), tmp_path / "prepared")
    assert prepared.conversions == ("x_train and x_test are float64 from 0 to 254.005: divided by 255.",)
    expected = given["x_test"].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(open_arrays(prepared).x_test[..., 0], expected)


def test_floats_up_to_255_beside_bytes_are_brought_to_them(tmp_path):
    given = {**both("x", alike), "x_test": alike(arrays()["x_test"]).astype(np.float32)}
    prepared = prepare(saved(tmp_path, given), tmp_path / "prepared")
    assert prepared.conversions == ("x_test is float32 from 0 to 255: read as bytes.",)
    np.testing.assert_array_equal(open_arrays(prepared).x_test[..., 0], alike(arrays()["x_test"]))


@pytest.mark.parametrize("kind", [np.uint8, np.int64])
def test_whole_0_and_1_are_black_and_white(kind, tmp_path):
    given = both("x", lambda x: (x > 127).astype(kind))
    prepared = prepare(saved(tmp_path, given), tmp_path / "prepared")
    name = np.dtype(kind).name
    assert prepared.conversions == (f"x_train and x_test are {name} from 0 to 1: black and white, as 0 and 1.",)
    np.testing.assert_array_equal(open_arrays(prepared).x_test[..., 0], (arrays()["x_test"] > 127) * np.uint8(255))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_that_come_first_are_put_last(channels, tmp_path):
    random = np.random.RandomState(2)
    last = {**arrays(), **{k: random.randint(0, 256, (n, 6, 5, channels)).astype("u1")
                           for k, n in (("x_train", 12), ("x_test", 6))}}  # fmt: skip
    first = {key: array.transpose(0, 3, 1, 2) if key[0] == "x" else array for key, array in last.items()}
    chosen = saved(tmp_path, first)
    prepared = prepare(chosen, tmp_path / "prepared")
    assert prepared.conversions == ("x_train and x_test have their channels first, as in PyTorch: they are put last.",)
    assert prepared.summary == describe(chosen)
    assert prepared.summary.input_shape == (6, 5, channels)
    np.testing.assert_array_equal(open_arrays(prepared).x_test, last["x_test"])
    assert prepared.data_digest == prepare(saved(tmp_path, last), tmp_path / "plain").data_digest


def test_arrays_as_they_are_taken_are_not_converted(tmp_path):
    prepared = prepare(saved(tmp_path, arrays()), tmp_path / "prepared")
    assert (prepared.conversions, prepared.notes, prepared.summary.class_names) == ((), (), ())


def test_everything_at_once_is_converted_and_said_in_order(tmp_path):
    given = {
        "train_data": alike(arrays()["x_train"]).astype(np.float32)[:, None],
        "train_targets": np.eye(3)[arrays()["y_train"]],
        "test_data": alike(arrays()["x_test"]).astype(np.float32)[:, None],
        "test_targets": np.eye(3)[arrays()["y_test"]],
    }
    prepared = prepare(saved(tmp_path, given), tmp_path / "prepared")
    assert prepared.conversions == (
        "By their names, train_data is x_train, train_targets is y_train, test_data is x_test and test_targets is "
        "y_test.",
        "train_data and test_data have their channels first, as in PyTorch: they are put last.",
        "train_targets and test_targets are one-hot with 3 columns: a class is the number of its column, from 0.",
        "train_data and test_data are float32 from 0 to 255: read as bytes.",
    )
    assert prepared.data_digest == prepare(saved(tmp_path, both("x", alike)), tmp_path / "plain").data_digest


# The same pictures as PNG files

FORMS = [
    pytest.param(lambda x: x.transpose(0, 3, 1, 2), lambda y: NAMES[y], "RGB", id="channels first, and text"),
    pytest.param(lambda x: x.astype(np.float32), lambda y: NAMES[y].astype("S"), "RGB", id="floats, and bytes"),
    pytest.param(lambda x: x[..., :1].astype(np.uint16) * 257 + 5, lambda y: NAMES[y][:, None], "I;16", id="16 bits"),
]


@pytest.mark.parametrize(("change", "named", "mode"), FORMS)
def test_the_same_pictures_as_png_files_and_as_arrays_in_other_forms_are_the_same(change, named, mode, tmp_path):
    random = np.random.RandomState(4)
    order = np.argsort(NAMES)  # the folder's pictures are in the order of their names
    given = {}
    for split, number in (("train", 12), ("test", 6)):
        labels = np.repeat(order, number // 3)
        images = random.randint(0, 255, (number, 6, 5, 3)).astype(np.uint8)
        images[0] = 254
        given |= {f"{split}_images": change(images), f"{split}_labels": named(labels)}
        for place, (image, label) in enumerate(zip(images, labels, strict=True)):
            folder = tmp_path / "pictures" / split / NAMES[label]
            folder.mkdir(parents=True, exist_ok=True)
            pixels = change(images)[place, ..., 0] if mode == "I;16" else image
            Image.fromarray(pixels).save(folder / f"{place:03d}.png")
    arrays_of = prepare(saved(tmp_path, given), tmp_path / "arrays")
    chosen = DataConfig(name="folder", path=str(tmp_path / "pictures"), validation=3)
    pictures = prepare(chosen, tmp_path / "data")

    assert arrays_of.split_digest == pictures.split_digest
    assert arrays_of.summary.class_names == pictures.summary.class_names == ("ant", "bee", "cat")
    one, two = open_arrays(arrays_of), open_arrays(pictures)
    for field in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(one, f"x_{field}"), getattr(two, f"x_{field}")[:])
        np.testing.assert_array_equal(getattr(one, f"y_{field}"), getattr(two, f"y_{field}"))
