"""The images of a sweep's page: those that fewest trials have right, those in dispute, the best trial's confusions.

What does not live here: how they look (`sweeper.report.page`), and the trials' answers (`sweeper.artifacts.answers`).
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sweeper import data
from sweeper.artifacts import answers
from sweeper.config.trial import DataConfig
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import DataError, StoreError
from sweeper.core.paths import OutputPaths
from sweeper.storage.stored_sweep import Loaded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Images shown of each kind.
SHOWN = 12
_SELDOM = 0.1  # share of the trials that have an image right, up to which it counts as hard


def of_sweep(loaded: Loaded, paths: OutputPaths, leader: int | None, prepared: PreparedData | None = None) -> Exhibits:
    """What can be shown of one sweep; what cannot, with the reason in its notes.

    Args:
        loaded: the sweep.
        paths: its output folder.
        leader: the trial whose confusions are shown.
        prepared: its prepared data; read again where it is not given.
    """
    if leader is None:
        return Exhibits()
    if prepared is not None:
        return _of_prepared(loaded, paths, leader, prepared)
    node = loaded.trials[leader].identity["data"]
    wanted = {key: value for key, value in node.items() if key not in ("digest", "split_digest")}
    with tempfile.TemporaryDirectory() as folder:
        try:
            config = DataConfig(**{**wanted, "path": loaded.info.data_path})
            recorded = (node["digest"], node["split_digest"])
            found = data.prepare(config, Path(folder), paths.pictures, recorded=lambda: recorded)
        except (DataError, StoreError) as error:
            return Exhibits(notes=(f"The images cannot be shown: {error}",))
        if (found.data_digest, found.split_digest) != (node["digest"], node["split_digest"]):
            return Exhibits(notes=(f"The images cannot be shown: {found.source} has changed.",))
        return _of_prepared(loaded, paths, leader, found)


def _of_prepared(loaded: Loaded, paths: OutputPaths, leader: int, prepared: PreparedData) -> Exhibits:
    split = {number: trial.identity["data"]["split_digest"] for number, trial in loaded.trials.items()}
    predicted = {
        numbers[number]: classes
        for name, numbers in loaded.sources.items()
        for number, classes in answers.read_predicted(paths.sweep(name).validation_answers).items()
        if number in numbers and split[numbers[number]] == split[leader]
    }
    if leader not in predicted:
        return Exhibits(notes=("The leader's predictions are not available.",))
    arrays = data.open_training_arrays(prepared)
    summary = prepared.summary
    found = choose(leader, predicted, arrays.x_validation, np.asarray(arrays.y_validation), summary.num_classes)
    return _named(found, summary.class_names, data.file_names(prepared, "validation"))


def _named(found: Exhibits, class_names: tuple[str, ...], files: Sequence[str]) -> Exhibits:
    """The same with the names of classes and files, where they have some."""

    def with_file(images: tuple[ShownImage, ...]) -> tuple[ShownImage, ...]:
        return tuple(replace(one, file=files[one.index]) for one in images) if files else images

    nobody, disputed = with_file(found.nobody), with_file(found.disputed)
    return replace(found, class_names=class_names, nobody=nobody, disputed=disputed)


def choose(
    leader: int,
    predicted: Mapping[int, NDArray[np.integer]],
    images: data.AnyImages,
    labels: NDArray[np.integer],
    num_classes: int,
) -> Exhibits:
    """Chooses the images that say most.

    Args:
        leader: the trial whose confusions are counted.
        predicted: each trial's classes, (images,), by its number; the leader's among them.
        images: (images, height, width, channels), uint8 or float32 in [0, 1].
        labels: (images,).
        num_classes: classes, at least 2.
    """
    numbers = sorted(predicted)
    classes = np.stack([predicted[number] for number in numbers])
    num_right = (classes == labels).sum(axis=0)
    confusion = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(confusion, (labels, predicted[leader].astype(np.int64)), 1)
    share = num_right / len(numbers)
    hard = [int(index) for index in np.argsort(num_right, kind="stable") if share[index] <= _SELDOM]
    open_questions = [int(index) for index in np.argsort(np.abs(share - 0.5), kind="stable") if 0 < share[index] < 1]
    disputed = [index for index in open_questions if index not in hard[:SHOWN]]

    def shown(indices: Sequence[int]) -> tuple[ShownImage, ...]:
        return tuple(
            ShownImage(
                index=index,
                pixels=_as_bytes(images[index]),
                label=int(labels[index]),
                num_right=int(num_right[index]),
                guesses=dict(Counter(int(one) for one in classes[:, index]).most_common()),
            )
            for index in indices[:SHOWN]
        )

    return Exhibits(
        best=leader,
        confusion=confusion,
        num_trials=len(numbers),
        judges=tuple(numbers),
        nobody=shown(hard),
        disputed=shown(disputed),
    )


def _as_bytes(image: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.uint8]:
    if image.dtype == np.uint8:
        return np.asarray(image, dtype=np.uint8)
    scaled: NDArray[np.uint8] = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return scaled


@dataclass(frozen=True)
class ShownImage:
    """A validation image of which trials think differently, or all wrongly.

    Attributes:
        index: its place among the validation images.
        file: the name of its file, where each image has one.
        pixels: (height, width, channels), uint8.
        label: its true class.
        num_right: trials that have it right.
        guesses: the trials of `Exhibits.judges` that take it for a class, by the class, most first.
    """

    index: int
    pixels: NDArray[np.uint8]
    label: int
    num_right: int
    guesses: dict[int, int]
    file: str = ""


@dataclass(frozen=True)
class Exhibits:
    """What a page shows beside figures.

    Attributes:
        best: the trial whose confusion matrix it is; None where it could not be read.
        confusion: (classes, classes), rows the true class, columns the predicted one.
        num_trials: trials whose right and wrong answers are known.
        judges: trials whose predictions were read.
        nobody: images that fewest trials have right, and at most a tenth of them (most telling first).
        disputed: images on which the trials most disagree: right for the share of them that is nearest a half.
        class_names: what each class is called; empty where its number does.
        notes: what cannot be shown, with the reason.
    """

    best: int | None = None
    confusion: NDArray[np.int64] | None = None
    num_trials: int = 0
    judges: tuple[int, ...] = ()
    nobody: tuple[ShownImage, ...] = ()
    disputed: tuple[ShownImage, ...] = ()
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
