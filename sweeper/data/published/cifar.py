"""`data=cifar10` and `data=cifar100`: the published archives of pickles, verified before they are opened.

Looked for in this order: `data.path` (the archive, or the folder that it holds), Keras's cache, the server (into the
cache, where Keras finds it too). What does not live here: sets of IDX files or `.npz` (`sweeper.data.published`).
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from sweeper.core.errors import DataError
from sweeper.data.arrays import AnyArray, Images, Inventory, Labels, RawData, count_classes
from sweeper.data.download import RemoteFile, download, explaining, file_digest, given_path, keras_cache
from sweeper.data.published import pickled


@dataclass(frozen=True)
class Archive:
    """A published archive and the facts by which it is recognised.

    Attributes:
        name: as in `data.name`.
        title: its name for people.
        inventory: shape of an image, images of each class, names of the classes.
        remote_file: the archive on its server.
        folder: the folder that the archive holds.
        train, test: the files of training and of test images.
        meta: the file with the names of the classes.
        labels, names: the keys of labels and of the names of the classes.
        file_md5s: MD5 (hex) of each of these files.
        cache: what Keras calls it in its cache.
    """

    name: str
    title: str
    inventory: Inventory
    remote_file: RemoteFile
    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    meta: str
    labels: str
    names: str
    file_md5s: Mapping[str, str]
    cache: str

    @property
    def files(self) -> tuple[str, ...]:
        """All files that are read."""
        return (*self.train, *self.test, self.meta)

    @property
    def accepted(self) -> str:
        """What is accepted as `data.path`, and what to type."""
        return (
            f"Accepted: {self.title}'s published archive {self.remote_file.name}, or the folder {self.folder} that it "
            f"holds; data=npz takes other arrays.  Try: data={self.name} data.path={self.remote_file.name}"
        )


#: MD5 of the archives: https://www.cs.toronto.edu/~kriz/cifar.html; of the files within: torchvision's
#: torchvision/datasets/cifar.py.
CIFAR10 = Archive(
    name="cifar10",
    title="CIFAR-10",
    inventory=Inventory(
        (32, 32, 3),
        (5000,) * 10,
        (1000,) * 10,
        class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    ),
    remote_file=RemoteFile("cifar-10-python.tar.gz", "md5", "c58f30108f718f92721af3b95e74349a", "cifar"),
    folder="cifar-10-batches-py",
    train=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test=("test_batch",),
    meta="batches.meta",
    labels="labels",
    names="label_names",
    file_md5s={
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
        "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
    },
    cache="cifar-10-batches-py-target",
)

_NAMES_100 = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
"""
CIFAR100 = Archive(
    name="cifar100",
    title="CIFAR-100",
    inventory=Inventory((32, 32, 3), (500,) * 100, (100,) * 100, class_names=tuple(_NAMES_100.split())),
    remote_file=RemoteFile("cifar-100-python.tar.gz", "md5", "eb9058c3a382ffc7106e4002c42a8d85", "cifar"),
    folder="cifar-100-python",
    train=("train",),
    test=("test",),
    meta="meta",
    labels="fine_labels",
    names="fine_label_names",
    file_md5s={
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        "meta": "7973b15100ade9c7d40fb424638fde48",
    },
    cache="cifar-100-python-target",
)


def inventory(archive: Archive, path: str | None) -> Inventory:
    """Returns what the set holds, from constants; a given `data.path` has to be an archive or the folder.

    Raises:
        DataError: if `data.path` is missing, or neither.
    """
    if path is not None:
        with explaining(archive.accepted):
            _find(archive, given_path(path))
    return archive.inventory


def read(archive: Archive, path: str | None) -> RawData:
    """Finds, verifies and reads the images; nothing is opened whose MD5 is not the published one.

    Raises:
        DataError: if they are nowhere to be had, damaged, or not the published ones.
    """
    if path is not None:
        with explaining(archive.accepted):
            place = given_path(path)
            return _verified(archive, _find(archive, place), f"{archive.title}, {place}")
    place, source = _cached(archive)
    with explaining(f"Accepted: what Keras downloads.  Try: delete {place}, and it is downloaded again"):
        return _verified(archive, place, source)


def _find(archive: Archive, place: Path) -> Path:
    """The archive, or the folder with its files, at or within a place."""
    if place.is_file():
        return place
    for inner in (place, place / archive.folder):
        if all((inner / name).is_file() for name in archive.files):
            return inner
    packed = place / archive.remote_file.name
    if packed.is_file():
        return packed
    missing = [name for name in archive.files if not (place / name).is_file()]
    raise DataError(
        f"The folder {place} is not {archive.title}: it lacks {', '.join(missing)}, and has neither "
        f"{archive.folder} nor {archive.remote_file.name}."
    )


def _cached(archive: Archive) -> tuple[Path, str]:
    """Where the set lies in Keras's cache, after a download where it does not, and where it came from, for people."""
    cache = keras_cache()
    packed = cache / f"{archive.cache}_archive"
    folder, earlier = cache / archive.cache / archive.folder, cache / archive.folder
    for place in (packed, folder, earlier.with_name(f"{earlier.name}.tar.gz"), earlier):  # Keras 3.15's, then older
        if place.is_file() or all((place / name).is_file() for name in archive.files):
            return place, f"{archive.title}, from Keras's cache ({place})"
    try:
        download(archive.remote_file, packed)
    except OSError as err:
        reason = getattr(err, "reason", None) or err
        name = archive.remote_file.name
        raise DataError(
            f"{archive.title} is not available: no data.path is given, Keras's cache has no {packed}, and "
            f"{archive.remote_file.url} cannot be downloaded ({reason}). Accepted: data.path ({name} or the folder "
            f"{archive.folder}), Keras's cache, or a network; data=digits needs none of them.  "
            f"Try: data={archive.name} data.path={name}, or data=digits"
        ) from err
    return packed, f"{archive.title}, downloaded into Keras's cache ({packed})"


def _verified(archive: Archive, place: Path, source: str) -> RawData:
    if place.is_file():
        _check(archive, place, archive.remote_file.digest)
        with _unpacked(archive, place) as open_file:
            return _raw(archive, open_file, source)
    for name in archive.files:
        _check(archive, place / name, archive.file_md5s[name])
    return _raw(archive, lambda name: (place / name).open("rb"), source)


def _check(archive: Archive, file: Path, md5: str) -> None:
    try:
        found = file_digest(file, "md5")
    except OSError as err:
        raise DataError(f"{file} cannot be read ({err.strerror or err}).") from err
    if found != md5:
        raise DataError(f"{file} is not {archive.title}'s: its MD5 is not the published {md5}.")


@contextmanager
def _unpacked(archive: Archive, place: Path) -> Iterator[Callable[[str], IO[bytes]]]:
    """Opens files within the archive; nothing is written to the disk."""
    try:
        with tarfile.open(place) as packed:

            def open_file(name: str) -> IO[bytes]:
                found = packed.extractfile(f"{archive.folder}/{name}")
                if found is None:
                    raise KeyError(f"{name} is no file in it")
                return found

            yield open_file
    except (tarfile.TarError, zlib.error, EOFError, KeyError) as err:
        raise DataError(f"{place} is truncated or corrupt ({err}).") from err


def _raw(archive: Archive, open_file: Callable[[str], IO[bytes]], source: str) -> RawData:
    def held(name: str) -> dict[str, Any]:
        with open_file(name) as stream:
            return pickled.load(stream, f"{name} of {archive.title}")

    named = held(archive.meta)[archive.names]
    names = tuple(name.decode("utf-8") if isinstance(name, bytes) else str(name) for name in named)
    x_train, y_train = _joined(archive, [held(name) for name in archive.train])
    x_test, y_test = _joined(archive, [held(name) for name in archive.test])
    for key, labels, expected in (
        ("training", y_train, archive.inventory.train_counts),
        ("test", y_test, archive.inventory.test_counts),
    ):
        if count_classes(labels, archive.inventory.num_classes) != expected:
            raise DataError(f"The {key} labels of {source} have not {archive.title}'s number of images of each class.")
    return RawData(x_train, y_train, x_test, y_test, source, class_names=names)


def _joined(archive: Archive, batches: list[dict[str, Any]]) -> tuple[Images, Labels]:
    """Rows of the red, then the green, then the blue pixels as images."""
    height, width, channels = archive.inventory.input_shape
    rows: AnyArray = np.concatenate([batch["data"] for batch in batches])
    images = rows.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    labels = np.concatenate([np.asarray(batch[archive.labels], dtype=np.int64) for batch in batches])
    return np.ascontiguousarray(images, dtype=np.uint8), labels
