"""Folders of IDX files with other content than MNIST's, as EMNIST's and KMNIST's, through `data=npz`."""

from __future__ import annotations

import gzip
import shlex
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.config.trial import DataConfig
from sweeper.core.errors import DataError
from sweeper.data import describe, open_arrays, prepare

NAMES = {"x_train": "train-images", "y_train": "train-labels", "x_test": "{}-images", "y_test": "{}-labels"}


def arrays() -> dict[str, Any]:
    random = np.random.RandomState(3)
    return {
        "x_train": random.randint(0, 256, (12, 6, 5)).astype(np.uint8),
        "y_train": np.tile([0, 1, 2], 4).astype(np.uint8),
        "x_test": random.randint(0, 256, (6, 6, 5)).astype(np.uint8),
        "y_test": np.tile([0, 1, 2], 2).astype(np.uint8),
    }


def write(folder: Path, given: dict[str, Any], prefix: str = "", test: str = "t10k") -> Path:
    folder.mkdir(exist_ok=True)
    for key, array in given.items():
        name = f"{prefix}{NAMES[key].format(test)}-idx{array.ndim}-ubyte.gz"
        header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        (folder / name).write_bytes(gzip.compress(header + array.tobytes(), mtime=0))
    return folder


def config(folder: Path, name: str = "npz") -> DataConfig:
    return DataConfig(name=name, path=str(folder), validation=3)


@pytest.mark.parametrize(
    ("prefix", "test"),
    [pytest.param("", "t10k", id="as MNIST's"), pytest.param("emnist-digits-", "test", id="as EMNIST's")],
)
def test_a_folder_of_idx_files_is_taken_as_custom_arrays(prefix, test, tmp_path):
    chosen = config(write(tmp_path / "idx", arrays(), prefix, test))
    prepared = prepare(chosen, tmp_path / "prepared")
    assert prepared.summary == describe(chosen)
    np.testing.assert_array_equal(open_arrays(prepared).x_test[..., 0], arrays()["x_test"])
    np.testing.assert_array_equal(open_arrays(prepared).y_test, arrays()["y_test"])


def test_the_refusal_of_another_set_as_mnist_points_to_what_takes_it(tmp_path):
    folder = write(tmp_path / "a folder", arrays())
    with pytest.raises(DataError, match="is not MNIST: x_train") as caught:
        describe(config(folder, "mnist"))
    *_, option, path = shlex.split(str(caught.value).rpartition(", or ")[2])
    assert (option, path) == ("data=npz", f"data.path='{folder}'")
    assert describe(config(folder)).num_classes == 3


def test_labels_of_a_folder_that_count_from_1_are_named_as_they_are(tmp_path):
    given = {key: array + (key[0] == "y") for key, array in arrays().items()}  # EMNIST's letters count from 1
    folder = write(tmp_path / "letters", {key: array.astype(np.uint8) for key, array in given.items()})
    prepared = prepare(config(folder), tmp_path / "prepared")
    assert prepared.summary.class_names == ("1", "2", "3")
    np.testing.assert_array_equal(open_arrays(prepared).y_test, arrays()["y_test"])


def test_a_folder_of_several_sets_is_refused(tmp_path):
    folder = write(tmp_path / "idx", arrays(), "emnist-letters-", "test")
    write(folder, arrays(), "emnist-digits-", "test")
    with pytest.raises(DataError, match="holds the IDX files of several sets: emnist-digits, emnist-letters"):
        describe(config(folder))


def test_a_folder_that_lacks_a_file_is_refused(tmp_path):
    folder = write(tmp_path / "idx", {key: array for key, array in arrays().items() if key != "y_test"})
    with pytest.raises(DataError, match=r"lacks the IDX files of t10k-labels \(looked for"):
        describe(config(folder))
