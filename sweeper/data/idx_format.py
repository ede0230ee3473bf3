"""The IDX format of MNIST and its relatives: a magic number, the dimensions, then bytes; plain or gzipped.

Format: http://yann.lecun.com/exdb/mnist/ ("the IDX file format"): two zero bytes, the type (8: unsigned
byte), the number of dimensions, then each dimension as a big-endian 32-bit number.
A fault is raised as a `DataError` of one sentence; the caller adds what is accepted and what to type (`refusal`).
What does not live here: what the arrays must be (`published`).
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
import numpy.typing as npt

from sweeper.core.errors import DataError
from sweeper.data.arrays import KEYS, ArrayHeader

Stream: TypeAlias = IO[bytes] | gzip.GzipFile

_UNSIGNED_BYTE = 8
_STEMS = {"x_train": "train-images", "y_train": "train-labels", "x_test": "t10k-images", "y_test": "t10k-labels"}


def find_files(folder: Path) -> dict[str, Path]:
    """Returns the file of each of the four arrays; a plain one before a gzipped one.

    Raises:
        DataError: if a file is missing; names all that are.
    """
    found = {key: next((path for path in _candidates(folder, key) if path.is_file()), None) for key in KEYS}
    missing = [_STEMS[key] for key, path in found.items() if path is None]
    if missing:
        raise DataError(
            f"The folder {folder} lacks the IDX files of {', '.join(missing)} (looked for names such as "
            f"train-images-idx3-ubyte, train-images.idx3-ubyte, and either with .gz)."
        )
    return {key: path for key, path in found.items() if path is not None}


def read_headers(folder: Path) -> dict[str, ArrayHeader]:
    """Reads the shapes of the four arrays of a folder; of plain files also whether their size agrees.

    Raises:
        DataError: if a file is missing, no IDX file, or damaged as far as the header shows.
    """
    headers = {}
    for key, path in find_files(folder).items():
        with _open(path) as stream:
            shape = read_shape(stream)
        if path.suffix != ".gz" and path.stat().st_size != 4 + 4 * len(shape) + math.prod(shape):
            raise DataError(f"{path} is truncated or corrupt (its header says {shape}, its size something else).")
        headers[key] = ArrayHeader(shape, np.dtype(np.uint8))
    return headers


def read_arrays(folder: Path) -> dict[str, npt.NDArray[np.uint8]]:
    """Reads the four arrays of a folder. Check `read_headers` first: a header may claim any size.

    Raises:
        DataError: if a file is missing or damaged.
    """
    return {key: read_file(path) for key, path in find_files(folder).items()}


def read_file(path: Path) -> npt.NDArray[np.uint8]:
    """Reads one IDX file of unsigned bytes, gzipped if its name ends in .gz.

    Raises:
        DataError: if it is no such file, is truncated, or continues after its last value.
    """
    with _open(path) as stream:
        shape = read_shape(stream)
        count = math.prod(shape)
        values = stream.read(count)
        if len(values) != count or stream.read(1):
            raise ValueError(f"its header says {shape}, its values are {'fewer' if len(values) != count else 'more'}")
        return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def read_shape(stream: Stream) -> tuple[int, ...]:
    """Reads an IDX header up to its first value.

    Raises:
        ValueError: if the stream does not begin like an IDX file of unsigned bytes.
        struct.error: if it ends within the header.
    """
    zeros, kind, num_dimensions = struct.unpack(">HBB", stream.read(4))
    if zeros != 0 or kind != _UNSIGNED_BYTE or num_dimensions == 0:
        raise ValueError("it does not begin like an IDX file of unsigned bytes")
    return struct.unpack(f">{num_dimensions}I", stream.read(4 * num_dimensions))


def _candidates(folder: Path, key: str) -> Iterator[Path]:
    dimensions = 3 if key.startswith("x") else 1
    for suffix in ("", ".gz"):
        for joint in ("-", "."):
            yield folder / f"{_STEMS[key]}{joint}idx{dimensions}-ubyte{suffix}"


@contextmanager
def _open(path: Path) -> Iterator[Stream]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            yield stream
    except (gzip.BadGzipFile, EOFError, zlib.error, struct.error, ValueError, OverflowError, MemoryError) as err:
        raise DataError(f"{path} is truncated or corrupt ({err}).") from err
    except OSError as err:
        raise DataError(f"{path} cannot be read ({err.strerror or err}).") from err
