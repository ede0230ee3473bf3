"""Files in NumPy's npz format: what is refused, and damage."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from custom_arrays import arrays, config, saved
from sweeper.core.errors import DataError
from sweeper.data import describe, prepare


class Trap:
    """Unpickling it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("key", ["x_train", "y_train"])
def test_a_pickle_in_the_file_is_refused_and_never_opened(key, tmp_path):
    sprung = tmp_path / "sprung"
    chosen = saved(tmp_path, {**arrays(), key: np.array([Trap(sprung)], dtype=object)})
    for door in (describe, lambda chosen: prepare(chosen, tmp_path / "prepared")):
        with pytest.raises(DataError, match=rf"{key} holds Python objects \(a pickle\), which is never opened"):
            door(chosen)
    assert not sprung.exists()
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists()  # the trap works


def write_nothing(path: Path) -> None:
    path.write_bytes(b"")


def write_text(path: Path) -> None:
    path.write_text("x_train,y_train\n")


def write_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, arrays()["x_train"])


def write_half(path: Path) -> None:
    np.savez(path, **arrays())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def write_folder(path: Path) -> None:
    path.mkdir()


def write_changed(path: Path, change: Callable[[bytes], bytes], compression: int = zipfile.ZIP_STORED) -> None:
    """Writes x_train's member changed, with directory and checksum that fit the change."""
    np.savez(path, **arrays())
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, change(content) if name == "x_train.npy" else content)


def write_wrong_size(path: Path) -> None:
    write_changed(path, lambda content: content[:-5])


def write_large_claim(path: Path) -> None:
    claim = b"(1200000000000, 6, 5), }"
    write_changed(path, lambda content: content.replace(b"(12, 6, 5), }".ljust(len(claim)), claim))


def write_control_characters(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("\x1b[2J.npy", "")


def write_lzma(path: Path) -> None:
    write_changed(path, lambda content: content, zipfile.ZIP_LZMA)


def write_no_array(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for key in arrays():
            archive.writestr(f"{key}.npy", "no array")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        pytest.param(write_nothing, r"my\.npz is an empty file", id="empty"),
        pytest.param(write_text, r"my\.npz is not an \.npz file \(it is not a zip archive\)", id="text"),
        pytest.param(write_array, r"my\.npz is a single array \(\.npy\), not an \.npz file of four", id="npy"),
        pytest.param(write_half, r"my\.npz is truncated or corrupt \(File is not a zip file\)", id="half"),
        pytest.param(write_folder, r"The folder .*my\.npz lacks the IDX files of train-images, ", id="folder"),
        pytest.param(write_wrong_size, r"truncated or corrupt \(x_train is \(12, 6, 5\) uint8, 488 bytes", id="size"),
        pytest.param(write_large_claim, r"x_train is \(1200000000000, 6, 5\) uint8, 36\d+ bytes", id="a large claim"),
        pytest.param(write_control_characters, r"it holds '\\x1b\[2J'\.", id="control characters"),
        pytest.param(write_lzma, r"truncated or corrupt \(x_train is compressed in another way", id="lzma"),
        pytest.param(write_no_array, r"truncated or corrupt \(the magic string is not correct", id="no array"),
        pytest.param(lambda path: None, r"my\.npz cannot be opened \(.*No such file", id="missing"),
    ],
)
def test_a_file_that_is_no_npz_is_refused_with_what_it_is(write, message, tmp_path):
    path = tmp_path / "my.npz"
    write(path)
    with pytest.raises(DataError, match=message) as caught:
        describe(config(path))
    assert str(caught.value).endswith("Try: data=npz data.path=my.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_flipped_byte_among_the_pixels_is_found_by_its_checksum(save, tmp_path):
    path = tmp_path / "my.npz"
    save(path, **arrays())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("x_train.npy").header_offset
    content = bytearray(path.read_bytes())
    content[start + 300] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"my\.npz is truncated or corrupt"):
        prepare(config(path), tmp_path / "prepared")


def test_damage_anywhere_in_the_file_is_either_refused_or_harmless(tmp_path):
    path = tmp_path / "my.npz"
    np.savez_compressed(path, **arrays())
    whole, random = path.read_bytes(), np.random.RandomState(0)
    refused = 0
    for _ in range(300):
        content = bytearray(whole[: random.randint(1, len(whole))] if random.rand() < 0.2 else whole)
        for place in random.randint(0, len(content), size=3):
            content[place] = random.randint(0, 256)
        path.write_bytes(content)
        try:
            prepare(config(path), tmp_path / "prepared")
        except DataError:
            refused += 1
    assert refused > 250
