"""Which array of a file is which: the names that Keras, MedMNIST and PyTorch give them, or `data.keys`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sweeper.core.text import listed
from sweeper.data.arrays import KEYS
from sweeper.data.user.repair import Fault

#: Words by which files name a split and what an array holds.
_SPLITS = {"train": ("train", "training"), "test": ("test", "testing"), "val": ("val", "valid", "validation", "dev")}
_KINDS = {
    "x": ("x", "image", "images", "img", "imgs", "data"),
    "y": ("y", "label", "labels", "target", "targets"),
}
_NAMED = 20  # arrays in one sentence

#: What each spelling means, without signs between its words and in lower case: `trainimages` is x_train.
_ROLES = {
    "".join(words): f"{kind}_{split}"
    for split, splits in _SPLITS.items()
    for kind, kinds in _KINDS.items()
    for one in splits
    for other in kinds
    for words in ((one, other), (other, one))
}
#: Images and labels of a file that has no splits.
_WHOLE = {word: f"{kind}_train" for kind, words in _KINDS.items() for word in words}


def find(names: Sequence[str], given: Mapping[str, str] | None = None) -> tuple[dict[str, str], list[Fault]]:
    """The array of each role, or what is wrong. A file may have no test set, or no splits at all.

    Args:
        names: of the arrays of a file.
        given: `data.keys`, the name of the array of each role; None where the names are to say it.

    Returns:
        The name of each of x_train, y_train and, where the file has them, of x_test, y_test, x_val and y_val; faults,
        where there are any.
    """
    if given is not None:
        return _as_given(names, given)
    found = _spelled(names)
    several = {role: those for role, those in found.items() if len(those) > 1}
    if several:
        return {}, [_several(role, those) for role, those in several.items()]
    roles = {role: those[0] for role, those in found.items()}
    missing = [key for key in KEYS if key not in roles]
    if missing not in ([], ["x_test", "y_test"]):
        return {}, [Fault(f"it lacks {', '.join(missing)}; it holds {_shown(names)}")]
    validation = [roles[key] for key in ("x_val", "y_val") if key in roles]
    if len(validation) == 1:
        return {}, [Fault(f"its validation set is not one array of images with its labels: {validation[0]}")]
    return {key: roles[key] for key in (*KEYS, "x_val", "y_val") if key in roles}, []


def said(roles: Mapping[str, str], given: Mapping[str, str] | None = None) -> list[str]:
    """A sentence about names that are not those of the roles.

    Args:
        roles: the name of the array of each role.
        given: `data.keys`, where they are from there.
    """
    other = [f"{name} is {role}" for role, name in roles.items() if name != role and not _is_validation(name)]
    by = "data.keys" if given else "their names"
    return [f"By {by}, {listed(other)}."] if other else []


def group_names(names: Sequence[str], given: str) -> tuple[dict[str, str], list[Fault]]:
    """The arrays of groups (`data.groups`), by x_train, x_test and x_val as far as there are any, or what is wrong.

    Args:
        names: of the arrays of a file.
        given: the array of the training images, or the word that its name has beside `train`: of `patient_train`,
            `patient_test` and `patient_val` each is enough, and so is `patient`.
    """
    found: dict[str, str] = {}
    for name in names:
        for split, words in _SPLITS.items():
            if any(name in (f"{given}_{word}", f"{word}_{given}") for word in words):
                found.setdefault(f"x_{split}", name)
            for train in _SPLITS["train"]:
                if train in given and any(name == given.replace(train, word) for word in words):
                    found.setdefault(f"x_{split}", name)
    if given in names:
        found["x_train"] = given
    if "x_train" not in found:
        return {}, [Fault(f"{given}, named by data.groups, is not in it; it holds {_shown(names)}")]
    return found, []


def _as_given(names: Sequence[str], given: Mapping[str, str]) -> tuple[dict[str, str], list[Fault]]:
    missing = [name for name in given.values() if name not in names]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        return {}, [Fault(f"{listed(missing)}, named by data.keys, {verb} not in it; it holds {_shown(names)}")]
    absent = [key for key in KEYS[:2] if key not in given]
    if absent:
        return {}, [Fault(f"data.keys lacks {', '.join(absent)}; the file holds {_shown(names)}")]
    return {key: given[key] for key in (*KEYS, "x_val", "y_val") if key in given}, []


def _spelled(names: Sequence[str]) -> dict[str, list[str]]:
    """The arrays of each role by their names; one that is called by a role's own name is preferred.

    In a file with x_train, y_train, x_test and y_test, which every release has read, only `x_` and `y_` are understood
    for a validation set.
    """
    found: dict[str, list[str]] = {}
    is_plain = all(key in names for key in KEYS)
    for name in names:
        role = _ROLES.get(re.sub(r"[\W_]", "", name.lower()))
        if role is not None and (not is_plain or name in KEYS or _is_validation(name)):
            found.setdefault(role, []).append(name)
    if not found:
        for name in names:
            if (role := _WHOLE.get(name.lower())) is not None:
                found.setdefault(role, []).append(name)
    return {role: [role] if role in those and not role.endswith("_val") else those for role, those in found.items()}


def _is_validation(name: str) -> bool:
    """Whether a name is x_val, y_val, x_valid and so on."""
    return name[:2] in ("x_", "y_") and name[2:] in _SPLITS["val"]


def _several(role: str, names: Sequence[str]) -> Fault:
    if role.endswith("_val"):
        return Fault(f"its validation set is not one array of images with its labels: {', '.join(names)}")
    return Fault(f"{listed(names)} could each be {role}")


def _shown(names: Sequence[str]) -> str:
    shown = [name if name.isprintable() else ascii(name) for name in names[:_NAMED]]
    return ", ".join(shown) or "nothing"
