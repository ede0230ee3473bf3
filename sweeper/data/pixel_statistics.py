"""Mean and variance of the training images' pixels, per channel."""

from __future__ import annotations

import numpy as np

from sweeper.core.datasets import PixelStatistics
from sweeper.data.arrays import AnyImages
from sweeper.data.splits import Indices

_CHUNK = 256  # images in memory at a time


def pixel_statistics(images: AnyImages, chosen: Indices) -> PixelStatistics:
    """Mean and variance of the chosen images, as floats in [0, 1]; of bytes they are summed in whole numbers.

    Args:
        images: (n, height, width, channels), uint8 or float32 in [0, 1].
        chosen: which of them.
    """
    channels = images.shape[-1]
    is_bytes = images.dtype == np.uint8
    kind = np.uint64 if is_bytes else np.float64
    total, squares, number = np.zeros(channels, kind), np.zeros(channels, kind), 0
    for start in range(0, len(chosen), _CHUNK):
        pixels = np.asarray(images[chosen[start : start + _CHUNK]]).reshape(-1, channels).astype(kind)
        total += pixels.sum(axis=0)
        squares += (pixels * pixels).sum(axis=0)
        number += len(pixels)
    scale = 255.0 if is_bytes else 1.0
    # In whole numbers of Python, n * sum(x^2) - sum(x)^2 loses no digit where the variance is small.
    spread = [
        (number * int(two) - int(one) ** 2) if is_bytes else number * float(two) - float(one) ** 2
        for one, two in zip(total, squares, strict=True)
    ]
    variance = [float(one) / number**2 / scale**2 for one in spread]
    return PixelStatistics(
        tuple(float(one) / number / scale for one in total), tuple(one if one > 1e-12 else 1.0 for one in variance)
    )
