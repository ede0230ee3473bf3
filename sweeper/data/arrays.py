"""The form in which a source gives its arrays, whatever it read them from.

What does not live here: reading any file format, deciding which image belongs to which split, and the files that trials
open (`written`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from sweeper.data.mapped import MappedImages

#: (n, height, width, channels), 0 to 255 or in [0, 1].
Images: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
#: The same, in memory or mapped.
AnyImages: TypeAlias = Images | MappedImages
#: (n,), from 0.
Labels: TypeAlias = npt.NDArray[np.int64]
AnyArray: TypeAlias = npt.NDArray[Any]

#: Which images the validation images are: training images, the test images, or those of a set that comes with them.
ValidationFrom: TypeAlias = Literal["train", "test", "file"]

#: The four arrays that every source gives, by the names that `np.savez` files use.
KEYS = ("x_train", "y_train", "x_test", "y_test")
IMAGE_KEYS = ("x_train", "x_test")
LABEL_KEYS = ("y_train", "y_test")


@dataclass(frozen=True)
class ArrayHeader:
    """What an array's file says of it before its values: shape and dtype."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


@dataclass(frozen=True)
class Inventory:
    """What a data set holds, before any cap or split.

    Attributes:
        input_shape: (height, width, channels) of one image.
        train_counts: training images of each class.
        test_counts: test images of each class; as long as `train_counts`.
        validation_counts: images of each class of a validation set that comes with the data, likewise; None without.
        validation_name: what that set is called where it lies.
        class_names: of the classes, where they have names.
    """

    input_shape: tuple[int, int, int]
    train_counts: tuple[int, ...]
    test_counts: tuple[int, ...]
    validation_counts: tuple[int, ...] | None = None
    validation_name: str = "x_val and y_val"
    class_names: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        return len(self.train_counts)


@dataclass(frozen=True)
class Origin:
    """Where the images of x_train, x_test or x_val lie in a user's file.

    Attributes:
        array: its name there.
        rows: which of its images they are; None for all of them.
    """

    array: str
    rows: npt.NDArray[np.int64] | None = None

    def name(self, place: int) -> str:
        """What one of the images is called, as `train_images[17]`."""
        return f"{self.array}[{place if self.rows is None else self.rows[place]}]"


@dataclass(frozen=True)
class FileNames:
    """The files that images come from, and what shows which of them are equal.

    Attributes:
        names: of each image's file.
        prints: (n,) int64, equal where images are equal.
    """

    names: Sequence[str]
    prints: npt.NDArray[np.int64]


@dataclass(frozen=True)
class RawData:
    """The arrays of a data set in one form, whatever their source: checked, not yet capped or split.

    Attributes:
        x_train, x_test: (n, height, width, channels), uint8 or float32 in [0, 1]; mapped where they are large.
        y_train, y_test: (n,) int64 from 0; `y_train` has every class.
        source: where they came from, for people.
        x_validation, y_validation: a validation set that comes with the data, likewise; None without one.
        notes: what else there is to know of them, each a sentence.
        conversions: what was done to bring them to this form, each a sentence.
        validation_name: what the validation set is called where it lies.
        class_names: of the classes, where they have names.
        files: for x_train, x_test and x_val, the files that they come from; empty where that is one file.
        known_digest: of the arrays, where it was computed already.
        prints: for x_train, x_test and x_val, what shows which images are equal, where that is known already.
        groups: likewise, the group of each image, with `data.groups`.
        origins: likewise, where the images lie in a user's file, if that is not the array of this name.
    """

    x_train: AnyImages
    y_train: Labels
    x_test: AnyImages
    y_test: Labels
    source: str
    x_validation: AnyImages | None = None
    y_validation: Labels | None = None
    notes: tuple[str, ...] = ()
    conversions: tuple[str, ...] = field(default=(), kw_only=True)
    validation_name: str = Inventory.validation_name
    class_names: tuple[str, ...] = ()
    files: Mapping[str, FileNames] = field(default_factory=dict)
    known_digest: str = ""
    prints: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    groups: Mapping[str, npt.NDArray[np.str_]] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)

    @property
    def inventory(self) -> Inventory:
        height, width, channels = self.x_train.shape[1:]
        num_classes = len(self.class_names) or int(self.y_train.max()) + 1
        return Inventory(
            (height, width, channels),
            count_classes(self.y_train, num_classes),
            count_classes(self.y_test, num_classes),
            None if self.y_validation is None else count_classes(self.y_validation, num_classes),
            self.validation_name,
            self.class_names,
        )

    def images_of(self, validation_from: ValidationFrom) -> tuple[AnyImages, Labels]:
        """The images and labels from which the validation images are drawn.

        Raises:
            ValueError: for `file`, if no validation set came with the data.
        """
        if validation_from == "train":
            return self.x_train, self.y_train
        if validation_from == "test":
            return self.x_test, self.y_test
        if self.x_validation is None or self.y_validation is None:
            raise ValueError(f"no validation set came with the data ({self.source})")
        return self.x_validation, self.y_validation

    def digest(self) -> str:
        """SHA-256 (hex) over shape, dtype and bytes of the arrays that are there, and the names of the classes.

        The source does not count, nor what the arrays were converted from.
        """
        if self.known_digest:
            return self.known_digest
        arrays = {key: getattr(self, key) for key in (*KEYS, "x_validation", "y_validation")}
        found = digest_arrays({key: array for key, array in arrays.items() if array is not None})
        if not self.class_names:
            return found
        return hashlib.sha256(f"{found} {json.dumps(self.class_names)}".encode()).hexdigest()


def set_digest(images: AnyImages, known: npt.NDArray[np.integer] | None = None) -> str:
    """SHA-256 (hex) of a set of images: equal whatever their order, their labels, and the other images of the data.

    Args:
        images: (n, height, width, channels).
        known: (n,) what is equal where images are, the same in every process; of files that is known already.
    """
    prints = (
        (int(one).to_bytes(8, "little", signed=True) for one in known)
        if known is not None
        else (hashlib.sha256(np.ascontiguousarray(image).data).digest() for image in images)
    )
    return hashlib.sha256(b"".join(sorted(prints))).hexdigest()


def count_classes(labels: AnyArray, num_classes: int) -> tuple[int, ...]:
    """Returns the images of each class, of labels (n,) from 0 to `num_classes` - 1."""
    return tuple(int(count) for count in np.bincount(labels, minlength=num_classes))


def digest_arrays(arrays: Mapping[str, AnyArray]) -> str:
    """Returns the SHA-256 (hex) over name, dtype, shape and little-endian bytes (C order) of each array."""
    hasher = hashlib.sha256()
    for name, array in arrays.items():
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        hasher.update(f"{name} {plain.dtype.str} {plain.shape}\n".encode())
        hasher.update(plain.data)
    return hasher.hexdigest()


def as_float(images: AnyImages) -> npt.NDArray[np.float32]:
    """Returns the images as the networks take them; mapped ones are read whole, so a part of them is chosen before.

    Args:
        images: any shape, uint8 (0 to 255) or float32 in [0, 1].

    Returns:
        The same shape, float32 in [0, 1]: uint8 divided by 255, float32 as it is, not copied.

    Raises:
        TypeError: for any other dtype.
    """
    if isinstance(images, MappedImages):
        images = images[:]
    if images.dtype == np.float32:
        return np.asarray(images, dtype=np.float32)
    if images.dtype != np.uint8:
        raise TypeError(f"images are uint8 or float32. Received: {images.dtype}")
    scaled = images.astype(np.float32)
    scaled /= np.float32(255)
    return scaled
