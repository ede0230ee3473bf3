"""`data=npz`: a user's own arrays, checked before anything trains.

All faults that the headers and labels show are named at once; pixels are checked when they are read.
What does not live here: the container's format (`npz`), and the split.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sweeper.core.errors import ConfigError, DataError
from sweeper.data import npz_format
from sweeper.data.arrays import IMAGE_KEYS, LABEL_KEYS, AnyArray, ArrayHeader, Images, Inventory, RawData, count_classes
from sweeper.data.download import explaining, given_path

_ACCEPTED = (
    "Accepted: a file as np.savez('my.npz', x_train=…, y_train=…, x_test=…, y_test=…) writes it; images (n, height, "
    "width) or (n, height, width, channels), uint8, or float32 or float64 in [0, 1]; labels (n,), whole numbers "
    "from 0.  Try: data=npz data.path=my.npz"
)


def inventory(path: str | None) -> Inventory:
    """Returns what the file holds, from its arrays' headers and its labels; pixels are not read.

    Raises:
        ConfigError: if no `data.path` is given.
        DataError: if the file is missing, damaged, or its arrays are not what is accepted; names every fault.
    """
    given = _needed(path)
    with explaining(_ACCEPTED):
        headers, labels = _checked_labels(given_path(given))
    num_classes = int(labels["y_train"].max()) + 1
    train, test = (count_classes(labels[key], num_classes) for key in LABEL_KEYS)
    return Inventory(_image_shape(headers["x_train"].shape), train, test)


def read(path: str | None) -> RawData:
    """Reads the arrays whole and checks their values.

    Returns:
        Images as uint8, or float32 where they were float; labels as int64.

    Raises:
        ConfigError: if no `data.path` is given.
        DataError: as for `inventory`, and for pixels that are NaN, infinite or outside [0, 1].
    """
    given = _needed(path)
    with explaining(_ACCEPTED):
        place = given_path(given)
        _, labels = _checked_labels(place)
        images = npz_format.read_arrays(place, IMAGE_KEYS)
        _refuse(place, [fault for key in IMAGE_KEYS for fault in _pixel_faults(key, images[key])])
    x_train, x_test = (as_images(images.pop(key)) for key in IMAGE_KEYS)
    return RawData(x_train, labels["y_train"], x_test, labels["y_test"], f"own arrays, {place}")


def as_images(images: AnyArray) -> Images:
    """Returns (n, h, w) or (n, h, w, c) images, uint8 or float, as (n, h, w, c) uint8 or float32 in C order."""
    shaped = images if images.ndim == 4 else images[..., np.newaxis]
    if images.dtype == np.uint8:
        return np.ascontiguousarray(shaped, dtype=np.uint8)
    return np.ascontiguousarray(shaped, dtype=np.float32)


def _needed(path: str | None) -> str:
    if path is None:
        raise ConfigError(f"data=npz needs data.path, the file of your arrays, and none is given. {_ACCEPTED}")
    return path


def _checked_labels(place: Path) -> tuple[dict[str, ArrayHeader], dict[str, AnyArray]]:
    """Returns the four headers and both labels, (n,) int64; raises DataError with all their faults."""
    headers = npz_format.read_headers(place)
    _refuse(place, _header_faults(headers))
    labels = {key: array.reshape(-1) for key, array in npz_format.read_arrays(place, LABEL_KEYS).items()}
    _refuse(place, _label_faults(labels["y_train"], labels["y_test"]))
    return headers, {key: array.astype(np.int64) for key, array in labels.items()}


def _refuse(place: Path, faults: list[str]) -> None:
    if faults:
        raise DataError(f"{place} cannot be used: {'; '.join(faults)}.")


def _image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    return shape[1], shape[2], shape[3] if len(shape) == 4 else 1


def _header_faults(headers: Mapping[str, ArrayHeader]) -> list[str]:
    faults = [fault for key in IMAGE_KEYS for fault in _image_faults(key, headers[key])]
    faults += [fault for key in LABEL_KEYS for fault in _label_header_faults(key, headers[key])]
    if faults:
        return faults
    for images, labels in zip(IMAGE_KEYS, LABEL_KEYS, strict=True):
        if headers[images].shape[0] != headers[labels].shape[0]:
            faults.append(
                f"{images} has {headers[images].shape[0]} images, but {labels} has {headers[labels].shape[0]} labels"
            )
    train, test = (_image_shape(headers[key].shape) for key in IMAGE_KEYS)
    if train != test:
        faults.append(f"the images of x_train are {train} (height, width, channels), but those of x_test are {test}")
    return faults


def _image_faults(key: str, header: ArrayHeader) -> list[str]:
    if header.dtype.hasobject:
        return [_pickle_fault(key)]
    faults = []
    if len(header.shape) not in (3, 4):
        faults.append(f"{key} has the shape {header.shape}, which is not (n, height, width) or with channels")
    elif 0 in header.shape:
        faults.append(f"{key} is empty: its shape is {header.shape}")
    if not (header.dtype == np.uint8 or (header.dtype.kind == "f" and header.dtype.itemsize in (4, 8))):
        faults.append(f"{key} is {header.dtype}, not uint8, float32 or float64 (convert it with .astype)")
    return faults


def _label_header_faults(key: str, header: ArrayHeader) -> list[str]:
    if header.dtype.hasobject:
        return [_pickle_fault(key)]
    if len(header.shape) == 2 and header.shape[1] > 1:
        return [f"{key} has the shape {header.shape}, one-hot by the look of it (turn it into labels: {key}.argmax(1))"]
    faults = []
    if len(header.shape) != 1 and not (len(header.shape) == 2 and header.shape[1] == 1):
        faults.append(f"{key} has the shape {header.shape}, not (n,)")
    elif 0 in header.shape:
        faults.append(f"{key} is empty: its shape is {header.shape}")
    if not npz_format.is_whole_numbers(header.dtype):
        faults.append(f"{key} is {header.dtype}, not whole numbers (convert it: {key}.astype('int64'))")
    return faults


def _pickle_fault(key: str) -> str:
    return f"{key} holds Python objects (a pickle), which is never opened (save a plain array of numbers)"


def _label_faults(y_train: AnyArray, y_test: AnyArray) -> list[str]:
    lowest, highest = int(y_train.min()), int(y_train.max())
    if lowest < 0:
        return [f"y_train has the label {lowest}; labels count from 0"]
    if highest >= len(y_train):  # before counting: a count for each label up to this one would fill the memory
        return [f"y_train has the label {highest}, but {len(y_train)} labels; classes are numbered 0, 1, 2 and so on"]
    absent = np.flatnonzero(np.bincount(y_train.astype(np.int64)) == 0)
    if len(absent):
        return [_absent_fault(absent, lowest, highest)]
    if highest == 0:
        return ["y_train has one class only; at least 2 are needed"]
    if int(y_test.min()) < 0 or int(y_test.max()) > highest:
        return [f"y_test has labels from {y_test.min()} to {y_test.max()}, but y_train has 0 to {highest}"]
    return []


def _absent_fault(absent: AnyArray, lowest: int, highest: int) -> str:
    if len(absent) == lowest:  # 1 to k, the commonest slip
        return f"y_train has labels from {lowest} to {highest}; labels count from 0 (subtract {lowest}, in y_test too)"
    some = ", ".join(str(label) for label in absent[:5])
    return (
        f"y_train has labels up to {highest}, but none of class {some}"
        f"{' and others' if len(absent) > 5 else ''} (number the classes without gaps)"
    )


def _pixel_faults(key: str, images: AnyArray) -> list[str]:
    with np.errstate(invalid="ignore"):
        lowest, highest = float(images.min()), float(images.max())  # NaN where any pixel is
    if images.dtype == np.uint8:
        faint = f"{key} is uint8 with no value above 1, all but black on the scale of 0 to 255 (multiply it by 255)"
        return [faint] if highest == 1.0 else []
    if np.isnan(lowest) or np.isinf(lowest) or np.isinf(highest):
        return [f"{key} has pixels that are NaN or infinite"]
    if lowest < 0.0 or highest > 1.0:
        advice = f"divide by 255, or save {key}.astype('uint8')" if highest > 1.0 and lowest >= 0.0 else "scale them"
        return [f"{key} is {images.dtype} from {lowest:g} to {highest:g}, outside [0, 1] ({advice})"]
    return []
