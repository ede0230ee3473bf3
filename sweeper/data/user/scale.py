"""The scale of a user's pixels: what is taken as it is, what is brought to bytes or to [0, 1], and what is refused.

A scale is taken where the values leave no doubt about it: all arrays of images are looked at together. What does not
live here: the order of the axes (`layout`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweeper.core.text import listed
from sweeper.data.arrays import AnyArray, Images
from sweeper.data.formats.npz import is_whole_numbers
from sweeper.data.user.repair import Fault, change

#: How far pixels may lie outside [0, 1] by rounding, by their bytes per number: a few units in the last place.
_ROUNDING = {2: 2e-3, 4: 1e-6, 8: 1e-6}
_ONCE = 1 / 255  # the highest pixel where a scale of 0 to 255 was divided by 255 twice
_BYTE, _WORD = 255, 65_535  # the ends of the scales of 8 and of 16 bits; a highest pixel above their half shows them
_OVERSHOOT = 0.1  # how far resizing may carry pixels beyond the scale
_DARK = 0.125  # share of the scale that the highest pixel of common pictures exceeds


@dataclass(frozen=True)
class _Range:
    """What is known of an array's pixels."""

    dtype: np.dtype[np.generic]
    low: float
    high: float

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    @property
    def is_byte(self) -> bool:
        """Whether the type alone says what the values mean."""
        return self.dtype == np.uint8 or self.dtype == np.bool_

    @property
    def is_unit(self) -> bool:
        """Floats in [0, 1], up to rounding, and not so dark that they can only be on another scale."""
        if self.dtype.kind != "f":
            return False
        slack = _ROUNDING[self.dtype.itemsize]
        return -slack <= self.low and self.high <= 1.0 + slack and not 0.0 < self.high <= _ONCE * (1.0 + slack)


@dataclass(frozen=True)
class Conversion:
    """What is done to the arrays of images whose values are on another scale.

    Attributes:
        end: the highest value of their scale: 1, 255 or 65,535; 0 where nothing is done.
        names: of the arrays that it is done to.
        to_bytes: whether they become bytes; else floats.
        said: what is done, a sentence; empty where nothing is.
    """

    end: int = 0
    names: tuple[str, ...] = ()
    to_bytes: bool = True
    said: str = ""

    def apply(self, name: str, images: AnyArray) -> Images:
        """Images as the trials take them: uint8, or float32 in [0, 1]; the axes stay as they are.

        Args:
            name: of the array.
            images: its values, as `find` has seen them.
        """
        if name not in self.names:
            return _as_they_are(images)
        if self.end == 1:
            return (images * 255).astype(np.uint8)
        if self.end == _WORD:
            return _from_16_bits(images)
        if self.to_bytes or images.dtype.kind != "f":
            return images.astype(np.uint8)
        scaled = images.astype(np.float32)
        scaled /= np.float32(255)
        return scaled


def find(images: Mapping[str, AnyArray]) -> tuple[Conversion, list[Fault]]:
    """What is to be done to arrays of images that belong together, or what is wrong with them.

    Args:
        images: by their names in the file; whole numbers, bool or floats.
    """
    ranges = {name: _range(array) for name, array in images.items()}
    if not all(one.is_finite for one in ranges.values()):
        return Conversion(), _faults(ranges)
    others = {name: one for name, one in ranges.items() if not one.is_byte and not one.is_unit}
    if all(is_whole_numbers(one.dtype) for one in ranges.values()) and _span(ranges) == (0, 1):
        return Conversion(1, tuple(ranges), said=_sentence(ranges, "black and white, as 0 and 1")), []
    if not others:
        return Conversion(), _faults(ranges)
    if any(one.is_unit for one in ranges.values()):  # some are on a scale of 0 to 1 already
        return Conversion(), _faults(ranges)
    low, high = _span(others)
    if low >= 0 and _BYTE // 2 < high <= _BYTE and all(one.high > 1 for one in others.values()):
        floats = [images[name] for name, one in others.items() if one.dtype.kind == "f"]
        are_whole = all(np.array_equal(array, np.round(array)) for array in floats)
        done = "read as bytes" if are_whole else "divided by 255"
        return Conversion(_BYTE, tuple(others), are_whole, _sentence(others, done)), []
    if low >= 0 and _WORD // 2 < high <= _WORD and len(others) == len(ranges):
        done = "divided by 257 and rounded to bytes, as pictures of 16 bits are"
        return Conversion(_WORD, tuple(others), said=_sentence(others, done)), []
    return Conversion(), _faults(ranges)


def dark_notes(images: Mapping[str, AnyArray]) -> list[str]:
    """A sentence for each array whose highest pixel is far below the scale, which may be meant.

    Args:
        images: as the trials take them.
    """
    found = []
    for key, array in images.items():
        scale = 255.0 if array.dtype == np.uint8 else 1.0
        if (high := float(array.max())) <= _DARK * scale:
            found.append(
                f"The highest pixel of {key} is {high:.4g} on the scale of 0 to {scale:g}: all its images are dark."
            )
    return found


def _as_they_are(images: AnyArray) -> Images:
    if images.dtype == np.bool_:
        return images.astype(np.uint8) * np.uint8(255)
    if images.dtype == np.uint8:
        return images
    floats = images.astype(np.float32, copy=False)
    if float(floats.min()) < 0.0 or float(floats.max()) > 1.0:
        floats = np.clip(floats, 0.0, 1.0)  # rounding, as `find` has made sure
    return floats


def _from_16_bits(images: AnyArray) -> npt.NDArray[np.uint8]:
    """Values of 0 to 65,535 divided by 257 and rounded; one image at a time, since they become 64 bits meanwhile."""
    found = np.empty(images.shape, dtype=np.uint8)
    for place, image in enumerate(images):
        found[place] = (np.round(image).astype(np.int64) + 128) // 257
    return found


def _range(array: AnyArray) -> _Range:
    """Lowest and highest value; NaN where any is."""
    with np.errstate(invalid="ignore"):
        return _Range(array.dtype, float(array.min()), float(array.max()))


def _span(ranges: Mapping[str, _Range]) -> tuple[float, float]:
    return min(one.low for one in ranges.values()), max(one.high for one in ranges.values())


def _sentence(ranges: Mapping[str, _Range], done: str) -> str:
    low, high = _span(ranges)
    kinds = listed(dict.fromkeys(str(one.dtype) for one in ranges.values()))
    verb = "is" if len(ranges) == 1 else "are"
    return f"{listed(ranges)} {verb} {kinds} from {low:,g} to {high:,g}: {done}."


def _faults(ranges: Mapping[str, _Range]) -> list[Fault]:
    """What is wrong with the values of pixels, with what brings them to a scale where that can be told."""
    whole = {name: one for name, one in ranges.items() if one.dtype.kind in "iu" and not one.is_byte}
    floats = {name: one for name, one in ranges.items() if one.dtype.kind == "f"}
    off = {name: one for name, one in floats.items() if not one.is_unit}
    shared = _rescaled(off) if off else None
    if shared is not None and len(off) < len(floats) and not shared.is_safe_alone:
        shared = None  # the other arrays are on the right scale already, or on none: only the user knows
    shared_whole = _rescaled(whole, whole=True) if whole else None
    faults = []
    for key, one in ranges.items():
        if not one.is_finite:
            faults.append(Fault(f"{key} has pixels that are NaN or infinite"))
        elif one.dtype == np.uint8 and one.high == 1.0:
            text = f"{key} is uint8 with no value above 1, almost black on the scale of 0 to 255"
            faults.append(Fault(text, (change(key, "{} * 255"),)))
        elif key in whole:
            text = f"{key} is {one.dtype} from {one.low:g} to {one.high:g}, on a scale that cannot be told"
            faults.append(Fault(text, (change(key, shared_whole.expression),) if shared_whole else None))
        elif key in off:
            dark = one.low >= 0 and one.high <= 1
            where = "almost black on the scale of 0 to 1" if dark else "outside [0, 1]"
            text = f"{key} is {one.dtype} from {one.low:g} to {one.high:g}, {where}{shared.why if shared else ''}"
            faults.append(Fault(text, (change(key, shared.expression),) if shared else None))
    return faults


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


def _rescaled(ranges: Mapping[str, _Range], *, whole: bool = False) -> _Rescaling | None:
    """What brings arrays with these lowest and highest pixels onto one scale; None where nothing can.

    Args:
        ranges: of arrays that belong together.
        whole: whether they are whole numbers.
    """
    low, high = _span(ranges)
    if not np.isfinite(low) or not np.isfinite(high) or low == high:
        return None
    if whole and (low, high) == (0, 1):
        return _Rescaling('({} * 255).astype("uint8")', True)
    if low >= 0 and _BYTE // 2 < high <= _BYTE:
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
