"""What is known of a data set: its shapes, what was found in it, and where its prepared arrays lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class DataSummary:
    """A data set's shapes, known without reading its pixels.

    Attributes:
        name: as in `data.name`.
        input_shape: (height, width, channels) of one image.
        num_classes: number of labels, at least 2.
        num_train, num_validation, num_test: images in each split, after `data.max_samples`.
    """

    name: str
    input_shape: tuple[int, int, int]
    num_classes: int
    num_train: int
    num_validation: int
    num_test: int


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
        notes: what else there is to know of the images, each a sentence.
    """

    summary: DataSummary
    data_digest: str
    split_digest: str
    source: str
    test_is_validation: bool
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PreparedData(CheckedData):
    """A data set whose splits were written as `.npy` files for the trials.

    Attributes:
        folder: holds x_train.npy, y_train.npy, x_validation.npy, y_validation.npy, x_test.npy,
            y_test.npy. Images (n, height, width, channels), uint8 (0 to 255) or float32 in [0, 1];
            labels (n,) int64 from 0.
    """

    folder: Path = field(kw_only=True)
