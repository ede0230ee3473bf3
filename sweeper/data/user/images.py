"""A user's images: which types and values are taken, and what is said of others.

What does not live here: the order of their axes (`layout`), and the labels (`labels`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from sweeper.data.arrays import AnyArray, ArrayHeader, Images
from sweeper.data.npz_format import is_whole_numbers
from sweeper.data.user.layout import MOST_CHANNELS, Shape, image_axis, misreading
from sweeper.data.user.repair import Fault, change

#: How far pixels may lie outside [0, 1] by rounding, by their bytes per number: a few units in the last place.
_ROUNDING = {2: 2e-3, 4: 1e-6, 8: 1e-6}
_ONCE = 1 / 255  # the highest pixel where a scale of 0 to 255 was divided by 255 twice
_BYTES = 127  # from here to 255 the highest pixel shows a scale of bytes
_OVERSHOOT = 0.1  # how far resizing may carry pixels beyond the scale
_DARK = 0.125  # share of the scale that the highest pixel of common pictures exceeds


def layout_faults(headers: Mapping[str, ArrayHeader], counts: Mapping[str, int | None]) -> list[Fault]:
    """What is wrong with the order of the images' axes.

    Args:
        headers: of the arrays of images, by their names; training first, then test.
        counts: how many labels there are for each of them; None where that is not known.
    """
    train, test, *_ = headers
    num_train, num_test, axis = counts[train], counts[test], None
    if num_train is not None and num_test is not None:
        axis = image_axis(headers[train].shape, headers[test].shape, num_train, num_test)
    faults = []
    for key, header in headers.items():
        if header.dtype.hasobject:
            continue
        if 0 in header.shape:
            faults.append(Fault(f"{key} is empty: its shape is {header.shape}"))
        elif found := misreading(header.shape, axis):
            fix = (change(key, found.expression),) if found.expression else None
            faults.append(Fault(f"{key} has the shape {header.shape}: {found.text}", fix))
    return faults


def count_faults(
    images: Mapping[str, ArrayHeader], labels: Mapping[str, ArrayHeader], counts: Mapping[str, int | None]
) -> list[Fault]:
    """What does not fit together, of arrays without other faults: images and labels, or sizes of images."""
    faults = [
        Fault(f"{key} has {header.shape[0]} images, but {other} has {counts[key]} labels")
        for (key, header), other in zip(images.items(), labels, strict=True)
        if header.shape[0] != counts[key]
    ]
    (first, shape), *others = ((key, image_shape(header.shape)) for key, header in images.items())
    faults += [
        Fault(f"the images of {first} are {shape} (height, width, channels), but those of {key} are {other}")
        for key, other in others
        if other != shape
    ]
    return faults


def image_shape(shape: Shape) -> tuple[int, int, int]:
    """(height, width, channels) of one of the images (n, height, width) or (n, height, width, channels)."""
    return shape[1], shape[2], shape[3] if len(shape) == 4 else 1


def type_faults(headers: Mapping[str, ArrayHeader], read: Callable[[str], AnyArray]) -> list[Fault]:
    """What is wrong with the types of the images; of other whole numbers the values are read, to say what to do.

    Args:
        headers: of the arrays of images, by their names.
        read: reads an array whole.
    """
    faults = []
    whole = [key for key, header in headers.items() if is_whole_numbers(header.dtype) and header.dtype != np.uint8]
    ranges = {key: _range(read(key)) for key in whole}
    rescaling = _rescaled(ranges, whole=True) if ranges else None
    for key, header in headers.items():
        if header.dtype.hasobject:
            faults.append(pickle_fault(key))
        elif key in ranges:
            text = f"{key} is {header.dtype} from {ranges[key][0]:g} to {ranges[key][1]:g}, not uint8 or floats"
            faults.append(Fault(text, (change(key, rescaling.expression),) if rescaling else None))
        elif header.dtype.kind == "f" and header.dtype.itemsize not in _ROUNDING:
            faults.append(Fault(f"{key} is {header.dtype}", (change(key, '{}.astype("float32")'),)))
        elif header.dtype.kind not in "fbu":
            faults.append(Fault(f"{key} is {header.dtype}, which is not a type of pixels"))
    return faults


def pickle_fault(key: str) -> Fault:
    """The fault of an array of Python objects, which only unpickling could read."""
    plain = "a plain array of numbers" if key[0] == "x" else f"{key}.astype('str') instead"
    return Fault(f"{key} holds Python objects (a pickle), which is never opened (save {plain})")


def pixel_faults(images: Mapping[str, AnyArray]) -> list[Fault]:
    """What is wrong with the values of pixels, uint8, bool or floating point."""
    ranges = {key: _range(array) for key, array in images.items()}
    floats = {key: ranges[key] for key, array in images.items() if array.dtype.kind == "f"}
    off = {key: found for key, found in floats.items() if _is_off(images[key].dtype, *found)}
    shared = _rescaled(off) if off else None
    if shared is not None and len(off) < len(floats) and not shared.is_safe_alone:
        shared = None  # the other arrays are on the right scale already, or on none: only the user knows
    faults = []
    for key, (low, high) in ranges.items():
        dtype = images[key].dtype
        if np.isnan(low) or np.isinf(low) or np.isinf(high):
            faults.append(Fault(f"{key} has pixels that are NaN or infinite"))
        elif dtype == np.uint8 and high == 1.0:
            text = f"{key} is uint8 with no value above 1, almost black on the scale of 0 to 255"
            faults.append(Fault(text, (change(key, "{} * 255"),)))
        elif key in off:
            where = "outside [0, 1]" if low < 0 or high > 1 else "almost black on the scale of 0 to 1"
            text = f"{key} is {dtype} from {low:g} to {high:g}, {where}{shared.why if shared else ''}"
            faults.append(Fault(text, (change(key, shared.expression),) if shared else None))
    return faults


def dark_notes(images: Mapping[str, AnyArray]) -> list[str]:
    """A sentence for each array whose highest pixel is far below the scale, which may be meant."""
    found = []
    for key, array in images.items():
        scale = 255.0 if array.dtype == np.uint8 else 1.0
        if (high := float(array.max())) <= _DARK * scale:
            found.append(
                f"The highest pixel of {key} is {high:.4g} on the scale of 0 to {scale:g}: all its images are dark."
            )
    return found


def channel_notes(shape: tuple[int, int, int]) -> list[str]:
    """A sentence for images with more channels than pictures commonly have."""
    height, width, channels = shape
    if channels <= MOST_CHANNELS:
        return []
    return [f"Images are read as pictures of {height}x{width} pixels with {channels} channels."]


def as_images(images: AnyArray) -> Images:
    """Images as the trials take them.

    Args:
        images: (n, height, width) or (n, height, width, channels), uint8, bool, or floats in [0, 1] but for rounding.

    Returns:
        (n, height, width, channels) in C order: uint8 (bool becomes 0 and 255), or float32 in [0, 1].
    """
    shaped = images if images.ndim == 4 else images[..., np.newaxis]
    if images.dtype == np.bool_:
        return np.ascontiguousarray(shaped, dtype=np.uint8) * np.uint8(255)
    if images.dtype == np.uint8:
        return np.ascontiguousarray(shaped, dtype=np.uint8)
    floats = np.ascontiguousarray(shaped, dtype=np.float32)
    if float(floats.min()) < 0.0 or float(floats.max()) > 1.0:
        floats = np.clip(floats, 0.0, 1.0)  # rounding, as `pixel_faults` has made sure
    return floats


def _range(array: AnyArray) -> tuple[float, float]:
    """Lowest and highest value; NaN where any is."""
    with np.errstate(invalid="ignore"):
        return float(array.min()), float(array.max())


def _is_off(dtype: np.dtype[np.generic], low: float, high: float) -> bool:
    """Whether floating-point pixels are on another scale than 0 to 1, or so dark that they can only be."""
    slack = _ROUNDING[dtype.itemsize]
    return low < -slack or high > 1.0 + slack or 0.0 < high <= _ONCE * (1.0 + slack)


@dataclass(frozen=True)
class _Rescaling:
    """What brings pixels onto a scale that is taken.

    Attributes:
        expression: with `{}` for the array.
        is_safe_alone: whether it is right for one array though others need none.
        why: what it supposes, to follow the range.
    """

    expression: str
    is_safe_alone: bool = False
    why: str = ""


def _rescaled(ranges: Mapping[str, tuple[float, float]], *, whole: bool = False) -> _Rescaling | None:
    """What brings arrays with these lowest and highest pixels onto one scale; None where nothing can.

    Args:
        ranges: of arrays that belong together.
        whole: whether they are whole numbers.
    """
    low, high = min(low for low, _ in ranges.values()), max(high for _, high in ranges.values())
    if not np.isfinite(low) or not np.isfinite(high) or low == high:
        return None
    if whole and low >= 0 and 1 < high <= 255:
        return _Rescaling('{}.astype("uint8")', True)
    if low >= 0 and _BYTES < high <= 255:
        return _Rescaling('({} / 255).astype("float32")', True)
    if not whole and low >= -_OVERSHOOT and _ONCE * 1.01 < high <= 1 + _OVERSHOOT:
        return _Rescaling("np.clip({}, 0, 1)", True, ", by a little, as after resizing")
    if low >= 0 and 0.9 * _ONCE <= high <= 1.01 * _ONCE:
        return _Rescaling("{} * 255", True, ", as if divided by 255 twice")
    if low >= 0:
        return _Rescaling(f'({{}} / {high!r}).astype("float32")')
    if low >= -1 and high <= 1:
        return _Rescaling('(({} + 1) / 2).astype("float32")')
    return _Rescaling(f'(({{}} - {low!r}) / {high - low!r}).astype("float32")')
