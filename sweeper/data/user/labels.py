"""A user's labels: which types and values are taken, and what is said of others.

Classes are the whole numbers 0, 1, 2 and so on, each with a training image. What does not live here: the images.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import numpy as np

from sweeper.data.arrays import AnyArray, ArrayHeader
from sweeper.data.user.images import pickle_fault
from sweeper.data.user.repair import Fault, cell, change

_KINDS = "biufUS"  # bool, whole numbers, floats and text, by NumPy's letters


def header_faults(headers: Mapping[str, ArrayHeader]) -> list[Fault]:
    """What is wrong with labels that are not one value for each image, by their headers."""
    faults = []
    for key, header in headers.items():
        if header.dtype.hasobject:
            faults.append(pickle_fault(key))
        elif header.dtype.kind not in _KINDS:
            faults.append(Fault(f"{key} is {header.dtype}, not whole numbers"))
        elif 0 in header.shape:
            faults.append(Fault(f"{key} is empty: its shape is {header.shape}"))
        elif len(header.shape) not in (1, 2):
            faults.append(Fault(f"{key} has the shape {header.shape}, not (n,)"))
    return faults


def num_labels(header: ArrayHeader) -> int | None:
    """How many labels an array holds, one for each image; None where it cannot hold labels."""
    if len(header.shape) == 2 and header.shape[0] == 1:
        return header.shape[1]
    return header.shape[0] if len(header.shape) in (1, 2) else None


def value_faults(labels: Mapping[str, AnyArray]) -> list[Fault]:
    """What is wrong with the shapes, types and values of labels.

    Args:
        labels: the arrays of labels by their names, as `header_faults` lets them pass; training first.
    """
    for find in (_shape_faults, _text_faults, _float_faults, _class_faults):
        if faults := find({key: array.reshape(-1) if _is_column(array) else array for key, array in labels.items()}):
            return faults
    return []


def as_labels(labels: AnyArray) -> AnyArray:
    """Labels without faults as (n,) int64."""
    return labels.reshape(-1).astype(np.int64)


def _is_column(labels: AnyArray) -> bool:
    return labels.ndim == 2 and labels.shape[1] == 1


def _shape_faults(labels: Mapping[str, AnyArray]) -> list[Fault]:
    faults = []
    for key, array in labels.items():
        text = f"{key} has the shape {array.shape}"
        if array.ndim == 1:
            continue
        if array.shape[0] == 1:
            faults.append(Fault(f"{text}, a row instead of (n,)", (change(key, "{}.reshape(-1)"),)))
        elif _is_one_hot(array):
            faults.append(Fault(f"{text}, one-hot instead of one label for each image", (change(key, "{}.argmax(1)"),)))
        else:
            faults.append(Fault(f"{text}, several values for each image, none of which is its class"))
    return faults


def _is_one_hot(labels: AnyArray) -> bool:
    if labels.dtype.kind in "US":
        return False
    return bool(((labels == 1).sum(1) == 1).all() and ((labels == 0).sum(1) == labels.shape[1] - 1).all())


def _text_faults(labels: Mapping[str, AnyArray]) -> list[Fault]:
    """Names instead of numbers, or numbers written as text."""
    found = {key: array for key, array in labels.items() if array.dtype.kind in "US"}
    if not found:
        return []
    is_written = all(_is_number(array) for array in found.values())
    fix = None if is_written else _numbered(labels)
    return [
        Fault(
            f"{key} is text ({', '.join(ascii(str(label)) for label in np.unique(array)[:3])}), not whole numbers",
            (change(key, '{}.astype("int64")'),) if is_written else fix,
        )
        for key, array in found.items()
    ]


def _is_number(labels: AnyArray) -> bool:
    try:
        labels.astype(np.int64)
    except ValueError:
        return False
    return True


def _float_faults(labels: Mapping[str, AnyArray]) -> list[Fault]:
    faults = []
    for key, array in labels.items():
        if array.dtype.kind != "f":
            continue
        if np.isfinite(array).all() and (array == np.round(array)).all() and np.abs(array).max() < 2**53:
            faults.append(Fault(f"{key} is {array.dtype}, not whole numbers", (change(key, '{}.astype("int64")'),)))
        else:
            faults.append(Fault(f"{key} is {array.dtype} with values that are not whole, so they are not classes"))
    return faults


def _class_faults(labels: Mapping[str, AnyArray]) -> list[Fault]:
    """Whole numbers that are not 0, 1, 2 and so on."""
    train, *others = labels
    classes = [int(label) for label in np.unique(labels[train])]
    if len(classes) == 1:
        return [Fault(f"{train} has one class only; at least 2 are needed")]
    if classes != list(range(len(classes))):
        return [_numbers_fault(train, classes, labels)]
    faults = []
    for key in others:
        unknown = [int(label) for label in np.setdiff1d(labels[key], labels[train])]
        if unknown:
            low, high = int(labels[key].min()), int(labels[key].max())
            faults.append(Fault(f"{key} has labels from {low} to {high}, but {train} has 0 to {classes[-1]}"))
    return faults


def _numbers_fault(train: str, classes: list[int], labels: Mapping[str, AnyArray]) -> Fault:
    lowest, highest = classes[0], classes[-1]
    if lowest == -1 and 0 in classes:
        return Fault(
            f"{train} has the labels -1 and 0; labels count from 0 (leave images out that have no label, or number "
            "the classes again)"
        )
    fix = _numbered(labels)
    if lowest < 0:
        return Fault(f"{train} has the label {lowest}; labels count from 0", fix)
    if len(classes) == highest - lowest + 1:  # 1 to k, the commonest slip
        return Fault(f"{train} has labels from {lowest} to {highest}; labels count from 0", fix)
    known = set(classes)
    absent = list(islice((str(label) for label in range(highest) if label not in known), 6))
    more = " and others" if len(absent) > 5 else ""
    return Fault(f"{train} has labels up to {highest}, but none of class {', '.join(absent[:5])}{more}", fix)


def _numbered(labels: Mapping[str, AnyArray]) -> tuple[str, ...] | None:
    """The statements that number the classes from 0, in the order of their labels, and print which is which.

    None where labels have no class of a training image, or hardly repeat, as names of files do.
    """
    train, *others = labels
    classes = np.unique(labels[train])
    if not 1 < len(classes) <= len(labels[train]) // 2:
        return None
    if not all(np.isin(labels[key], classes).all() for key in others):
        return None
    return (
        f"c, {cell(train)} = np.unique({cell(train)}, return_inverse=True)",
        *(change(key, "np.searchsorted(c, {})") for key in others),
        'print("Classes:", dict(enumerate(c.tolist())))',
    )
