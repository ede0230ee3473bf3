"""Numbers that are equal where images are equal, pixel for pixel.

What does not live here: what is made of them (`copies`, `splits.together`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sweeper.data.arrays import AnyImages, RawData, ValidationFrom, as_float

Prints = npt.NDArray[np.int64]

#: The array that validation images are from.
ARRAYS = {"train": "x_train", "test": "x_test", "file": "x_val"}


def prints_of(raw: RawData, validation_from: ValidationFrom) -> dict[str, Prints]:
    """The prints of each array of images that a split uses, by its name.

    Bytes are compared with floats as the trials see them.
    """
    images = {"x_train": raw.x_train, "x_test": raw.x_test, ARRAYS[validation_from]: raw.images_of(validation_from)[0]}
    is_mixed = len({array.dtype for array in images.values()}) > 1
    found: dict[str, Prints] = {}
    for name, array in images.items():
        if name in raw.files:
            found[name] = raw.files[name].prints
        elif name in raw.prints and not is_mixed:
            found[name] = raw.prints[name]
        else:
            found[name] = prints(array, as_floats=is_mixed)
    return found


def prints(images: AnyImages, *, as_floats: bool = False) -> Prints:
    """Python's 64-bit hash (SipHash) of each image's bytes, equal for equal images within this process.

    Among a million images, two others have the same hash by chance in one of 40 million data sets.

    Args:
        images: (n, height, width, channels).
        as_floats: whether bytes are compared with floats.
    """
    pixels = (as_float(image) if as_floats else image for image in images)
    return np.fromiter((hash(image.tobytes()) for image in pixels), dtype=np.int64, count=len(images))
