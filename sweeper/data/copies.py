"""Exact copies among the images: they make figures look better, or surer, than they are.

What does not live here: images that are only similar, or belong together (one burst, one patient, one writer).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sweeper.data.arrays import AnyArray, Origin, RawData
from sweeper.data.prints import ARRAYS, Prints
from sweeper.data.splits import Indices, SplitIndices

_NAMED = 3  # copies named in one sentence


@dataclass(frozen=True)
class _Split:
    """The images of a split.

    Attributes:
        word: the split in a sentence.
        origin: the array that they are from.
        chosen: (n,) their indices in it.
        prints: (n,) equal where images are equal.
        labels: (n,) their classes.
        files: the names of the array's files, where it comes from several.
    """

    word: str
    origin: Origin
    chosen: Indices
    prints: Prints
    labels: AnyArray
    files: Sequence[str] = ()

    def name(self, place: int) -> str:
        if self.files:
            return str(self.files[self.chosen[place]])
        return self.origin.name(int(self.chosen[place]))


def copy_warnings(raw: RawData, indices: SplitIndices, prints: Mapping[str, Prints]) -> tuple[str, ...]:
    """Sentences that count and name the copies within the splits and between them; empty where there are none.

    Args:
        raw: the data set.
        indices: its splits.
        prints: as `prints_of` has them.
    """
    validation = raw.images_of(indices.validation_from)

    def split(word: str, array: str, chosen: Indices, labels: AnyArray) -> _Split:
        files = raw.files[array].names if array in raw.files else ()
        origin = raw.origins.get(array, Origin(array))
        return _Split(word, origin, chosen, prints[array][chosen], labels[chosen], files)

    train = split("training", "x_train", indices.train, raw.y_train)
    held_out = [split("validation", ARRAYS[indices.validation_from], indices.validation, validation[1])]
    if indices.validation_from != "test":
        held_out.append(split("test", "x_test", indices.test, raw.y_test))
    found = [sentence for one in held_out for sentence in (_copies_of(one, train), _copies_within(one))]
    found += [_copies_of(test, held_out[0]) for test in held_out[1:]]
    found.append(_contradictions(train, held_out[0]))
    return tuple(sentence for sentence in found if sentence)


def _copies_of(split: _Split, other: _Split) -> str:
    """Images of a split that another split has too."""
    values, first = np.unique(other.prints, return_index=True)
    place = np.searchsorted(values, split.prints).clip(max=len(values) - 1)
    (copies,) = np.nonzero(values[place] == split.prints)
    if not len(copies):
        return ""
    pairs = [(split.name(copy), other.name(first[place[copy]])) for copy in copies[:_NAMED]]
    meaning = (
        f"{split.word} figures are too high, since the networks were trained on these images"
        if other.word == "training"
        else "on these images the test set confirms nothing"
    )
    return (
        f"{_counted(len(copies), split)} {_are(copies)} of {other.word} images ({_named(pairs, len(copies))}): "
        f"{meaning}."
    )


def _copies_within(split: _Split) -> str:
    """Images of a split that it has already."""
    _, first, inverse = np.unique(split.prints, return_index=True, return_inverse=True)
    (copies,) = np.nonzero(first[inverse] != np.arange(len(split.prints)))
    if not len(copies):
        return ""
    pairs = [(split.name(copy), split.name(first[inverse[copy]])) for copy in copies[:_NAMED]]
    return (
        f"{_counted(len(copies), split)} {_are(copies)} of other {split.word} images ({_named(pairs, len(copies))}): "
        "intervals and tests count each as a new image, and are too confident."
    )


def _contradictions(*splits: _Split) -> str:
    """Images that occur with more than one label."""
    prints, labels = (np.concatenate([getattr(split, name) for split in splits]) for name in ("prints", "labels"))
    _, first, inverse = np.unique(prints, return_index=True, return_inverse=True)
    (others,) = np.nonzero(labels != labels[first][inverse])
    _, chosen = np.unique(inverse[others], return_index=True)
    number = len(chosen)
    if not number:
        return ""
    places = [(split, place) for split in splits for place in range(len(split.chosen))]
    pairs = [(other, int(first[inverse[other]])) for other in others[np.sort(chosen)][:_NAMED]]
    named = _named([(places[other][0].name(places[other][1]), places[one][0].name(places[one][1]))
                    for other, one in pairs], number, "and")  # fmt: skip
    return (
        f"1 image of training or validation occurs with several labels ({named})."
        if number == 1
        else f"{number:,} images of training or validation occur with several labels ({named})."
    )


def _counted(number: int, split: _Split) -> str:
    return f"{number:,} of {len(split.chosen):,} {split.word} images"


def _are(copies: Indices) -> str:
    return "is an exact copy" if len(copies) == 1 else "are exact copies"


def _named(pairs: list[tuple[str, str]], number: int, word: str = "of") -> str:
    more = f", and {number - len(pairs):,} more" if number > len(pairs) else ""
    return ", ".join(f"{copy} {word} {original}" for copy, original in pairs) + more
