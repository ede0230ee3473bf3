from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from sweeper.config.trial import DATASETS, DataConfig
from sweeper.core.errors import RefusedError, StoreError
from sweeper.data import describe, open_arrays, prepare
from sweeper.data.arrays import digest_arrays

GROUP = Path(__file__).parents[2] / "conf" / "data"


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(DataConfig(), id="default"),
        pytest.param(DataConfig(validation=0.01), id="a small fraction"),
        pytest.param(DataConfig(validation=0.333), id="a fraction that does not divide"),
        pytest.param(DataConfig(validation=100), id="a count"),
        pytest.param(DataConfig(validation="test"), id="the test set"),
        pytest.param(DataConfig(max_samples=200), id="a cap below the test set"),
        pytest.param(DataConfig(max_samples=1000, split_seed=7), id="a cap above the test set"),
        pytest.param(DataConfig(max_samples=100_000), id="a cap above all"),
        pytest.param(DataConfig(max_samples=20, validation=10), id="two of each class"),
        pytest.param(DataConfig(max_samples=10, validation="test"), id="one of each class"),
    ],
)
def test_describe_says_what_prepare_makes(config, tmp_path):
    prepared = prepare(config, tmp_path)
    opened = open_arrays(prepared)
    assert describe(config) == prepared.summary
    for split in ("train", "validation", "test"):
        images, labels = getattr(opened, f"x_{split}"), getattr(opened, f"y_{split}")
        assert len(images) == len(labels) == getattr(prepared.summary, f"num_{split}")
        assert images.shape[1:] == prepared.summary.input_shape
        assert np.ptp(np.bincount(labels, minlength=10)) <= max(2, len(labels) // 100)  # stratified


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(DataConfig(validation=5), id="fewer images than classes for validation"),
        pytest.param(DataConfig(validation=1435), id="fewer images than classes for training"),
        pytest.param(DataConfig(validation=0.999), id="a fraction that leaves none"),
        pytest.param(DataConfig(max_samples=9), id="fewer than classes"),
        pytest.param(DataConfig(path="my.npz"), id="a path that would be ignored"),
        pytest.param(DataConfig(name="npz"), id="no path"),
        pytest.param(DataConfig(name="mnist", path="/nowhere/mnist.npz"), id="a path to nothing"),
    ],
)
def test_what_describe_refuses_prepare_refuses_with_the_same_words(config, tmp_path):
    with pytest.raises(RefusedError) as described:
        describe(config)
    with pytest.raises(RefusedError) as prepared:
        prepare(config, tmp_path)
    assert str(described.value) == str(prepared.value)
    assert "Try: data" in str(described.value)


def test_describe_needs_no_heavy_library(tmp_path):
    np.savez(tmp_path / "my.npz", x_train=np.ones((4, 3, 3), "u1") * 9, y_train=np.array([0, 1, 0, 1]),
             x_test=np.ones((2, 3, 3), "u1") * 9, y_test=np.array([0, 1]))  # fmt: skip
    code = (
        "import sys\nfrom sweeper.config.schema import DataConfig\nfrom sweeper.data import describe\n"
        "for name in ('digits', 'mnist', 'fashion_mnist'): describe(DataConfig(name=name))\n"
        f"describe(DataConfig(name='npz', path={str(tmp_path / 'my.npz')!r}, validation=2))\n"
        "heavy = {'sklearn', 'scipy', 'pandas', 'keras', 'tensorflow', 'mlflow', 'urllib.request'}\n"
        "print(*(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_training_and_validation_share_no_image(tmp_path):
    opened = open_arrays(prepare(DataConfig(), tmp_path))
    train = {image.tobytes() for image in opened.x_train}
    assert len(train) == len(opened.x_train)
    assert not any(image.tobytes() in train for image in opened.x_validation)


def test_the_same_configuration_prepares_the_same_bytes(tmp_path):
    first, second = (prepare(DataConfig(), tmp_path / name) for name in ("first", "second"))
    assert (first.data_digest, first.split_digest) == (second.data_digest, second.split_digest)
    for file in first.folder.iterdir():
        assert file.read_bytes() == (second.folder / file.name).read_bytes()


def test_the_split_seed_changes_the_split_and_nothing_else(tmp_path):
    first = prepare(DataConfig(), tmp_path / "first")
    second = prepare(DataConfig(split_seed=1), tmp_path / "second")
    assert first.split_digest != second.split_digest
    assert (first.data_digest, first.summary) == (second.data_digest, second.summary)
    one, other = open_arrays(first), open_arrays(second)
    np.testing.assert_array_equal(one.x_test, other.x_test)
    assert not np.array_equal(one.x_validation, other.x_validation)
    np.testing.assert_array_equal(np.bincount(one.y_validation), np.bincount(other.y_validation))


def test_a_cap_changes_the_split_but_not_the_digest_of_the_data(tmp_path):
    whole, capped = prepare(DataConfig(), tmp_path / "a"), prepare(DataConfig(max_samples=300), tmp_path / "b")
    assert whole.data_digest == capped.data_digest
    assert whole.split_digest != capped.split_digest


def test_the_notebooks_way_validates_on_the_test_set(tmp_path):
    prepared = prepare(DataConfig(validation="test"), tmp_path)
    opened = open_arrays(prepared)
    assert prepared.test_is_validation
    assert prepared.summary.num_train == 1437
    np.testing.assert_array_equal(opened.x_validation, opened.x_test)
    np.testing.assert_array_equal(opened.y_validation, opened.y_test)
    assert not prepare(DataConfig(), tmp_path).test_is_validation


def test_opened_arrays_are_mapped_and_cannot_be_written(tmp_path):
    opened = open_arrays(prepare(DataConfig(max_samples=100), tmp_path))
    assert isinstance(opened.x_train, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        opened.x_train[0] = 0


def test_a_folder_left_by_a_killed_process_is_written_anew_and_other_files_are_left_alone(tmp_path):
    whole = prepare(DataConfig(max_samples=100), tmp_path / "whole")
    left = tmp_path / "left"
    left.mkdir()
    (left / "x_train.npy").write_bytes(b"half of an array")
    (left / ".x_test.npy.tmp").write_bytes(b"half of another")
    (left / "notes.txt").write_text("mine")
    prepared = prepare(DataConfig(max_samples=100), left)
    assert digest_arrays(vars(open_arrays(prepared))) == digest_arrays(vars(open_arrays(whole)))
    assert sorted(file.name for file in left.iterdir()) == sorted(
        [file.name for file in whole.folder.iterdir()] + ["notes.txt"]
    )


def test_an_array_in_use_survives_its_folder_being_written_anew(tmp_path):
    opened = open_arrays(prepare(DataConfig(max_samples=100), tmp_path))
    before = opened.x_train.copy()
    prepare(DataConfig(max_samples=100, split_seed=5), tmp_path)
    np.testing.assert_array_equal(opened.x_train, before)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be written to .*file/data: Not a directory.*Try: output_dir="):
        prepare(DataConfig(max_samples=100), tmp_path / "file" / "data")


def test_the_folder_is_recorded_by_its_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert prepare(DataConfig(max_samples=100), Path("data")).folder == tmp_path / "data"


@pytest.mark.parametrize("name", DATASETS)
def test_each_data_set_has_a_choice_of_its_own_that_sets_the_name_alone(name):
    assert yaml.safe_load((GROUP / f"{name}.yaml").read_text()) == {"name": name}
    assert {file.stem for file in GROUP.iterdir()} == set(DATASETS)
