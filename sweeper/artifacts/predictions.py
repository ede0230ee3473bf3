"""A trial's `predictions.npz`: probabilities, classes and losses, written and read here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
