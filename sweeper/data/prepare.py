"""The doors: `describe` before a sweep, `check` for its plan, `prepare` at its start.

What does not live here: any one data set; each is a pair of functions in a module of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sweeper import data
from sweeper.config.identity import canonical
from sweeper.config.trial import DataConfig
from sweeper.core.datasets import CheckedData, DataSummary, PreparedData
from sweeper.core.events import DataPrepared, Listener
from sweeper.core.paths import SweepPaths
from sweeper.core.text import listed
from sweeper.data import copies, digits, published, user
from sweeper.data.arrays import AnyArray, Inventory, RawData, lay_down
from sweeper.data.splits import SplitIndices, SplitPlan, draw_splits, plan_splits


@dataclass(frozen=True)
class Source:
    """A data set: what it holds without its pixels, and its arrays. Both take `data.path`."""

    inventory: Callable[[str | None], Inventory]
    read: Callable[[str | None], RawData]


SOURCES = {
    "digits": Source(digits.inventory, digits.read),
    "mnist": Source(partial(published.inventory, published.MNIST), partial(published.read, published.MNIST)),
    "fashion_mnist": Source(
        partial(published.inventory, published.FASHION_MNIST), partial(published.read, published.FASHION_MNIST)
    ),
    "npz": Source(user.inventory, user.read),
}


def describe(config: DataConfig) -> DataSummary:
    """Returns a data set's shapes and the sizes of its splits without reading its pixels.

    The sizes are those that `prepare` makes. Whatever shows without pixels is refused here: a path that is
    missing, headers and labels that do not fit, a cap or a validation that cannot be had.

    Raises:
        ConfigError: for a combination of `data.*` that cannot be had.
        DataError: for a file that is missing, damaged, or not what it claims to be.
    """
    inventory = SOURCES[config.name].inventory(config.path)
    return _summary(config, inventory, plan_splits(inventory, config))


def check(config: DataConfig) -> CheckedData:
    """Reads, verifies, caps and splits a data set as `prepare` does, and writes nothing but a download.

    Raises:
        ConfigError, DataError: as `prepare`.
    """
    return _read(config).checked


def prepare(config: DataConfig, folder: Path) -> PreparedData:
    """Reads, verifies, caps and splits a data set, and writes it to `folder` for the trials.

    Args:
        config: which images, and how they are split.
        folder: made if it is not there; arrays of an earlier call are written again.

    Returns:
        Where the arrays are, their shapes and digests. `data_digest` is of all images, before the cap.

    Raises:
        ConfigError: as `describe`.
        DataError: as `describe`, and for values that are not what is accepted, or a failed download.
        StoreError: if the folder cannot be written.
    """
    read = _read(config)
    lay_down(_split(read.raw, read.indices), folder)
    return PreparedData(**vars(read.checked), folder=folder.absolute())


@dataclass(frozen=True)
class _Read:
    raw: RawData
    indices: SplitIndices
    checked: CheckedData


def _read(config: DataConfig) -> _Read:
    raw = SOURCES[config.name].read(config.path)
    plan = plan_splits(raw.inventory, config)
    indices = draw_splits(plan, raw, config.split_seed)
    checked = CheckedData(
        summary=_summary(config, raw.inventory, plan),
        data_digest=raw.digest(),
        split_digest=indices.digest(),
        source=raw.source,
        test_is_validation=plan.validation_from == "test",
        warnings=(*copies.copy_warnings(raw, indices), *_unvalidated(plan)),
        notes=(*raw.notes, *_about_validation(raw, plan)),
    )
    return _Read(raw, indices, checked)


def _about_validation(raw: RawData, plan: SplitPlan) -> list[str]:
    """What becomes of a validation set that comes with the data."""
    if raw.y_validation is None:
        return []
    if plan.validation_from == "file":
        return ["The validation images are those of the file (x_val and y_val), not a part of the training images."]
    return [f"The file's {len(raw.y_validation):,} validation images are not used: data.validation=test."]


def _unvalidated(plan: SplitPlan) -> list[str]:
    """What is to be said of classes that are trained on, but have no validation image."""
    labels = [str(label) for label, count in enumerate(plan.validation) if count == 0]
    if not labels:
        return []
    classes = f"class{'' if len(labels) == 1 else 'es'} {listed(labels)}"
    them = "it" if len(labels) == 1 else "them"
    return [f"No validation image is of {classes}: validation figures say nothing about {them}."]


def _summary(config: DataConfig, inventory: Inventory, plan: SplitPlan) -> DataSummary:
    return DataSummary(
        name=config.name,
        input_shape=inventory.input_shape,
        num_classes=inventory.num_classes,
        num_train=sum(plan.train),
        num_validation=sum(plan.validation),
        num_test=sum(plan.test),
    )


def _split(raw: RawData, indices: SplitIndices) -> Iterator[tuple[str, AnyArray]]:
    """Yields the fields of `Arrays` one by one."""
    splits = {
        "train": (raw.x_train, raw.y_train, indices.train),
        "validation": (*raw.images_of(indices.validation_from), indices.validation),
        "test": (raw.x_test, raw.y_test, indices.test),
    }
    for name, (images, labels, chosen) in splits.items():
        yield f"x_{name}", images[chosen]
        yield f"y_{name}", labels[chosen]


class DataSets:
    """Each data set of a sweep, read, checked and split once."""

    def __init__(self, folder: SweepPaths, listener: Listener) -> None:
        self._folder = folder
        self._listener = listener
        self._prepared: dict[str, PreparedData] = {}
        shutil.rmtree(folder.data, ignore_errors=True)

    def prepare(self, node: Mapping[str, Any]) -> PreparedData:
        """The arrays of a `data` node, which are reported when they are read."""
        key = canonical(node)
        if key not in self._prepared:
            prepared = data.prepare(DataConfig(**node), self._folder.data / str(len(self._prepared)))
            self._prepared[key] = prepared
            self._listener(DataPrepared(prepared))
        return self._prepared[key]
