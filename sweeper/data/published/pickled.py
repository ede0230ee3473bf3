"""Pickles that hold plain values and arrays, read without running what is in them.

A pickle is a program: whatever it names is imported and called. Here it may name three things of NumPy, which make
arrays, and nothing else. What does not live here: what the values are (`cifar`).
"""

from __future__ import annotations

import pickle
from typing import IO, Any

import numpy as np

from sweeper.core.errors import DataError

#: What a pickle may name, by module and name, as Python 2's NumPy, NumPy 1 and NumPy 2 write it.
_KNOWN = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
}


class _Unpickler(pickle.Unpickler):
    """Knows `_KNOWN` alone."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        """What the pickle names.

        Raises:
            UnpicklingError: it is not known.
        """
        try:
            return _KNOWN[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module_name}.{global_name}, which is not opened") from None


def load(stream: IO[bytes], place: str) -> dict[str, Any]:
    """Reads a dict; text that Python 2 wrote is `bytes`, but for the keys.

    Args:
        stream: the pickle.
        place: where it lies, for people.

    Raises:
        DataError: it is damaged, no dict, or names anything but arrays; one sentence.
    """
    try:
        found = _Unpickler(stream, encoding="bytes").load()
        if not isinstance(found, dict):
            raise TypeError(f"it holds a {type(found).__name__}, not a dict")
        return {key.decode("ascii") if isinstance(key, bytes) else str(key): value for key, value in found.items()}
    except Exception as err:  # a damaged pickle raises nearly every kind
        reason = str(err).strip().splitlines()
        raise DataError(f"{place} cannot be read ({reason[0] if reason else type(err).__name__}).") from err
