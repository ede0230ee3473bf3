"""The IDX format of MNIST and its relatives: a magic number, the dimensions, then bytes; plain or gzipped.

Format: http://yann.lecun.com/exdb/mnist/ ("the IDX file format"): two zero bytes, the type (8: unsigned
byte), the number of dimensions, then each dimension as a big-endian 32-bit number.
A fault is raised as a `DataError` of one sentence; the caller adds what is accepted and what to type.
What does not live here: what the arrays must be (`published`, `user`).
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
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
_NAMES = {  # EMNIST calls its test files `test`
    key: re.compile(rf"(.*?)-?{stem.replace('t10k', '(?:t10k|test)')}[-.]idx{3 if key[0] == 'x' else 1}-ubyte(?:\.gz)?")
    for key, stem in _STEMS.items()
}


def find_files(folder: Path) -> dict[str, Path]:
    """Returns the file of each of the four arrays; a plain one before a gzipped one.

    Files are named as MNIST's (`train-images-idx3-ubyte`, with `-` or `.` before `idx`, and perhaps `.gz`), or have
    such a name with something before it, as `emnist-letters-train-images-idx3-ubyte.gz`.

    Raises:
        DataError: if a file is missing, names all that are; or if the folder holds several sets.
    """
    sets = _sets(folder)
    whole = [name for name, files in sets.items() if len(files) == len(KEYS)]
    if len(whole) > 1 and "" not in whole:
        raise DataError(
            f"The folder {folder} holds the IDX files of several sets: {', '.join(whole)}. Put those of one of them "
            "into their own folder."
        )
    if whole:
        return sets["" if "" in whole else whole[0]]
    missing = [stem for key, stem in _STEMS.items() if not any(key in files for files in sets.values())]
    raise DataError(
        f"The folder {folder} lacks the IDX files of {', '.join(missing or _STEMS.values())} (looked for names such as "
        f"train-images-idx3-ubyte, train-images.idx3-ubyte, and either with .gz)."
    )


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


def read_arrays(folder: Path, keys: Iterable[str] = KEYS) -> dict[str, npt.NDArray[np.uint8]]:
    """Reads arrays of a folder. Check `read_headers` first: a header may claim any size.

    Raises:
        DataError: if a file is missing or damaged.
    """
    files = find_files(folder)
    return {key: read_file(files[key]) for key in keys}


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


def _sets(folder: Path) -> dict[str, dict[str, Path]]:
    """The files of a folder by the set that they belong to, which is what precedes the usual name."""
    try:
        paths = [path for path in folder.iterdir() if path.is_file()]
    except OSError as err:
        raise DataError(f"{folder} cannot be read ({err.strerror or err}).") from err
    sets: dict[str, dict[str, Path]] = {}
    for path in sorted(paths, key=lambda path: (path.suffix == ".gz", path.name)):
        for key, pattern in _NAMES.items():
            if match := pattern.fullmatch(path.name):
                sets.setdefault(match[1], {}).setdefault(key, path)
    return {name: {key: files[key] for key in KEYS if key in files} for name, files in sorted(sets.items())}


@contextmanager
def _open(path: Path) -> Iterator[Stream]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            yield stream
    except (gzip.BadGzipFile, EOFError, zlib.error, struct.error, ValueError, OverflowError, MemoryError) as err:
        raise DataError(f"{path} is truncated or corrupt ({err}).") from err
    except OSError as err:
        raise DataError(f"{path} cannot be read ({err.strerror or err}).") from err
