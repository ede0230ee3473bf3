"""Published data sets are downloaded into the cache."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from pathlib import Path

import numpy as np
import pytest

from published_sets import small_arrays, small_set, write_idx
from sweeper.core.errors import DataError
from sweeper.data import download, published
from sweeper.data.download import RemoteFile
from sweeper.data.published import PublishedSet


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
