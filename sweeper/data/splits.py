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
from sweeper.data.arrays import AnyArray, Inventory

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SplitPlan:
    """Images of each class in each split. With `test_is_validation`, `validation` equals `test`."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    test_is_validation: bool


@dataclass(frozen=True)
class SplitIndices:
    """Which images are in each split: int64, ascending.

    Attributes:
        train: indices into the training images.
        validation: indices into the training images, or with `test_is_validation` into the test images.
        test: indices into the test images.
        test_is_validation: the notebook's way.
    """

    train: Indices
    validation: Indices
    test: Indices
    test_is_validation: bool

    def digest(self) -> str:
        """SHA-256 (hex) over the indices of each split, and over what validation indexes."""
        hasher = hashlib.sha256(b"test is validation\n" if self.test_is_validation else b"")
        for name in ("train", "validation", "test"):
            indices: Indices = getattr(self, name)
            hasher.update(f"{name} {len(indices)}\n".encode())
            hasher.update(indices.astype("<i8").data)
        return hasher.hexdigest()


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
    `data.validation` is taken from the capped training images. Every class is in training and in
    validation. A cap above the number of images changes nothing.

    Raises:
        ConfigError: if `data.max_samples` or `data.validation` leaves fewer images than classes.
        DataError: if a class has too few images to be split.
    """
    test_is_validation = config.validation == "test"
    per_class = 1 if test_is_validation else 2
    _check_class_sizes(inventory.train_counts, per_class)
    pool = _cap(inventory.train_counts, config.max_samples, per_class)
    test = _cap(inventory.test_counts, config.max_samples, 1)
    if test_is_validation:
        return SplitPlan(pool, test, test, True)
    count = num_validation(config.validation, sum(pool))
    _check_validation(config, count, sum(pool), len(pool))
    validation = apportion(pool, count, lowest=1, kept_back=1)
    train = tuple(have - taken for have, taken in zip(pool, validation, strict=True))
    return SplitPlan(train, validation, test, False)


def draw_splits(plan: SplitPlan, y_train: AnyArray, y_test: AnyArray, seed: int) -> SplitIndices:
    """Draws the images of each split: those of a class in an order that `seed` fixes, the first for training.

    Args:
        plan: how many of each class; as `plan_splits` gave it for these labels.
        y_train, y_test: labels, (n,) integers from 0.
        seed: 0 to 2**32 - 1.
    """
    (test,) = draw(y_test, [plan.test], seed)
    if plan.test_is_validation:
        (train,) = draw(y_train, [plan.train], seed)
        return SplitIndices(train, test, test, True)
    train, validation = draw(y_train, [plan.train, plan.validation], seed)
    return SplitIndices(train, validation, test, False)


def draw(labels: AnyArray, shares: Sequence[Sequence[int]], seed: int) -> tuple[Indices, ...]:
    """Draws disjoint sets of indices from `labels`.

    Args:
        labels: (n,) integers from 0.
        shares: for each set its images of each class (trailing classes may be left out).
        seed: 0 to 2**32 - 1.

    Returns:
        For each set its indices, int64, ascending.
    """
    # RandomState, because NumPy froze its stream for good (NEP 19); Generator's may change with a release,
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


def _cap(counts: tuple[int, ...], max_samples: int | None, per_class: int) -> tuple[int, ...]:
    if max_samples is None or max_samples >= sum(counts):
        return counts
    num_classes = sum(count > 0 for count in counts)
    if max_samples < per_class * num_classes:
        raise ConfigError(
            f"data.max_samples={max_samples} is not enough for {num_classes} classes. "
            f"Accepted: {per_class * num_classes} images or more ({per_class} of each class), or null for all.  "
            f"Try: data.max_samples={100 * num_classes}"
        )
    return apportion(counts, max_samples, lowest=per_class)


def _check_class_sizes(counts: tuple[int, ...], per_class: int) -> None:
    small = [label for label, count in enumerate(counts) if count < per_class]
    if small:
        raise DataError(
            f"Class {small[0]} has {counts[small[0]]} training image{'' if counts[small[0]] == 1 else 's'}"
            f"{f' (and {len(small) - 1} more classes have as few)' if len(small) > 1 else ''}, too few to train on one "
            f"and validate on another. Accepted: 2 training images or more of each class, or data.validation=test, "
            f"which takes none of them.  Try: data.validation=test"
        )


def _check_validation(config: DataConfig, count: int, num_images: int, num_classes: int) -> None:
    most = num_images - num_classes
    if num_classes <= count <= most:
        return
    capped = f" that data.max_samples={config.max_samples} leaves" if config.max_samples == num_images else ""
    side = "validation" if count < num_classes else "training"
    usual = num_classes <= num_validation(0.2, num_images) <= most
    raise ConfigError(
        f"data.validation={config.validation} of the {num_images} training images{capped} keeps "
        f"{max(count if side == 'validation' else num_images - count, 0)} for {side}, fewer than the {num_classes} "
        f"classes. Accepted: {num_classes} to {most} images, or a fraction that gives as many.  "
        f"Try: data.validation={0.2 if usual else num_images // 2}"
    )
