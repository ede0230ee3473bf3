"""The `.npz` container: headers without values, arrays without pickles.

Files are read by `zipfile` and NumPy's own header parser, never by unpickling. A fault is raised as a
`DataError` of one sentence; the caller adds what is accepted and what to type.
What does not live here: what the arrays must be (`user`, `published`).
"""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from sweeper.core.errors import DataError
from sweeper.data.arrays import KEYS, AnyArray, ArrayHeader

#: What `zipfile`, `zlib` and NumPy raise for damaged or malicious files. `RuntimeError`: encrypted;
#: `SyntaxError`, `TokenError`: a header that is not a literal.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    TypeError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    tokenize.TokenError,
)


def read_names(path: Path) -> tuple[str, ...]:
    """Reads the names of the arrays.

    Raises:
        DataError: if the file is no `.npz`, or is damaged as far as its directory shows.
    """
    with _open(path) as archive:
        return tuple(name.removesuffix(".npy") for name in archive.namelist())


def read_headers(path: Path, keys: Sequence[str] = KEYS) -> dict[str, ArrayHeader]:
    """Reads shape and dtype of arrays; their values are not read.

    Raises:
        DataError: if the file is no `.npz`, is damaged as far as headers show, or lacks one of the arrays.
    """
    with _open(path) as archive:
        _check_keys(archive, path, keys)
        headers = {}
        for key in keys:
            _check_compression(archive, key)
            with archive.open(f"{key}.npy") as member:
                headers[key] = _read_header(member)
                _check_size(archive, key, headers[key], member.tell())
        return headers


def read_arrays(path: Path, keys: Iterable[str] = KEYS) -> dict[str, AnyArray]:
    """Reads arrays whole; the archive's checksums are verified.

    Raises:
        DataError: if an array is damaged, holds Python objects, or does not fit into memory.
    """
    with _open(path) as archive:
        arrays = {}
        for key in keys:
            with archive.open(f"{key}.npy") as member:
                arrays[key] = npy.read_array(member, allow_pickle=False)
        return arrays


@contextmanager
def _open(path: Path) -> Iterator[zipfile.ZipFile]:
    _check_kind(path)
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _DAMAGE as err:
        raise DataError(f"{path} is truncated or corrupt ({_reason(err)}).") from err
    except MemoryError as err:
        raise DataError(f"{path} holds an array that does not fit into memory ({_reason(err)}).") from err
    except OSError as err:
        raise DataError(f"{path} cannot be read ({err.strerror or err}).") from err


def _check_kind(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"{path} is a folder, not an .npz file.")
    if not path.is_file():
        raise DataError(f"{path} is not a plain file.")
    try:
        with path.open("rb") as file:
            start = file.read(6)
    except OSError as err:
        raise DataError(f"{path} cannot be read ({err.strerror or err}).") from err
    if not start:
        raise DataError(f"{path} is an empty file.")
    if start == npy.MAGIC_PREFIX:
        raise DataError(f"{path} is a single array (.npy), not an .npz file of four.")
    if not start.startswith(b"PK"):
        raise DataError(f"{path} is not an .npz file (it is not a zip archive).")


def _check_keys(archive: zipfile.ZipFile, path: Path, keys: Sequence[str]) -> None:
    held = [_printable(name.removesuffix(".npy")) for name in archive.namelist()]
    missing = [key for key in keys if f"{key}.npy" not in archive.namelist()]
    if missing:
        raise DataError(f"{path} lacks {', '.join(missing)}; it holds {', '.join(held[:20]) or 'nothing'}.")


def _check_compression(archive: zipfile.ZipFile, key: str) -> None:
    if archive.getinfo(f"{key}.npy").compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{key} is compressed in another way than np.savez_compressed does")


def _read_header(member: IO[bytes]) -> ArrayHeader:
    version = npy.read_magic(member)
    if version == (1, 0):
        shape, _, dtype = npy.read_array_header_1_0(member)
    elif version == (2, 0):
        shape, _, dtype = npy.read_array_header_2_0(member)
    else:
        raise ValueError(f"version {version} of the .npy format is for named fields, which images do not have")
    return ArrayHeader(shape, dtype)


def _check_size(archive: zipfile.ZipFile, key: str, header: ArrayHeader, header_bytes: int) -> None:
    """An array's header and the archive's directory must agree on its size; a pickle has any size."""
    if header.dtype.hasobject:
        return
    if min(header.shape, default=0) < 0:
        raise ValueError(f"{key} has the shape {header.shape}")
    says = header_bytes + math.prod(header.shape) * header.dtype.itemsize
    holds = archive.getinfo(f"{key}.npy").file_size
    if says != holds:
        raise ValueError(f"{key} is {header}, {says} bytes with its header, but {holds} are there")


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def _reason(err: BaseException) -> str:
    return str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__


def is_whole_numbers(dtype: np.dtype[np.generic]) -> bool:
    """True for signed and unsigned integers, not for booleans."""
    return dtype.kind in "iu"
