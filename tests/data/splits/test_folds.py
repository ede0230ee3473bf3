"""`data.folds`: every training image validates once, and what belongs together stays together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.config.trial import DataConfig, fold_nodes, num_folds, with_fold
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import ConfigError, DataError
from sweeper.data import describe, open_arrays, prepare
from sweeper.data.splits.folds import dealt
from sweeper.data.splits.plan import fold_counts
from sweeper.data.splits.together import numbered


def data(folder: Path, labels: Sequence[int], *, groups: Sequence[str] | None = None, copies: int = 0) -> Path:
    """Different images of 4x4 pixels, the last `copies` of them copies of the first."""
    numbers = np.arange(len(labels), dtype=np.uint32)
    numbers[len(labels) - copies :] = numbers[:copies]
    pixels = np.zeros((len(labels), 4, 4), np.uint8)
    pixels[:, 0, :] = numbers.view(np.uint8).reshape(-1, 4)
    arrays: dict[str, Any] = {"x_train": pixels, "y_train": np.array(labels)}
    arrays |= {"x_test": pixels[:20] + np.uint8(100), "y_test": np.array(labels)[:20]}
    if groups is not None:
        arrays["site"] = np.array(groups)
    np.savez(folder / "my.npz", **arrays)
    return folder / "my.npz"


def prepared(path: Path, folder: Path, folds: int, **keys: Any) -> list[PreparedData]:
    return [
        prepare(DataConfig(name="npz", path=str(path), folds=folds, fold=fold, **keys), folder / str(fold))
        for fold in range(folds)
    ]


def images(one: PreparedData, split: str) -> list[bytes]:
    return [np.asarray(image).tobytes() for image in getattr(open_arrays(one), f"x_{split}")]


LABELS = [label for label, count in enumerate((40, 23, 11, 5)) for _ in range(count)]


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_every_training_image_validates_once_in_parts_as_equal_as_can_be(folds: int, tmp_path: Path) -> None:
    path = data(tmp_path, LABELS)

    found = prepared(path, tmp_path, folds)

    held_out = [image for one in found for image in images(one, "validation")]
    assert len(held_out) == len(set(held_out)) == len(LABELS)
    for one in found:
        assert set(images(one, "train")) == set(held_out) - set(images(one, "validation"))
    counts = np.array([np.bincount(open_arrays(one).y_validation, minlength=4) for one in found])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()
    sizes = counts.sum(axis=1)
    assert sizes.max() - sizes.min() <= 1
    assert len({one.split_digest for one in found}) == folds


def test_the_sizes_are_known_before_an_image_is_read(tmp_path: Path) -> None:
    path = data(tmp_path, LABELS)

    for fold, one in enumerate(prepared(path, tmp_path, 3)):
        config = DataConfig(name="npz", path=str(path), folds=3, fold=fold)
        assert describe(config).num_validation == one.summary.num_validation
        assert describe(config).num_train == one.summary.num_train


def test_copies_and_groups_validate_together(tmp_path: Path) -> None:
    labels = [number % 2 for number in range(60)]
    groups = [f"s{number // 2 % 12}" for number in range(60)]
    path = data(tmp_path, labels, groups=groups, copies=6)

    found = prepared(path, tmp_path, 4, groups="site")

    sides = [set(images(one, "validation")) for one in found]
    assert not any(set(images(one, "train")) & side for one, side in zip(found, sides, strict=True))
    parts = dealt(np.array(labels), numbered(np.array(groups)), 4, 0)
    assert all(len({int(parts[i]) for i in range(60) if groups[i] == group}) == 1 for group in set(groups))
    counts = [[int(((parts == part) & (np.array(labels) == label)).sum()) for label in (0, 1)] for part in range(4)]
    assert np.ptp(counts, axis=0).max() <= 4, counts


def test_a_cap_leaves_the_same_images_to_all_folds(tmp_path: Path) -> None:
    path = data(tmp_path, LABELS)

    found = prepared(path, tmp_path, 3, max_samples=30)

    assert sorted(one.summary.num_validation for one in found) == [10, 10, 10]
    assert len({image for one in found for image in images(one, "validation")}) == 30


def test_counts_are_shared_out_class_by_class_and_in_all() -> None:
    assert fold_counts([5, 4], 3) == [(2, 1), (2, 1), (1, 2)]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"folds": 1}, r"data.folds=1 is not accepted: 2 to 100 parts, or null.  Try: data.folds=5"),
        (
            {"folds": 5, "validation": 0.3},
            r"data.validation=0.3 is not accepted: nothing with data.folds=5.* Try: data.validation=0.2$",
        ),
        ({"fold": 0}, r"data.fold=0 is not accepted: nothing without data.folds"),
        ({"folds": 3, "fold": 3}, r"data.fold=3 is not accepted: 0 to 2, or null for all of them"),
    ],
)
def test_what_makes_no_folds_is_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        DataConfig(**keys)


@pytest.mark.parametrize(
    ("labels", "keys", "said"),
    [
        ([0] * 30 + [1], {}, "class 1 has one training image"),
        ([0, 1] * 20, {"max_samples": 8, "folds": 10}, "data.folds=10 of 8 training images"),
        ([0, 1] * 20, {"groups": "site", "folds": 5}, "Accepted: 2 to 4 folds.  Try: data.folds=4"),
        ([0] * 10 + [1] * 30, {"groups": "site", "folds": 4}, "all training images of class 0 are in one part"),
    ],
)
def test_data_that_cannot_be_divided_is_refused(
    labels: list[int], keys: dict[str, Any], said: str, tmp_path: Path
) -> None:
    groups = [f"s{number // 10}" for number in range(len(labels))]
    path = data(tmp_path, labels, groups=groups)

    with pytest.raises((ConfigError, DataError), match=said):
        prepare(DataConfig(name="npz", path=str(path), **{"folds": 3, **keys}), tmp_path / "arrays")


def test_repeats_go_through_the_folds_in_turn() -> None:
    node = {"name": "digits", "folds": 3}

    assert num_folds(node) == 3
    assert [with_fold(node, repeat)["fold"] for repeat in range(4)] == [0, 1, 2, 0]
    assert [one["fold"] for one in fold_nodes(node)] == [0, 1, 2]
    assert fold_nodes({**node, "fold": 1}) == [{**node, "fold": 1}]
    assert fold_nodes({"name": "digits"}) == [{"name": "digits"}]


def test_without_a_division_all_images_are_trained_on_whatever_the_fold(tmp_path: Path) -> None:
    path = data(tmp_path, LABELS)
    folds = prepared(path, tmp_path, 3)
    configs = [DataConfig(name="npz", path=str(path), folds=3, fold=fold) for fold in (None, 1)]
    configs.append(DataConfig(name="npz", path=str(path), validation=0.3))

    whole = [prepare(one, tmp_path / f"whole{n}", is_undivided=True) for n, one in enumerate(configs)]

    assert len({one.split_digest for one in whole}) == 1
    assert whole[0].split_digest not in {one.split_digest for one in folds}
    for one in whole:
        assert set(images(one, "train")) == set(images(folds[0], "train")) | set(images(folds[0], "validation"))
        assert images(one, "validation") == []
        assert images(one, "test") == images(folds[0], "test")
        assert (one.summary.num_train, one.summary.num_validation) == (len(LABELS), 0)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_the_datas_own_validation_images_are_trained_on_after_the_others(kind: str, tmp_path: Path) -> None:
    with np.load(data(tmp_path, LABELS)) as file:
        arrays = dict(file)
    own = arrays["x_train"][:20] + np.uint8(50)
    arrays |= {"x_val": own if kind == "uint8" else (own / np.float32(255)), "y_val": arrays["y_train"][:20]}
    if kind == "float32":
        arrays |= {name: arrays[name] / np.float32(255) for name in ("x_train", "x_test")}
    np.savez(tmp_path / "own.npz", **arrays)
    config = DataConfig(name="npz", path=str(tmp_path / "own.npz"), normalize="standardize")

    divided = prepare(config, tmp_path / "divided")
    whole = prepare(config, tmp_path / "whole", is_undivided=True)

    assert images(whole, "train") == images(divided, "train") + images(divided, "validation")
    labels = open_arrays(whole).y_train
    assert labels.tolist() == [*open_arrays(divided).y_train, *open_arrays(divided).y_validation]
    assert whole.split_digest != divided.split_digest
    pixels = np.asarray(open_arrays(whole).x_train[:], np.float64) / (255 if kind == "uint8" else 1)
    assert whole.statistics is not None
    assert whole.statistics.mean[0] == pytest.approx(pixels.mean())
