"""A folder of pictures for each test, made by a few words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Make = Callable[..., Path]


def gray(number: int, height: int = 6, width: int = 6) -> Image.Image:
    """A gray picture, different for each number."""
    pixels = np.random.default_rng(number).integers(0, 256, (height, width), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes gray pictures of 6x6 pixels to `tmp_path/pictures`, so many to each folder that is named."""

    def write(root: str = "pictures", **counts: int) -> Path:
        folder, number = tmp_path / root, 0
        folder.mkdir(exist_ok=True)
        for name, count in counts.items():
            place = folder / name.replace("__", "/")
            place.mkdir(parents=True, exist_ok=True)
            for one in range(count):
                gray(number).save(place / f"{one:03d}.png")
                number += 1
        return folder

    return write
