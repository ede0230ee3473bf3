"""What stays on one side of a split that is made here: exact copies of an image, and the images of a group.

Copies alone change no more than they must: a copy of a training image goes to training, and other images of its class
take its place. Groups are chosen whole, as near to the planned numbers as they allow. What does not live here: the
draw of single images (`draw`), and whole test sets (`test_set`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sweeper.data.arrays import AnyArray
from sweeper.data.splits.draw import Indices

Units = npt.NDArray[np.int64]  # (n,), equal for images that stay together, from 0 in the order of their first image

_PASSES = 10  # over all units, to come nearer to the numbers that are wanted


def numbered(values: AnyArray) -> Units:
    """Numbers values by their first occurrence, so that nothing but which are equal counts."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    ranks = np.empty(len(first), dtype=np.int64)
    ranks[np.argsort(first)] = np.arange(len(first))
    return ranks[inverse]


def joined(groups: AnyArray, copies: AnyArray | None = None) -> Units:
    """The units of images that are in one group, or are copies of each other, or both over several steps.

    Args:
        groups: (n,), equal for images of one group.
        copies: (n,), equal for equal images; None where that is not known.
    """
    units = numbered(groups)
    if copies is None:
        return units
    _, first, inverse = np.unique(copies, return_index=True, return_inverse=True)
    other = units[first][inverse]
    parents = np.arange(units.max() + 1)

    def root(unit: int) -> int:
        while parents[unit] != unit:
            parents[unit] = parents[parents[unit]]
            unit = int(parents[unit])
        return unit

    differ = units != other
    for one, two in sorted(set(zip(units[differ].tolist(), other[differ].tolist(), strict=True))):
        low, high = sorted((root(one), root(two)))
        parents[high] = low
    return numbered(np.array([root(unit) for unit in range(len(parents))])[units])


def reunited(
    kept: Indices, held_out: Indices, labels: AnyArray, copies: AnyArray, seed: int
) -> tuple[Indices, Indices]:
    """Two sides of a split such that no image of one has a copy on the other.

    Held-out images with a copy among those that are kept go there; as many others of their classes, with all of their
    copies, come in exchange, as far as there are any. Where nothing is on both sides, the split stays as it is.

    Args:
        kept, held_out: indices into `labels` and `copies`, ascending.
        labels: (n,) from 0.
        copies: (n,), equal for equal images.
        seed: fixes which images come in exchange.

    Returns:
        The same two, ascending.
    """
    both = np.concatenate([kept, held_out])
    is_held = np.arange(len(both)) >= len(kept)
    units, of_class = numbered(copies[both]), labels[both]
    crossing = np.isin(units, units[is_held]) & np.isin(units, units[~is_held])
    moved = crossing & is_held
    if not moved.any():
        return kept, held_out
    random = np.random.RandomState(seed)
    sizes, num_free = np.bincount(units), np.bincount(units[~is_held & ~crossing], minlength=units.max() + 1)
    taken = np.zeros(len(sizes), dtype=np.bool_)
    for label in np.unique(of_class[moved]):
        needed = int((of_class[moved] == label).sum())
        own = np.bincount(units[of_class == label], minlength=len(sizes))
        (whole,) = np.nonzero((own == sizes) & (num_free == sizes))  # of this class alone, and kept with all copies
        for unit in random.permutation(whole):
            if sizes[unit] <= needed:
                taken[unit] = True
                needed -= int(sizes[unit])
    held = (is_held & ~moved) | taken[units]
    return np.sort(both[~held]), np.sort(both[held])


def chosen_units(
    labels: AnyArray, units: Units, wanted: Sequence[int], seed: int, kept_back: int = 1
) -> npt.NDArray[np.bool_] | None:
    """Chooses whole units whose images are, class by class, about as many as are wanted.

    In an order that `seed` fixes, a unit is taken where that brings the numbers nearer, and in further passes taken or
    given back. Distance is the sum over classes of (have - wanted)^2 / wanted, and 1 for each that has none.

    Args:
        labels: (n,) from 0.
        units: (n,), what stays together.
        wanted: images of each class.
        seed: 0 to 2**32 - 1.
        kept_back: images of each class, or as many as it has, that are not chosen.

    Returns:
        (n,) which images are chosen, at least one; None where every unit has images that have to stay.
    """
    num_classes = len(wanted)
    pairs, numbers = np.unique(units * num_classes + labels, return_counts=True)
    starts = np.searchsorted(pairs // num_classes, np.arange(units.max() + 2)).tolist()
    classes: list[int] = (pairs % num_classes).tolist()
    counts: list[int] = numbers.tolist()
    content = [list(zip(classes[a:b], counts[a:b], strict=True)) for a, b in pairwise(starts)]
    totals = np.bincount(labels, minlength=num_classes)
    room: list[int] = (totals - np.minimum(totals, kept_back)).tolist()
    have = [0] * num_classes
    is_chosen = [False] * len(content)

    def distance(label: int, number: int) -> float:
        lacking = number == 0 and wanted[label] > 0
        return (number - wanted[label]) ** 2 / max(wanted[label], 1) + lacking

    def change(unit: int, sign: int) -> float:
        """By how much the distance grows when a unit is taken (1) or given back (-1)."""
        return sum(
            distance(label, have[label] + sign * number) - distance(label, have[label])
            for label, number in content[unit]
        )

    def fits(unit: int) -> bool:
        return all(have[label] + number <= room[label] for label, number in content[unit])

    def toggle(unit: int, sign: int) -> None:
        is_chosen[unit] = sign > 0
        for label, number in content[unit]:
            have[label] += sign * number

    order = np.random.RandomState(seed).permutation(len(content)).tolist()
    for _ in range(_PASSES):
        is_better = False
        for unit in order:
            sign = -1 if is_chosen[unit] else 1
            if change(unit, sign) < 0 and (sign < 0 or fits(unit)):
                toggle(unit, sign)
                is_better = True
        if not is_better:
            break
    if not any(is_chosen):  # each unit is too large: the one that is least so
        possible = [unit for unit in order if fits(unit)]
        if not possible:
            return None
        toggle(min(possible, key=lambda unit: change(unit, 1)), 1)
    return np.array(is_chosen)[units]


def chosen_groups(
    labels: AnyArray,
    groups: AnyArray,
    copies: AnyArray | None,
    wanted: Sequence[int],
    seed: int,
    kept_back: int = 1,
) -> tuple[npt.NDArray[np.bool_] | None, bool]:
    """As `chosen_units`, of groups; joined by copies, unless that leaves nothing to choose.

    Returns:
        (n,) which images are chosen, or None; and whether copies were kept on one side.
    """
    chosen = chosen_units(labels, joined(groups, copies), wanted, seed, kept_back)
    if chosen is not None or copies is None:
        return chosen, True
    return chosen_units(labels, numbered(groups), wanted, seed, kept_back), False
