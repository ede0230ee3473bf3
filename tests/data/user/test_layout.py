from __future__ import annotations

import pytest

from sweeper.data.user.layout import image_axis, misreading


@pytest.mark.parametrize(
    "shape",
    [
        (9, 28, 28),
        (9, 28, 28, 1),
        (9, 28, 28, 3),
        (9, 28, 20, 4),
        (9, 3, 3, 3),
        (9, 28, 28, 28),
        (9, 5, 5, 64),
        (9, 4, 4),
    ],
    ids=str,
)
def test_images_as_networks_take_them_are_read_as_they_are(shape):
    assert misreading(shape) is None


@pytest.mark.parametrize(
    ("shape", "text", "expression"),
    [
        pytest.param((9, 3, 28, 28), "channels come first", "{}.transpose(0, 2, 3, 1)", id="PyTorch's colour"),
        pytest.param((9, 1, 28, 28), "channels come first", "{}.transpose(0, 2, 3, 1)", id="PyTorch's grey"),
        pytest.param((9, 3, 20, 28), "channels come first", "{}.transpose(0, 2, 3, 1)", id="not square"),
        pytest.param((9, 64, 28, 28), "channels come first", "{}.transpose(0, 2, 3, 1)", id="many channels"),
        pytest.param((9, 28, 3, 28), "channels come in the middle", "{}.transpose(0, 1, 3, 2)", id="in the middle"),
        pytest.param((9, 784), "each image is flat, a row of 784", "{}.reshape(-1, 28, 28)", id="flat grey"),
        pytest.param((9, 3072), "with one colour after the other", "", id="flat colour, in one of two orders"),
        pytest.param((9, 30), "one row of values for each", "", id="a table"),
        pytest.param((9, 1, 784), "each image is flat", "{}.reshape(-1, 28, 28)", id="flat with an axis"),
        pytest.param((9, 784, 3), "784 pixels of 3 channels", "{}.reshape(-1, 28, 28, 3)", id="pixels, channels"),
        pytest.param(
            (9, 3, 1024), "1024 pixels of 3", "{}.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)", id="channels, pixels"
        ),
        pytest.param((9, 2, 30), "grey pictures of 2x30", "{}[..., None]", id="strips"),
        pytest.param((9, 1, 28, 28, 1), "it has 5 axes", "{}.reshape(-1, 28, 28)", id="spare axes"),
        pytest.param((9, 8, 28, 28, 3), "it has 5 axes", "", id="videos"),
        pytest.param((9,), "images are (n, height, width)", "", id="one number for each"),
    ],
)
def test_another_order_of_axes_is_named_with_what_makes_it_right(shape, text, expression):
    found = misreading(shape)
    assert found is not None
    assert text in found.text
    assert found.expression == expression


@pytest.mark.parametrize(
    ("train", "test", "axis"),
    [
        pytest.param((12, 28, 28), (6, 28, 28), None, id="first"),
        pytest.param((28, 28, 12), (28, 28, 6), 2, id="last"),
        pytest.param((28, 28, 3, 12), (28, 28, 3, 6), 3, id="last of four"),
        pytest.param((12, 28, 12), (12, 28, 6), 2, id="an axis of the same length"),
        pytest.param((28, 12, 28), (28, 5, 28), None, id="not as many as labels"),
    ],
)
def test_the_axis_of_the_images_is_found_by_the_number_of_labels(train, test, axis):
    assert image_axis(train, test, 12, 6) == axis
