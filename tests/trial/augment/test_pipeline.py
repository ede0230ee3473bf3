"""Augmentation: the same changes for the same seed, epoch and image, within [0, 1], by Keras's layers."""

from __future__ import annotations

import random
import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sweeper.config.augment import STRENGTHS, AugmentConfig
from sweeper.data import TrainingArrays
from sweeper.trial.augment.pipeline import Augmentation
from sweeper.trial.batches import ShuffledBatches, epoch_order
from sweeper.trial.fitting.labels import Targets

pytestmark = pytest.mark.usefixtures("keras_runtime")

IMAGES = np.random.default_rng(0).random((24, 12, 10, 1), dtype=np.float32)
COLOURED = np.random.default_rng(1).random((8, 12, 10, 3), dtype=np.float32)
LABELS = np.eye(4, dtype=np.float32)[np.arange(24) % 4]

#: Each change alone.
CHANGES: dict[str, dict[str, Any]] = {
    **{key: {key: 0.5 * most} for key, most in STRENGTHS.items()},
    "flip": {"flip": "horizontal_and_vertical"},
    "reflected": {"translation": 0.3, "fill_mode": "reflect"},
    "custom": {"layers": [{"_target_": "keras.layers.RandomSharpness", "factor": 0.9, "value_range": [0, 1]}]},
    "all": {"rotation": 0.1, "zoom": 0.1, "contrast": 0.3, "erasing": 0.5, "mixup": 0.4, "cutmix": 1.0},
}


def made(seed: int = 3, shape: tuple[int, int, int] = (12, 10, 1), **config: Any) -> Augmentation:
    return Augmentation(AugmentConfig(**config), shape, seed)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_follows_from_seed_epoch_and_batch(name: str) -> None:
    first, again, other = made(**CHANGES[name]), made(**CHANGES[name]), made(seed=4, **CHANGES[name])
    images, labels = first(IMAGES, LABELS, 1, 2)
    first(IMAGES, LABELS, 0, 0)  # what was asked for before does not matter
    repeated = first(IMAGES, LABELS, 1, 2)
    anew = again(IMAGES, LABELS, 1, 2)

    assert np.array_equal(images, repeated[0])
    assert np.array_equal(images, anew[0])
    assert np.array_equal(labels, anew[1])
    assert not np.array_equal(images, IMAGES)
    for differs in (first(IMAGES, LABELS, 2, 2), first(IMAGES, LABELS, 1, 1), other(IMAGES, LABELS, 1, 2)):
        assert not np.array_equal(images, differs[0])


@pytest.mark.parametrize("name", CHANGES)
def test_images_stay_images(name: str) -> None:
    for given, shape in ((IMAGES, (12, 10, 1)), (COLOURED, (12, 10, 3))):
        images, labels = made(shape=shape, **CHANGES[name])(given, LABELS[: len(given)], 0, 0)

        assert images.shape == given.shape
        assert images.dtype == np.float32
        assert 0 <= images.min() < images.max() <= 1
        assert labels.sum(axis=1) == pytest.approx(np.ones(len(given)), abs=1e-6)


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_a_mixed_image_has_the_shares_of_its_labels(name: str) -> None:
    plain = np.zeros_like(IMAGES) + (np.arange(24) % 4 == 0)[:, None, None, None].astype(np.float32)
    images, labels = made(**{name: 1.0})(plain, LABELS, 0, 0)

    assert ((labels > 0.01) & (labels < 0.99)).any(axis=1).mean() > 0.1
    tolerance = 1e-5 if name == "mixup" else 0.1  # Keras counts parts of the pixels at a rectangle's edge
    assert images.mean(axis=(1, 2, 3)) == pytest.approx(labels[:, 0], abs=tolerance)  # class 0 is white, others black


def test_without_mixing_labels_are_returned_as_they_are() -> None:
    integers = np.arange(24)

    assert made(rotation=0.1)(IMAGES, integers, 0, 0)[1] is integers


def test_half_precision_does_not_reach_the_images() -> None:
    import keras

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half, _ = made(**CHANGES["all"])(IMAGES, LABELS, 0, 0)
    finally:
        keras.config.set_dtype_policy("float32")

    assert np.array_equal(half, made(**CHANGES["all"])(IMAGES, LABELS, 0, 0)[0])


def test_the_networks_random_numbers_are_left_alone() -> None:
    state = random.getstate()

    made(**CHANGES["custom"], rotation=0.1, mixup=0.2, rand_augment=0.5)

    assert random.getstate() == state


def test_threads_that_ask_at_a_time_get_what_they_would_alone() -> None:
    one = made(rotation=0.2, contrast=0.5)
    alone = [one(IMAGES, LABELS, 0, step)[0] for step in range(8)]
    found: dict[int, NDArray[np.float32]] = {}
    threads = [
        threading.Thread(target=lambda step=step: found.update({step: one(IMAGES, LABELS, 0, step)[0]}))
        for step in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(np.array_equal(found[step], alone[step]) for step in range(8))


def test_a_picture_shows_what_the_training_gets() -> None:
    arrays = TrainingArrays(IMAGES, np.arange(24) % 4, IMAGES[:2], np.zeros(2, np.int64))
    batches = ShuffledBatches(arrays, 7, 3, Targets(4, soft=False), made(rotation=0.2, translation=0.2))
    rows = batches.samples(count=5, epochs=2)

    assert list(rows) == ["original", "epoch 1", "epoch 2"]
    assert np.array_equal(rows["original"], IMAGES[epoch_order(3, 0, 24)[:5]])
    assert np.array_equal(rows["epoch 1"], batches[0][0][:5])  # what the first batch of the first epoch is
    assert not np.array_equal(rows["epoch 1"], rows["epoch 2"])
