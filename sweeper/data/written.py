"""The arrays of each split, as they are written for the trials and as those open them.

What does not live here: which image belongs to which split.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sweeper.core.datasets import PreparedData
from sweeper.core.errors import StoreError
from sweeper.data.arrays import AnyArray, AnyImages, Labels
from sweeper.data.mapped import MappedImages


@dataclass(frozen=True)
class TrainingArrays:
    """What a trial may see: all but the test set.

    Attributes:
        x_train, x_validation: (n, height, width, channels), uint8 (0 to 255) or float32 in [0, 1].
        y_train, y_validation: (n,) int64, from 0.
    """

    x_train: AnyImages
    y_train: Labels
    x_validation: AnyImages
    y_validation: Labels


@dataclass(frozen=True)
class Arrays(TrainingArrays):
    """The arrays of each split, those of the test set among them.

    Attributes:
        x_test: as the other images; y_test: as the other labels.
    """

    x_test: AnyImages
    y_test: Labels


def lay_down(arrays: Iterable[tuple[str, AnyArray | MappedImages]], folder: Path) -> dict[str, Path]:
    """Writes each array as `folder`/NAME.npy, over what an earlier call left there; of mapped images, their rows.

    The old files go first and each new one is renamed into place, so that a folder whose writer was
    killed lacks files rather than holding half of one; other files in it are left alone.

    Args:
        arrays: the fields of `Arrays` and their values; a generator, so that one split is in memory at a time.
        folder: made if it is not there.

    Returns:
        The file of each mapped array, by its name.

    Raises:
        StoreError: if the folder cannot be written.
    """
    mapped: dict[str, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in fields(Arrays):
            _array_file(folder, one.name).unlink(missing_ok=True)
        for name, array in arrays:
            if isinstance(array, MappedImages):
                mapped[name] = array.path
            _save(_array_file(folder, name), array.rows if isinstance(array, MappedImages) else array)
    except OSError as err:
        raise StoreError(
            f"The prepared images cannot be written to {folder}: {err.strerror or err}. Accepted: a folder that can "
            f"be written, on a disk with room for them.  Try: output_dir=another/folder"
        ) from err
    return mapped


def open_arrays(prepared: PreparedData) -> Arrays:
    """Opens the written arrays, mapped from their files and read-only; pages are read as they are used.

    Raises:
        OSError: if a file is missing, because the sweep that wrote it has ended.
        ValueError: if a file is not a plain array.
    """
    return Arrays(**_opened(prepared, Arrays))


def open_training_arrays(prepared: PreparedData) -> TrainingArrays:
    """The same without the test set, whose files are not even opened."""
    return TrainingArrays(**_opened(prepared, TrainingArrays))


def files_of(prepared: PreparedData, *, with_test: bool) -> tuple[tuple[Path, ...], dict[str, Path]]:
    """The files that trials open, for who copies them to another machine.

    Args:
        prepared: the data set.
        with_test: with those of the test images.

    Returns:
        Those in the data set's own folder, and the files of mapped images by their array's name.
    """
    names = [one.name for one in fields(Arrays if with_test else TrainingArrays)]
    splits = ("validation", "test") if with_test else ("validation",)
    named = [_names_file(prepared.folder, kind, split) for kind in ("files", "groups") for split in splits]
    arrays = [_array_file(prepared.folder, name) for name in names]
    mapped = {name: prepared.mapped[name] for name in names if name in prepared.mapped}
    return (*arrays, *(file for file in named if file.is_file())), mapped


def write_names(kind: Literal["files", "groups"], names: Mapping[str, Sequence[str]], folder: Path) -> None:
    """Writes the files that the images of splits come from, or their groups, by `validation` or `test`."""
    for split in ("validation", "test"):
        place = _names_file(folder, kind, split)
        place.unlink(missing_ok=True)
        if split in names:
            place.write_text(json.dumps(names[split], ensure_ascii=False), encoding="utf-8")


def file_names(prepared: PreparedData, split: Literal["validation", "test"]) -> tuple[str, ...]:
    """The names of the files that a split's images come from, in their order; empty where that is one file."""
    return _names(prepared, "files", split)


def group_names(prepared: PreparedData, split: Literal["validation", "test"]) -> tuple[str, ...]:
    """The groups of a split's images (`data.groups`), in their order; empty where they have none."""
    return _names(prepared, "groups", split)


def _names(prepared: PreparedData, kind: str, split: str) -> tuple[str, ...]:
    place = _names_file(prepared.folder, kind, split)
    return tuple(json.loads(place.read_text(encoding="utf-8"))) if place.is_file() else ()


def _names_file(folder: Path, kind: str, split: str) -> Path:
    return folder / f"{kind}_{split}.json"


def _opened(prepared: PreparedData, kind: type[TrainingArrays]) -> dict[str, Any]:
    found: dict[str, AnyArray | MappedImages] = {}
    for name in (one.name for one in fields(kind)):
        array = np.load(_array_file(prepared.folder, name), mmap_mode="r", allow_pickle=False)
        elsewhere = prepared.mapped.get(name)
        found[name] = array if elsewhere is None else MappedImages(elsewhere, np.array(array))
    return found


def _array_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy"


def _save(path: Path, array: AnyArray) -> None:
    beside = path.with_name(f".{path.name}.tmp")
    with beside.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    os.replace(beside, path)
