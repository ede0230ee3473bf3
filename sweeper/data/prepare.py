"""The doors: `describe` before a sweep, `check` for its plan, `prepare` at its start.

What does not live here: any one data set; each is a pair of functions in its own module.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sweeper import data
from sweeper.config.identity import OfNode, canonical
from sweeper.config.trial import READ_BY, DataConfig
from sweeper.core.datasets import CheckedData, DataSummary, PixelStatistics, PreparedData
from sweeper.core.errors import ConfigError, as_typed
from sweeper.core.events import DataPrepared, Listener
from sweeper.core.paths import OutputPaths, SweepPaths
from sweeper.core.text import listed, printable
from sweeper.data import copies, digits, folder, groups, published, user
from sweeper.data.arrays import (
    AnyArray,
    AnyImages,
    Inventory,
    Labels,
    RawData,
    as_float,
    count_classes,
    set_digest,
)
from sweeper.data.mapped import MappedImages
from sweeper.data.pixel_statistics import pixel_statistics
from sweeper.data.prints import ARRAYS, prints_of
from sweeper.data.progress import Report, silent
from sweeper.data.published import cifar
from sweeper.data.splits import Indices, SplitIndices, SplitPlan, plan_splits
from sweeper.data.splits.apart import Recorded, draw_apart, nothing_recorded
from sweeper.data.splits.folds import draw_fold
from sweeper.data.written import lay_down, write_names


@dataclass(frozen=True)
class Source:
    """A data set: what it holds without its pixels, and its arrays.

    Attributes:
        inventory: takes the configuration, and where decoded pictures are kept, if anywhere.
        read: likewise, a function that is called with what is done, where nothing is to be kept, a folder for what
            is needed meanwhile (of decoded pictures the pixels are then left out), and what was recorded.
    """

    inventory: Callable[[DataConfig, Path | None], Inventory]
    read: Callable[[DataConfig, Path, Report, Path | None, Recorded], RawData]

    @classmethod
    def of_arrays(cls, inventory: Callable[[str | None], Inventory], read: Callable[[str | None], RawData]) -> Source:
        """A data set of arrays, of which `data.path` alone says which."""

        return cls(lambda config, kept: inventory(config.path), lambda config, *_: read(config.path))


SOURCES = {
    "digits": Source.of_arrays(digits.inventory, digits.read),
    "mnist": Source.of_arrays(partial(published.inventory, published.MNIST), partial(published.read, published.MNIST)),
    "fashion_mnist": Source.of_arrays(
        partial(published.inventory, published.FASHION_MNIST), partial(published.read, published.FASHION_MNIST)
    ),
    "cifar10": Source.of_arrays(partial(cifar.inventory, cifar.CIFAR10), partial(cifar.read, cifar.CIFAR10)),
    "cifar100": Source.of_arrays(partial(cifar.inventory, cifar.CIFAR100), partial(cifar.read, cifar.CIFAR100)),
    "npz": Source(lambda config, kept: user.inventory(config), lambda config, *_: user.read(config)),
    "folder": Source(folder.inventory, folder.read),
}


def _refuse_keys(config: DataConfig) -> None:
    """Refuses a key that was typed, and would have no effect."""
    if given := config.without_effect:
        words = " ".join(f"data.{key}={as_typed(value)}" for key, value in given.items())
        name = READ_BY[next(iter(given))][0]
        example = {"folder": "data.path=pictures", "npz": "data.path=my.npz"}[name]
        raise ConfigError(
            f"{words} would have no effect with data={config.name}, whose images are used as they are. Accepted: with "
            f"data={name}, {_KINDS[name]}.  Try: data={name} {example} {words}"
        )


_KINDS = {"folder": "a folder of pictures", "npz": "an .npz file of arrays"}


def describe(config: DataConfig, kept: Path | None = None) -> DataSummary:
    """Returns a data set's shapes and the sizes of its splits without reading its pixels.

    The sizes are those that `prepare` makes, but for pictures that turn out to be broken, and for copies and groups of
    images that stay on one side. Whatever shows without
    pixels is refused here: a path that is missing, headers and labels that do not fit, a cap or a validation that
    cannot be had.

    Args:
        config: which images, and how they are split.
        kept: where earlier sweeps kept what is known of pictures; nothing is written there.

    Raises:
        ConfigError: for a combination of `data.*` that is not possible.
        DataError: for a file that is missing, damaged, or not what it claims to be.
    """
    _refuse_keys(config)
    inventory = SOURCES[config.name].inventory(config, kept)
    plan = plan_splits(inventory, config)
    return _summary(config, inventory, *map(sum, (plan.train, plan.validation, plan.test)))


def check(
    config: DataConfig, kept: Path, report: Report = silent, recorded: Recorded = nothing_recorded
) -> CheckedData:
    """Reads, verifies, caps and splits a data set as `prepare` does, and leaves nothing but a download behind.

    Raises:
        ConfigError, DataError: as `prepare`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        return _read(config, kept, report, Path(scratch), recorded).checked


def prepare(
    config: DataConfig,
    folder: Path,
    kept: Path | None = None,
    report: Report = silent,
    recorded: Recorded = nothing_recorded,
    *,
    is_undivided: bool = False,
) -> PreparedData:
    """Reads, verifies, caps and splits a data set, and writes it to `folder` for the trials.

    Args:
        config: which images, and how they are split.
        folder: made if it is not there; arrays of an earlier call are written again.
        kept: where decoded pictures are kept for the next call; below `folder` where it is not given.
        report: is called with what is done to many files.
        recorded: the digests of data and splits that trials were recorded with; splits of earlier releases that have
            copies of images on both sides are made again for them.
        is_undivided: whether the validation images are trained on too, and none validates (`report.refit`).

    Returns:
        Where the arrays are, their shapes and digests. `data_digest` is of all images, before the cap.

    Raises:
        ConfigError: as `describe`.
        DataError: as `describe`, and for values that are not what is accepted, or a failed download.
        StoreError: if the folder cannot be written.
    """
    place = folder.absolute() / "pictures" if kept is None else kept
    read = _read(config, place, report, recorded=recorded, is_undivided=is_undivided)
    mapped = lay_down(_split(read.raw, read.indices), folder)
    write_names("files", _named(read.indices, {name: one.names for name, one in read.raw.files.items()}), folder)
    write_names("groups", _named(read.indices, {name: list(one) for name, one in read.raw.groups.items()}), folder)
    wanted = config.normalize == "standardize"
    statistics = _statistics(read.raw, read.indices) if wanted else None
    return PreparedData(**vars(read.checked), folder=folder.absolute(), statistics=statistics, mapped=mapped)


@dataclass(frozen=True)
class _Read:
    raw: RawData
    indices: SplitIndices
    checked: CheckedData


def _read(
    config: DataConfig,
    kept: Path,
    report: Report,
    scratch: Path | None = None,
    recorded: Recorded = nothing_recorded,
    *,
    is_undivided: bool = False,
) -> _Read:
    _refuse_keys(config)
    raw = SOURCES[config.name].read(config, kept, report, scratch, recorded)
    plan = plan_splits(raw.inventory, config)
    prints = prints_of(raw, plan.validation_from)
    about_copies: tuple[str, ...] = ()
    if config.folds is None:
        indices, about_copies = draw_apart(plan, raw, config, prints, recorded)
    else:
        indices = draw_fold(plan, raw, config, prints["x_train"])
    by_groups = groups.notes(raw, indices, config.groups or "", sum(plan.validation))
    shared_groups = groups.warnings(raw, indices, config.groups or "")
    warnings = (*copies.copy_warnings(raw, indices, prints), *shared_groups, *_without_image(raw, indices))
    indices = indices.undivided() if is_undivided else indices
    num_train = len(indices.train) + len(indices.added)
    checked = CheckedData(
        summary=_summary(config, raw.inventory, num_train, len(indices.validation), len(indices.test)),
        data_digest=raw.digest(),
        split_digest=indices.digest(),
        test_digest=set_digest(raw.x_test, raw.files["x_test"].prints if "x_test" in raw.files else None),
        source=raw.source,
        test_is_validation=plan.validation_from == "test",
        warnings=tuple(map(printable, warnings)),
        conversions=tuple(map(printable, raw.conversions)),
        folds=config.folds or 1,
        groups=printable(config.groups or "") if indices.validation_from == "train" else "",
        notes=tuple(
            map(printable, (*raw.conversions, *raw.notes, *_about_validation(raw, plan), *about_copies, *by_groups))
        ),
    )
    return _Read(raw, indices, checked)


def _about_validation(raw: RawData, plan: SplitPlan) -> list[str]:
    """What is done with a validation set that comes with the data."""
    if raw.y_validation is None:
        return []
    if plan.validation_from == "file":
        return [f"The validation images are those of {raw.validation_name}, not a part of the training images."]
    return [
        f"The {len(raw.y_validation):,} validation images of {raw.validation_name} are not used: data.validation=test."
    ]


def _without_image(raw: RawData, indices: SplitIndices) -> list[str]:
    """Notes on classes that are trained on, but have no validation or no test image."""
    found = []
    validation = raw.images_of(indices.validation_from)[1][indices.validation]
    for split, labels in (("validation", validation), ("test", raw.y_test[indices.test])):
        counts = count_classes(labels, raw.inventory.num_classes)
        classes = [label for label, count in enumerate(counts) if count == 0]
        if classes and not (split == "test" and indices.validation_from == "test"):
            names = listed([raw.class_names[label] if raw.class_names else label for label in classes])
            word, them = ("class", "it") if len(classes) == 1 else ("classes", "them")
            found.append(f"No {split} image is of {word} {names}: {split} figures say nothing about {them}.")
    return found


def _summary(
    config: DataConfig, inventory: Inventory, num_train: int, num_validation: int, num_test: int
) -> DataSummary:
    return DataSummary(
        name=config.name,
        input_shape=inventory.input_shape,
        num_classes=inventory.num_classes,
        num_train=num_train,
        num_validation=num_validation,
        num_test=num_test,
        class_names=inventory.class_names,
    )


def _split(raw: RawData, indices: SplitIndices) -> Iterator[tuple[str, AnyArray | MappedImages]]:
    """Yields the fields of `Arrays` one by one; mapped images stay where they are."""
    yield from zip(("x_train", "y_train"), _training_images(raw, indices), strict=True)
    splits = {
        "validation": (*raw.images_of(indices.validation_from), indices.validation),
        "test": (raw.x_test, raw.y_test, indices.test),
    }
    for name, (images, labels, chosen) in splits.items():
        yield f"x_{name}", _chosen(images, chosen)
        yield f"y_{name}", labels[chosen]


def _training_images(raw: RawData, indices: SplitIndices) -> tuple[AnyImages, Labels]:
    """The images that are trained on, and their labels; the data's own validation images come last."""
    images, labels = _chosen(raw.x_train, indices.train), raw.y_train[indices.train]
    if not len(indices.added):
        return images, labels
    held_out, their_labels = raw.images_of("file")
    added = _chosen(held_out, indices.added)
    labels = np.concatenate([labels, their_labels[indices.added]])
    if isinstance(images, MappedImages) and isinstance(added, MappedImages):
        return images.followed_by(added), labels
    if images.dtype != added.dtype:
        images, added = as_float(images), as_float(added)
    return np.concatenate([images[:], added[:]]), labels


def _statistics(raw: RawData, indices: SplitIndices) -> PixelStatistics:
    """Of the images that are trained on."""
    if not len(indices.added):
        return pixel_statistics(raw.x_train, indices.train)
    images = _training_images(raw, indices)[0]
    return pixel_statistics(images, np.arange(len(images)))


def _chosen(images: AnyImages, which: Indices) -> AnyImages:
    return images.select(which) if isinstance(images, MappedImages) else images[which]


def _named(indices: SplitIndices, by_array: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """What validation and test images are called, of what the images of some arrays are called."""
    chosen = {"validation": (ARRAYS[indices.validation_from], indices.validation), "test": ("x_test", indices.test)}
    return {
        split: [str(by_array[array][place]) for place in places]
        for split, (array, places) in chosen.items()
        if array in by_array
    }


class DataSets:
    """Each data set of a sweep, read, checked and split once."""

    def __init__(
        self, paths: OutputPaths, folder: SweepPaths, listener: Listener, recorded: Recorded = nothing_recorded
    ) -> None:
        """Prepares nothing yet.

        Args:
            paths: of the output folder.
            folder: of the sweep.
            listener: is called with what is read.
            recorded: the digests of data and splits that the sweep's trials were recorded with.
        """
        self._recorded = recorded
        self._kept = paths.pictures
        self._folder = folder
        self._listener = listener
        self._prepared: dict[str, PreparedData] = {}
        self._text = OfNode(canonical)
        self._said: set[str] = set()  # of data in folds, the first is reported
        shutil.rmtree(folder.data, ignore_errors=True)

    @property
    def prepared(self) -> tuple[PreparedData, ...]:
        """Those that were prepared so far."""
        return tuple(self._prepared.values())

    def undivided(self, node: Mapping[str, Any]) -> PreparedData:
        """The same images with those for validation among those for training; not reported, nor in `prepared`."""
        place = self._folder.data / "undivided"
        config = DataConfig(**node)
        return data.prepare(config, place, self._kept, self._listener, self._recorded, is_undivided=True)

    def prepare(self, node: Mapping[str, Any]) -> PreparedData:
        """The arrays of a `data` node, which are reported when they are read."""
        key = self._text(node)
        if key not in self._prepared:
            place = self._folder.data / str(len(self._prepared))
            prepared = data.prepare(DataConfig(**node), place, self._kept, self._listener, self._recorded)
            self._prepared[key] = prepared
            whole = canonical({name: value for name, value in node.items() if name != "fold"})
            if whole not in self._said:
                self._said.add(whole)
                self._listener(DataPrepared(prepared))
        return self._prepared[key]
