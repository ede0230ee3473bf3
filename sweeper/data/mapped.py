"""Images that stay in their file: a part of them is read when it is used, and none is held.

What does not live here: who writes the file (`sweeper.data.folder.kept`).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

_LARGE = 2**28  # bytes of a file from which its pages are given back after each read


class MappedImages:
    """Some of the images of a `.npy` file, in any order: indexed like an array, which gives copies.

    Pages of a mapped file count as memory of the process that has read them, up to the whole file, and Linux maps up
    to 2 MB around each place that is read. So the pages of a large file are given back after each read; what the
    system holds of them is read again without the disk.

    Attributes:
        path: the file.
        rows: (n,) which of its images these are, in their order.
        shape: (n, height, width, channels).
        dtype: uint8.
    """

    def __init__(self, path: Path, rows: Rows) -> None:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        self.path, self.rows = path, rows
        self.shape: tuple[int, ...] = (len(rows), *found.shape[1:])
        self.dtype = found.dtype
        with path.open("rb") as file:  # the map outlives it, also where the file is deleted meanwhile
            self._pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._images = np.frombuffer(self._pages, found.dtype, offset=found.offset).reshape(found.shape)

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
        found: NDArray[np.uint8] = np.array(self._images[self.rows[which]])
        if len(self._pages) > _LARGE:
            self._pages.madvise(mmap.MADV_DONTNEED)
        return found

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[place] for place in range(len(self)))

    def followed_by(self, other: MappedImages) -> MappedImages:
        """These images, then others of the same file.

        Raises:
            ValueError: they are of another file.
        """
        if other.path != self.path:
            raise ValueError(f"images of two files, {self.path} and {other.path}, are not one array")
        return MappedImages(self.path, np.concatenate([self.rows, other.rows]))

    def select(self, which: NDArray[np.integer]) -> MappedImages:
        """The images at these places."""
        return MappedImages(self.path, self.rows[which])
