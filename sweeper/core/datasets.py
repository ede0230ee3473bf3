"""What is known of a data set: its shapes, what was found in it, and where its prepared arrays lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class PixelStatistics:
    """Of the training images, as floats in [0, 1], one number per channel.

    Attributes:
        mean: of the pixels.
        variance: of the pixels; 1 where all of them are equal, so that dividing by its root changes nothing.
    """

    mean: tuple[float, ...]
    variance: tuple[float, ...]


@dataclass(frozen=True)
class DataSummary:
    """A data set's shapes, known without reading its pixels.

    Attributes:
        name: as in `data.name`.
        input_shape: (height, width, channels) of one image.
        num_classes: number of labels, at least 2.
        num_train, num_validation, num_test: images in each split, after `data.max_samples`.
        class_names: of the labels, where the data set names them; empty where they are numbers only.
    """

    name: str
    input_shape: tuple[int, int, int]
    num_classes: int
    num_train: int
    num_validation: int
    num_test: int
    class_names: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """What each class is called: its name, else its number."""
        return self.class_names or tuple(map(str, range(self.num_classes)))


@dataclass(frozen=True)
class CheckedData:
    """A data set that was read, checked and split, of which nothing was written.

    Attributes:
        summary: its shapes and counts.
        data_digest: SHA-256 (hex) over the arrays as read.
        split_digest: SHA-256 (hex) over the indices of each split.
        source: where the arrays came from, for people.
        test_is_validation: True with `data.validation=test`, the notebook's way.
        warnings: what makes figures on these images less than they seem, each a sentence: copies of images, classes
            without validation images, and the like.
        notes: what else there is to know of the images, each a sentence; the conversions are among them.
        conversions: what was done to the images and labels to bring them to the form that networks take, each a
            sentence. Images to be predicted need the same.
        groups: `data.groups`, where validation images were taken from training by groups.
        test_digest: SHA-256 (hex) of the test images as a set, before `data.max_samples`; empty where it is not known.
        folds: parts into which training and validation images are divided; 1 without `data.folds`.
    """

    summary: DataSummary
    data_digest: str
    split_digest: str
    source: str
    test_is_validation: bool
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    conversions: tuple[str, ...] = ()
    groups: str = ""
    test_digest: str = ""
    folds: int = 1


@dataclass(frozen=True)
class PreparedData(CheckedData):
    """A data set whose splits were written as `.npy` files for the trials.

    Attributes:
        folder: holds x_train.npy, y_train.npy, x_validation.npy, y_validation.npy, x_test.npy,
            y_test.npy. Images (n, height, width, channels), uint8 (0 to 255) or float32 in [0, 1];
            labels (n,) int64 from 0.
        statistics: of the training images, with `data.normalize=standardize`; else None.
        mapped: where images lie elsewhere, their file by the array's name; the array in `folder` has their rows then.
    """

    folder: Path = field(kw_only=True)
    statistics: PixelStatistics | None = None
    mapped: Mapping[str, Path] = field(default_factory=dict)
