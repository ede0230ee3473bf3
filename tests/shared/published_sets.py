"""A small published data set, as arrays and as files in the IDX format."""

from __future__ import annotations

import gzip
import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np

from sweeper.data.arrays import Inventory
from sweeper.data.published import PublishedSet

UNREACHABLE = "http://127.0.0.1:9/"


NAMES = {"x_train": "train-images-idx3", "y_train": "train-labels-idx1", "x_test": "t10k-images-idx3",
         "y_test": "t10k-labels-idx1"}  # fmt: skip


def small_arrays() -> dict[str, np.ndarray]:
    """Six training and four test images of 4x3 pixels in two classes."""
    random = np.random.RandomState(1)
    return {
        "x_train": random.randint(0, 256, (6, 4, 3)).astype(np.uint8),
        "y_train": np.array([0, 1, 0, 1, 0, 1], dtype=np.uint8),
        "x_test": random.randint(0, 256, (4, 4, 3)).astype(np.uint8),
        "y_test": np.array([0, 0, 1, 1], dtype=np.uint8),
    }


def small_set(**changes) -> PublishedSet:
    """A published set of the small arrays, recognised by their digests."""
    digests = {key: hashlib.sha256(array.tobytes()).hexdigest() for key, array in small_arrays().items()}
    base = PublishedSet(
        name="mnist",
        title="Small",
        inventory=Inventory((4, 3, 1), (3, 3), (2, 2)),
        cache="small.npz",
        remote_files=(),
        array_digests=digests,
    )
    return replace(base, **changes)


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, arrays: dict[str, np.ndarray], joint: str = "-", suffix: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    for key, array in arrays.items():
        name = NAMES[key].replace("-idx", f"{joint}idx") + "-ubyte" + suffix
        content = idx_bytes(array)
        (folder / name).write_bytes(gzip.compress(content, mtime=0) if suffix else content)
    return folder
