"""Which images are in each split: a seeded draw of the numbers that a plan has.

What does not live here: the numbers (`plan`), and what stays on one side (`together`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from sweeper.data.arrays import AnyArray, RawData, ValidationFrom
from sweeper.data.splits.plan import SplitPlan

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SplitIndices:
    """Which images are in each split: int64, ascending.

    Attributes:
        train: indices into the training images.
        validation: indices into the images that `validation_from` names.
        test: indices into the test images.
        validation_from: as in `SplitPlan`.
        added: indices into the data's own validation images that are trained on after those of `train`.
    """

    train: Indices
    validation: Indices
    test: Indices
    validation_from: ValidationFrom
    added: Indices = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def undivided(self) -> SplitIndices:
        """The split in which the validation images are trained on too, and none validates.

        Folds of the same images give the same one.

        Raises:
            ValueError: the validation images are the test images.
        """
        none = np.empty(0, dtype=np.int64)
        if self.validation_from == "test":
            raise ValueError("the validation images are the test images, which no network is trained on")
        if self.validation_from == "file":
            return replace(self, validation=none, added=self.validation)
        return replace(self, train=np.sort(np.concatenate([self.train, self.validation])), validation=none)

    def digest(self) -> str:
        """SHA-256 (hex) over the indices of each split, and over what validation indexes."""
        hasher = hashlib.sha256(_DIGEST_PREFIX[self.validation_from])
        for name in ("train", "validation", "test"):
            indices: Indices = getattr(self, name)
            hasher.update(f"{name} {len(indices)}\n".encode())
            hasher.update(indices.astype("<i8").data)
        if len(self.added):
            hasher.update(b"added %d\n" % len(self.added) + self.added.astype("<i8").tobytes())
        return hasher.hexdigest()


_DIGEST_PREFIX = {"train": b"", "test": b"test is validation\n", "file": b"own validation\n"}


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
