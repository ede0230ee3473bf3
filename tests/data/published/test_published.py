from __future__ import annotations

import hashlib

import numpy as np
import pytest

from published_sets import UNREACHABLE, small_arrays, small_set, write_idx
from sweeper.config.trial import DataConfig
from sweeper.core.errors import DataError
from sweeper.data import describe, prepare, published
from sweeper.data.published import FASHION_MNIST, MNIST

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
