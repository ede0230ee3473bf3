"""Published data sets, found, verified, and refused if they are others: here `data=mnist` and `data=fashion_mnist`.

Looked for in this order: `data.path`, Keras's cache, Keras's server (into the cache). Nothing falls back
to other data. What does not live here: the archives of CIFAR (`cifar`), the formats of the files (`formats`) and
the download.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sweeper.core.errors import DataError
from sweeper.data.arrays import IMAGE_KEYS, KEYS, LABEL_KEYS, AnyArray, ArrayHeader, Inventory, RawData, count_classes
from sweeper.data.download import RemoteFile, download, explaining, file_digest, given_path, keras_cache, path_word
from sweeper.data.formats import idx, npz


@dataclass(frozen=True)
class PublishedSet:
    """A published data set and the facts by which it is recognised.

    Attributes:
        name: as in `data.name`.
        title: its name for people.
        inventory: shape of an image and images of each class.
        cache: file (.npz) or folder (of IDX files) in Keras's cache.
        remote_files: what to download into the cache.
        array_digests: SHA-256 (hex) of each array's bytes as uint8 in C order, where known.
        file_md5s: MD5 (hex) of each gzipped IDX file by its name, where published.
    """

    name: str
    title: str
    inventory: Inventory
    cache: str
    remote_files: tuple[RemoteFile, ...]
    array_digests: Mapping[str, str] = field(default_factory=dict)
    file_md5s: Mapping[str, str] = field(default_factory=dict)

    @property
    def cache_path(self) -> Path:
        return keras_cache() / self.cache

    @property
    def cache_files(self) -> dict[RemoteFile, Path]:
        """Where each remote file lies in the cache."""
        folder = self.cache_path.parent if self.cache.endswith(".npz") else self.cache_path
        return {remote: folder / remote.name for remote in self.remote_files}

    def accepted(self, path: str) -> str:
        """What is accepted as `data.path`, and what to type; ends a refusal of the file or folder at `path`."""
        return (
            f"Accepted: {self.title}'s published arrays, as an .npz file with x_train, y_train, x_test and y_test or a "
            f"folder of the four IDX files; data=npz takes other arrays in the same files.  "
            f"Try: data={self.name} data.path={self.name}.npz, or data=npz {path_word(path)}"
        )


#: Digests of the arrays; `x_train` with the 16-byte IDX header before it has the MD5 that is published for
#: train-images-idx3-ubyte, 6bbc9ace898e44ae57da46a324031adb. The file's digest is the one in Keras's
#: keras/src/datasets/mnist.py.
MNIST = PublishedSet(
    name="mnist",
    title="MNIST",
    inventory=Inventory(
        (28, 28, 1),
        (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    ),
    cache="mnist.npz",
    remote_files=(
        RemoteFile("mnist.npz", "sha256", "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),
    ),
    array_digests={
        "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    },
)

#: MD5s as in the README of the data set, https://github.com/zalandoresearch/fashion-mnist
_FASHION_MD5S = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
FASHION_MNIST = PublishedSet(
    name="fashion_mnist",
    title="Fashion-MNIST",
    inventory=Inventory((28, 28, 1), (6000,) * 10, (1000,) * 10),
    cache="fashion-mnist",
    remote_files=tuple(RemoteFile(name, "md5", digest) for name, digest in _FASHION_MD5S.items()),
    file_md5s=_FASHION_MD5S,
)


def inventory(published: PublishedSet, path: str | None) -> Inventory:
    """Returns what the set holds, from constants; of a given `data.path` the headers are checked.

    Raises:
        DataError: if `data.path` is missing, damaged, or other shapes than published.
    """
    if path is not None:
        place = _given(published, path)
        with explaining(published.accepted(path)):
            _check_headers(published, place)
    return published.inventory


def read(published: PublishedSet, path: str | None) -> RawData:
    """Finds, reads and verifies the arrays.

    MNIST is recognised by the digest of each array. Of Fashion-MNIST only the MD5s of its gzipped files are
    published: given as .npz or as plain IDX files, its shapes, dtypes and the number of images of each class
    (6,000 and 1,000) are checked, not its pixels.

    Raises:
        DataError: if the arrays are nowhere to be had, damaged, or not the published ones.
    """
    if path is not None:
        place = _given(published, path)
        with explaining(published.accepted(path)):
            return _verified(published, place, f"{published.title}, {place}")
    source = _fill_cache(published)
    with explaining(f"Accepted: what Keras downloads.  Try: delete {published.cache_path}, and it is downloaded again"):
        return _verified(published, published.cache_path, source)


def _given(published: PublishedSet, path: str) -> Path:
    with explaining(published.accepted("my.npz")):
        return given_path(path)


def _verified(published: PublishedSet, place: Path, source: str) -> RawData:
    _check_headers(published, place)
    _check_files(published, place)
    arrays = idx.read_arrays(place) if place.is_dir() else npz.read_arrays(place)
    _check_arrays(published, arrays, place)
    height, width, channels = published.inventory.input_shape
    x_train, x_test = (np.ascontiguousarray(arrays[key]).reshape(-1, height, width, channels) for key in IMAGE_KEYS)
    y_train, y_test = (arrays[key].astype(np.int64) for key in LABEL_KEYS)
    return RawData(x_train, y_train, x_test, y_test, source)


def _fill_cache(published: PublishedSet) -> str:
    """Downloads what Keras's cache lacks; returns where the arrays come from, for people."""
    files = published.cache_files
    missing = [(remote, target) for remote, target in files.items() if not target.is_file()]
    for remote, target in missing:
        try:
            download(remote, target)
        except OSError as err:
            raise _nowhere(published, remote, err) from err
    how = "downloaded into" if missing else "from"
    return f"{published.title}, {how} Keras's cache ({published.cache_path})"


def _nowhere(published: PublishedSet, remote: RemoteFile, err: OSError) -> DataError:
    reason = getattr(err, "reason", None) or err
    return DataError(
        f"{published.title} is not available: no data.path is given, Keras's cache has no "
        f"{published.cache_files[remote]}, and {remote.url} cannot be downloaded ({reason}). "
        f"Accepted: data.path (an .npz file, or a folder of the four IDX files), Keras's cache, or a network; "
        f"data=digits needs none of them.  Try: data={published.name} data.path={published.name}.npz, or data=digits"
    )


def _check_headers(published: PublishedSet, place: Path) -> None:
    headers = idx.read_headers(place) if place.is_dir() else npz.read_headers(place)
    faults = [
        f"{key} is {headers[key]}, not {shape} {'uint8' if key in IMAGE_KEYS else 'whole numbers'}"
        for key, shape in _shapes(published).items()
        if not _fits(key, headers[key], shape)
    ]
    if faults:
        raise DataError(f"{place} is not {published.title}: {'; '.join(faults)}.")


def _shapes(published: PublishedSet) -> dict[str, tuple[int, ...]]:
    """The published shapes, without the channel."""
    num_train, num_test = sum(published.inventory.train_counts), sum(published.inventory.test_counts)
    size = published.inventory.input_shape[:2]
    return {"x_train": (num_train, *size), "y_train": (num_train,), "x_test": (num_test, *size), "y_test": (num_test,)}


def _fits(key: str, header: ArrayHeader, shape: tuple[int, ...]) -> bool:
    if key in LABEL_KEYS:
        return header.shape == shape and npz.is_whole_numbers(header.dtype)
    return header.shape in (shape, (*shape, 1)) and header.dtype == np.uint8


def _check_files(published: PublishedSet, path: Path) -> None:
    """Of a folder's gzipped files, checks the published MD5s."""
    if not path.is_dir():
        return
    for file in idx.find_files(path).values():
        md5 = published.file_md5s.get(file.name.replace(".idx", "-idx"))
        if md5 is not None and file_digest(file, "md5") != md5:
            raise DataError(f"{file} is not {published.title}'s: its MD5 is not the published {md5}.")


def _check_arrays(published: PublishedSet, arrays: Mapping[str, AnyArray], place: Path) -> None:
    classes = published.inventory.num_classes
    counts = {"y_train": published.inventory.train_counts, "y_test": published.inventory.test_counts}
    faults = []
    for key in KEYS:
        array = arrays[key]
        if key in counts and not _has_counts(array, counts[key]):
            faults.append(f"{key} has not {published.title}'s number of images of each of the {classes} classes")
        elif key in published.array_digests and _sha256(array) != published.array_digests[key]:
            faults.append(f"{key} has other values than were published (by its SHA-256)")
    if faults:
        raise DataError(f"{place} is not {published.title}: {'; '.join(faults)}.")


def _has_counts(labels: AnyArray, counts: tuple[int, ...]) -> bool:
    within = int(labels.min()) >= 0 and int(labels.max()) < len(counts)
    return within and count_classes(labels.astype(np.int64), len(counts)) == counts


def _sha256(array: AnyArray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, dtype=np.uint8).data).hexdigest()
