"""The pixels of a folder's pictures, decoded once and kept for the next sweep.

    pictures/files-….json     what is known of a folder's files (`facts`)
    pictures/DIGEST/          named by the files' names, sizes and contents, and by what they are converted to
        images.npy            (pictures, height, width, channels) uint8, in the order of the files' names
        prints.npy            (pictures, 32) uint8, the SHA-256 of each picture's pixels
        kept.json             which files are broken, and what shows damage

What does not live here: how a picture is decoded (`pictures`), and how the pixels are mapped (`sweeper.data.mapped`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from sweeper.core.errors import DataError, StoreError
from sweeper.data.folder.listing import Listing, Picture
from sweeper.data.folder.parallel import each
from sweeper.data.folder.pictures import BrokenPictureError, Target, decode
from sweeper.data.mapped import MappedImages
from sweeper.data.progress import Report, Steps

_VERSION = 1  # of the conversion: another one gives other pixels


@dataclass(frozen=True)
class Kept:
    """Pictures that are decoded.

    Attributes:
        images: all of them, in the order of the listing; those of broken files are black.
        prints: (pictures, 32) uint8, the SHA-256 of each one's pixels.
        broken: why a file cannot be read, by its name.
        is_new: whether they were decoded now.
    """

    images: MappedImages
    prints: NDArray[np.uint8]
    broken: dict[str, str]
    is_new: bool


def keep(
    listing: Listing, digests: Sequence[str], target: Target, folder: Path, report: Report, scratch: Path | None = None
) -> Kept:
    """The pixels of all pictures: those that are kept, or decoded now.

    Args:
        listing: the files.
        digests: of each file (SHA-256, hex); empty of one that cannot be read.
        target: what the pictures become.
        folder: where pictures are kept.
        report: is called with what is done.
        scratch: where it is given, nothing is kept: the pictures are decoded all the same, their prints are written
            there, and their pixels nowhere, so that all are black.

    Raises:
        StoreError: the folder cannot be written, or has no room.
        DataError: a file was changed meanwhile.
    """
    place = folder / _key(listing, digests, target)
    found = _open(place, len(listing.pictures), target)
    if found is not None:
        return found
    if scratch is not None:
        folder, place = scratch, scratch / place.name
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        if scratch is None:
            _check_room(folder, len(listing.pictures), target)
        beside = folder / f".{place.name}.{os.getpid()}.tmp"
        beside.mkdir()
        try:
            _convert(listing, digests, target, beside, report, writes_pixels=scratch is None)
            if _open(place, len(listing.pictures), target) is None:  # else another sweep was faster
                shutil.rmtree(place, ignore_errors=True)  # damaged
                os.rename(beside, place)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    new = _open(place, len(listing.pictures), target)
    if new is None:
        raise StoreError(f"The decoded pictures in {place} were changed as soon as they were written. Accepted: a "
                         "folder that nobody else writes to.  Try: output_dir=another/folder")  # fmt: skip
    return dataclasses.replace(new, is_new=True)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raises StoreError for a folder that cannot be written."""
    try:
        yield
    except OSError as err:
        raise StoreError(
            f"The decoded pictures cannot be written to {folder}: {err.strerror or err}. Accepted: a folder that can "
            "be written, on a disk with room for them.  Try: output_dir=another/folder"
        ) from err


def _key(listing: Listing, digests: Sequence[str], target: Target) -> str:
    files = [[one.name, one.size, digest] for one, digest in zip(listing.pictures, digests, strict=True)]
    content = json.dumps([_VERSION, dataclasses.astuple(target), files], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _open(place: Path, number: int, target: Target) -> Kept | None:
    """What is kept; None where it is not there, or not whole."""
    images, prints_file, about = place / "images.npy", place / "prints.npy", place / "kept.json"
    try:
        said = json.loads(about.read_text(encoding="utf-8"))
        prints = np.load(prints_file, allow_pickle=False)
        mapped = MappedImages.open(images)
        if mapped.shape != (number, *target.shape) or prints.shape != (number, 32):
            return None
        if hashlib.sha256(prints.tobytes()).hexdigest() != said["prints"]:
            return None
        if said["images"] != _state(images) and not _is_whole(mapped, prints):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Kept(mapped, prints, dict(said["broken"]), is_new=False)


def _state(path: Path) -> list[int]:
    """What changes with a file's content, or if it is copied."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def _is_whole(images: MappedImages, prints: NDArray[np.uint8]) -> bool:
    """Whether the pixels are those that were written; asked where the file looks as if it had been touched."""
    return all(
        not wanted.any() or hashlib.sha256(image.tobytes()).digest() == wanted.tobytes()  # none of a broken file
        for image, wanted in zip(images, prints, strict=True)
    )


def _convert(
    listing: Listing, digests: Sequence[str], target: Target, folder: Path, report: Report, *, writes_pixels: bool
) -> None:
    """Decodes all pictures into a folder; without pixels, their file has holes that take no room."""
    number = len(listing.pictures)
    prints = np.zeros((number, 32), np.uint8)
    broken: dict[str, str] = {}
    steps = Steps("Reading", number, report)
    path = folder / "images.npy"
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (number, *target.shape)})
        file.flush()
        start, length = file.tell(), int(np.prod(target.shape))
        os.truncate(file.fileno(), start + number * length)

        def work(index: int) -> str:
            picture = listing.pictures[index]
            try:
                pixels = decode(_read(listing, picture, digests[index]), target).tobytes()
            except BrokenPictureError as err:
                return str(err)
            if writes_pixels:
                _write(file.fileno(), pixels, start + index * length)
            prints[index] = np.frombuffer(hashlib.sha256(pixels).digest(), np.uint8)
            return ""

        for reasons in each(work, range(number)):
            for reason in reasons:
                if reason:
                    broken[listing.pictures[steps.done].name] = reason
                steps.add(1)
        file.flush()
        os.fsync(file.fileno())
    np.save(folder / "prints.npy", prints, allow_pickle=False)
    said = {
        "folder": str(listing.root),
        "target": dataclasses.asdict(target),
        "broken": broken,
        "pillow": metadata.version("pillow"),
        "prints": hashlib.sha256(prints.tobytes()).hexdigest(),
        "images": _state(path),
    }
    (folder / "kept.json").write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _read(listing: Listing, picture: Picture, digest: str) -> bytes:
    """A file's bytes, which are those that were looked at before."""
    try:
        content = listing.path(picture).read_bytes()
    except OSError as err:
        raise BrokenPictureError(err.strerror or str(err)) from err
    if hashlib.sha256(content).hexdigest() != digest:
        raise DataError(
            f"{listing.path(picture)} was changed while the pictures were read. Accepted: files that stay as they are."
            "  Try: the same command again"
        )
    return content


def _write(file: int, content: bytes, place: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(file, view, place)
        view, place = view[written:], place + written


def _check_room(folder: Path, number: int, target: Target) -> None:
    needed, free = number * int(np.prod(target.shape)), shutil.disk_usage(folder).free
    if needed > free:
        raise StoreError(
            f"{number:,} pictures of {target.height}x{target.width} pixels take {needed / 1e9:,.1f} GB once they are "
            f"decoded, and {folder} has {free / 1e9:,.1f} GB left. Accepted: a disk with room for them, or smaller "
            f"pictures.  Try: data.image_size={max(min(target.height, target.width) // 2, 1)}, or "
            "output_dir=another/folder"
        )


def _clear(folder: Path) -> None:
    """Deletes what processes that were killed left half done."""
    for path in folder.glob(".*.tmp"):
        pid = path.name.split(".")[-2]
        if path.is_dir() and pid.isdecimal() and not _runs(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
