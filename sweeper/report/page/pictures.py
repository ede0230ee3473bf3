"""Images of the data as PNG in a `data:` address, so that the page needs no other file."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GREY, _COLOUR = 0, 2  # colour types of PNG
_SIDE = 128  # pixels of the longer side


def address(pixels: NDArray[np.uint8]) -> str:
    """The `data:` address of an image; of a large one every second pixel, or third, as it is shown small.

    Args:
        pixels: (height, width, channels), uint8; three channels are red, green and blue, of other numbers the first is
            drawn in grey.
    """
    step = -(-max(pixels.shape[:2]) // _SIDE)
    return f"data:image/png;base64,{base64.b64encode(png(pixels[::step, ::step])).decode('ascii')}"


def png(pixels: NDArray[np.uint8]) -> bytes:
    """An image as PNG (ISO/IEC 15948, sections 5 and 11): eight bits a sample, rows unfiltered."""
    height, width, channels = pixels.shape
    colour = channels == 3
    samples = np.ascontiguousarray(pixels if colour else pixels[:, :, :1], dtype=np.uint8).reshape(height, -1)
    rows = np.hstack([np.zeros((height, 1), np.uint8), samples]).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOUR if colour else _GREY, 0, 0, 0)
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(rows, 9)), _chunk(b"IEND", b"")]
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
