"""Published data sets are downloaded into the cache."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import struct
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeper.core.errors import DataError
from sweeper.data import download, published
from sweeper.data.arrays import Inventory
from sweeper.data.download import RemoteFile
from sweeper.data.published import PublishedSet

UNREACHABLE = "http://127.0.0.1:9/"


NAMES = {"x_train": "train-images-idx3", "y_train": "train-labels-idx1", "x_test": "t10k-images-idx3",
         "y_test": "t10k-labels-idx1"}  # fmt: skip


def small_arrays() -> dict[str, np.ndarray]:
    """Six training and four test images of 4x3 pixels in two classes."""
    random = np.random.RandomState(1)
    return {
        "x_train": random.randint(0, 256, (6, 4, 3)).astype(np.uint8),
        "y_train": np.array([0, 1, 0, 1, 0, 1], dtype=np.uint8),
        "x_test": random.randint(0, 256, (4, 4, 3)).astype(np.uint8),
        "y_test": np.array([0, 0, 1, 1], dtype=np.uint8),
    }


def small_set(**changes) -> PublishedSet:
    """A published set of the small arrays, recognised by their digests."""
    digests = {key: hashlib.sha256(array.tobytes()).hexdigest() for key, array in small_arrays().items()}
    base = PublishedSet(
        name="mnist",
        title="Small",
        inventory=Inventory((4, 3, 1), (3, 3), (2, 2)),
        cache="small.npz",
        remote_files=(),
        array_digests=digests,
    )
    return replace(base, **changes)


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, arrays: dict[str, np.ndarray], joint: str = "-", suffix: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    for key, array in arrays.items():
        name = NAMES[key].replace("-idx", f"{joint}idx") + "-ubyte" + suffix
        content = idx_bytes(array)
        (folder / name).write_bytes(gzip.compress(content, mtime=0) if suffix else content)
    return folder


@pytest.fixture(autouse=True)
def _no_network_and_an_empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "DOWNLOAD_BASE", UNREACHABLE)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Keras's server, played by a folder on this machine."""
    folder = tmp_path / "server"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        monkeypatch.setattr(download, "DOWNLOAD_BASE", f"http://127.0.0.1:{running.server_port}/")
        yield folder
        running.shutdown()
        thread.join()


def served(folder: Path, digest: str | None = None) -> PublishedSet:
    np.savez(folder / "small.npz", **small_arrays())
    digest = digest or hashlib.sha256((folder / "small.npz").read_bytes()).hexdigest()
    return small_set(remote_files=(RemoteFile("small.npz", "sha256", digest),))


def test_a_download_goes_into_the_cache_and_is_read_from_there_afterwards(server, tmp_path):
    chosen = served(server)
    first = published.read(chosen, None)
    assert "downloaded into Keras's cache" in first.source
    (server / "small.npz").unlink()
    second = published.read(chosen, None)
    assert "from Keras's cache" in second.source
    assert [file.name for file in (tmp_path / "keras" / "datasets").iterdir()] == ["small.npz"]


def test_a_folder_of_several_files_is_downloaded_file_by_file(server, tmp_path):
    write_idx(server, small_arrays(), suffix=".gz")
    remote = tuple(
        RemoteFile(file.name, "md5", hashlib.md5(file.read_bytes()).hexdigest()) for file in sorted(server.iterdir())
    )
    raw = published.read(small_set(cache="small", remote_files=remote), None)
    np.testing.assert_array_equal(raw.x_test[..., 0], small_arrays()["x_test"])
    assert len(list((tmp_path / "keras" / "datasets" / "small").iterdir())) == 4


def test_a_download_of_other_bytes_than_published_leaves_nothing_in_the_cache(server, tmp_path):
    with pytest.raises(DataError, match=r"cannot be downloaded \(\d+ bytes came whose sha256 is not the published one"):
        published.read(served(server, digest="0" * 64), None)
    assert list((tmp_path / "keras" / "datasets").iterdir()) == []


def test_a_file_that_the_server_lacks_is_an_error_of_one_paragraph(server, tmp_path):
    chosen = small_set(remote_files=(RemoteFile("small.npz", "sha256", "0" * 64),))
    with pytest.raises(DataError, match=r"small\.npz cannot be downloaded \(File not found\)\. Accepted: data\.path"):
        published.read(chosen, None)
