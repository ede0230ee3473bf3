"""Images that stay in their file: a part of them is read when it is used, and none is held.

What does not live here: who writes the file (`sweeper.data.folder.kept`).
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

_MOST_BYTES = 2**28  # mapped pages that may stay in this process's memory
_PAGES = 2**16  # bytes that the system maps around a place that is read


class MappedImages:
    """Some of the images of a `.npy` file, in any order: indexed like an array, which gives copies.

    Pages of a mapped file count as memory of the process that has read them, up to the whole file. So the file is
    mapped anew after every 256 MiB; what the system holds of it is read again without the disk.

    Attributes:
        path: the file.
        rows: (n,) which of its images these are, in their order.
        shape: (n, height, width, channels).
        dtype: uint8.
    """

    def __init__(self, path: Path, rows: Rows) -> None:
        self.path, self.rows = path, rows
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        self.shape: tuple[int, ...] = (len(rows), *found.shape[1:])
        self.dtype = found.dtype
        self._whole_shape, self._offset = found.shape, found.offset
        self._file = path.open("rb")  # also where its folder is deleted meanwhile
        weakref.finalize(self, self._file.close)
        self._map_anew()

    def _map_anew(self) -> None:
        self._map = np.memmap(self._file, self.dtype, "r", self._offset, self._whole_shape)
        self._num_read = 0

    @classmethod
    def open(cls, path: Path) -> MappedImages:
        """All images of a file.

        Raises:
            OSError: it is not there.
            ValueError: it is no array.
        """
        number = len(np.load(path, mmap_mode="r", allow_pickle=False))
        return cls(path, np.arange(number, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: int | slice | NDArray[np.integer]) -> NDArray[np.uint8]:
        rows = self.rows[which]
        found: NDArray[np.uint8] = np.array(self._map[rows])
        self._num_read += max(found.nbytes, np.size(rows) * _PAGES)
        if self._num_read > _MOST_BYTES:
            self._map_anew()
        return found

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[place] for place in range(len(self)))

    def select(self, which: NDArray[np.integer]) -> MappedImages:
        """The images at these places."""
        return MappedImages(self.path, self.rows[which])
