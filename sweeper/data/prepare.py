"""The two doors: `describe` before a sweep, `prepare` at its start.

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
from sweeper.core.datasets import DataSummary, PreparedData
from sweeper.core.events import DataPrepared, Listener
from sweeper.core.paths import SweepPaths
from sweeper.data import digits, published, user_arrays
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
    "npz": Source(user_arrays.inventory, user_arrays.read),
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


def check(config: DataConfig) -> DataSummary:
    """Reads, verifies, caps and splits a data set as `prepare` does, and writes nothing but a download.

    Raises:
        ConfigError, DataError: as `prepare`.
    """
    raw = SOURCES[config.name].read(config.path)
    plan = plan_splits(raw.inventory, config)
    draw_splits(plan, raw.y_train, raw.y_test, config.split_seed)
    return _summary(config, raw.inventory, plan)


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
    raw = SOURCES[config.name].read(config.path)
    plan = plan_splits(raw.inventory, config)
    indices = draw_splits(plan, raw.y_train, raw.y_test, config.split_seed)
    lay_down(_split(raw, indices), folder)
    return PreparedData(
        folder=folder.absolute(),
        summary=_summary(config, raw.inventory, plan),
        data_digest=raw.digest(),
        split_digest=indices.digest(),
        source=raw.source,
        test_is_validation=plan.test_is_validation,
    )


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
    train, test = (raw.x_train, raw.y_train), (raw.x_test, raw.y_test)
    validation = test if indices.test_is_validation else train
    splits = {"train": (train, indices.train), "validation": (validation, indices.validation)}
    for name, ((images, labels), chosen) in {**splits, "test": (test, indices.test)}.items():
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
