"""Each trial's right and wrong answers, image by image, which the statistics over many trials compare.

The driver appends them to one packed file in the sweep's folder (opening thousands of prediction files takes long); a
file is a projection of the runs' `predictions.npz`, from which a missing answer is read again.

    record = trial's number (uint32) | images (uint32) | payload        of a trial that was run again, the last counts

Payloads: `correct.bits` has one bit an image, `predicted.u16` the class, `losses.f16` one float16 an image. What does
not live here: the statistics (`sweeper.inference`), and which trials are compared (`sweeper.ranking.judge`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.core.paths import AnswerPaths

_HEADER = struct.Struct("<II")


@dataclass(frozen=True)
class Answers:
    """What a trial answered on one set of images.

    Attributes:
        correct: (images,), whether its class was right.
        losses: (images,), the cross-entropy of each image; None where it was not kept, or not asked for.
    """

    correct: NDArray[np.bool_]
    losses: NDArray[np.float16] | None = None


def append(paths: AnswerPaths, number: int, predictions: Path) -> None:
    """Adds a trial's answers from its `predictions.npz`; a record that a killed driver left half is interrupted first.

    Raises:
        OSError, KeyError, ValueError: there is no such file, or it is not one of ours.
    """
    with np.load(predictions) as arrays:
        predicted, labels = arrays["predicted"], arrays["labels"]
        losses = arrays["losses"] if "losses" in arrays.files else None  # earlier files have none
    _append(paths.correct, number, len(labels), np.packbits(predicted == labels).tobytes(), _bits)
    _append(paths.predicted, number, len(labels), predicted.astype("<u2").tobytes(), _pairs_of_bytes)
    if losses is not None:
        _append(paths.losses, number, len(labels), losses.astype("<f2").tobytes(), _pairs_of_bytes)


def read(paths: AnswerPaths, *, losses: bool = False) -> dict[int, Answers]:
    """Every trial's answers by its number, with losses where asked for; a record that is not whole is left out."""
    kept = _arrays(paths.losses, "<f2") if losses else {}
    return {
        number: Answers(
            np.unpackbits(np.frombuffer(payload, np.uint8), count=num_images).astype(bool), kept.get(number)
        )
        for number, (num_images, payload) in _records(paths.correct, _bits)[0].items()
    }


def read_predicted(paths: AnswerPaths) -> dict[int, NDArray[np.uint16]]:
    """The class that each trial predicted of each image, (images,), by the trial's number."""
    return _arrays(paths.predicted, "<u2")


def _arrays(path: Path, dtype: str) -> dict[int, NDArray[Any]]:
    records, _ = _records(path, _pairs_of_bytes)
    return {number: np.frombuffer(payload, dtype=dtype) for number, (_, payload) in records.items()}


def _bits(num_images: int) -> int:
    return (num_images + 7) // 8


def _pairs_of_bytes(num_images: int) -> int:
    return 2 * num_images


_Size = Callable[[int], int]


def _append(path: Path, number: int, num_images: int, payload: bytes, size: _Size) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = _whole_bytes(path, size)
    with path.open("r+b" if path.exists() else "wb") as file:
        file.truncate(whole)
        file.seek(whole)
        file.write(_HEADER.pack(number, num_images) + payload)
    _known[path] = whole + _HEADER.size + len(payload)


#: How much of a file this process has seen to be whole, so that each append need not read it again.
_known: dict[Path, int] = {}


def _whole_bytes(path: Path, size: _Size) -> int:
    if not path.exists():
        return 0
    if _known.get(path) == path.stat().st_size:
        return _known[path]
    return _records(path, size)[1]


def _records(path: Path, size: _Size) -> tuple[Mapping[int, tuple[int, bytes]], int]:
    """The records of a file by trial, and the bytes up to which it is whole."""
    found: dict[int, tuple[int, bytes]] = {}
    content = path.read_bytes() if path.exists() else b""
    place = 0
    while place + _HEADER.size <= len(content):
        number, num_images = _HEADER.unpack_from(content, place)
        end = place + _HEADER.size + size(num_images)
        if end > len(content):
            break
        found[number] = (num_images, content[place + _HEADER.size : end])
        place = end
    return found, place
