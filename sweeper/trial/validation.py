"""The validation pass: the probabilities of all validation images, from the weights that would be saved now.

Loss, accuracy and predictions come from these probabilities, so a row is by construction what its saved model says.
Keras's own evaluation is not used: it runs before averaged weights (`optimizer.use_ema`) are swapped in, so it scores
weights that are never saved.

What does not live here: the loss of an image (`sweeper.artifacts.predictions`), when an epoch is the best
(`sweeper.trial.callbacks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.artifacts.predictions import image_losses
from sweeper.core.errors import ArchitectureError
from sweeper.core.objectives import Metric
from sweeper.data import as_float
from sweeper.metrics import compute
from sweeper.trial.fitting.averages import weights_to_save

_SUM_TOLERANCE = 0.05


class ValidationPass:
    """Scores a compiled Keras model on the validation images, with one traced function for all passes.

    Attributes:
        labels: (images,) int64.
        metrics: what is computed besides loss and accuracy.
        probabilities: (images, classes) float32 of the last pass; None before the first.
    """

    def __init__(
        self, model: Any, images: Any, labels: NDArray[np.int64], batch_size: int, metrics: Sequence[Metric] = ()
    ) -> None:
        """Takes the images as they are stored, uint8 (0 to 255) or float32 in [0, 1]; converted by batches."""
        import tensorflow as tf

        self.labels = labels
        self.metrics = metrics
        self.probabilities: NDArray[np.float32] | None = None
        self._model = model
        self._images = images
        self._batch_size = batch_size
        shape = tf.TensorSpec((None, *images.shape[1:]), tf.float32)
        self._traced = tf.function(
            lambda batch: tf.cast(model(batch, training=False), tf.float32),
            input_signature=(shape,),
            autograph=False,  # nothing to convert, and it would leave a file in the temporary folder
        )

    def check_probabilities(self, training_images: Any) -> None:
        """Raises ArchitectureError unless the untrained network gives probabilities: the loss is computed from them.

        The first batch of validation images tells, without any of training images; half precision rounds a sum of up
        to 1,000 classes by less than 0.05.
        """
        images = self._images if len(self.labels) else training_images
        outputs = np.asarray(self._traced(as_float(images[: self._batch_size])))
        sums = outputs.sum(axis=1)
        if outputs.min() < 0 or np.abs(sums - 1).max() > _SUM_TOLERANCE:
            raise ArchitectureError(
                f"The network's outputs are from {outputs.min():.3g} to {outputs.max():.3g} with sums from "
                f"{sums.min():.3g} to {sums.max():.3g}. Accepted: the probability of each class, from 0 to 1, with the "
                'sum 1 for each image.  Try: keras.layers.Dense(num_classes, activation="softmax") as its last layer'
            )

    @property
    def correct_bits(self) -> NDArray[np.uint8]:
        """Which images the last pass answered right, (ceil(images / 8),), one bit per image.

        Raises:
            ValueError: there was no pass.
        """
        if not len(self.labels):
            return np.empty(0, np.uint8)
        if self.probabilities is None:
            raise ValueError("there are no answers before the validation pass has run")
        return np.packbits(self.probabilities.argmax(axis=1) == self.labels)

    def run(self) -> dict[str, float]:
        """`val_loss`, `val_accuracy` and `metrics` of the weights that would be saved now; keeps the probabilities.

        Nothing where there are no validation images.
        """
        with weights_to_save(self._model):
            return self.run_on_current_weights()

    def run_on_current_weights(self) -> dict[str, float]:
        """The same of the model's weights as they are: those that are about to be saved."""
        if not len(self.labels):
            return {}
        starts = range(0, len(self.labels), self._batch_size)
        batches = [self._traced(as_float(self._images[start : start + self._batch_size])) for start in starts]
        probabilities = np.concatenate([np.asarray(batch) for batch in batches])
        self.probabilities = probabilities
        return {
            "val_loss": float(image_losses(probabilities, self.labels).mean()),
            "val_accuracy": float((probabilities.argmax(axis=1) == self.labels).mean()),
            **compute(self.metrics, self.labels, probabilities),
        }
