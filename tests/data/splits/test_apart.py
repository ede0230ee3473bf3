"""Splits of data with copies: kept apart in new sweeps, and made as they were for sweeps of earlier releases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sweeper.config.trial import DataConfig
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import DataError
from sweeper.data import open_arrays, prepare

#: Of the data below, as releases before copies were kept apart made them.
NPZ = "074de996"
FOLDER = ("b8045783", "3b087818")


def images() -> np.ndarray[Any, Any]:
    """Sixty images of 6x5 pixels, the last twenty of them copies."""
    found = np.random.RandomState(0).randint(0, 256, (60, 6, 5)).astype(np.uint8)
    found[40:] = found[:20]
    return found


LABELS = np.tile([0, 1], 30)


def npz(folder: Path) -> DataConfig:
    others = np.random.RandomState(1).randint(0, 256, (10, 6, 5)).astype(np.uint8)
    np.savez(folder / "my.npz", x_train=images(), y_train=LABELS, x_test=others, y_test=LABELS[:10])
    return DataConfig(name="npz", path=str(folder / "my.npz"))


def pictures(folder: Path) -> DataConfig:
    for number, (image, label) in enumerate(zip(images(), LABELS, strict=True)):
        place = folder / "pictures" / "ab"[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:02d}.png")
    return DataConfig(name="folder", path=str(folder / "pictures"))


def shared(prepared: PreparedData) -> int:
    """How many images are in two splits."""
    opened = open_arrays(prepared)
    train, validation, test = (
        {image.tobytes() for image in np.asarray(part[:])}
        for part in (opened.x_train, opened.x_validation, opened.x_test)
    )
    return len(train & validation) + len(train & test) + len(validation & test)


@pytest.mark.parametrize("make", [npz, pictures])
def test_copies_are_on_one_side_of_each_split_that_is_made_and_it_is_said(
    make: Callable[[Path], DataConfig], tmp_path: Path
) -> None:
    prepared = prepare(make(tmp_path), tmp_path / "prepared")
    assert shared(prepared) == 0
    [note] = [note for note in prepared.notes if "drawn for validation" in note]
    assert "exact copies of training images: they stay in training, and " in note
    assert not any("of training images" in warning for warning in prepared.warnings)


def test_sizes_are_as_planned_where_other_images_come_in_exchange(tmp_path: Path) -> None:
    prepared = prepare(npz(tmp_path), tmp_path / "prepared")
    assert (prepared.summary.num_train, prepared.summary.num_validation) == (48, 12)
    assert np.bincount(open_arrays(prepared).y_validation).tolist() == [6, 6]


def test_a_sweep_that_was_recorded_with_copies_on_both_sides_keeps_its_split(tmp_path: Path) -> None:
    chosen = npz(tmp_path)
    new = prepare(chosen, tmp_path / "new")
    asked = []

    def recorded() -> list[str]:
        asked.append(1)
        return [old.split_digest]

    old = prepare(chosen, tmp_path / "all", recorded=_Everything)
    assert old.split_digest.startswith(NPZ)
    again = prepare(chosen, tmp_path / "old", recorded=recorded)
    assert asked
    assert again.split_digest == old.split_digest != new.split_digest
    assert again.data_digest == new.data_digest
    assert shared(again) > 0
    assert "The split is the one that this sweep was recorded with: copies of images are on both sides." in again.notes
    assert "validation images are exact copies of training images" in again.warnings[0]


class _Everything(set):
    """Digests among which each one is."""

    def __contains__(self, digest: object) -> bool:
        return True


def test_a_test_set_that_was_recorded_with_copies_is_made_again(tmp_path: Path) -> None:
    chosen = pictures(tmp_path)
    new = prepare(chosen, tmp_path / "new")
    old = prepare(chosen, tmp_path / "old", recorded=_Everything)
    assert (old.data_digest[:8], old.split_digest[:8]) == FOLDER
    assert old.data_digest != new.data_digest
    again = prepare(chosen, tmp_path / "again", recorded=lambda: [old.data_digest, old.split_digest])
    assert (again.data_digest, again.split_digest) == (old.data_digest, old.split_digest)


def test_what_was_recorded_is_not_asked_for_where_no_copies_are_on_both_sides(tmp_path: Path) -> None:
    def recorded() -> list[str]:
        raise AssertionError("asked")

    prepare(DataConfig(), tmp_path / "prepared", recorded=recorded)


def test_images_that_are_all_the_same_cannot_validate(tmp_path: Path) -> None:
    same = np.zeros((20, 6, 5), np.uint8)
    same[::2] = 200
    np.savez(tmp_path / "my.npz", x_train=same, y_train=LABELS[:20], x_test=images()[:4], y_test=LABELS[:4])
    with pytest.raises(DataError, match=r"each image that could validate is an exact copy .*Try: data\.validation=t"):
        prepare(DataConfig(name="npz", path=str(tmp_path / "my.npz")), tmp_path / "prepared")


def test_the_same_copies_in_arrays_and_in_pictures_are_split_alike(tmp_path: Path) -> None:
    order = np.argsort(LABELS, kind="stable")
    for split in ("train", "test"):
        for number, (image, label) in enumerate(zip(images()[order], LABELS[order], strict=True)):
            place = tmp_path / "pictures" / split / "ab"[label]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"{number:02d}.png")
    same = {"x_train": images()[order], "y_train": LABELS[order], "x_test": images()[order], "y_test": LABELS[order]}
    np.savez(tmp_path / "my.npz", **same)
    one = prepare(DataConfig(name="npz", path=str(tmp_path / "my.npz")), tmp_path / "one")
    two = prepare(DataConfig(name="folder", path=str(tmp_path / "pictures")), tmp_path / "two")
    assert one.split_digest == two.split_digest
