"""Each trial's right and wrong answers, image by image, which the statistics over many trials compare.

The driver appends them to one packed file in the sweep's folder (opening thousands of prediction files takes long); a
file is a projection of the runs' `predictions.npz`, from which a missing answer is read again.

    file   = `answers2` | records                      files of earlier releases have neither this mark nor checksums
    record = trial's number (uint32) | images (uint32) | payload | checksum of these three (CRC-32, uint32)

Of a trial that was run again, the last record counts. Payloads: `correct.bits` has one bit per image, `predicted.u16`
the class, `losses.f16` one float16 an image. Where metrics were asked for, `labels.u16` has the true class, and
`val_brier.f32` and the like one float32, of each metric that is the mean of a score of each image. `groups.u32` has the
number of each image's group, where images have groups. `epochs.bits` has the bits of every epoch, one epoch after the
other; its "images" are epochs times images.

What does not live here: the statistics (`sweeper.inference`), and which trials are compared (`sweeper.ranking.judge`).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sweeper.artifacts.damage import load_arrays, reading
from sweeper.artifacts.predictions import SCORES, read_epoch_bits
from sweeper.core.objectives import Metric
from sweeper.core.paths import EPOCH_BITS, AnswerPaths
from sweeper.metrics import scored_by_image

_HEADER = struct.Struct("<II")
_CHECKSUM = struct.Struct("<I")
_MARK = b"answers2"


@dataclass(frozen=True)
class Answers:
    """What a trial answered on one set of images.

    Attributes:
        correct: (images,), whether its class was right.
        losses: (images,), the cross-entropy of each image; None where it was not kept, or not asked for.
        labels, predicted: (images,), true and predicted classes; None likewise.
        groups: (images,), the number of each image's group; None of images without groups.
        scores: by metric, (images,); of those that are the mean of a score of each image, and were asked for.
    """

    correct: NDArray[np.bool_]
    losses: NDArray[np.float16] | None = None
    labels: NDArray[np.uint16] | None = None
    predicted: NDArray[np.uint16] | None = None
    scores: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    groups: NDArray[np.uint32] | None = None


def append(paths: AnswerPaths, number: int, predictions: Path, metrics: Sequence[Metric] = ()) -> None:
    """Adds a trial's answers from its `predictions.npz`; a record that a killed driver left half is cut away first.

    Those of every epoch too, where their file lies beside it (earlier releases had none).

    Raises:
        DamagedFileError: there is no such file, or it is not one of ours.
        OSError: a file of answers cannot be written.
    """
    arrays = load_arrays(predictions)
    with reading(predictions):
        predicted, labels = arrays["predicted"], arrays["labels"]
        losses = arrays.get("losses")  # earlier files have none
        groups = arrays.get("groups")
        scores = {metric.name: arrays[f"{SCORES}{metric.name}"] for metric in metrics if scored_by_image(metric)}
    _append(paths.correct, number, len(labels), np.packbits(predicted == labels).tobytes(), _bits)
    _append(paths.predicted, number, len(labels), predicted.astype("<u2").tobytes(), _pairs_of_bytes)
    if losses is not None:
        _append(paths.losses, number, len(labels), losses.astype("<f2").tobytes(), _pairs_of_bytes)
    if metrics:
        _append(paths.labels, number, len(labels), labels.astype("<u2").tobytes(), _pairs_of_bytes)
    if groups is not None:
        _, codes = np.unique(groups, return_inverse=True)
        _append(paths.groups, number, len(labels), codes.astype("<u4").tobytes(), _fours_of_bytes)
    epochs = predictions.with_name(EPOCH_BITS)
    if epochs.is_file():
        correct = read_epoch_bits(epochs, len(labels))
        _append(paths.epochs, number, correct.size, np.packbits(correct).tobytes(), _bits)
    for name, values in scores.items():
        _append(paths.scores(name), number, len(labels), values.astype("<f4").tobytes(), _fours_of_bytes)


def read(paths: AnswerPaths, *, losses: bool = False, metrics: Sequence[Metric] = ()) -> dict[int, Answers]:
    """Every trial's answers by its number, with what is asked for; a record that is not whole is left out.

    Args:
        paths: the files.
        losses: whether the images' losses are read.
        metrics: what the trials were asked for; labels, classes and scores are read where there are any.
    """
    kept = _arrays(paths.losses, "<f2") if losses else {}
    labels = _arrays(paths.labels, "<u2") if metrics else {}
    predicted = read_predicted(paths) if metrics else {}
    groups = _groups(paths)
    scores = {metric.name: _scores(paths, metric) for metric in metrics if scored_by_image(metric)}
    return {
        number: Answers(
            np.unpackbits(np.frombuffer(payload, np.uint8), count=num_images).astype(bool),
            kept.get(number),
            labels.get(number),
            predicted.get(number),
            {name: values[number] for name, values in scores.items() if number in values},
            groups.get(number),
        )
        for number, (num_images, payload) in _records(paths.correct, _bits)[0].items()
    }


def lacking(
    paths: AnswerPaths,
    numbers: Iterable[int],
    *,
    losses: bool = False,
    metrics: Sequence[Metric] = (),
    groups: bool = False,
) -> list[int]:
    """Those of the trials of which a file has no whole record; with `groups`, of images that have groups."""
    kept = set(_records(paths.correct, _bits)[0]) & set(_records(paths.predicted, _pairs_of_bytes)[0])
    if losses:
        kept &= set(_records(paths.losses, _pairs_of_bytes)[0])
    if metrics:
        kept &= set(_records(paths.labels, _pairs_of_bytes)[0])
    if groups:
        kept &= set(_groups(paths))
    for metric in metrics:
        if scored_by_image(metric):
            kept &= set(_scores(paths, metric))
    return [number for number in numbers if number not in kept]


def read_predicted(paths: AnswerPaths) -> dict[int, NDArray[np.uint16]]:
    """The class that each trial predicted of each image, (images,), by the trial's number."""
    return _arrays(paths.predicted, "<u2")


def read_epochs(paths: AnswerPaths) -> dict[int, NDArray[np.bool_]]:
    """Which images each trial answered right after each epoch, (epochs, images), by its number, where that is kept."""
    images = {number: num_images for number, (num_images, _) in _records(paths.correct, _bits)[0].items()}
    return {
        number: np.unpackbits(np.frombuffer(payload, np.uint8), count=size).astype(bool).reshape(-1, images[number])
        for number, (size, payload) in _records(paths.epochs, _bits)[0].items()
        if number in images
    }


def _arrays(path: Path, dtype: str) -> dict[int, NDArray[Any]]:
    records, _ = _records(path, _pairs_of_bytes)
    return {number: np.frombuffer(payload, dtype=dtype) for number, (_, payload) in records.items()}


def _scores(paths: AnswerPaths, metric: Metric) -> dict[int, NDArray[np.float32]]:
    records, _ = _records(paths.scores(metric.name), _fours_of_bytes)
    return {number: np.frombuffer(payload, dtype="<f4") for number, (_, payload) in records.items()}


def _groups(paths: AnswerPaths) -> dict[int, NDArray[np.uint32]]:
    records, _ = _records(paths.groups, _fours_of_bytes)
    return {number: np.frombuffer(payload, dtype="<u4") for number, (_, payload) in records.items()}


def _bits(num_images: int) -> int:
    return (num_images + 7) // 8


def _pairs_of_bytes(num_images: int) -> int:
    return 2 * num_images


def _fours_of_bytes(num_images: int) -> int:
    return 4 * num_images


_Size = Callable[[int], int]


def _append(path: Path, number: int, num_images: int, payload: bytes, size: _Size) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = _whole_bytes(path, size)
    record = _HEADER.pack(number, num_images) + payload
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(whole)
        if not whole:
            whole = file.write(_MARK)
        if _is_marked(file):
            record += _CHECKSUM.pack(zlib.crc32(record))
        file.seek(whole)
        file.write(record)
    _known[path] = whole + len(record)


def _is_marked(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(len(_MARK)) == _MARK


#: How much of a file this process has seen to be whole, so that each append need not read it again.
_known: dict[Path, int] = {}


def _whole_bytes(path: Path, size: _Size) -> int:
    if not path.exists():
        return 0
    if _known.get(path) == path.stat().st_size:
        return _known[path]
    return _records(path, size)[1]


def _records(path: Path, size: _Size) -> tuple[Mapping[int, tuple[int, bytes]], int]:
    """The records of a file by trial, and the bytes up to which it can be read; damaged records are passed over."""
    found: dict[int, tuple[int, bytes]] = {}
    content = path.read_bytes() if path.is_file() else b""
    is_marked = content.startswith(_MARK)
    place = len(_MARK) if is_marked else 0
    checksum_size = _CHECKSUM.size if is_marked else 0
    while place + _HEADER.size <= len(content):
        number, num_images = _HEADER.unpack_from(content, place)
        end = place + _HEADER.size + size(num_images)
        if not num_images or end + checksum_size > len(content):
            break
        if not is_marked or _CHECKSUM.unpack_from(content, end)[0] == zlib.crc32(content[place:end]):
            found[number] = (num_images, content[place + _HEADER.size : end])
        place = end + checksum_size
    return found, place
