"""What is said of groups of images (`data.groups`): which are on one side, and which are on several.

What does not live here: keeping them on one side (`splits.together`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sweeper.core.text import listed
from sweeper.data.arrays import AnyArray, RawData
from sweeper.data.prints import ARRAYS
from sweeper.data.splits import SplitIndices

_NAMED = 3  # groups in one sentence


def notes(raw: RawData, indices: SplitIndices, name: str, wanted: int) -> list[str]:
    """Sentences about the split by groups, and about images whose groups are not known.

    Args:
        raw: the data set.
        indices: its splits.
        name: `data.groups`.
        wanted: how many validation images were asked for.
    """
    if "x_train" not in raw.groups:
        return []
    own = {"x_test": "test"} | ({"x_val": "validation"} if indices.validation_from == "file" else {})
    unknown = [
        f"The groups of the {word} images are not known, so none were looked for in training."
        for array, word in own.items()
        if array not in raw.groups
    ]
    if indices.validation_from != "train":
        return unknown
    groups, labels = raw.groups["x_train"], raw.y_train
    num_train, num_held = (len(np.unique(groups[part])) for part in (indices.train, indices.validation))
    found = len(indices.validation)
    asked = "" if found == wanted else f", where {wanted:,} were asked for"
    return [
        f"Images of a group (data.groups={name}) stay on one side: {_groups(num_train)} train and {num_held:,} "
        f"validate{'s' * (num_held == 1)}. {found:,} images validate{asked}; "
        f"{how_even(labels[indices.train], labels[indices.validation], raw.class_names)}.",
        *unknown,
    ]


def how_even(one: AnyArray, other: AnyArray, class_names: Sequence[str] = ()) -> str:
    """`the share of a class differs from training's by up to 1.3 points (class 7)`, or that the shares are equal."""
    length = int(max(one.max(), other.max())) + 1
    shares = [np.bincount(labels, minlength=length) / len(labels) for labels in (one, other)]
    differences = np.abs(shares[0] - shares[1])
    label = int(differences.argmax())
    name = class_names[label] if class_names else label
    points = f"{100 * differences[label]:.1f}"
    if points == "0.0":
        return "the shares of the classes are as in training"
    return f"the share of a class differs from training's by up to {points} points (class {name})"


def warnings(raw: RawData, indices: SplitIndices, name: str) -> list[str]:
    """Sentences about groups that are in two splits, which only a split that the data came with can have."""
    own = ARRAYS[indices.validation_from]
    splits = {"training": ("x_train", indices.train), "validation": (own, indices.validation)}
    if indices.validation_from != "test":
        splits["test"] = ("x_test", indices.test)
    known = {
        word: np.unique(raw.groups[array][chosen]) for word, (array, chosen) in splits.items() if array in raw.groups
    }
    found = []
    for word, other in (("validation", "training"), ("test", "training"), ("test", "validation")):
        if word not in known or other not in known:
            continue
        shared = np.intersect1d(known[word], known[other])
        if len(shared):
            meaning = (
                f"{word} figures say little about new groups"
                if other == "training"
                else "on these groups the test set confirms little"
            )
            found.append(
                f"{len(shared):,} of the {_groups(len(known[word]))} of {word} images (data.groups={name}) "
                f"{'is' if len(shared) == 1 else 'are'} in {other} too ({listed(shared, _NAMED)}): {meaning}."
            )
    return found


def _groups(number: int) -> str:
    return f"{number:,} group{'' if number == 1 else 's'}"
