"""The names of a user's arrays: their own validation set, and the four arrays under other names. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sweeper.data.arrays import KEYS
from sweeper.data.user.repair import Fault

#: Words by which files name a split and what an array holds.
_SPLITS = {"train": ("train", "training"), "test": ("test", "testing"), "val": ("val", "valid", "validation", "dev")}
_KINDS = {"x": ("x", "image", "images", "img", "imgs"), "y": ("y", "label", "labels", "target", "targets")}


def validation_names(names: Sequence[str]) -> tuple[str, ...]:
    """The arrays of the file's own validation set, as `x_val` and `y_val`: images, then labels; empty without one."""
    return tuple(name for kind in _KINDS for name in names if name in [f"{kind}_{word}" for word in _SPLITS["val"]])


def name_faults(place: Path, names: Sequence[str], validation: Sequence[str]) -> list[Fault]:
    """What is wrong with the names of a file's arrays; under other names the four may be there all the same.

    Args:
        place: the file.
        names: of its arrays.
        validation: as `validation_names` finds them.
    """
    missing = [key for key in KEYS if key not in names]
    if missing:
        shown = [name if name.isprintable() else ascii(name) for name in names[:20]]
        text = f"it lacks {', '.join(missing)}; it holds {', '.join(shown) or 'nothing'}"
        return [Fault(text, () if renamed(names) else None)]  # reading it under other names is all that there is to do
    if len(validation) not in (0, 2) or (validation and {name[0] for name in validation} != {"x", "y"}):
        return [Fault(f"its validation set is not one array of images with its labels: {', '.join(validation)}")]
    return []


def renamed(names: Sequence[str]) -> dict[str, str]:
    """The name in the file of each of x_train, y_train, x_test and y_test, and of x_val and y_val where it has them.

    Names as `train_images` and `X_train` are understood; empty where one of the four is missing or is there twice.
    """
    found: dict[str, list[str]] = {}
    for name in names:
        words = [word.lower() for word in re.findall(r"[A-Za-z]+", name.replace("_", " "))]
        splits = [split for split, known in _SPLITS.items() if set(words) & set(known)]
        kinds = [kind for kind, known in _KINDS.items() if set(words) & set(known)]
        if len(words) == 2 and len(splits) == len(kinds) == 1:
            found.setdefault(f"{kinds[0]}_{splits[0]}", []).append(name)
    wanted = ["x_train", "y_train", "x_test", "y_test"]
    pair = ["x_val", "y_val"]
    keys = wanted + [key for key in pair if all(one in found for one in pair)]
    return {key: found[key][0] for key in keys} if all(len(found.get(key, [])) == 1 for key in keys) else {}
