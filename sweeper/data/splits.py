"""How many images of each class go into each split, and which.

The numbers (`plan_splits`) are pure arithmetic on class counts, shared by `describe`, which has no
pixels, and `prepare`, which has; the choice (`draw_splits`) is a seeded draw of those numbers.
What does not live here: arrays of pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError, DataError
from sweeper.data.arrays import AnyArray, Inventory, RawData, ValidationFrom
from sweeper.data.download import path_word

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SplitPlan:
    """Images of each class in each split. With validation from `test`, `validation` equals `test`."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    validation_from: ValidationFrom


@dataclass(frozen=True)
class SplitIndices:
    """Which images are in each split: int64, ascending.

    Attributes:
        train: indices into the training images.
        validation: indices into the images that `validation_from` names.
        test: indices into the test images.
        validation_from: as in `SplitPlan`.
    """

    train: Indices
    validation: Indices
    test: Indices
    validation_from: ValidationFrom

    def digest(self) -> str:
        """SHA-256 (hex) over the indices of each split, and over what validation indexes."""
        hasher = hashlib.sha256(_DIGEST_PREFIX[self.validation_from])
        for name in ("train", "validation", "test"):
            indices: Indices = getattr(self, name)
            hasher.update(f"{name} {len(indices)}\n".encode())
            hasher.update(indices.astype("<i8").data)
        return hasher.hexdigest()


_DIGEST_PREFIX = {"train": b"", "test": b"test is validation\n", "file": b"own validation\n"}


def apportion(counts: Sequence[int], total: int, lowest: int = 0, kept_back: int = 0) -> tuple[int, ...]:
    """Shares `total` out among classes in proportion to their counts, by largest remainder.

    Where proportion would give a class less than `lowest`, or leave fewer than `kept_back` of it, the
    bound wins and the classes that are best off make up for it. Ties go to the lower class. Integers
    only, so that every machine gets the same numbers.

    Args:
        counts: images of each class, 0 or more.
        total: images to share out.
        lowest: the least that a class gets, or all of it where it has fewer.
        kept_back: images of each class that are not shared out.

    Returns:
        Images of each class; their sum is `total`.

    Raises:
        ValueError: if the bounds leave no such sharing.
    """
    have = np.asarray(counts, dtype=np.int64)
    upper = np.maximum(have - kept_back, 0)
    lower = np.minimum(np.minimum(have, lowest), upper)
    if not lower.sum() <= total <= upper.sum():
        raise ValueError(f"{total} images cannot be shared out between {lower.sum()} and {upper.sum()}")
    due = have * total  # in units of 1/sum(counts) images
    given = np.clip(due // max(int(have.sum()), 1), lower, upper)
    while (short := total - int(given.sum())) != 0:
        step = 1 if short > 0 else -1
        open_to = given < upper if step > 0 else given > lower
        lag = np.where(open_to, step * (due - given * have.sum()), np.iinfo(np.int64).min)
        given[int(np.argmax(lag))] += step
    return tuple(int(number) for number in given)


def num_validation(validation: float | int, num_images: int) -> int:
    """Returns how many of `num_images` a `data.validation` takes: a count as it is, a fraction rounded."""
    return validation if isinstance(validation, int) else round(validation * num_images)


def plan_splits(inventory: Inventory, config: DataConfig) -> SplitPlan:
    """Decides how many images of each class go into each split; each split is stratified.

    `data.max_samples` caps the training images (validation included) and, apart, the test images; then
    `data.validation` is taken from the capped training images. Every class is in training, and in validation if it
    has two images or more. A cap above the number of images changes nothing. A validation set that comes with the
    data is used as it is, unless `data.validation=test`.

    Raises:
        ConfigError: if `data.max_samples` or `data.validation` leaves fewer images than classes, or the data has a
            validation set of its own and `data.validation` asks for another.
        DataError: if there are too few images to be split.
    """
    from_test = config.validation == "test"
    if inventory.validation_counts is not None and not from_test:
        _check_default_validation(config, inventory)
        return _plan_with_own(inventory, inventory.validation_counts, config.max_samples)
    _check_class_sizes(inventory.train_counts, from_test=from_test)
    per_class = 1 if from_test else 2
    pool = _cap(inventory.train_counts, config.max_samples, per_class)
    test = _cap(inventory.test_counts, config.max_samples, 1)
    if from_test:
        return SplitPlan(pool, test, test, "test")
    count = num_validation(config.validation, sum(pool))
    _check_validation(config, count, pool)
    validation = apportion(pool, count, lowest=1, kept_back=1)
    train = tuple(have - taken for have, taken in zip(pool, validation, strict=True))
    return SplitPlan(train, validation, test, "train")


def _plan_with_own(inventory: Inventory, validation_counts: tuple[int, ...], max_samples: int | None) -> SplitPlan:
    """Training and validation images as they come, or each its share of the cap."""
    have = (sum(inventory.train_counts), sum(validation_counts))
    shares: tuple[int | None, ...] = (None, None)
    if max_samples is not None and max_samples < sum(have):
        shares = apportion(have, max_samples, lowest=1)
    return SplitPlan(
        _cap(inventory.train_counts, shares[0], 1),
        _cap(validation_counts, shares[1], 1),
        _cap(inventory.test_counts, max_samples, 1),
        "file",
    )


def draw_splits(plan: SplitPlan, raw: RawData, seed: int) -> SplitIndices:
    """Draws the images of each split: those of a class in an order that `seed` fixes, the first for training.

    Args:
        plan: how many of each class; as `plan_splits` gave it for these labels.
        raw: the data set, of which the labels are looked at.
        seed: 0 to 2**32 - 1.
    """
    (test,) = draw(raw.y_test, [plan.test], seed)
    if plan.validation_from == "train":
        train, validation = draw(raw.y_train, [plan.train, plan.validation], seed)
        return SplitIndices(train, validation, test, "train")
    (train,) = draw(raw.y_train, [plan.train], seed)
    if plan.validation_from == "test":
        return SplitIndices(train, test, test, "test")
    (validation,) = draw(raw.images_of("file")[1], [plan.validation], seed)
    return SplitIndices(train, validation, test, "file")


def draw(labels: AnyArray, shares: Sequence[Sequence[int]], seed: int) -> tuple[Indices, ...]:
    """Draws disjoint sets of indices from `labels`.

    Args:
        labels: (n,) integers from 0.
        shares: for each set its images of each class (trailing classes may be left out).
        seed: 0 to 2**32 - 1.

    Returns:
        For each set its indices, int64, ascending.
    """
    # RandomState, because NumPy will never change its stream (NEP 19); Generator's may change with a release,
    # and with it the split of a sweep that is resumed.
    random = np.random.RandomState(seed)
    members = np.split(np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels))[:-1])
    drawn: list[list[Indices]] = [[np.empty(0, dtype=np.int64)] for _ in shares]
    for label, indices in enumerate(members):
        shuffled, start = random.permutation(indices), 0
        for chosen, share in zip(drawn, shares, strict=True):
            stop = start + (share[label] if label < len(share) else 0)
            chosen.append(shuffled[start:stop])
            start = stop
    return tuple(np.sort(np.concatenate(chosen)) for chosen in drawn)


def _cap(counts: tuple[int, ...], most: int | None, per_class: int) -> tuple[int, ...]:
    """Counts that sum up to `most` at most, with `per_class` images of each class that has as many."""
    if most is None or most >= sum(counts):
        return counts
    needed = sum(min(count, per_class) for count in counts)
    if most < needed:
        num_classes = sum(count > 0 for count in counts)
        raise ConfigError(
            f"data.max_samples={most} is not enough for {num_classes} classes. Accepted: {needed} images or more "
            f"({per_class} of each class), or null for all.  Try: data.max_samples={100 * num_classes}"
        )
    return apportion(counts, most, lowest=per_class)


def _check_default_validation(config: DataConfig, inventory: Inventory) -> None:
    """Refuses a `data.validation` that was typed, and would have no effect."""
    if config.validation != DataConfig.validation:
        num_own = sum(inventory.validation_counts or ())
        raise ConfigError(
            f"data.validation={config.validation} would have no effect: the data has its own validation set "
            f"({num_own:,} images, {inventory.validation_name}). Accepted: {DataConfig.validation}, the default, which "
            f"uses that set; test; or data without it.  Try: data={config.name} {path_word(config.path or 'my.npz')}"
        )


def _check_class_sizes(counts: tuple[int, ...], *, from_test: bool) -> None:
    absent = [label for label, count in enumerate(counts) if count == 0]
    if absent:
        raise DataError(
            f"Class {absent[0]} has no training image. Accepted: one or more of each class.  Try: number the classes "
            "without gaps"
        )
    if not from_test and max(counts) < 2:
        raise DataError(
            f"Each of the {len(counts)} classes has 1 training image, so none can be trained on one and validated on "
            "another. Accepted: a class with 2 training images or more, or data.validation=test, which takes none of "
            "them.  Try: data.validation=test"
        )


def _check_validation(config: DataConfig, count: int, pool: tuple[int, ...]) -> None:
    num_images, num_classes = sum(pool), len(pool)
    fewest, most = sum(have > 1 for have in pool), num_images - num_classes
    if fewest <= count <= most:
        return
    capped = f" that data.max_samples={config.max_samples} leaves" if config.max_samples == num_images else ""
    side, needed = ("validation", fewest) if count < fewest else ("training", num_classes)
    kept = max(count if side == "validation" else num_images - count, 0)
    usual = fewest <= num_validation(0.2, num_images) <= most
    nearest = min(max(count, fewest), most)
    raise ConfigError(
        f"data.validation={config.validation} of the {num_images} training images{capped} keeps {kept} for {side}, "
        f"where {needed} are needed, one of each class. Accepted: {fewest} to {most} images, or a fraction that gives "
        f"as many.  Try: data.validation={0.2 if usual else nearest if nearest > 1 else round(nearest / num_images, 3)}"
    )
