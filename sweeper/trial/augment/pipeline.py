"""Changes one batch of training images, the same way whenever the same batch of the same epoch is asked for.

The layers draw from Keras's seed generators. Before each batch every generator is set from the trial's seed, the epoch
and the batch. An epoch's order of images follows from seed and epoch (`sweeper.trial.batches`), so what happens to an
image follows from seed, epoch and image: with any workers, and after a resume. With `augment=digits`, a call for a
batch of 128 takes 0.05 ms of CPU per image of 28x28 pixels; a call for each image takes 1.3 ms, more than a training
step.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.config.augment import AugmentConfig
from sweeper.trial.augment.layers import image_layers, mixing_layers

_BITS = 2**31 - 1  # of a seed that TensorFlow's 32-bit generators take as it is

#: A GPU trains meanwhile, on batches that come from the CPU.
_DEVICE = "CPU:0"


class Augmentation:
    """The random changes of a trial's training images."""

    def __init__(self, config: AugmentConfig, input_shape: tuple[int, int, int], seed: int) -> None:
        """Makes the layers.

        Args:
            config: what to do; at least one change.
            input_shape: (height, width, channels) of an image.
            seed: the trial's, 0 to 2**32 - 1.

        Raises:
            ConfigError: a custom layer cannot be made.
        """
        import tensorflow as tf

        self._seed = seed
        with tf.device(_DEVICE):
            self._images, self._mixing = image_layers(config), mixing_layers(config)
        self._seeds = [
            variable for layer in (*self._images, *self._mixing) for variable in layer.variables if _is_seed(variable)
        ]
        images = tf.TensorSpec((None, *input_shape), tf.float32)
        self._change = tf.function(self._changed, input_signature=[images], autograph=False)
        soft = tf.TensorSpec((None, None), tf.float32)
        self._mix = tf.function(self._mixed, input_signature=[images, soft], autograph=False)
        self._lock = threading.Lock()  # tf.data may still read an epoch that has been left, in another thread

    def __call__(
        self, images: NDArray[np.float32], labels: NDArray[Any], epoch: int, step: int
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """The changed images and labels of a batch.

        Args:
            images: (batch, height, width, channels) in [0, 1].
            labels: (batch, classes) where images are mixed; otherwise any, returned as they are.
            epoch: from 0.
            step: the batch's number in its epoch, from 0.
        """
        import tensorflow as tf

        with self._lock, tf.device(_DEVICE):
            drawn = np.random.SeedSequence([self._seed, epoch, step]).generate_state(2 * len(self._seeds))
            for variable, state in zip(self._seeds, drawn.reshape(-1, 2) & _BITS, strict=True):
                variable.assign(state)
            if not self._mixing:
                return np.asarray(self._change(images)), labels
            changed, mixed = self._mix(images, labels)
            return np.asarray(changed), np.asarray(mixed)

    def _changed(self, images: Any) -> Any:
        """Images within [0, 1], also where a layer leaves it."""
        import tensorflow as tf

        for layer in self._images:
            images = layer(images, training=True)
        return tf.clip_by_value(tf.cast(images, tf.float32), 0.0, 1.0)

    def _mixed(self, images: Any, labels: Any) -> Any:
        both = {"images": self._changed(images), "labels": labels}
        for layer in self._mixing:
            both = layer(both, training=True)
        return both["images"], both["labels"]


def _is_seed(variable: Any) -> bool:
    """Whether a variable is the state of one of Keras's seed generators."""
    return "seed_generator_state" in variable.path and tuple(variable.shape) == (2,)
