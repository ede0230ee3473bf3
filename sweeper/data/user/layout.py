"""Which axis of an array of images is which: shapes that look right, and are another order of axes. Pure.

Networks take (n, height, width, channels). Channels that come first, beyond doubt, are put last; other orders are
refused. What does not live here: the pixels' values (`scale`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sweeper.core.text import listed
from sweeper.data.arrays import AnyArray, ArrayHeader
from sweeper.data.user.repair import Fault, change

Shape = tuple[int, ...]

#: Channels that pictures commonly have: grey, with transparency, colour, colour with transparency.
MOST_CHANNELS = 4


@dataclass(frozen=True)
class Misreading:
    """A shape that would be misread, or not at all.

    Attributes:
        text: what is wrong, to follow "x_train has the shape (…):".
        expression: what makes the array right, with `{}` for it; empty where it could be several things.
    """

    text: str
    expression: str = ""


def faults(headers: Mapping[str, ArrayHeader], counts: Mapping[str, int | None]) -> list[Fault]:
    """What is wrong with the order of the images' axes.

    Args:
        headers: of the arrays of images, by their names; training first, then test or validation, where there is one.
        counts: how many labels there are for each of them; None where that is not known.
    """
    train, *others = headers
    test = others[0] if others else train
    num_train, num_test, axis = counts[train], counts[test], None
    if num_train is not None and num_test is not None:
        axis = image_axis(headers[train].shape, headers[test].shape, num_train, num_test)
    found = []
    for key, header in headers.items():
        if header.dtype.hasobject:
            continue
        if 0 in header.shape:
            found.append(Fault(f"{key} is empty: its shape is {header.shape}"))
        elif (axis is not None or not is_channels_first(header.shape)) and (wrong := misreading(header.shape, axis)):
            fix = (change(key, wrong.expression),) if wrong.expression else None
            found.append(Fault(f"{key} has the shape {header.shape}: {wrong.text}", fix))
    return found


def is_channels_first(shape: Shape) -> bool:
    """Whether (n, channels, height, width) is beyond doubt: few channels, and no side that could be them."""
    return len(shape) == 4 and shape[1] <= MOST_CHANNELS < min(shape[2:])


def image_shape(shape: Shape) -> tuple[int, int, int]:
    """(height, width, channels) of one of the images of an array without faults."""
    if is_channels_first(shape):
        return shape[2], shape[3], shape[1]
    return shape[1], shape[2], shape[3] if len(shape) == 4 else 1


def channels_last(images: AnyArray) -> AnyArray:
    """Images of an array without faults as (n, height, width, channels), in C order."""
    if images.ndim == 3:
        return np.ascontiguousarray(images[..., np.newaxis])
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1) if is_channels_first(images.shape) else images)


def said(headers: Mapping[str, ArrayHeader]) -> list[str]:
    """A sentence about arrays whose axes are put in another order."""
    first = [key for key, header in headers.items() if is_channels_first(header.shape)]
    if not first:
        return []
    has = "has its" if len(first) == 1 else "have their"
    return [f"{listed(first)} {has} channels first, as in PyTorch: they are put last."]


def notes(headers: Mapping[str, ArrayHeader]) -> list[str]:
    """A sentence for images with more channels than pictures commonly have."""
    height, width, channels = image_shape(next(iter(headers.values())).shape)
    if channels <= MOST_CHANNELS:
        return []
    return [f"Images are read as pictures of {height}x{width} pixels with {channels} channels."]


def image_axis(train: Shape, test: Shape, num_train: int, num_test: int) -> int | None:
    """The axis along which the images lie, where it is not the first; None where it is, or nothing shows it.

    Args:
        train, test: shapes of the training and the test images.
        num_train, num_test: how many labels there are of each.
    """
    if len(train) != len(test) or (train[:1], test[:1]) == ((num_train,), (num_test,)):
        return None
    found = [
        axis
        for axis in range(1, len(train))
        if (train[axis], test[axis]) == (num_train, num_test) and _without(train, axis) == _without(test, axis)
    ]
    return found[0] if len(found) == 1 else None


def misreading(shape: Shape, axis: int | None = None) -> Misreading | None:
    """What is wrong with the shape of images; None where it is (n, height, width) or (n, height, width, channels).

    Args:
        shape: of the array.
        axis: along which the images lie, where it is known not to be the first.
    """
    if axis is not None:
        order = (axis, *(other for other in range(len(shape)) if other != axis))
        moved = misreading(tuple(shape[other] for other in order))
        text = f"the images lie along {'the last axis' if axis == len(shape) - 1 else f'axis {axis}'}, not the first"
        if moved is None or moved.expression:
            return Misreading(text, ("{}" if moved is None else moved.expression).format(f"{{}}.transpose{order}"))
        return Misreading(f"{text}, and {moved.text}")
    if len(shape) > 4:
        return _of_many_axes(shape)
    return {2: _of_rows, 3: _of_grey, 4: _of_channels}.get(len(shape), _of_nothing)(shape)


def _without(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])


def _of_nothing(shape: Shape) -> Misreading:
    return Misreading("images are (n, height, width) or (n, height, width, channels)")


def _of_many_axes(shape: Shape) -> Misreading:
    """More than four axes: those of length 1 are spare, if what is left are images."""
    left = (shape[0], *(length for length in shape[1:] if length != 1))
    text = f"it has {len(shape)} axes, images have three or four"
    if len(left) not in (3, 4) or (len(left) == 4 and min(left[1:]) > MOST_CHANNELS):
        return Misreading(text)
    inner = misreading(left)
    if inner is None or inner.expression:
        reshaped = f"{{}}.reshape(-1, {', '.join(map(str, left[1:]))})"
        return Misreading(text, ("{}" if inner is None else inner.expression).format(reshaped))
    return Misreading(text)


def _of_rows(shape: Shape) -> Misreading:
    return _flat(shape[1]) or Misreading("one row of values for each, not a picture with height and width")


def _flat(length: int) -> Misreading | None:
    """Pixels in one row: of a square picture, grey or in colour."""
    text = f"each image is flat, a row of {length} values"
    if side := _side(length):
        return Misreading(text, f"{{}}.reshape(-1, {side}, {side})")
    if length % 3 == 0 and (side := _side(length // 3)):
        return Misreading(
            f"{text}; with the colours of a pixel side by side it becomes a picture by .reshape(-1, {side}, {side}, "
            f"3), with one colour after the other (as in CIFAR's files) by .reshape(-1, 3, {side}, {side})"
            ".transpose(0, 2, 3, 1)"
        )
    return None


def _side(area: int) -> int:
    """The side of a square picture of so many pixels; 0 where there is none, or it would be tiny."""
    side = math.isqrt(area)
    return side if side * side == area and side > MOST_CHANNELS else 0


def _of_grey(shape: Shape) -> Misreading | None:
    """(n, height, width): strips are rather rows of pixels, or a row of pixels with their channels."""
    _, height, width = shape
    short, long = sorted((height, width))
    if not short <= MOST_CHANNELS < long:
        return None
    if short == 1:
        flat = _flat(long)
        strips = f"; strips of {height}x{width} pixels need an axis for the channel"
        return Misreading(f"{flat.text}{strips}", flat.expression) if flat else _strip(height, width)
    if side := _side(long):
        expression = (
            f"{{}}.reshape(-1, {side}, {side}, {width})"
            if width == short
            else f"{{}}.reshape(-1, {height}, {side}, {side}).transpose(0, 2, 3, 1)"
        )
        return Misreading(f"each image is flat, {long} pixels of {short} channels", expression)
    return _strip(height, width)


def _strip(height: int, width: int) -> Misreading:
    return Misreading(
        f"it would be read as grey pictures of {height}x{width} pixels; if they are, add an axis for the channel",
        "{}[..., None]",
    )


def _of_channels(shape: Shape) -> Misreading | None:
    """(n, height, width, channels): channels come last; of two equal axes and another one, that one is theirs."""
    _, first, second, last = shape
    text = f"it would be read as pictures of {first}x{second} pixels with {last} channels, but the channels come"
    if first <= MOST_CHANNELS < last or (second == last != first and (last > MOST_CHANNELS or first < last)):
        return Misreading(f"{text} first, as in PyTorch", "{}.transpose(0, 2, 3, 1)")
    if second <= MOST_CHANNELS < min(first, last):
        return Misreading(f"{text} in the middle", "{}.transpose(0, 1, 3, 2)")
    return None
