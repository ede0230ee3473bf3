"""The parts of `data.folds`: every training image is in one, copies and groups of images whole.

What does not live here: how many images of each class a part has (`plan`), and which stay together (`together`).
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sweeper.config.trial import DataConfig
from sweeper.core.errors import DataError
from sweeper.data.arrays import AnyArray, RawData
from sweeper.data.prints import Prints
from sweeper.data.splits.draw import SplitIndices, draw
from sweeper.data.splits.plan import SplitPlan
from sweeper.data.splits.together import Units, joined, numbered


def draw_fold(plan: SplitPlan, raw: RawData, config: DataConfig, prints: Prints) -> SplitIndices:
    """The splits of one training: the part `data.fold` validates, the first where none is named.

    The parts are the same for all folds: `data.split_seed` and the images fix them.

    Args:
        plan: how many images of each class; both sides together are divided into parts.
        raw: the data set.
        config: `data.folds`, `fold`, `split_seed`, `groups`.
        prints: (n,), equal for equal training images.

    Raises:
        DataError: a part has no image, or all images of a class.
    """
    assert config.folds is not None
    whole = [train + held_out for train, held_out in zip(plan.train, plan.validation, strict=True)]
    (pool,) = draw(raw.y_train, [whole], config.split_seed)
    (test,) = draw(raw.y_test, [plan.test], config.split_seed)
    groups = raw.groups.get("x_train")
    units = numbered(prints[pool]) if groups is None else joined(groups[pool], prints[pool])
    labels = raw.y_train[pool]
    parts = dealt(labels, units, config.folds, config.split_seed)
    _check(parts, labels, units, config)
    is_held_out = parts == (config.fold or 0)
    return SplitIndices(pool[~is_held_out], pool[is_held_out], test, "train")


def dealt(labels: AnyArray, units: Units, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Deals whole units to parts, such that the parts have about as many images of each class.

    The largest units come first, units of one image class by class, each in an order that `seed` fixes. A unit goes
    where the sum over its classes of (have - wanted)^2 / wanted grows least, then to the smallest part.

    Args:
        labels: (n,) from 0.
        units: (n,), what stays together, from 0.
        folds: parts.
        seed: 0 to 2**32 - 1.

    Returns:
        (n,) the part of each image, from 0.
    """
    num_classes, num_units = int(labels.max()) + 1, int(units.max()) + 1
    pairs, numbers = np.unique(units * num_classes + labels, return_counts=True)
    starts = np.searchsorted(pairs // num_classes, np.arange(num_units + 1)).tolist()
    classes, counts = (pairs % num_classes).tolist(), numbers.tolist()
    content = [list(zip(classes[a:b], counts[a:b], strict=True)) for a, b in pairwise(starts)]
    wanted = (np.bincount(labels, minlength=num_classes) / folds).tolist()
    have = [[0] * num_classes for _ in range(folds)]
    totals = [0] * folds
    part_of = np.zeros(num_units, dtype=np.int64)
    shuffled = np.random.RandomState(seed).permutation(num_units).tolist()
    sizes = np.bincount(units).tolist()
    for unit in sorted(shuffled, key=lambda unit: (-sizes[unit], content[unit][0][0])):

        def growth(part: int, unit: int = unit) -> float:
            """Of the distance from what is wanted, without what is the same for all parts."""
            return math.fsum(n * (n + 2 * have[part][label]) / wanted[label] for label, n in content[unit])

        chosen = min(range(folds), key=lambda part: (growth(part), totals[part], part))
        part_of[unit] = chosen
        totals[chosen] += sizes[unit]
        for label, number in content[unit]:
            have[chosen][label] += number
    return part_of[units]


def _check(parts: npt.NDArray[np.int64], labels: AnyArray, units: Units, config: DataConfig) -> None:
    assert config.folds is not None
    together = f"groups of data.groups={config.groups}" if config.groups is not None else "sets of equal images"
    num_units = len(np.unique(units))
    if len(np.unique(parts)) < config.folds:
        raise DataError(
            f"data.folds={config.folds} needs as many parts, and the training images are {num_units} {together}, which "
            f"stay whole. Accepted: 2 to {num_units} folds.  Try: data.folds={max(2, min(5, num_units))}"
        )
    for label in np.unique(labels):
        held = np.unique(parts[labels == label])
        if len(held) == 1:
            raise DataError(
                f"data.folds={config.folds}: all training images of class {label} are in one part, since {together} "
                "stay whole, and its training would not know the class. Accepted: classes in two of them or more, or "
                "data.folds=null.  Try: data.folds=null"
            )
