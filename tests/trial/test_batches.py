"""The order of the training images: every image once an epoch, each epoch its own order, the same order each time."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from sweeper.data import TrainingArrays
from sweeper.trial.batches import ShuffledBatches, epoch_order
from sweeper.trial.fitting.labels import Targets

pytestmark = pytest.mark.usefixtures("keras_runtime")


def arrays(length: int, dtype: Any = np.uint8) -> TrainingArrays:
    """Images whose every pixel is their number."""
    images = np.arange(length, dtype=dtype)[:, None, None, None] * np.ones((1, 2, 2, 1), dtype)
    labels = np.arange(length, dtype=np.int64) % 3
    return TrainingArrays(images, labels, images[:2], labels[:2])


def trained_on(length: int, batch_size: int, *, seed: int = 0, epochs: int = 3, first: int = 0) -> list[list[int]]:
    """The images of each epoch as `Model.fit` saw them."""
    seen: list[list[int]] = []

    class Watch(keras.Model):  # type: ignore[misc]
        def train_step(self, data: Any) -> dict[str, Any]:
            images, _ = data
            seen[-1].extend(int(number) for number in np.rint(images.numpy()[:, 0, 0, 0] * 255))
            return super().train_step(data)  # type: ignore[no-any-return]

    inputs = keras.Input((2, 2, 1))
    model = Watch(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    batches = ShuffledBatches(arrays(length), batch_size, seed, Targets(10, soft=False))
    begin = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append([]))
    model.fit(
        batches.dataset(),
        shuffle=False,
        epochs=epochs,
        initial_epoch=first,
        callbacks=[begin, batches.callback()],
        verbose=0,
    )
    return seen


@pytest.mark.parametrize(("length", "batch_size"), [(50, 8), (48, 8), (5, 8), (1, 1)])
def test_each_epoch_has_every_image_once(length: int, batch_size: int) -> None:
    for epoch in trained_on(length, batch_size):
        assert sorted(epoch) == list(range(length))


def test_each_epoch_and_each_seed_has_an_order_of_its_own() -> None:
    orders = trained_on(50, 8) + trained_on(50, 8, seed=1)

    assert len({tuple(order) for order in orders}) == 6


def test_a_training_that_goes_on_has_the_order_of_its_epoch() -> None:
    assert trained_on(50, 8, epochs=4, first=2) == trained_on(50, 8, epochs=4)[2:]


def test_the_order_is_that_of_every_machine() -> None:
    assert epoch_order(0, 0, 8).tolist() == [3, 7, 4, 0, 2, 6, 5, 1]
    assert epoch_order(2**32 - 1, 9, 8).tolist() == [0, 4, 2, 5, 1, 6, 3, 7]


def test_the_images_are_floats_with_their_labels_and_the_last_batch_is_what_is_left() -> None:
    batches = ShuffledBatches(arrays(10), 4, 0, Targets(10, soft=False))
    taken = [batches[index] for index in range(len(batches))]

    assert [len(images) for images, _ in taken] == [4, 4, 2]
    for images, labels in taken:
        assert images.dtype == np.float32
        assert images.shape[1:] == (2, 2, 1)
        assert (np.rint(images[:, 0, 0, 0] * 255).astype(int) % 3).tolist() == labels.tolist()


def test_images_that_are_floats_stay_as_they_are() -> None:
    images, _ = ShuffledBatches(arrays(10, np.float32), 10, 0, Targets(10, soft=False))[0]

    assert sorted(images[:, 0, 0, 0].tolist()) == list(range(10))


def test_no_thread_of_tf_data_tunes_the_batches() -> None:
    """It sleeps for ever longer, and the end of an epoch waits for it."""
    batches = ShuffledBatches(arrays(10), 4, 0, Targets(10, soft=False))
    dataset = batches.dataset()

    assert dataset.options().autotune.enabled is False
    assert int(dataset.cardinality()) == len(batches) == 3
