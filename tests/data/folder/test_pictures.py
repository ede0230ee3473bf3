from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sweeper.data.folder.pictures import BrokenPictureError, Header, Target, decode, read_header
from tests.data.folder.conftest import gray

GRAY = Target(2, 2, is_grey=True, resize="")
RGB = Target(2, 2, is_grey=False, resize="")


def content(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def solid(mode: str, color: object) -> Image.Image:
    return Image.new(mode, (2, 2), color)  # type: ignore[arg-type]


def palette(image: Image.Image, **options: object) -> bytes:
    return content(image.convert("P", palette=Image.Palette.ADAPTIVE), **options)  # type: ignore[arg-type]


WHITE_HALF = (128 * 100 + 127 * 255 + 127) // 255  # 100 at an alpha of 128, laid on white


@pytest.mark.parametrize(
    ("given", "gray_value", "rgb_value"),
    [
        pytest.param(content(solid("L", 100)), 100, (100, 100, 100), id="gray"),
        pytest.param(content(solid("1", 1)), 255, (255, 255, 255), id="black and white"),
        pytest.param(content(solid("RGB", (200, 100, 50))), 124, (200, 100, 50), id="colour"),
        pytest.param(palette(solid("RGB", (200, 100, 50))), 124, (200, 100, 50), id="palette"),
        pytest.param(content(solid("RGBA", (200, 100, 50, 255))), 124, (200, 100, 50), id="opaque alpha"),
        pytest.param(content(solid("RGBA", (0, 0, 0, 0))), 255, (255, 255, 255), id="transparent, laid on white"),
        pytest.param(content(solid("LA", (100, 128))), WHITE_HALF, (WHITE_HALF,) * 3, id="half transparent gray"),
        pytest.param(content(solid("L", 100), transparency=100), 255, (255, 255, 255), id="a transparent gray level"),
        pytest.param(content(solid("RGB", (9, 9, 9)), transparency=(9, 9, 9)), 255, (255,) * 3, id="a colour likewise"),
        pytest.param(content(solid("I;16", 257 * 77)), 77, (77, 77, 77), id="16 bits"),
        pytest.param(content(solid("I;16", 65_535)), 255, (255, 255, 255), id="16 bits, white"),
        pytest.param(content(solid("I;16", 257 * 77 + 128)), 77, (77, 77, 77), id="16 bits, rounded down"),
        pytest.param(content(solid("I;16", 257 * 77 + 129)), 78, (78, 78, 78), id="16 bits, rounded up"),
        pytest.param(content(solid("I;16", 257 * 77), "TIFF"), 77, (77, 77, 77), id="16 bits as TIFF"),
        pytest.param(content(solid("CMYK", (0, 0, 0, 0)), "JPEG"), 255, (255, 255, 255), id="print colours"),
        pytest.param(content(solid("RGB", (200, 100, 50)), "BMP"), 124, (200, 100, 50), id="BMP"),
        pytest.param(content(solid("RGB", (200, 100, 50)), "WEBP", lossless=True), 124, (200, 100, 50), id="WebP"),
    ],
)
def test_every_kind_of_picture_becomes_gray_or_colour_of_8_bits(
    given: bytes, gray_value: int, rgb_value: tuple[int, ...]
) -> None:
    assert decode(given, GRAY).tolist() == [[[gray_value]] * 2] * 2
    assert decode(given, RGB).tolist() == [[list(rgb_value)] * 2] * 2


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [solid("L", 10), solid("L", 200)]
    given = content(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(given, GRAY).tolist() == [[[10]] * 2] * 2


def with_orientation(image: Image.Image, orientation: int, kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return content(image, kind, exif=exif, **({"quality": 100, "subsampling": 0} if kind == "JPEG" else {}))


UPRIGHT = np.array([[0, 60, 120], [180, 220, 255]], dtype=np.uint8)
#: How the pixels are stored for each way in which a camera may be held.
STORED = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.T,
    6: np.rot90(UPRIGHT, 1),
    7: np.rot90(UPRIGHT, 2).T,
    8: np.rot90(UPRIGHT, -1),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", STORED)
def test_a_picture_is_turned_as_exif_says(tmp_path: Path, orientation: int, kind: str) -> None:
    path = tmp_path / "picture"
    big = np.kron(STORED[orientation], np.ones((16, 16), dtype=np.uint8))  # JPEG blurs single pixels
    image = Image.fromarray(big).convert("RGB" if kind == "WEBP" else "L")
    lossless = {"lossless": True} if kind == "WEBP" else {}
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, kind, exif=exif, **lossless)
    header = read_header(path)
    assert (header.height, header.width) == (32, 48)
    found = decode(path.read_bytes(), Target(32, 48, is_grey=True, resize=""))[8::16, 8::16, 0].astype(int)
    assert np.abs(found - UPRIGHT).max() <= 3


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("L", True), ("1", True), ("LA", True), ("I;16", True), ("RGB", False), ("RGBA", False)],
)
def test_a_header_says_whether_a_picture_is_gray(tmp_path: Path, mode: str, expected: bool) -> None:
    Image.new(mode, (5, 3)).save(tmp_path / "a.png")
    assert read_header(tmp_path / "a.png") == Header(3, 5, is_grey=expected)


@pytest.mark.parametrize(("color", "expected"), [((9, 9, 9), True), ((9, 9, 10), False)], ids=["grays", "colours"])
def test_a_palette_is_gray_if_its_colours_are(tmp_path: Path, color: tuple[int, int, int], expected: bool) -> None:
    image = Image.new("P", (2, 2))
    image.putpalette([0, 0, 0, *color])
    image.save(tmp_path / "a.png")
    assert read_header(tmp_path / "a.png").is_grey is expected


STRIPES = Image.fromarray(np.repeat(np.array([[10, 20, 30, 40]], dtype=np.uint8), 2, axis=0))  # 2x4


@pytest.mark.parametrize(
    ("resize", "expected"),
    [
        pytest.param("stretch", [[17, 33], [17, 33]], id="stretch: all of it, with other proportions"),
        pytest.param("crop", [[20, 30], [20, 30]], id="crop: the middle, in its proportions"),
        pytest.param("pad", None, id="pad: all of it, in its proportions, black around"),
    ],
)
def test_other_shapes_are_stretched_cropped_or_padded(resize: str, expected: list[list[int]] | None) -> None:
    found = decode(content(STRIPES), Target(2, 2, is_grey=True, resize=resize))[..., 0]
    if expected is not None:
        assert np.abs(found.astype(int) - expected).max() <= 1
    padded = decode(content(STRIPES), Target(4, 4, is_grey=True, resize="pad"))[..., 0]
    assert padded.tolist() == [[0] * 4, [10, 20, 30, 40], [10, 20, 30, 40], [0] * 4]


def test_a_picture_of_the_right_size_keeps_its_pixels() -> None:
    image = gray(0)
    for resize in ("stretch", "crop", "pad", ""):
        found = decode(content(image), Target(6, 6, is_grey=True, resize=resize))
        np.testing.assert_array_equal(found[..., 0], np.asarray(image))


WHOLE = content(gray(1, 40, 40))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"<html>", "no picture in a known format", id="another file"),
        pytest.param(WHOLE[:-200], "truncated", id="truncated"),
        pytest.param(WHOLE[:300] + b"\0" * 200 + WHOLE[500:], "broken|checksum|data|decod|truncated", id="damaged"),
        pytest.param(content(Image.new("F", (2, 2)), "TIFF"), "its pixels are floating-point numbers", id="floats"),
        pytest.param(content(Image.new("I", (2, 2), 70_000), "TIFF"), "its pixels have 32 bits", id="32 bits"),
    ],
)
def test_what_is_no_picture_says_why(given: bytes, reason: str) -> None:
    with pytest.raises(BrokenPictureError, match=reason):
        decode(given, Target(40, 40, is_grey=True, resize="stretch"))


def test_a_png_that_is_turned_by_what_stands_behind_its_pixels_is_not_stretched() -> None:
    whole = with_orientation(gray(0, 4, 6), 6, "PNG")
    start = whole.index(b"eXIf") - 4
    length = int.from_bytes(whole[start : start + 4], "big") + 12
    chunk, end = whole[start : start + length], len(whole) - 12
    late = whole[:start] + whole[start + length : end] + chunk + whole[end:]
    with pytest.raises(BrokenPictureError, match="upright, it has 6x4 pixels, not 4x6"):
        decode(late, Target(4, 6, is_grey=True, resize=""))
    assert decode(late, Target(6, 4, is_grey=True, resize="")).shape == (6, 4, 1)
