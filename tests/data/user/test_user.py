from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from custom_arrays import Given, arrays, config, saved
from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError, DataError
from sweeper.data import describe, open_arrays, prepare


def floats() -> Given:
    """The same as float32 in [0, 1]."""
    return {key: (value / 255).astype(np.float32) if key[0] == "x" else value for key, value in arrays().items()}


def two_classes() -> Given:
    return {key: array % 2 if key[0] == "y" else array for key, array in arrays().items()}


def colour(number: int) -> Any:
    return np.random.RandomState(number).randint(0, 256, (number, 4, 4, 3)).astype(np.uint8)


def changed(key: str, change: Callable[[Any], Any], given: Callable[[], Given] = arrays) -> Given:
    return {**given(), key: change(given()[key])}


def with_value(value: float) -> Callable[[Any], Any]:
    def change(images: Any) -> Any:
        images = images.copy()
        images[0, 0, 0] = value
        return images

    return change


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        pytest.param(arrays(), (6, 5, 1), id="grey uint8"),
        pytest.param(floats(), (6, 5, 1), id="grey float32"),
        pytest.param(changed("x_train", lambda x: x.astype(np.float64), floats), (6, 5, 1), id="float64"),
        pytest.param(changed("x_train", lambda x: x.astype(">f4"), floats), (6, 5, 1), id="big-endian"),
        pytest.param(changed("x_train", np.asfortranarray), (6, 5, 1), id="Fortran order"),
        pytest.param(changed("x_train", lambda x: x[..., None]), (6, 5, 1), id="channel on one side only"),
        pytest.param({**arrays(), "x_train": colour(12), "x_test": colour(6)}, (4, 4, 3), id="colour"),
        pytest.param(changed("x_train", lambda x: x.astype(np.float16), floats), (6, 5, 1), id="float16"),
        pytest.param(changed("y_train", lambda y: y[:, None]), (6, 5, 1), id="labels in a column"),
        pytest.param(changed("y_train", lambda y: y.astype(np.uint64)), (6, 5, 1), id="unsigned labels"),
        pytest.param(changed("y_test", np.zeros_like), (6, 5, 1), id="a test set of one class"),
        pytest.param(changed("y_train", lambda y: y > 0, two_classes), (6, 5, 1), id="bool labels"),
        pytest.param({**arrays(), "notes": np.zeros(3)}, (6, 5, 1), id="one array more"),
    ],
)  # fmt: skip
def test_own_arrays_are_taken_in_each_accepted_form(given, shape, tmp_path):
    chosen = saved(tmp_path, given)
    prepared = prepare(chosen, tmp_path / "prepared")
    assert prepared.summary == describe(chosen)
    assert prepared.summary.input_shape == shape
    opened = open_arrays(prepared)
    assert opened.x_train.shape == (9, *shape)
    assert opened.x_train.dtype == (np.uint8 if given["x_train"].dtype == np.uint8 else np.float32)
    assert opened.y_train.dtype == opened.y_test.dtype == np.int64


def test_the_values_arrive_unchanged(tmp_path):
    given = arrays()
    chosen = saved(tmp_path, given)
    opened = open_arrays(prepare(chosen, tmp_path / "prepared"))
    np.testing.assert_array_equal(opened.x_test[..., 0], given["x_test"])
    np.testing.assert_array_equal(opened.y_test, given["y_test"])
    pairs = {(image.tobytes(), int(label)) for image, label in zip(given["x_train"], given["y_train"], strict=True)}
    for images, labels in ((opened.x_train, opened.y_train), (opened.x_validation, opened.y_validation)):
        assert {(image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True)} <= pairs


HEADER_FAULTS = [
    pytest.param({"x_train": np.zeros((2, 4, 4), "u1")}, "lacks y_train, x_test, y_test; it holds x_train", id="keys"),
    pytest.param({}, "lacks x_train, y_train, x_test, y_test; it holds nothing", id="nothing"),
    pytest.param(
        changed("x_train", lambda x: x.reshape(12, 30)),
        r"x_train has the shape \(12, 30\): one row of values for each, not a picture with height and width",
        id="flat images",
    ),
    pytest.param(changed("x_test", lambda x: x[:0]), r"x_test is empty: its shape is \(0, 6, 5\)", id="no images"),
    pytest.param(changed("x_test", lambda x: x[:, :0]), r"x_test is empty: its shape is \(6, 0, 5\)", id="no rows"),
    pytest.param(changed("y_train", lambda y: y[:0]), r"y_train is empty", id="no labels"),
    pytest.param(changed("x_train", lambda x: x.astype(str)), "x_train is <U3, which is not a type", id="text"),
    pytest.param(
        changed("y_train", lambda y: y + 0.5), "y_train is float64 with values that are not whole", id="half labels"
    ),
    pytest.param(
        changed("y_train", lambda y: y[:, None] * [1, 1]), r"y_train has the shape \(12, 2\), several", id="two labels"
    ),
    pytest.param(changed("y_test", lambda y: y.reshape(3, 2, 1)), r"y_test has the shape \(3, 2, 1\), not", id="3-d"),
    pytest.param(changed("y_test", lambda y: np.int64(3)), r"y_test has the shape \(\), not \(n,\)", id="a scalar"),
    pytest.param(
        changed("y_test", lambda y: y[:5]), "x_test has 6 images, but y_test has 5 labels", id="different lengths"
    ),
    pytest.param(
        changed("x_test", lambda x: x[:, :5]),
        r"the images of x_train are \(6, 5, 1\) \(height, width, channels\), but those of x_test are \(5, 5, 1\)",
        id="different sizes",
    ),
    pytest.param(changed("y_train", lambda y: y + 1), "y_test has the label 0, but y_train has none", id="from 1, one"),
    pytest.param(changed("y_train", lambda y: y - 1), "y_train has the labels -1 and 0, where -1 may mean", id="-1"),
    pytest.param(
        changed("y_train", lambda y: y * 10**12), "y_test has the labels 1 and 2, but y_train has none", id="gaps, one"
    ),
    pytest.param(
        changed("y_train", lambda y: np.arange(12) * 2), "has 12 different labels for 12 images .*no classes", id="ids"
    ),
    pytest.param(
        {**arrays(), **{key: arrays()[key].astype(str) for key in ("y_train",)}, "y_test": np.array(list("abcabc"))},
        "y_test has the labels 'a', 'b' and 'c', but y_train has none of them",
        id="names that training lacks",
    ),
    pytest.param(
        changed("y_train", lambda y: np.array(list("abc"))[y]), "y_test is int64, but y_train is text", id="text, one"
    ),
    pytest.param(
        {**arrays(), "y_train": np.array(["a", "", "b"] * 4), "y_test": np.array(["a", "b"] * 3)},
        r"y_train has an empty label \(''\)",
        id="an empty label",
    ),
    pytest.param(
        {**arrays(), "y_train": np.eye(3)[arrays()["y_train"]], "y_test": np.eye(4)[arrays()["y_test"]]},
        r"the labels are one-hot with 3 and 4 columns \(y_train and y_test\)",
        id="one-hot of two widths",
    ),
    pytest.param(
        changed("y_train", lambda y: np.eye(3)[y][:, :2]), r"y_train has the shape \(12, 2\), several", id="none set"
    ),
    pytest.param(changed("y_train", np.zeros_like), "y_train has one class only; at least 2 are", id="one class"),
    pytest.param(
        changed("y_test", lambda y: y + 1), "y_test has labels from 1 to 3, but y_train has 0 to 2", id="unknown class"
    ),
    pytest.param(
        {**arrays(), "x_train": np.zeros(3), "y_train": np.zeros((12, 3))},
        r"x_train has the shape \(3,\).*; x_train is float64|x_train has the shape \(3,\).*; y_train has the shape",
        id="two faults at once",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), HEADER_FAULTS)
def test_what_headers_and_labels_show_is_refused_before_pixels_are_read(given, message, tmp_path):
    chosen = saved(tmp_path, given)
    for door in (describe, lambda chosen: prepare(chosen, tmp_path / "prepared")):
        with pytest.raises(DataError, match=message) as caught:
            door(chosen)
        assert str(caught.value).endswith("Try: data=npz data.path=my.npz")
        assert str(caught.value).count("Accepted:") == 1
    assert not (tmp_path / "prepared").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(changed("x_train", with_value(np.nan), floats), "x_train has pixels that are NaN or", id="NaN"),
        pytest.param(changed("x_test", with_value(np.inf), floats), "x_test has pixels that are NaN or", id="inf"),
        pytest.param(
            changed("x_train", lambda x: x * 2 - 1, floats), r"from -1 to 1, outside \[0, 1\]\. Acc", id="one array"
        ),
    ],
)
def test_pixels_off_the_scale_are_refused_when_they_are_read(given, message, tmp_path):
    chosen = saved(tmp_path, given)
    describe(chosen)
    with pytest.raises(DataError, match=message):
        prepare(chosen, tmp_path / "prepared")


def both(kind: str, change: Callable[[Any], Any]) -> Given:
    return {key: change(array) if key[0] == kind else array for key, array in arrays().items()}


def advised(error: DataError, folder: Path) -> DataConfig:
    """Types what an error says: the line of Python, then `data.path` as it stands there."""
    command, _, line = str(error).partition("  Try: ")[2].partition(", then: data=npz ")
    python, *rest = shlex.split(command)
    assert python == "python"
    subprocess.run([sys.executable, *rest], cwd=folder, check=True, capture_output=True)
    (word,) = shlex.split(line)
    return config(Path(OverridesParser.create().parse_override(word).value()))


REPAIRED = [
    pytest.param(both("x", lambda x: x[:, :, None].repeat(3, 2)), "channels come in the middle", id="channels between"),
    pytest.param(both("x", lambda x: np.moveaxis(x, 0, -1)), "images lie along the last axis", id="images last"),
    pytest.param(both("x", lambda x: x[:, None, :, :, None]), "it has 5 axes", id="five axes"),
    pytest.param(both("x", lambda x: x[:, :5].reshape(-1, 25)), "each image is flat, a row of 25", id="flat"),
    pytest.param(both("x", lambda x: x.astype(np.int64) - 128), "is int64 from -128 to 127", id="signed"),
    pytest.param(both("x", lambda x: x / 85), "float64 from 0 to 3, outside", id="0 to 3"),
    pytest.param(both("x", lambda x: x.astype(np.uint16) * 16), "is uint16 from 0 to 4080, on a scale", id="12 bits"),
    pytest.param(both("x", lambda x: x / 255 / 255), "as if divided by 255 twice", id="divided twice"),
    pytest.param(both("x", lambda x: x / 127.5 - 1), r"float64 from -1 to 1, outside \[0, 1\]", id="-1 to 1"),
    pytest.param(
        {key.replace("x_t", "images_t"): array / 85 if key[0] == "x" else array + 1 for key, array in arrays().items()},
        "images_train is float64 from 0 to 3.*images_test is float64",
        id="other names, and labels from 1",
    ),
]


@pytest.mark.parametrize(("given", "message"), REPAIRED)
def test_the_line_that_a_refusal_says_to_type_makes_arrays_that_are_taken(given, message, tmp_path):
    chosen = saved(tmp_path, given)
    with pytest.raises(DataError, match=message) as caught:
        prepare(chosen, tmp_path / "refused")

    opened = open_arrays(prepare(advised(caught.value, tmp_path), tmp_path / "prepared"))

    whole = arrays()
    np.testing.assert_array_equal(opened.y_test, whole["y_test"])
    pixels = (opened.x_test if opened.x_test.dtype == np.float32 else opened.x_test / 255)[..., 0]
    np.testing.assert_allclose(pixels, whole["x_test"][:, : pixels.shape[1]] / 255, atol=1e-6)


def test_arrays_on_two_scales_are_refused_with_the_line_that_changes_one(tmp_path):
    chosen = saved(tmp_path, changed("x_train", lambda x: x * np.float32(255), floats))
    with pytest.raises(DataError, match=r"x_train is float32 from 0 to 255, outside \[0, 1\]\. Acc") as caught:
        prepare(chosen, tmp_path / "refused")
    opened = open_arrays(prepare(advised(caught.value, tmp_path), tmp_path / "prepared"))
    assert opened.x_train.max() == 1.0


def test_the_line_to_type_is_quoted_for_the_shell_and_for_hydra(tmp_path):
    place = tmp_path / 'it\'s "mine", (1) = été.npz'
    np.savez(place, **both("x", lambda x: x[:, :5].reshape(-1, 25)))
    with pytest.raises(DataError, match="each image is flat") as caught:
        describe(config(place))
    assert prepare(advised(caught.value, tmp_path), tmp_path / "prepared").summary.num_train == 9


def test_a_fault_that_shows_only_after_another_is_changed_has_a_line_that_works_too(tmp_path):
    chosen = saved(tmp_path, both("x", lambda x: x[:, :, None].repeat(3, 2) / 85))
    with pytest.raises(DataError, match="channels come in the middle") as first:
        prepare(chosen, tmp_path / "refused")
    chosen = advised(first.value, tmp_path)
    with pytest.raises(DataError, match=r"from 0 to 3, outside \[0, 1\]") as second:
        prepare(chosen, tmp_path / "refused")
    prepared = prepare(advised(second.value, tmp_path), tmp_path / "prepared")
    np.testing.assert_allclose(open_arrays(prepared).x_test[..., 0], arrays()["x_test"] / 255, atol=1e-6)
    assert {path.name for path in tmp_path.glob("*.npz")} == {"my.npz", "my-fixed.npz"}


def test_pixels_beyond_the_scale_by_rounding_are_taken_and_clipped(tmp_path):
    given = changed("x_train", lambda x: x * np.float32(1.0000005), floats)
    assert given["x_train"].max() > 1
    assert open_arrays(prepare(saved(tmp_path, given), tmp_path / "prepared")).x_train.max() == 1.0


def test_bool_images_are_black_and_white(tmp_path):
    given = both("x", lambda x: x > 127)
    opened = open_arrays(prepare(saved(tmp_path, given), tmp_path / "prepared"))
    np.testing.assert_array_equal(opened.x_test[..., 0], given["x_test"] * np.uint8(255))


def test_images_that_look_like_pictures_of_many_channels_are_taken_and_said(tmp_path):
    prepared = prepare(saved(tmp_path, both("x", lambda x: x[..., None].repeat(6, 3)[:, :6])), tmp_path / "prepared")
    assert prepared.summary.input_shape == (6, 5, 6)
    assert prepared.notes == ("Images are read as pictures of 6x5 pixels with 6 channels.",)


def with_validation(number: int = 3) -> Given:
    random = np.random.RandomState(1)
    images = random.randint(0, 256, (number, 6, 5)).astype(np.uint8)
    return {**arrays(), "x_val": images, "y_val": np.arange(number) % 3}


def test_a_validation_set_in_the_file_is_the_validation_split_and_said(tmp_path):
    given = {**with_validation(), "ids": np.zeros(3)}
    chosen = replace(saved(tmp_path, given), validation=0.2)

    prepared = prepare(chosen, tmp_path / "prepared")

    assert prepared.summary == describe(chosen)
    assert (prepared.summary.num_train, prepared.summary.num_validation) == (12, 3)
    opened = open_arrays(prepared)
    np.testing.assert_array_equal(opened.x_validation[..., 0], given["x_val"])
    np.testing.assert_array_equal(opened.y_validation, given["y_val"])
    assert prepared.notes == (
        "Arrays of my.npz that are not used: ids.",
        "The validation images are those of x_val and y_val, not a part of the training images.",
    )


def test_a_validation_set_in_the_file_that_the_notebooks_way_leaves_unused_is_said(tmp_path):
    prepared = prepare(replace(saved(tmp_path, with_validation()), validation="test"), tmp_path / "prepared")
    assert prepared.test_is_validation
    assert prepared.notes == ("The 3 validation images of x_val and y_val are not used: data.validation=test.",)


def test_the_validation_set_in_the_file_counts_in_the_digest_of_the_data(tmp_path):
    digests = {prepare(saved(tmp_path, arrays()), tmp_path / "prepared").data_digest}
    for number in (3, 4):
        chosen = replace(saved(tmp_path, with_validation(number)), validation=0.2)
        digests.add(prepare(chosen, tmp_path / "prepared").data_digest)
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"x_val": arrays()["x_test"]}, "not one array of images with its labels: x_val", id="no labels"),
        pytest.param(
            {"x_val": arrays()["x_test"], "y_val": np.full(6, 7)}, "y_val has labels from 7 to 7", id="unknown class"
        ),
        pytest.param(
            {"x_val": colour(6), "y_val": np.zeros(6, int)}, r"those of x_val are \(4, 4, 3\)", id="another size"
        ),
    ],
)
def test_a_validation_set_that_does_not_fit_is_refused(given, message, tmp_path):
    with pytest.raises(DataError, match=message):
        describe(saved(tmp_path, {**arrays(), **given}))


def test_npz_without_a_path_is_refused_with_the_line_to_type():
    with pytest.raises(ConfigError, match=r"data=npz needs data\.path.*Try: data=npz data\.path=my\.npz"):
        describe(DataConfig(name="npz"))


def test_a_home_folder_in_the_path_is_expanded(tmp_path, monkeypatch):
    saved(tmp_path, arrays())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert describe(DataConfig(name="npz", path="~/my.npz", validation=3)).num_train == 9


def test_a_path_that_no_system_accepts_is_refused():
    with pytest.raises(DataError, match="cannot be opened"):
        describe(DataConfig(name="npz", path="my\0.npz"))
