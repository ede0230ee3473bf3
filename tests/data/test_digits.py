"""The bundled digits."""

from __future__ import annotations

import numpy as np
import pytest

from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError
from sweeper.data import describe, digits


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
