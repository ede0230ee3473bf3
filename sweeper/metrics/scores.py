"""The metrics that were asked for, of one set of images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from sweeper.core.objectives import Metric
from sweeper.metrics import classification, probabilities
from sweeper.metrics.custom import custom_value

_Labels = NDArray[np.integer]
_Probabilities = NDArray[np.floating]

#: Metrics that are the mean of a score of each image.
_BY_IMAGE: Mapping[str, Callable[[_Labels, _Probabilities], NDArray[np.float64]]] = {
    "val_top5_accuracy": probabilities.top5_hits,
    "val_brier": probabilities.brier_scores,
}
_WHOLE: Mapping[str, Callable[[_Labels, _Probabilities], float]] = {
    "val_auc": probabilities.auc,
    "val_ece": probabilities.expected_calibration_error,
}


def compute(metrics: Iterable[Metric], labels: _Labels, given: _Probabilities) -> dict[str, float]:
    """Each metric's value by its name.

    Args:
        metrics: what was asked for.
        labels: (images,), the true classes.
        given: (images, classes), probabilities.

    Raises:
        TargetError, MetricError: a custom metric's function is not there, failed, or gave no number.
    """
    matrix: NDArray[np.int64] | None = None
    found: dict[str, float] = {}
    for metric in metrics:
        if metric.target:
            found[metric.name] = custom_value(metric, labels, given)
        elif metric.name in _BY_IMAGE:
            found[metric.name] = float(_BY_IMAGE[metric.name](labels, given).mean())
        elif metric.name in _WHOLE:
            found[metric.name] = _WHOLE[metric.name](labels, given)
        else:
            if matrix is None:
                matrix = classification.confusion_matrix(labels, given.argmax(axis=1), given.shape[1])
            counts = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
            found[metric.name] = float(classification.OF_COUNTS[metric.name](*counts))
    return found


def scored_by_image(metric: Metric) -> bool:
    """Whether a metric is the mean of a score of each image."""
    return not metric.target and metric.name in _BY_IMAGE


def image_scores(metrics: Iterable[Metric], labels: _Labels, given: _Probabilities) -> dict[str, NDArray[np.float32]]:
    """The score of each image, (images,), of those metrics that are the mean of one."""
    return {
        metric.name: _BY_IMAGE[metric.name](labels, given).astype(np.float32)
        for metric in metrics
        if scored_by_image(metric)
    }
