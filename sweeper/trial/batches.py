"""The training images of each epoch, batch by batch, in an order that the seed and the epoch alone decide.

Under `keras.utils.set_random_seed`, `Model.fit` draws one order and repeats it in every epoch: the same images meet in
the same batches throughout, which is not what a training without a seed does. Here every epoch has an order of its
own, and a trial that resumes from a checkpoint has that of its epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from sweeper.data import TrainingArrays, as_float
from sweeper.trial.augment.pipeline import Augmentation
from sweeper.trial.fitting.labels import Targets


def epoch_order(seed: int, epoch: int, length: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The order of an epoch's images, the same on every machine and in every process.

    Args:
        seed: 0 to 2**32 - 1, the trial's.
        epoch: from 0.
        length: number of images.

    Returns:
        (length,) a permutation of 0 to length - 1, from a stream that NumPy has frozen.
    """
    return np.random.RandomState([seed, epoch]).permutation(length)


class ShuffledBatches:
    """The training set, cut into batches; only the batch that is trained on is held as floats.

    Keras may start a dataset where no epoch begins, so the epoch is not counted here but set by `callback`.
    """

    def __init__(
        self,
        arrays: TrainingArrays,
        batch_size: int,
        seed: int,
        targets: Targets,
        augmentation: Augmentation | None = None,
    ) -> None:
        """Takes the images as they are, uint8 (0 to 255) or float32 in [0, 1]; the last batch may be smaller.

        Args:
            arrays: images and integer labels.
            batch_size: images of a batch.
            seed: the trial's.
            targets: what labels and weights become for the loss.
            augmentation: changes the images of each batch; None where they stay as they are.
        """
        self.augmentation = augmentation
        self._epoch = 0
        self._images, self._labels = arrays.x_train, np.asarray(arrays.y_train)
        self.targets = targets
        self._batch_size, self._seed = batch_size, seed
        self._order = epoch_order(seed, 0, len(self._labels))

    def callback(self) -> Any:
        """The Keras callback that gives each epoch its order."""
        return keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: self._begin(epoch))

    def _begin(self, epoch: int) -> None:
        self._epoch, self._order = epoch, epoch_order(self._seed, epoch, len(self._labels))

    def dataset(self) -> Any:
        """The batches as a `tf.data.Dataset` for `Model.fit`, one pass an epoch.

        tf.data's autotuning is off: there is nothing to tune, and its thread, which sleeps for longer and longer,
        holds up the end of an epoch until it wakes (0.1 to 0.6 s where two trials train at a time).
        """
        import tensorflow as tf

        images, labels = self._given(slice(1))
        parts = [part for part in (images, labels, self.targets.image_weights(labels)) if part is not None]
        signature = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in parts)
        batches = tf.data.Dataset.from_generator(self._batches, output_signature=signature)
        options = tf.data.Options()
        options.autotune.enabled = False
        return batches.apply(tf.data.experimental.assert_cardinality(len(self))).prefetch(2).with_options(options)

    def _batches(self) -> Iterator[tuple[np.ndarray[Any, Any], ...]]:
        return (self[index] for index in range(len(self)))

    def __len__(self) -> int:
        return -(-len(self._labels) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray[Any, Any], ...]:
        """Images, labels, and, with class weights, the weight of each image in the loss."""
        return self._batch(index, self._epoch, self._order)

    def _batch(self, index: int, epoch: int, order: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], ...]:
        images, labels = self._given(order[index * self._batch_size : (index + 1) * self._batch_size])
        if self.augmentation is not None:
            images, labels = self.augmentation(images, labels, epoch, index)
        weights = self.targets.image_weights(labels)
        return (images, labels) if weights is None else (images, labels, weights)

    def _given(self, chosen: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Images as they are, and their labels as the loss takes them."""
        return as_float(self._images[chosen]), self.targets.encoded(self._labels[chosen])

    def samples(self, count: int, epochs: int) -> dict[str, np.ndarray[Any, Any]]:
        """Some training images, the first of the first epoch, as they are and as the first epochs changed them.

        (images, height, width, channels) float32 in [0, 1], by the row's name.
        """
        chosen = epoch_order(self._seed, 0, len(self._labels))[:count]  # files may be in the order of their classes
        rows = {"original": self._given(chosen)[0]}
        for epoch in range(epochs):
            order = epoch_order(self._seed, epoch, len(self._labels))
            places = [divmod(int(place), self._batch_size) for place in np.argsort(order)[chosen]]
            rows[f"epoch {epoch + 1}"] = np.stack(
                [self._batch(index, epoch, order)[0][within] for index, within in places]
            )
        return rows
