"""A user's labels: which forms are taken, and how they become the numbers of classes.

Classes are the numbers 0, 1, 2 and so on, each with a training image; where the labels were something else, that is the
name of the class. What is done is said, each a sentence. What does not live here: the images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sweeper.core.text import listed
from sweeper.data.arrays import AnyArray, ArrayHeader
from sweeper.data.user.repair import Fault, pickle_fault

_KINDS = "biufUS"  # bool, whole numbers, floats and text, by NumPy's letters
_NAMED = 5  # labels in one sentence
_EXACT = 2**53  # up to here a float tells whole numbers apart


@dataclass(frozen=True)
class Classes:
    """Labels on their way to numbers of classes.

    Attributes:
        labels: by their names in the file, training first; at the end (n,) int64 from 0.
        names: of the classes, where they are not simply their numbers.
        faults: what is wrong; the rest means nothing then.
        said: what was done, each a sentence.
    """

    labels: Mapping[str, AnyArray]
    names: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    said: tuple[str, ...] = field(default=())


def header_faults(headers: Mapping[str, ArrayHeader]) -> list[Fault]:
    """What is wrong with labels that are not one value for each image, by their headers."""
    faults = []
    for key, header in headers.items():
        if header.dtype.hasobject:
            faults.append(pickle_fault(key, f"{key}.astype('str') instead"))
        elif header.dtype.kind not in _KINDS:
            faults.append(Fault(f"{key} is {header.dtype}, not whole numbers or text"))
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


def as_classes(labels: Mapping[str, AnyArray]) -> Classes:
    """The numbers of the classes.

    Args:
        labels: the arrays of labels by their names, as `header_faults` lets them pass; training first.
    """
    found = Classes(labels)
    steps: tuple[Callable[[Mapping[str, AnyArray]], Classes], ...] = (_flat, _whole, _numbered)
    for step in steps:
        done = step(found.labels)
        found = Classes(done.labels, done.names, done.faults, (*found.said, *done.said))
        if found.faults:
            break
    return found


def _flat(labels: Mapping[str, AnyArray]) -> Classes:
    """One value for each image: a column, a row, or the columns that are set."""
    flat, faults, forms = {}, [], {}
    for key, array in labels.items():
        if array.ndim == 1:
            flat[key] = array
        elif 1 in array.shape:
            flat[key] = array.reshape(-1)
            forms[key] = "a column (n, 1)" if array.shape[1] == 1 else "a row (1, n)"
        elif _is_one_hot(array):
            flat[key] = array.argmax(1)
            forms[key] = f"one-hot with {array.shape[1]:,} columns"
        else:
            text = f"{key} has the shape {array.shape}, several values for each image, none of which is its class"
            faults.append(Fault(text))
    widths = {key: labels[key].shape[1] for key, form in forms.items() if form.startswith("one-hot")}
    if len(set(widths.values())) > 1:
        faults.append(Fault(f"the labels are one-hot with {listed(widths.values())} columns ({listed(widths)})"))
    said = [
        f"{_be([key for key, own in forms.items() if own == form])} {form}: "
        f"{_MEANING.get(form[:3], 'one label for each image')}."
        for form in dict.fromkeys(forms.values())
    ]
    return Classes(flat, faults=tuple(faults), said=tuple(said))


_MEANING = {"one": "a class is the number of its column, from 0"}


def _be(names: Iterable[str], *, verb: str = "are") -> str:
    """`y_train and y_test are`, or `have`; of a single name `is`, or `has`."""
    known = list(names)
    return f"{listed(known)} {verb if len(known) != 1 else {'are': 'is', 'have': 'has'}[verb]}"


def _is_one_hot(labels: AnyArray) -> bool:
    if labels.dtype.kind in "US":
        return False
    return bool(((labels == 1).sum(1) == 1).all() and ((labels == 0).sum(1) == labels.shape[1] - 1).all())


def _whole(labels: Mapping[str, AnyArray]) -> Classes:
    """Whole numbers, or text that is none."""
    decoded, faults = _decoded(labels)
    if faults:
        return Classes(decoded, faults=tuple(faults))
    is_text = {key: array.dtype.kind == "U" for key, array in decoded.items()}
    if not any(is_text.values()):
        return _from_numbers(decoded)
    if all(_is_written_number(array) for key, array in decoded.items() if is_text[key]):
        written = [key for key, text in is_text.items() if text]
        numbers = {key: array.astype(np.int64) if is_text[key] else array for key, array in decoded.items()}
        done = _from_numbers(numbers)
        said = f"{_be(written)} text of whole numbers, read as numbers."
        return Classes(done.labels, faults=done.faults, said=(said, *done.said))
    faults = [
        Fault(f"{key} is {array.dtype}, but {next(name for name in is_text if is_text[name])} is text")
        for key, array in decoded.items()
        if not is_text[key]
    ]
    faults += [
        Fault(f"{key} has an empty label ('')") for key, array in decoded.items() if is_text[key] and "" in array
    ]
    return Classes(decoded, faults=tuple(faults))


def _decoded(labels: Mapping[str, AnyArray]) -> tuple[dict[str, AnyArray], list[Fault]]:
    """Text as `str`."""
    decoded, faults = {}, []
    for key, array in labels.items():
        decoded[key] = array
        if array.dtype.kind == "S":
            try:
                decoded[key] = np.char.decode(array, "utf-8")
            except UnicodeDecodeError:
                faults.append(Fault(f"{key} is text that is not UTF-8"))
    return decoded, faults


def _is_written_number(labels: AnyArray) -> bool:
    """Whether every label is a whole number as Python writes it; `01` is a name."""
    try:
        return all(str(int(text)) == text and abs(int(text)) < _EXACT for text in np.unique(labels))
    except ValueError:
        return False


def _from_numbers(labels: Mapping[str, AnyArray]) -> Classes:
    """Numbers of any type as int64."""
    whole, faults, floats = {}, [], []
    for key, array in labels.items():
        if array.dtype.kind == "u" and int(array.max()) >= 2**63:
            faults.append(Fault(f"{key} has labels up to {int(array.max())}, beyond 64 bits with a sign"))
        elif array.dtype.kind != "f":
            whole[key] = array.astype(np.int64)
        elif np.isfinite(array).all() and (array == np.round(array)).all() and np.abs(array).max() < _EXACT:
            whole[key] = array.astype(np.int64)
            floats.append(key)
        else:
            faults.append(Fault(f"{key} is {array.dtype} with values that are not whole, so they are not classes"))
    said = (f"{_be(floats)} whole numbers in floats, read as whole numbers.",) if floats else ()
    return Classes(whole, faults=tuple(faults), said=said)


def _numbered(labels: Mapping[str, AnyArray]) -> Classes:
    """The numbers 0, 1, 2 and so on for the labels of the training images, in their order."""
    train = next(iter(labels))
    known = np.unique(labels[train])
    is_plain = known.dtype.kind != "U" and known.tolist() == list(range(len(known)))
    faults = [*_training_faults(train, labels[train], known), *_unknown_labels(labels, known, is_plain=is_plain)]
    if faults or is_plain:
        return Classes(labels, faults=tuple(faults))
    numbers = {key: np.searchsorted(known, array).astype(np.int64) for key, array in labels.items()}
    return Classes(numbers, tuple(map(str, known.tolist())), said=(_about_labels(labels, known),))


def _training_faults(train: str, labels: AnyArray, known: AnyArray) -> list[Fault]:
    """What is wrong with the classes that the training images have."""
    if len(known) == 1:
        return [Fault(f"{train} has one class only; at least 2 are needed")]
    is_text = known.dtype.kind == "U"
    if not is_text and known[0] == -1 and known[1] == 0:
        return [
            Fault(
                f"{train} has the labels -1 and 0, where -1 may mean that there is no label (leave such images out, or "
                "number the classes from 0)"
            )
        ]
    is_contiguous = not is_text and int(known[-1]) - int(known[0]) == len(known) - 1
    if not is_contiguous and len(known) > len(labels) // 2:
        some = listed([ascii(one) for one in known.tolist()], 3)
        counts = f"{len(known):,} different labels for {len(labels):,} images"
        return [Fault(f"{train} has {counts} ({some}), which are no classes")]
    return []


def _unknown_labels(labels: Mapping[str, AnyArray], known: AnyArray, *, is_plain: bool) -> list[Fault]:
    """Labels without a training image."""
    train, *others = labels
    faults = []
    for key in others:
        unknown = np.setdiff1d(labels[key], known)
        if not len(unknown):
            continue
        if is_plain:
            low, high = int(labels[key].min()), int(labels[key].max())
            faults.append(Fault(f"{key} has labels from {low} to {high}, but {train} has 0 to {len(known) - 1}"))
        else:
            named = listed([ascii(one) for one in unknown.tolist()], _NAMED)
            word = "label" if len(unknown) == 1 else "labels"
            faults.append(Fault(f"{key} has the {word} {named}, but {train} has none of them"))
    return faults


def _about_labels(labels: Mapping[str, AnyArray], known: AnyArray) -> str:
    """The sentence about labels that are not 0, 1, 2 and so on."""
    if known.dtype.kind == "U":
        return f"{_be(labels)} text: the classes, in alphabetical order, are {listed(known)}."
    low, high = int(known[0]), int(known[-1])
    if high - low == len(known) - 1:
        return f"{_be(labels, verb='have')} the labels {low} to {high}: the first output of a network is class {low}."
    named = listed(known.tolist())
    return (
        f"{_be(labels, verb='have')} labels with gaps: the outputs of a network are the classes {named}, in this order."
    )


def as_groups(key: str, array: AnyArray, expected: int) -> tuple[npt.NDArray[np.str_], list[Fault]]:
    """What an array of groups (`data.groups`) calls the group of each image, as text, or what is wrong.

    Args:
        key: its name.
        array: its values; no objects.
        expected: how many images there are.
    """
    flat = array.reshape(-1) if array.ndim == 2 and 1 in array.shape else array
    if flat.ndim != 1 or len(flat) != expected:
        return np.empty(0, np.str_), [
            Fault(f"{key} has the shape {array.shape}, not one group for each of {expected} images")
        ]
    decoded, faults = _decoded({key: flat})
    if flat.dtype.kind not in _KINDS:
        faults.append(Fault(f"{key} is {array.dtype}, not numbers or text"))
    elif flat.dtype.kind == "f" and not np.isfinite(flat).all():
        faults.append(Fault(f"{key} has groups that are NaN or infinite"))
    return decoded[key].astype(np.str_), faults
