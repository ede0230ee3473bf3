from __future__ import annotations

import numpy as np
import pytest

from custom_arrays import arrays, saved
from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError, DataError
from sweeper.data import describe, open_arrays, prepare
from sweeper.data.user.names import find

FOUR = ["x_train", "y_train", "x_test", "y_test"]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(FOUR, id="Keras"),
        pytest.param(["train_images", "train_labels", "test_images", "test_labels"], id="MedMNIST"),
        pytest.param(["train_data", "train_targets", "test_data", "test_targets"], id="PyTorch"),
        pytest.param(["X_train", "y_train", "X_test", "y_test"], id="scikit-learn"),
        pytest.param(["trainX", "trainY", "testX", "testY"], id="camel case"),
        pytest.param(["Xtrain", "ytrain", "Xtest", "ytest"], id="one word"),
        pytest.param(["training-images", "training-labels", "testing-images", "testing-labels"], id="IDX"),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_the_usual_spellings_are_understood_in_any_order(names, order):
    assert find(names[::order]) == (dict(zip(FOUR, names, strict=True)), [])


def test_a_validation_set_is_found_under_each_spelling():
    names = ["train_images", "val_images", "test_images", "train_labels", "val_labels", "test_labels"]
    found, faults = find(names)
    assert not faults
    assert (found["x_val"], found["y_val"]) == ("val_images", "val_labels")
    assert list(found) == [*FOUR, "x_val", "y_val"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param([*FOUR, "X_train"], {}, id="the exact name is preferred"),
        pytest.param([*FOUR, "val_images", "val_labels"], {}, id="beside the four, val_images was never read"),
        pytest.param([*FOUR, "x_valid", "y_valid"], {"x_val": "x_valid", "y_val": "y_valid"}, id="x_valid"),
    ],
)
def test_files_that_earlier_releases_took_are_read_as_by_them(names, expected):
    assert find(names) == ({**{key: key for key in FOUR}, **expected}, [])


@pytest.mark.parametrize(
    ("names", "text"),
    [
        pytest.param(["a", "b", "c", "d"], "it lacks x_train, y_train, x_test, y_test; it holds a, b, c, d", id="none"),
        pytest.param(["train_images", "images_train", *FOUR[1:]], "train_images and images_train could each be x_train",
                     id="twice"),
        pytest.param(["x_train2", *FOUR[1:]], "it lacks x_train; it holds x_train2, y_train", id="a number more"),
        pytest.param([*FOUR, "x_val"], "its validation set is not one array of images with its labels: x_val",
                     id="no labels of the validation set"),
        pytest.param([*FOUR, "x_val", "y_val", "x_dev"], "its validation set is not one array .*: x_val, x_dev",
                     id="two validation sets"),
    ],
)  # fmt: skip
def test_names_that_do_not_say_which_is_which_are_faults(names, text):
    import re

    found, faults = find(names)
    assert not found
    assert re.search(text, faults[0].text)


GIVEN = {"tr i": "x_train", "tr,l": "y_train", "te=i": "x_test", "l": "y_test"}
KEYS = {role: name for name, role in GIVEN.items()}


def test_data_keys_names_any_others(tmp_path):
    given = {name: arrays()[role] for name, role in GIVEN.items()}
    path = saved(tmp_path, {**given, "x_val": arrays()["x_test"]}).path
    chosen = DataConfig(name="npz", path=path, validation=3, keys=KEYS)
    prepared = prepare(chosen, tmp_path / "prepared")
    np.testing.assert_array_equal(open_arrays(prepared).x_test[..., 0], arrays()["x_test"])
    assert prepared.notes == (
        "By data.keys, tr i is x_train, tr,l is y_train, te=i is x_test and l is y_test.",
        "Arrays of my.npz that are not used: x_val.",
    )
    assert prepared.data_digest == prepare(saved(tmp_path, arrays()), tmp_path / "plain").data_digest


def test_data_keys_may_name_a_validation_set(tmp_path):
    given = {**arrays(), "v": arrays()["x_test"], "w": arrays()["y_test"]}
    keys = {**{key: key for key in FOUR}, "x_val": "v", "y_val": "w"}
    prepared = prepare(DataConfig(name="npz", path=saved(tmp_path, given).path, keys=keys), tmp_path / "prepared")
    assert prepared.notes[-1] == "The validation images are those of v and w, not a part of the training images."


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        pytest.param({**KEYS, "x_train": "images"}, r"images, named by data\.keys, is not in it; it", id="no"),
        pytest.param({"x_test": "te=i", "y_test": "l"}, r"data\.keys lacks x_train, y_train; the file", id="two"),
    ],
)  # fmt: skip
def test_data_keys_that_do_not_fit_the_file_are_refused_with_the_line_to_type(keys, message, tmp_path):
    path = saved(tmp_path, {name: arrays()[role] for name, role in GIVEN.items()}).path
    with pytest.raises(DataError, match=message) as caught:
        describe(DataConfig(name="npz", path=path, keys=keys))
    assert str(caught.value).endswith("'data.keys={x_train:NAME,y_train:NAME,x_test:NAME,y_test:NAME}'")


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param("x_train", id="text"),
        pytest.param({}, id="an empty map"),
        pytest.param({"train": "a"}, id="an unknown role"),
        pytest.param({"x_train": "a"}, id="no labels"),
        pytest.param({"x_train": "a", "y_train": 3}, id="a number"),
        pytest.param({"x_train": "a", "y_train": "a"}, id="one array twice"),
    ],
)
def test_data_keys_of_another_form_are_refused(keys):
    message = r"^data\.keys=.* is not accepted: a map of x_train, y_train, .*Try: data\.keys='\{x_train:images,y_train"
    with pytest.raises(ConfigError, match=message):
        DataConfig(name="npz", path="my.npz", keys=keys)


@pytest.mark.parametrize("name", ["digits", "mnist", "folder"])
def test_data_keys_are_refused_with_other_data(name):
    with pytest.raises(ConfigError, match=rf"data\.keys=.* no effect with data={name}.*Accepted: with data=npz, an"):
        describe(DataConfig(name=name, path="x", keys=KEYS))
