"""The test set of data that comes without one: a fifth of the training images, by class.

It is the same whatever `data.split_seed` is. What does not live here: the split of the other images (`apart`).
"""

from __future__ import annotations

from pathlib import Path

from sweeper.config.trial import DataConfig
from sweeper.core.errors import DataError
from sweeper.data.arrays import AnyArray, count_classes
from sweeper.data.download import path_word
from sweeper.data.splits.draw import Indices, draw
from sweeper.data.splits.plan import STAY, held_out_counts
from sweeper.data.splits.together import chosen_groups, numbered, reunited

_SEED = 0  # a constant: the test set is the same whatever `data.split_seed` is


def held_out(
    labels: AnyArray, num_classes: int, groups: AnyArray | None = None, copies: AnyArray | None = None
) -> tuple[Indices, Indices]:
    """Which images stay for training and validation, and which are the test set; ascending.

    Args:
        labels: (n,) from 0.
        num_classes: how many classes there are.
        groups: (n,), equal for images that stay on one side; None without groups.
        copies: (n,), equal for equal images; None where that is not known.

    Returns:
        Both; the test set is empty where it cannot be had: each class has two images or fewer, or each group has
        images that have to stay.
    """
    counts = count_classes(labels, num_classes)
    test = held_out_counts(counts)
    stay = [have - taken for have, taken in zip(counts, test, strict=True)]
    left, held = draw(labels, (stay, test), _SEED)
    if groups is None:
        return (left, held) if copies is None else reunited(left, held, labels, copies, _SEED)
    chosen = chosen_groups(labels, groups, copies, test, _SEED, STAY)[0] if sum(test) else None
    if chosen is None:
        return draw(labels, (counts,), _SEED)[0], held[:0]
    return (~chosen).nonzero()[0], chosen.nonzero()[0]


def too_few_to_test(place: Path, config: DataConfig, labels: AnyArray, groups: AnyArray | None) -> DataError:
    """The error for images of which none can be held out as a test set."""
    word = path_word(config.path or str(place))
    if groups is not None:
        number = int(numbered(groups).max()) + 1
        return DataError(
            f"{place} has no test set, and data.groups={config.groups} has {number:,} group"
            f"{'' if number == 1 else 's'} of which none can be held out: each has images of a class of which at most "
            f"{STAY - 1} would be left. Accepted: more groups of each class, a test set of your own, or no groups.  "
            f"Try: data={config.name} {word} data.groups=null"
        )
    return DataError(
        f"{place} has too few images to hold some out as a test set: at most {max(count_classes(labels, 1))} of a "
        f"class. Accepted: {STAY + 1} or more of a class, or a test set of your own.  Try: data={config.name} {word}"
    )
