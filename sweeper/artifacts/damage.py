"""Files of this project that are read back: whether they are whole, and one error where they are not.

A `.npz` and a Keras file are archives whose members have checksums; JSON gets one here. What does not live here: what
is done with a damaged file, which its reader's caller decides.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.core.errors import DamagedFileError

_CHECKSUM = "crc32"  # key in a JSON object, of all the others

#: What Python, NumPy, zipfile, HDF5 and pydantic raise for damaged bytes.
_FAILURES = (
    *(OSError, ValueError, KeyError, TypeError, EOFError, OverflowError, MemoryError),
    *(RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error),
)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what reading a damaged file raises into one error.

    Raises:
        DamagedFileError: names the file.
    """
    try:
        yield
    except DamagedFileError:
        raise
    except FileNotFoundError as error:
        raise DamagedFileError(f"{path} is missing") from error
    except IsADirectoryError as error:
        raise DamagedFileError(f"{path} is a folder, not a file") from error
    except PermissionError as error:
        raise DamagedFileError(f"{path} cannot be read: {error.strerror}") from error
    except _FAILURES as error:
        said = " ".join(str(error).split())[:200].rstrip(". ")
        raise DamagedFileError(f"{path} is damaged: {said or type(error).__name__}") from error


def check_archive(path: Path) -> None:
    """Reads all of a `.npz` or `.keras` file and compares its checksums.

    Raises:
        DamagedFileError: it is not there, or not whole.
    """
    with reading(path), zipfile.ZipFile(path) as archive:
        if (member := archive.testzip()) is not None:
            raise ValueError(f"the checksum of {member} differs")


def load_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a `.npz` file by name.

    Raises:
        DamagedFileError: it is not there, or not whole.
    """
    check_archive(path)
    with reading(path), np.load(path, allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}
        if others := [name for name, array in found.items() if not isinstance(array, np.ndarray)]:
            raise ValueError(f"{', '.join(others)} is no array")
        return found


def sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with a checksum of its content."""
    plain = json.loads(json.dumps(values))  # as it is read back: no tuples, no enums
    return {**plain, _CHECKSUM: _checksum(plain)}


def unsealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The content of an object that `sealed` made; one of an earlier release has no checksum, and is taken as it is.

    Raises:
        ValueError: the content is not what was written.
    """
    content = {name: value for name, value in values.items() if name != _CHECKSUM}
    if _CHECKSUM in values and values[_CHECKSUM] != _checksum(content):
        raise ValueError("its checksum differs")
    return content


def _checksum(values: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(values, sort_keys=True).encode())
