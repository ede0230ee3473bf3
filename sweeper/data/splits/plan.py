"""How many images of each class go into each split: pure arithmetic on class counts.

It is shared by `describe`, which has no pixels, and `prepare`, which has. What does not live here: which images those
are (`draw`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError, DataError
from sweeper.data.arrays import Inventory, ValidationFrom
from sweeper.data.download import path_word

_TEST_SHARE = 5  # one image of so many is a test image, where the data has no test set
STAY = 2  # images of a class that stay for training and validation then


@dataclass(frozen=True)
class SplitPlan:
    """Images of each class in each split. With validation from `test`, `validation` equals `test`."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    validation_from: ValidationFrom


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
    if config.folds is not None:
        return _plan_fold(inventory, config, config.folds)
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


def _plan_fold(inventory: Inventory, config: DataConfig, folds: int) -> SplitPlan:
    """The first of the parts of the training images for validation, or the one that is named; the others train."""
    if inventory.validation_counts is not None:
        raise ConfigError(
            f"data.folds={folds} would not use the validation set that the data has ({inventory.validation_name}). "
            "Accepted: data without one, or data.folds=null.  Try: data.folds=null"
        )
    _check_class_sizes(inventory.train_counts, from_test=False)
    pool = _cap(inventory.train_counts, config.max_samples, 2)
    single = next((label for label, count in enumerate(pool) if count < 2), None)
    if single is not None:
        raise ConfigError(
            f"data.folds={folds} holds out every image once, and class {single} has one training image: its training "
            "would not know the class. Accepted: classes of two images or more, or data.folds=null."
            "  Try: data.folds=null"
        )
    if folds > sum(pool):
        raise ConfigError(
            f"data.folds={folds} of {sum(pool)} training images leaves parts without an image. Accepted: 2 to "
            f"{sum(pool)}.  Try: data.folds={min(5, sum(pool))}"
        )
    validation = fold_counts(pool, folds)[config.fold or 0]
    train = tuple(have - taken for have, taken in zip(pool, validation, strict=True))
    return SplitPlan(train, validation, _cap(inventory.test_counts, config.max_samples, 1), "train")


def fold_counts(counts: Sequence[int], folds: int) -> list[tuple[int, ...]]:
    """Images of each class in each of so many parts: class by class as equal as can be, and so in all.

    Args:
        counts: images of each class.
        folds: parts, at least 1.
    """
    totals = [0] * folds
    parts: list[list[int]] = [[] for _ in range(folds)]
    for count in counts:
        base, extra = divmod(count, folds)
        lowest = sorted(range(folds), key=lambda part: (totals[part], part))[:extra]
        for part in range(folds):
            parts[part].append(base + (part in lowest))
            totals[part] += parts[part][-1]
    return [tuple(part) for part in parts]


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


def held_out_counts(counts: Sequence[int]) -> tuple[int, ...]:
    """A fifth of the images of each class, at least one, as far as two stay for training and validation."""
    most = [max(count - STAY, 0) for count in counts]
    total = min(max(round(sum(counts) / _TEST_SHARE), sum(count > 0 for count in most)), sum(most))
    return apportion(counts, total, lowest=1, kept_back=STAY)
