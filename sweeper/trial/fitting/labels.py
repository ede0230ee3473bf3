"""The labels and weights of the training loss, and the loss itself. Validation is scored elsewhere, without any of it.

Labels are integers with the sparse loss, unless something makes them soft: label smoothing, or images that are mixed.
Then they are probabilities per class, with Keras's categorical loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.config.training import BALANCED, TrainingConfig, weights_by_class
from sweeper.core.datasets import DataSummary


@dataclass(frozen=True)
class Targets:
    """What the training loss compares the network's outputs with.

    Attributes:
        num_classes: number of labels.
        soft: whether labels are probabilities, (images, classes) float32, and not integers, (images,) int64.
        smoothing: of the loss, from 0 to below 1.
        class_weights: (classes,) float32; None where all images count the same.
    """

    num_classes: int
    soft: bool
    smoothing: float = 0.0
    class_weights: NDArray[np.float32] | None = None

    def loss(self) -> Any:
        """Keras's loss."""
        import keras

        if self.soft:
            return keras.losses.CategoricalCrossentropy(label_smoothing=self.smoothing)
        return "sparse_categorical_crossentropy"

    def encoded(self, labels: NDArray[np.int64]) -> NDArray[Any]:
        """Integer labels as the loss takes them."""
        return np.eye(self.num_classes, dtype=np.float32)[labels] if self.soft else labels

    def image_weights(self, encoded: NDArray[Any]) -> NDArray[np.float32] | None:
        """(images,) the weight of each image in the loss; of a soft label, the mean of its classes' weights."""
        if self.class_weights is None:
            return None
        return encoded @ self.class_weights if self.soft else self.class_weights[encoded]


def targets(training: TrainingConfig, summary: DataSummary, labels: NDArray[np.int64], *, mixes: bool) -> Targets:
    """What a trial's loss compares with.

    Args:
        training: label smoothing and class weights.
        summary: of the data set.
        labels: (images,) of the training images, integers from 0.
        mixes: whether augmentation mixes images, and so their labels.

    Raises:
        ConfigError: a class weight of a class that there is not.
    """
    return Targets(
        num_classes=summary.num_classes,
        soft=mixes or training.label_smoothing > 0,
        smoothing=training.label_smoothing,
        class_weights=_class_weights(training.class_weight, summary, labels),
    )


def _class_weights(given: Any, summary: DataSummary, labels: NDArray[np.int64]) -> NDArray[np.float32] | None:
    if given is None:
        return None
    if given == BALANCED:  # as scikit-learn's: n / (k n_c), so that the images' mean weight is 1
        counts = np.bincount(labels, minlength=summary.num_classes)
        return (len(labels) / (summary.num_classes * np.maximum(counts, 1))).astype(np.float32)
    if not isinstance(given, Mapping):
        raise TypeError(f"class weights are null, balanced or a map, not {type(given).__name__}")
    return np.array(weights_by_class(given, summary.labels), dtype=np.float32)
