from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.config.trial import DataConfig
from sweeper.data import open_arrays, prepare
from sweeper.data.mapped import MappedImages
from sweeper.data.pixel_statistics import pixel_statistics

BYTES = np.random.default_rng(0).integers(0, 256, (600, 5, 4, 3), dtype=np.uint8)
FLOATS = np.random.default_rng(0).random((600, 5, 4, 2), dtype=np.float32)


@pytest.mark.parametrize("images", [BYTES, FLOATS, BYTES[:, :, :, :1]], ids=["bytes", "floats", "gray"])
@pytest.mark.parametrize("chosen", [np.arange(600), np.arange(3, 500, 7), np.array([2])], ids=["all", "some", "one"])
def test_mean_and_variance_are_numpys(images: Any, chosen: Any) -> None:
    found = pixel_statistics(images, chosen)
    pixels = images[chosen].astype(np.float64).reshape(-1, images.shape[-1]) / (255 if images.dtype == np.uint8 else 1)
    np.testing.assert_allclose(found.mean, pixels.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.variance, pixels.var(axis=0), rtol=1e-9)


def test_mapped_images_have_the_same_statistics_as_the_array(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", BYTES)
    chosen = np.arange(0, 600, 3)
    assert pixel_statistics(MappedImages.open(tmp_path / "images.npy"), chosen) == pixel_statistics(BYTES, chosen)


@pytest.mark.parametrize("value", [0, 1, 200, 255])
def test_a_channel_of_one_value_is_only_shifted(value: int) -> None:
    found = pixel_statistics(np.full((300, 8, 8, 1), value, dtype=np.uint8), np.arange(300))
    assert found.mean == (pytest.approx(value / 255),)
    assert found.variance == (1.0,)


def test_the_statistics_are_those_of_the_training_images_alone(tmp_path: Path) -> None:
    made = prepare(DataConfig(normalize="standardize"), tmp_path)
    train = open_arrays(made).x_train[:] / 255
    assert made.statistics is not None
    assert made.statistics.mean == (pytest.approx(train.mean()),)
    assert made.statistics.variance == (pytest.approx(train.var()),)
    plain = prepare(DataConfig(), tmp_path / "plain")
    assert plain.statistics is None
    assert (plain.data_digest, plain.split_digest) == (made.data_digest, made.split_digest)
