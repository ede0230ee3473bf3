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

from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError, DataError
from sweeper.data import describe, digits, download, idx_format, prepare, published
from sweeper.data.arrays import Inventory
from sweeper.data.download import RemoteFile
from sweeper.data.published import FASHION_MNIST, MNIST, PublishedSet

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


# The bundled digits


def test_the_bundled_digits_are_what_describe_says_of_them():
    raw = digits.read(None)
    assert raw.inventory == digits.inventory(None)
    assert raw.x_train.shape == (1437, 28, 28, 1)
    assert raw.x_test.shape == (360, 28, 28, 1)
    assert raw.x_train.dtype == np.uint8
    assert raw.y_train.dtype == np.int64
    assert (raw.x_train.min(), raw.x_train.max()) == (0, 255)
    assert set(np.bincount(raw.y_test)) <= {35, 36, 37}


def test_the_bundled_digits_have_the_same_bytes_everywhere():
    digest = digits.read(None).digest()
    assert digest == "b787847450bd89fbe0c72f620642f8adfbe9efa4b8d7b8cb3a953dbe9dcafb14"


def test_no_image_of_the_digits_is_in_training_and_in_test():
    from sklearn.datasets import load_digits

    raw = digits.read(None)
    enlarged = digits.enlarge(load_digits().images.astype(np.int64))
    ours = sorted(image.tobytes() for image in np.concatenate([raw.x_train, raw.x_test]))
    assert ours == sorted(image.tobytes() for image in enlarged)


def test_enlarging_interpolates_between_pixel_centres_and_holds_the_edges():
    image = np.zeros((1, 8, 8), dtype=np.int64)
    image[0, :, 4:] = 16
    row = digits.enlarge(image)[0, 10, :, 0].astype(float)
    centres = (np.arange(28) + 0.5) * 8 / 28 - 0.5
    expected = np.interp(centres, np.arange(8), np.repeat([0.0, 255.0], 4))
    np.testing.assert_allclose(row, expected, atol=0.5)


def test_an_even_image_stays_even_when_enlarged():
    assert (digits.enlarge(np.full((2, 8, 8), 16)) == 255).all()


def test_a_path_for_the_bundled_digits_is_refused_since_it_would_be_ignored():
    with pytest.raises(ConfigError, match=r"data\.path=my\.npz would be ignored.*Try: data=npz data\.path=my\.npz"):
        describe(DataConfig(path="my.npz"))


# IDX files


@pytest.mark.parametrize("shape", [(7,), (5, 4, 3)])
@pytest.mark.parametrize("name", ["a-ubyte", "a-ubyte.gz"])
def test_an_idx_file_is_read_as_it_was_written(shape, name, tmp_path):
    array = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    content = idx_bytes(array)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    read = idx_format.read_file(tmp_path / name)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda content: content[:-1], r"its header says \(6, 4, 3\), its values are fewer", id="short"),
        pytest.param(lambda content: content + b"0", "its values are more", id="long"),
        pytest.param(lambda content: content[:6], "truncated or corrupt", id="within the header"),
        pytest.param(lambda content: b"", "truncated or corrupt", id="empty"),
        pytest.param(lambda content: b"\x00\x00\x0d" + content[3:], "not begin like an IDX file", id="floats"),
        pytest.param(lambda content: b"PK" + content, "not begin like an IDX file", id="another format"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_damaged_idx_file_is_refused(damage, message, suffix, tmp_path):
    content = damage(idx_bytes(small_arrays()["x_train"]))
    path = tmp_path / f"train{suffix}"
    path.write_bytes(gzip.compress(content) if suffix else content)
    with pytest.raises(DataError, match=message):
        idx_format.read_file(path)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-9], id="truncated"),
        pytest.param(lambda content: b"no gzip at all", id="no gzip"),
        pytest.param(lambda content: content[:40] + b"\xff" + content[41:], id="a flipped byte"),
    ],
)
def test_a_damaged_gzip_file_is_refused(damage, tmp_path):
    path = tmp_path / "train.gz"
    path.write_bytes(damage(gzip.compress(idx_bytes(small_arrays()["x_train"]))))
    with pytest.raises(DataError, match=r"train\.gz is truncated or corrupt"):
        idx_format.read_file(path)


# Published sets


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("joint", ["-", "."])
def test_a_folder_of_idx_files_and_an_npz_file_give_the_same_data(joint, suffix, tmp_path):
    folder = write_idx(tmp_path / "idx", small_arrays(), joint, suffix)
    np.savez(tmp_path / "small.npz", **{**small_arrays(), "y_train": small_arrays()["y_train"].astype(np.int64)})
    assert published.inventory(small_set(), str(folder)) == small_set().inventory
    from_folder = published.read(small_set(), str(folder))
    from_file = published.read(small_set(), str(tmp_path / "small.npz"))
    assert from_folder.digest() == from_file.digest()
    assert from_folder.x_train.shape == (6, 4, 3, 1)
    assert from_folder.source == f"Small, {folder}"


def test_a_folder_that_lacks_files_is_refused_with_their_names(tmp_path):
    folder = write_idx(tmp_path / "idx", {"x_train": small_arrays()["x_train"]})
    with pytest.raises(DataError, match=r"lacks the IDX files of train-labels, t10k-images, t10k-labels .*Try: data="):
        published.inventory(small_set(), str(folder))


def test_a_plain_idx_file_whose_size_does_not_fit_is_refused_by_its_header(tmp_path):
    folder = write_idx(tmp_path / "idx", small_arrays())
    file = folder / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte is truncated or corrupt .*Accepted: Small's"):
        published.inventory(small_set(), str(folder))


@pytest.mark.parametrize("key", ["x_train", "x_test"])
def test_one_changed_pixel_is_found_by_the_digest_and_its_array_named(key, tmp_path):
    changed = small_arrays()
    changed[key][0, 0, 0] ^= 1
    np.savez(tmp_path / "small.npz", **changed)
    published.inventory(small_set(), str(tmp_path / "small.npz"))
    with pytest.raises(DataError, match=rf"is not Small: {key} has other values than were published.*data=npz takes"):
        published.read(small_set(), str(tmp_path / "small.npz"))


def test_swapped_labels_are_found_by_the_digest(tmp_path):
    np.savez(tmp_path / "small.npz", **{**small_arrays(), "y_train": np.array([1, 0, 0, 1, 0, 1])})
    with pytest.raises(DataError, match=r"is not Small: y_train has other values"):
        published.read(small_set(), str(tmp_path / "small.npz"))


@pytest.mark.parametrize("labels", [[0, 0, 0, 1, 0, 1], [0, 1, 0, 1, 0, 2], [256, 1, 0, 1, 0, 1]])
def test_without_digests_the_number_of_images_of_each_class_must_fit(labels, tmp_path):
    np.savez(tmp_path / "small.npz", **{**small_arrays(), "y_train": np.array(labels)})
    with pytest.raises(DataError, match=r"y_train has not Small's number of images of each of the 2 classes"):
        published.read(small_set(array_digests={}), str(tmp_path / "small.npz"))


def test_other_shapes_than_published_are_refused_by_their_headers(tmp_path):
    np.savez(tmp_path / "own.npz", **small_arrays())
    chosen = DataConfig(name="mnist", path=str(tmp_path / "own.npz"))
    message = (
        r"own\.npz is not MNIST: x_train is \(6, 4, 3\) uint8, not \(60000, 28, 28\) uint8; y_train is \(6,\) uint8, "
        r"not \(60000,\) whole numbers; .*data=npz takes other arrays in the same files\.  "
        rf"Try: data=mnist data\.path=mnist\.npz, or data=npz data\.path={tmp_path}/own\.npz"
    )
    for door in (describe, lambda chosen: prepare(chosen, tmp_path / "prepared")):
        with pytest.raises(DataError, match=message):
            door(chosen)


@pytest.mark.parametrize("joint", ["-", "."])
def test_a_gzipped_file_with_another_md5_than_published_is_refused(joint, tmp_path):
    folder = write_idx(tmp_path / "idx", small_arrays(), joint, ".gz")
    name = "t10k-images-idx3-ubyte.gz"
    md5 = hashlib.md5((folder / name.replace("-idx", f"{joint}idx")).read_bytes()).hexdigest()
    published.read(small_set(file_md5s={name: md5}), str(folder))
    with pytest.raises(
        DataError, match=r"t10k-images.idx3-ubyte\.gz is not Small's: its MD5 is not the published 0123"
    ):
        published.read(small_set(file_md5s={name: "0123"}), str(folder))


@pytest.mark.parametrize(("known", "num_images"), [(MNIST, 70_000), (FASHION_MNIST, 70_000)])
def test_the_known_counts_add_up(known, num_images):
    assert sum(known.inventory.train_counts) == 60_000
    assert sum(known.inventory.train_counts + known.inventory.test_counts) == num_images


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_published_sets_are_described_from_constants(name):
    summary = describe(DataConfig(name=name))
    assert (summary.input_shape, summary.num_classes) == ((28, 28, 1), 10)
    assert (summary.num_train, summary.num_validation, summary.num_test) == (48_000, 12_000, 10_000)


# Keras's cache and server


def test_the_cache_of_keras_is_used_where_no_path_is_given(tmp_path):
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    np.savez(tmp_path / "keras" / "datasets" / "small.npz", **small_arrays())
    raw = published.read(small_set(), None)
    assert raw.source == f"Small, from Keras's cache ({tmp_path / 'keras' / 'datasets' / 'small.npz'})"


def test_a_damaged_file_in_the_cache_is_refused_and_not_replaced_in_silence(tmp_path):
    cached = tmp_path / "keras" / "datasets" / "small.npz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"PK half")
    with pytest.raises(DataError, match=r"small\.npz is truncated or corrupt .*Try: delete .*small\.npz"):
        published.read(small_set(), None)
    assert cached.read_bytes() == b"PK half"


@pytest.mark.parametrize(("name", "file"), [("mnist", "mnist.npz"), ("fashion_mnist", "train-images-idx3-ubyte.gz")])
def test_without_path_cache_and_network_the_error_names_all_three_and_the_offline_default(name, file, tmp_path):
    with pytest.raises(DataError) as caught:
        prepare(DataConfig(name=name), tmp_path / "prepared")
    message = str(caught.value)
    assert "no data.path is given" in message
    assert f"Keras's cache has no {tmp_path / 'keras' / 'datasets'}" in message
    assert f"{UNREACHABLE}{file} cannot be downloaded (" in message
    assert "Connection refused" in message
    assert message.endswith(f"Try: data={name} data.path={name}.npz, or data=digits")
    assert list(tmp_path.iterdir()) == []


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
