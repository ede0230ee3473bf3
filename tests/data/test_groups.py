"""`data.groups`, from the arrays and folders to what is written and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError, DataError
from sweeper.data import check, describe, file_names, group_names, open_arrays, prepare

UNKNOWN = "The groups of the test images are not known, so none were looked for in training."


def images(number: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.RandomState(seed).randint(0, 256, (number, 6, 5)).astype(np.uint8)


def arrays(**more: Any) -> dict[str, Any]:
    """Eighty training images in two classes of ten patients, and twenty test images."""
    return {
        "x_train": images(80),
        "y_train": np.tile([0, 1], 40),
        "x_test": images(20, 1),
        "y_test": np.tile([0, 1], 10),
        "patient": np.repeat(np.arange(10) * 7, 8),
        **more,
    }


def config(folder: Path, given: dict[str, Any], **more: Any) -> DataConfig:
    np.savez(folder / "my.npz", **given)
    return DataConfig(name="npz", path=str(folder / "my.npz"), **{"groups": "patient", **more})


def splits(prepared: Any, given: dict[str, Any]) -> dict[str, set[str]]:
    """The groups of each split, found by pixels."""
    opened = open_arrays(prepared)
    names = {image.tobytes(): str(name) for image, name in zip(given["x_train"], given["patient"], strict=True)}
    return {
        split: {names[image.tobytes()] for image in getattr(opened, f"x_{split}") if image.tobytes() in names}
        for split in ("train", "validation", "test")
    }


@pytest.mark.parametrize("kind", [int, float, str, "S"])
def test_a_patient_is_on_one_side_and_it_is_said(kind, tmp_path):
    given = arrays()
    given["patient"] = given["patient"].astype(kind)
    prepared = prepare(config(tmp_path, given), tmp_path / "prepared")
    found = splits(prepared, {**given, "patient": given["patient"].astype(str)})
    assert not found["train"] & found["validation"]
    assert len(found["validation"]) == 2
    assert prepared.notes == (
        "Images of a group (data.groups=patient) stay on one side: 8 groups train and 2 validate. 16 images validate; "
        "the shares of the classes are as in training.",
        UNKNOWN,
    )
    assert prepared.warnings == ()
    assert prepared.summary.num_validation == 16
    names = group_names(prepared, "validation")
    assert set(names) == found["validation"]
    assert len(names) == 16
    assert group_names(prepared, "test") == ()


def test_groups_are_kept_in_the_order_of_the_validation_images(tmp_path):
    given = arrays()
    prepared = prepare(config(tmp_path, given), tmp_path / "prepared")
    by_pixels = {image.tobytes(): str(name) for image, name in zip(given["x_train"], given["patient"], strict=True)}
    expected = [by_pixels[image.tobytes()] for image in open_arrays(prepared).x_validation]
    assert list(group_names(prepared, "validation")) == expected


def test_without_groups_nothing_changes(tmp_path):
    plain = prepare(config(tmp_path, arrays(), groups=None), tmp_path / "a")
    assert plain.notes == ("Arrays of my.npz that are not used: patient.",)
    assert group_names(plain, "validation") == ()
    others = {key: array for key, array in arrays().items() if key != "patient"}
    without = prepare(config(tmp_path, others, groups=None), tmp_path / "b")
    assert plain.split_digest == without.split_digest
    grouped = prepare(config(tmp_path, arrays()), tmp_path / "c")
    assert (grouped.data_digest, grouped.split_digest) != (plain.data_digest, plain.split_digest)
    assert grouped.data_digest == plain.data_digest


def test_how_far_sizes_and_classes_deviate_is_said(tmp_path):
    given = arrays(patient=np.repeat([0, 1, 2, 3], [50, 21, 5, 4]), y_train=np.repeat([0, 1], [60, 20]))
    prepared = prepare(config(tmp_path, given, validation=8), tmp_path / "prepared")
    note, unknown = prepared.notes
    assert unknown == UNKNOWN
    opened = open_arrays(prepared)
    shares = [np.bincount(labels, minlength=2) / len(labels) for labels in (opened.y_train, opened.y_validation)]
    deviation = 100 * abs(shares[0] - shares[1]).max()
    assert f"{len(opened.y_validation)} images validate, where 8 were asked for; " in note
    assert f"up to {deviation:.1f} points (class " in note


def test_copies_in_two_groups_keep_those_together(tmp_path):
    given = arrays()
    for patient in range(1, 10):  # a chain over the first five patients
        if patient < 5:
            given["x_train"][8 * patient] = given["x_train"][8 * (patient - 1) + 1]
    prepared = prepare(config(tmp_path, given), tmp_path / "prepared")
    first = {str(7 * patient) for patient in range(5)}
    validation = set(group_names(prepared, "validation"))
    assert not first & validation
    assert not any("training images" in warning for warning in prepared.warnings)


def test_a_copy_in_two_groups_is_said_to_join_them(tmp_path):
    given = arrays()
    given["x_train"][8] = given["x_train"][0]
    prepared = prepare(config(tmp_path, given), tmp_path / "prepared")
    assert prepared.notes[0] == ("Groups that have exact copies of each other's images stay together: 10 groups in 9.")
    validation = set(group_names(prepared, "validation"))
    assert ("0" in validation) == ("7" in validation)


def test_where_each_group_has_the_same_black_image_groups_stay_on_one_side_all_the_same(tmp_path):
    given = arrays()
    given["x_train"][::8] = 0
    prepared = prepare(config(tmp_path, given), tmp_path / "prepared")
    opened = open_arrays(prepared)
    assert len(set(group_names(prepared, "validation"))) == 2
    assert sum(not image.any() for image in opened.x_train) == 8
    assert prepared.notes[0] == (
        "Exact copies are in too many groups to be kept on one side too: groups are, and copies may not be."
    )
    assert "2 of 16 validation images are exact copies of training images" in prepared.warnings[0]


def test_groups_that_the_users_own_split_has_on_both_sides_are_counted_and_named(tmp_path):
    given = arrays(
        x_val=images(10, 2), y_val=np.tile([0, 1], 5), patient_val=np.array([7, 100] * 5),
        patient_test=np.array([0, 7, 14, 21] * 5),
    )  # fmt: skip
    prepared = prepare(config(tmp_path, given), tmp_path / "prepared")
    assert prepared.warnings == (
        "1 of the 2 groups of validation images (data.groups=patient) is in training too (7): validation figures say "
        "little about new groups.",
        "4 of the 4 groups of test images (data.groups=patient) are in training too (0, 14, 21 and 1 more): test "
        "figures say little about new groups.",
        "1 of the 4 groups of test images (data.groups=patient) is in validation too (7): on these groups the test "
        "set confirms little.",
    )
    assert group_names(prepared, "validation") == ("7", "100") * 5
    assert group_names(prepared, "test") == ("0", "7", "14", "21") * 5
    assert prepared.notes == ("The validation images are those of x_val and y_val, not a part of the training images.",)


@pytest.mark.parametrize("name", ["patient", "patient_train", "train_patient"])
def test_the_array_may_be_called_by_its_split(name, tmp_path):
    given = arrays()
    given[name] = given.pop("patient")
    given[name.replace("train", "test") if "train" in name else "patient_test"] = np.arange(20)
    prepared = prepare(config(tmp_path, given, groups=name), tmp_path / "prepared")
    assert len(set(group_names(prepared, "validation"))) == 2
    assert group_names(prepared, "test")[:3] == ("0", "1", "2")


def test_the_test_set_that_is_made_here_has_its_own_groups(tmp_path):
    given = {key: array for key, array in arrays().items() if not key.endswith("_test")}
    chosen = config(tmp_path, given)
    prepared = prepare(chosen, tmp_path / "prepared")
    found = splits(prepared, given)
    assert prepared.notes[0] == (
        "The test images are 16 of the images, held out by group (the shares of the classes are as in training): "
        "my.npz has no test set."
    )
    assert [len(groups) for groups in found.values()] in ([7, 1, 2], [6, 2, 2])
    assert not found["train"] & found["validation"] | found["test"] & (found["train"] | found["validation"])
    assert set(group_names(prepared, "test")) == found["test"]
    summary = describe(chosen)
    assert (summary.num_test, summary.num_train + summary.num_validation) == (16, 64)
    assert check(chosen, tmp_path / "kept").split_digest == prepared.split_digest


def test_a_file_without_splits_is_split_by_class(tmp_path):
    np.savez(tmp_path / "my.npz", images=images(80), labels=np.tile([0, 1], 40))
    chosen = DataConfig(name="npz", path=str(tmp_path / "my.npz"))
    prepared = prepare(chosen, tmp_path / "prepared")
    assert prepared.summary == describe(chosen)
    assert (prepared.summary.num_train, prepared.summary.num_validation, prepared.summary.num_test) == (51, 13, 16)
    assert prepared.notes == (
        "By their names, images is x_train and labels is y_train.",
        "The test images are 16 of the images, held out by class: my.npz has no test set.",
    )


@pytest.mark.parametrize(
    ("given", "groups", "message"),
    [
        pytest.param(arrays(), "writer", "writer, named by data.groups, is not in it; it holds x_train", id="no"),
        pytest.param(arrays(patient=np.arange(20)), "patient", r"patient has the shape \(20,\), not one group for each "
                     "of 80 images", id="length"),
        pytest.param(arrays(patient=np.full(80, np.nan)), "patient", "patient has groups that are NaN", id="NaN"),
        pytest.param(arrays(patient=np.array([{}] * 80)), "patient", "patient holds Python objects", id="objects"),
        pytest.param(arrays(patient_test=np.arange(3)), "patient", r"patient_test has the shape \(3,\)", id="test"),
        pytest.param(arrays(patient=np.zeros(80)), "patient", "data.groups=patient has 1 group in .*Try: data.groups=n",
                     id="one group"),
        pytest.param(arrays(patient=np.tile([0, 1], 40)), "patient", "has 2 groups in .* each has all training images",
                     id="a group for each class"),
    ],
)  # fmt: skip
def test_groups_that_cannot_be_used_are_refused(given, groups, message, tmp_path):
    with pytest.raises(DataError, match=message):
        prepare(config(tmp_path, given, groups=groups), tmp_path / "prepared")


# Folders


def folder_of(place: Path, *, test: bool = False) -> Path:
    """Two classes of forty pictures each, by eight writers: CLASS/w3_12.png."""
    for split, number in (("train", 40), ("test", 10)) if test else (("", 40),):
        for label in "ab":
            inner = place / split / label
            inner.mkdir(parents=True)
            for one, image in enumerate(images(number, ord(label) + len(split))):
                Image.fromarray(image).save(inner / f"w{one % 8}_{one:02d}.png")
    return place


def test_a_pattern_on_the_path_keeps_a_writer_on_one_side(tmp_path):
    chosen = DataConfig(name="folder", path=str(folder_of(tmp_path / "p")), groups=r"/(w\d+)_")
    prepared = prepare(chosen, tmp_path / "data")
    writers = {name.split("/")[1].split("_")[0] for name in file_names(prepared, "validation")}
    tested = {name.split("/")[1].split("_")[0] for name in file_names(prepared, "test")}
    assert writers == set(group_names(prepared, "validation"))
    assert tested == set(group_names(prepared, "test"))
    assert not writers & tested
    assert (len(writers), len(tested)) in ((1, 2), (2, 2), (1, 1), (2, 1))
    summary = prepared.summary
    assert (summary.num_train % 10, summary.num_validation % 10, summary.num_test % 10) == (0, 0, 0)
    assert any("held out by group (the share" in note for note in prepared.notes)
    assert any(r"Images of a group (data.groups=/(w\d+)_) stay on one side" in note for note in prepared.notes)
    assert describe(chosen).num_test == summary.num_test


def test_writers_of_the_folders_own_test_pictures_are_looked_for_in_training(tmp_path):
    chosen = DataConfig(name="folder", path=str(folder_of(tmp_path / "p", test=True)), groups=r"/(w\d+)_")
    prepared = prepare(chosen, tmp_path / "data")
    assert any("of the 8 groups of test images" in warning for warning in prepared.warnings)


def test_a_pattern_that_does_not_fit_every_path_is_refused_with_the_pictures(tmp_path):
    place = folder_of(tmp_path / "p")
    Image.fromarray(images(1)[0]).save(place / "a" / "other.png")
    chosen = DataConfig(name="folder", path=str(place), groups=r"/(w\d+)_")
    with pytest.raises(DataError, match=r"finds no group in 1 of 81 pictures in .* \(a/other\.png\)\. Accepted"):
        describe(chosen)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        pytest.param("w(", r"data\.groups=w\( is not accepted: a regular expression, which this is not \(mi", id="("),
        pytest.param("w[0-9]", r"accepted: a regular expression on the path with a group, the name in \(\)", id="-"),
    ],
)  # fmt: skip
def test_a_pattern_that_is_none_is_refused(pattern, message):
    with pytest.raises(ConfigError, match=message):
        DataConfig(name="folder", path="p", groups=pattern)


def test_groups_are_refused_where_the_data_has_none():
    with pytest.raises(ConfigError, match=r"data\.groups=patient would have no effect with data=digits.*data=npz"):
        describe(DataConfig(groups="patient"))
