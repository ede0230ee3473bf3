"""The split of training images for validation, with copies and groups on one side.

What does not live here: the rules by which images stay together (`together`), and test sets (`test_set`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np

from sweeper.config.trial import DataConfig
from sweeper.core.errors import DataError
from sweeper.data.arrays import RawData
from sweeper.data.prints import Prints
from sweeper.data.splits.draw import SplitIndices, draw_splits
from sweeper.data.splits.plan import SplitPlan
from sweeper.data.splits.together import chosen_groups, joined, reunited

#: Digests of data and splits that a sweep's trials were recorded with; asked for only where they decide.
Recorded = Callable[[], Collection[str]]


def nothing_recorded() -> Collection[str]:
    """Of a sweep that has no trials yet."""
    return ()


def draw_apart(
    plan: SplitPlan, raw: RawData, config: DataConfig, prints: Mapping[str, Prints], recorded: Recorded
) -> tuple[SplitIndices, tuple[str, ...]]:
    """The splits, and what there is to say about copies.

    A sweep whose trials were recorded with copies on both sides keeps that split.

    Args:
        plan: how many images of each class.
        raw: the data set.
        config: `data.split_seed`, and `data.groups` for messages.
        prints: as `prints_of` has them.
        recorded: as `Recorded`.

    Raises:
        DataError: no image is left to validate on.
    """
    plain = draw_splits(plan, raw, config.split_seed)
    if plain.validation_from != "train":
        return plain, ()
    if "x_train" in raw.groups:
        return _by_groups(plan, raw, config, prints["x_train"], plain)
    train, validation = reunited(plain.train, plain.validation, raw.y_train, prints["x_train"], config.split_seed)
    if np.array_equal(validation, plain.validation):
        return plain, ()
    if plain.digest() in recorded():
        return plain, ("The split is the one that this sweep was recorded with: copies of images are on both sides.",)
    if not len(validation):
        raise DataError(
            f"{raw.source}: each image that could validate is an exact copy of one that has to train. Accepted: a "
            "class with two different images or more, or data.validation=test.  Try: data.validation=test"
        )
    moved = len(np.setdiff1d(plain.validation, validation))
    verb, they = ("is an exact copy", "it stays") if moved == 1 else ("are exact copies", "they stay")
    note = f"{moved:,} of the images drawn for validation {verb} of training images: {they} in training"
    others = len(np.setdiff1d(validation, plain.validation))
    if not others:
        return SplitIndices(train, validation, plain.test, "train"), (f"{note}.",)
    instead = "another validates" if others == 1 else f"{others:,} others validate"
    return SplitIndices(train, validation, plain.test, "train"), (f"{note}, and {instead} instead.",)


def _by_groups(
    plan: SplitPlan, raw: RawData, config: DataConfig, prints: Prints, plain: SplitIndices
) -> tuple[SplitIndices, tuple[str, ...]]:
    """Whole groups for validation, of the images that a cap leaves; copies in two groups join them where they may."""
    pool = np.sort(np.concatenate([plain.train, plain.validation]))
    groups = raw.groups["x_train"][pool]
    chosen, is_joined = chosen_groups(raw.y_train[pool], groups, prints[pool], plan.validation, config.split_seed)
    number = len(np.unique(groups))
    if chosen is None:
        raise DataError(
            f"data.groups={config.groups} has {number:,} group{'' if number == 1 else 's'} in {raw.source}, and each "
            "has all training images of a class, so none can validate. Accepted: classes in two groups or more, "
            "data.validation=test, or data without groups.  Try: data.groups=null, or data.validation=test"
        )
    units = int(joined(groups, prints[pool]).max()) + 1
    note: tuple[str, ...] = ()
    if not is_joined:
        note = ("Exact copies are in too many groups to be kept on one side too: groups are, and copies may not be.",)
    elif units < number:
        note = (f"Groups that have exact copies of each other's images stay together: {number:,} groups in {units:,}.",)
    return SplitIndices(pool[~chosen], pool[chosen], plain.test, "train"), note
