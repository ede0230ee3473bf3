from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sweeper.data import as_float, mapped
from sweeper.data.mapped import MappedImages

PIXELS = np.arange(7 * 2 * 3, dtype=np.uint8).reshape(7, 2, 3, 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.save(tmp_path / "images.npy", PIXELS)
    return tmp_path / "images.npy"


@pytest.mark.parametrize(
    "which",
    [0, -1, slice(1, 3), slice(5, 100), slice(0, 0), np.array([3, 0, 3]), np.array([], dtype=np.int64)],
    ids=str,
)
def test_it_is_indexed_like_an_array(path: Path, which: int | slice) -> None:
    rows = np.array([6, 0, 2, 2, 5])
    found = MappedImages(path, rows)
    np.testing.assert_array_equal(found[which], PIXELS[rows][which])
    assert (len(found), found.shape, found.dtype) == (5, (5, 2, 3, 1), np.uint8)


def test_some_of_some_are_images_of_the_file(path: Path) -> None:
    found = MappedImages(path, np.array([6, 0, 2])).select(np.array([2, 0]))
    np.testing.assert_array_equal(np.stack(list(found)), PIXELS[[2, 6]])


def test_all_of_a_file(path: Path) -> None:
    np.testing.assert_array_equal(MappedImages.open(path)[:], PIXELS)
    np.testing.assert_array_equal(as_float(MappedImages.open(path)), PIXELS.astype(np.float32) / np.float32(255))


def test_pages_of_a_large_file_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (64, 512, 512, 1), dtype=np.uint8)  # 16 MiB
    np.save(tmp_path / "images.npy", images)
    grown = {}
    for large in (2**40, 1):
        monkeypatch.setattr(mapped, "_LARGE", large)
        found, before = MappedImages.open(tmp_path / "images.npy"), mapped_bytes()
        for place in range(64):
            np.testing.assert_array_equal(found[place], images[place])
        grown[large] = mapped_bytes() - before
    assert grown[2**40] >= 15 * 2**20
    assert grown[1] < 4 * 2**20


def mapped_bytes() -> int:
    """Resident memory of this process that lies in files."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssFile:"))


def test_a_file_that_is_deleted_meanwhile_is_still_read(path: Path) -> None:
    found = MappedImages.open(path)
    path.unlink()
    np.testing.assert_array_equal(np.stack(list(found)), PIXELS)
