"""A trial's `predictions.npz`: probabilities, classes and losses; and its right answers after each epoch.

`validation_bits_by_epoch.npz` holds `bits`, (epochs, ceil(images / 8)) uint8: one bit per validation image, in the
order of `predictions.npz`, as `numpy.packbits` packs them. The mean of an epoch's bits is its `val_accuracy`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.artifacts.damage import load_arrays, reading
from sweeper.core.paths import TrialPaths

#: Begins the name of an array with a metric's score of each image.
SCORES = "scores_"
#: Probabilities below this count as this, as in Keras's cross-entropy (`keras.config.epsilon`).
_LEAST = 1e-7


def image_losses(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """The cross-entropy of each image, (images,), of probabilities (images, classes) and labels (images,)."""
    of_label = np.take_along_axis(np.asarray(probabilities, dtype=np.float64), labels[:, None], axis=1)[:, 0]
    losses: NDArray[np.float64] = -np.log(np.clip(of_label, _LEAST, 1.0))
    return losses


def save_predictions(
    paths: TrialPaths,
    probabilities: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
    class_names: Sequence[str] = (),
    files: Sequence[str] = (),
    groups: Sequence[str] = (),
    scores: Mapping[str, NDArray[np.float32]] | None = None,
) -> np.ndarray[Any, Any]:
    """Writes `predictions.npz`, with the names of classes, and of the images' files and groups, where they have some.

    Args:
        paths: the trial's.
        probabilities: (images, classes).
        labels: (images,).
        class_names: of each class.
        files, groups: of each image.
        scores: by metric the score of each image, (images,), of metrics that are their mean and were asked for.

    Returns:
        The predicted classes, (images,).
    """
    predicted: np.ndarray[Any, Any] = probabilities.argmax(axis=1).astype(np.int64)
    paths.artifacts.mkdir(parents=True, exist_ok=True)
    known = {"class_names": class_names, "files": files, "groups": groups}
    named: dict[str, Any] = {name: np.array(values) for name, values in known.items() if values}
    named |= {f"{SCORES}{name}": values for name, values in (scores or {}).items()}
    np.savez_compressed(
        paths.predictions,
        probabilities=probabilities.astype(np.float16),
        losses=image_losses(probabilities, labels).astype(np.float16),
        predicted=predicted,
        labels=labels.astype(np.int64),
        **named,
    )
    return predicted


def save_epoch_bits(paths: TrialPaths, bits: NDArray[np.uint8]) -> None:
    """Writes which validation images each epoch answered right, (epochs, ceil(images / 8))."""
    paths.artifacts.mkdir(parents=True, exist_ok=True)
    np.savez(paths.epoch_bits, bits=bits)


def read_epoch_bits(path: Path, num_images: int) -> NDArray[np.bool_]:
    """What `save_epoch_bits` wrote, (epochs, num_images).

    Raises:
        DamagedFileError: it is not there, not whole, or not of so many images.
    """
    packed = load_arrays(path).get("bits", np.empty(0))
    with reading(path):
        if packed.ndim != 2 or packed.dtype != np.uint8 or packed.shape[1] != (num_images + 7) // 8 or not len(packed):
            raise ValueError(
                f"it holds {packed.dtype} of the shape {packed.shape}, not the bits of {num_images} images"
            )
        return np.unpackbits(packed, axis=1, count=num_images).astype(bool)
