"""Small archives in CIFAR's format: pickles as Python 2 wrote them, in a gzipped tar."""

from __future__ import annotations

import hashlib
import io
import pickle
import struct
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from sweeper.data.arrays import Inventory
from sweeper.data.download import RemoteFile
from sweeper.data.published.cifar import CIFAR10, CIFAR100, Archive


class _Python2Pickler(pickle._Pickler):
    """Writes protocol 2 with text and bytes as Python 2's `str`."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_text(self, value: Any) -> None:
        content = value.encode("ascii") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = save_text


def python2_pickle(value: Any) -> bytes:
    out = io.BytesIO()
    _Python2Pickler(out, protocol=2).dump(value)
    return out.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def _batch(images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], keys: tuple[str, ...]) -> bytes:
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    own = {key: [int(label) for label in labels] for key in keys}
    return python2_pickle({"batch_label": "a batch", **own, "data": np.ascontiguousarray(rows), "filenames": ["a.png"]})


def images_and_labels() -> dict[str, Any]:
    """Twenty training and ten test images of 4x3 pixels in colour, of two classes."""
    random = np.random.RandomState(5)
    return {
        "x_train": random.randint(0, 256, (20, 4, 3, 3)).astype(np.uint8),
        "y_train": np.arange(20) % 2,
        "x_test": random.randint(0, 256, (10, 4, 3, 3)).astype(np.uint8),
        "y_test": np.arange(10) % 2,
    }


def files(base: Archive, given: dict[str, Any]) -> dict[str, bytes]:
    """The files of a set as CIFAR-10's or CIFAR-100's: their names and contents."""
    keys = ("coarse_labels", "fine_labels") if base is CIFAR100 else ("labels",)
    parts = np.array_split(np.arange(len(given["x_train"])), len(base.train))
    held = {
        name: _batch(given["x_train"][part], given["y_train"][part], keys)
        for name, part in zip(base.train, parts, strict=True)
    }
    held[base.test[0]] = _batch(given["x_test"], given["y_test"], keys)
    held[base.meta] = python2_pickle({base.names: ["cat", "dog"], "num_vis": 36})
    return held


def write(folder: Path, base: Archive = CIFAR10, given: dict[str, Any] | None = None) -> Archive:
    """Writes a small set as an archive and as its folder, and returns what it is recognised by."""
    held = files(base, images_and_labels() if given is None else given)
    inner = folder / base.folder
    inner.mkdir(parents=True, exist_ok=True)
    for name, content in held.items():
        (inner / name).write_bytes(content)
    packed = folder / base.remote_file.name
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(inner, base.folder)
    return replace(
        base,
        title="Small",
        inventory=Inventory((4, 3, 3), (10, 10), (5, 5), class_names=("cat", "dog")),
        remote_file=RemoteFile(packed.name, "md5", hashlib.md5(packed.read_bytes()).hexdigest(), "cifar"),
        file_md5s={name: hashlib.md5(content).hexdigest() for name, content in held.items()},
    )
