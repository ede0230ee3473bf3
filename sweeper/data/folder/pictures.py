"""One picture: what its header says, and its pixels as 8-bit grey or colour of the size that is asked for.

The rules, in this order:

    rotation   as EXIF gives the camera's orientation
    frames     of an animation, and of a file of several pages, the first
    16 bits    grey: divided by 257, rounded; of colour, Pillow keeps the upper byte
    palette    its colours
    alpha      drawn on white
    colour     grey from colour: 0.299 red + 0.587 green + 0.114 blue (ITU-R 601-2)
    size       bilinear, of all pixels that a new one covers

What does not live here: which files there are (`listing`), and where their pixels are kept (`kept`).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# The plugins are imported by name: with a list of formats, Pillow looks for no others.
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

_PLUGINS = (BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin,
            WebPImagePlugin)  # fmt: skip
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")  # of several pictures (MPO) too, which JPEG opens

_ORIENTATION = 0x0112  # the EXIF tag
_SIDEWAYS = (5, 6, 7, 8)  # its values for pictures whose sides change places
_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
_FILTER = Image.Resampling.BILINEAR


class BrokenPictureError(Exception):
    """A file that cannot be read as a picture; the message is the reason."""


@dataclass(frozen=True)
class Header:
    """What a picture's file says of it before its pixels.

    Attributes:
        height, width: in pixels, upright.
        is_grey: whether it has no colours by its kind, or none in its palette.
    """

    height: int
    width: int
    is_grey: bool


@dataclass(frozen=True)
class Target:
    """What pictures become.

    Attributes:
        height, width: in pixels.
        is_grey: one channel, else three.
        resize: how another shape is treated: `stretch` it, `crop` what is beyond, or `pad` it with black; empty where
            all have this size already.
    """

    height: int
    width: int
    is_grey: bool
    resize: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, 1 if self.is_grey else 3


def read_header(path: Path) -> Header:
    """Reads what a picture's file says of it; its pixels are not decoded.

    Raises:
        BrokenPictureError: it cannot be read.
    """
    try:
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            if _sideways(image):
                height, width = width, height
            return Header(height, width, _is_grey(image))
    except MemoryError:
        raise
    except Exception as err:
        raise BrokenPictureError(_reason(err)) from err


def decode(content: bytes, target: Target) -> NDArray[np.uint8]:
    """The pixels of a picture.

    Args:
        content: the bytes of its file.
        target: what it becomes.

    Returns:
        (height, width, channels) uint8.

    Raises:
        BrokenPictureError: it cannot be read.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            image.load()
            upright = ImageOps.exif_transpose(image)
        return np.asarray(_resized(_eight_bit(upright, target.is_grey), target)).reshape(target.shape)
    except MemoryError:
        raise
    except Exception as err:  # Pillow raises many kinds for damaged files; all of them are reported, none is hidden
        raise BrokenPictureError(_reason(err) if content else "the file is empty") from err


def _sideways(image: Image.Image) -> bool:
    """Whether EXIF says that height and width change places; Pillow has turned the size of a TIFF already."""
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return False  # a PNG's EXIF after its pixels would be found by decoding it alone
    return image.getexif().get(_ORIENTATION) in _SIDEWAYS


def _is_grey(image: Image.Image) -> bool:
    if image.mode not in ("P", "PA"):
        return image.mode in _GREY
    palette = image.getpalette("RGB") or []
    return palette[0::3] == palette[1::3] == palette[2::3]


def _eight_bit(image: Image.Image, is_grey: bool) -> Image.Image:
    """An upright picture as `L` or `RGB`."""
    if image.mode == "F":
        raise BrokenPictureError("its pixels are floating-point numbers")
    if image.mode.startswith("I"):
        image = _from_16_bits(image)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    elif image.mode not in ("1", "L"):
        image = image.convert("RGB")
    return image.convert("L" if is_grey else "RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, which Pillow may hold in 32, as `L`."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65_535:
        raise BrokenPictureError("its pixels have 32 bits")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _resized(image: Image.Image, target: Target) -> Image.Image:
    size = (target.width, target.height)
    if image.size == size:
        return image
    if not target.resize:
        expected = f"{target.height}x{target.width}"
        raise BrokenPictureError(f"upright, it has {image.height}x{image.width} pixels, not {expected}")
    if target.resize == "crop":
        return ImageOps.fit(image, size, _FILTER)
    if target.resize == "pad":
        return ImageOps.pad(image, size, _FILTER)
    return image.resize(size, _FILTER)


def _reason(err: Exception) -> str:
    """Why a picture cannot be read, in a few words."""
    if isinstance(err, BrokenPictureError):
        return str(err)
    if isinstance(err, UnidentifiedImageError):
        return "no picture in a known format"
    if isinstance(err, OSError) and err.strerror:
        return err.strerror
    lines = str(err).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(err).__name__
