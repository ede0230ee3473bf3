"""Metrics of the predicted classes; all of them are functions of the confusion matrix.

`tp` are a class's images that are predicted rightly, `support` its images, `predicted` the images that were given it.
The functions take arrays (..., classes), so that many tables are computed at once.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.integer] | NDArray[np.floating]


def confusion_matrix(
    labels: NDArray[np.integer], predicted: NDArray[np.integer], num_classes: int
) -> NDArray[np.int64]:
    """(classes, classes): images by true class (rows) and predicted class (columns)."""
    cells = labels.astype(np.int64) * num_classes + predicted
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def balanced_accuracy(tp: Counts, support: Counts, predicted: Counts) -> NDArray[np.float64]:
    """(...): the mean recall over the classes that have an image; as `sklearn.metrics.balanced_accuracy_score`."""
    del predicted  # recall does not depend on it
    recall = _ratio(tp, support)
    return _mean_over(recall, np.broadcast_to(support > 0, recall.shape))


def macro_f1(tp: Counts, support: Counts, predicted: Counts) -> NDArray[np.float64]:
    """(...): the mean F1 over the classes that have an image or are predicted.

    As `sklearn.metrics.f1_score(average="macro", zero_division=0)`: a class without an image that is predicted counts
    with 0, one that is neither there nor predicted does not count.
    """
    f1 = _ratio(2 * tp, support + predicted)
    return _mean_over(f1, support + predicted > 0)


#: The metrics that are functions of these counts: of `tp`, `support` and `predicted`, each (..., classes).
OF_COUNTS: Mapping[str, Callable[[Counts, Counts, Counts], NDArray[np.float64]]] = {
    "val_balanced_accuracy": balanced_accuracy,
    "val_macro_f1": macro_f1,
}


def scores_by_image(metric: str, labels: NDArray[np.integer], predicted: NDArray[np.integer]) -> NDArray[np.float64]:
    """(images,): scores whose mean is a metric of `OF_COUNTS`, and which vary as the metric does with the images.

    An image's score is the metric plus its influence: the metric's derivative by the image's weight, times the number
    of images. So tests and intervals of means serve for these metrics too, where each class has enough images for the
    metric to be nearly linear in its counts (what they keep is measured by `benchmarks/counts.py`).

    Args:
        metric: `val_macro_f1` or `val_balanced_accuracy`.
        labels, predicted: (images,), the true and the predicted classes, from 0.

    Raises:
        KeyError: another metric.

    Source: F. R. Hampel (1974), The influence curve and its role in robust estimation, Journal of the American
    Statistical Association 69; B. Efron (1982), The jackknife, the bootstrap and other resampling plans, section 6.3
    (the infinitesimal jackknife).
    """
    num_classes = int(max(labels.max(), predicted.max())) + 1
    matrix = confusion_matrix(labels, predicted, num_classes)
    tp, support, given = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    value = OF_COUNTS[metric](tp, support, given)
    if metric == "val_balanced_accuracy":
        by_tp = _ratio(np.ones(num_classes), support)
        by_support, by_given = -by_tp * _ratio(tp, support), np.zeros(num_classes)
        number = int((support > 0).sum())
    else:
        by_tp = _ratio(np.full(num_classes, 2.0), support + given)
        by_support = by_given = -by_tp * _ratio(tp, support + given)
        number = int((support + given > 0).sum())
    influence = by_tp[labels] * (labels == predicted) + by_support[labels] + by_given[predicted]
    scores: NDArray[np.float64] = value + influence * (len(labels) / number)
    return scores


@dataclass(frozen=True)
class ClassFigures:
    """What is known of one class; a ratio without a denominator is 0, as scikit-learn's `zero_division=0`.

    Attributes:
        precision: of the images that were predicted to be of the class, the share that is.
        recall: of the class's images, the share that was predicted to be of it.
        f1: the harmonic mean of the two.
        support: the class's images.
    """

    precision: float
    recall: float
    f1: float
    support: int


def by_class(matrix: NDArray[np.int64]) -> tuple[ClassFigures, ...]:
    """The figures of each class, of a confusion matrix; as `precision_recall_fscore_support(zero_division=0)`."""
    tp, support, predicted = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    columns = (_ratio(tp, predicted), _ratio(tp, support), _ratio(2 * tp, support + predicted), support)
    return tuple(
        ClassFigures(float(precision), float(recall), float(f1), int(number))
        for precision, recall, f1, number in zip(*columns, strict=True)
    )


def _ratio(part: Counts, whole: Counts) -> NDArray[np.float64]:
    parts, wholes = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    ratio: NDArray[np.float64] = np.divide(parts, wholes, out=np.zeros(parts.shape), where=wholes > 0)
    return ratio


def _mean_over(values: NDArray[np.float64], counts: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(...): the mean over those classes that count; the others have the value 0."""
    found: NDArray[np.float64] = values.sum(axis=-1) / counts.sum(axis=-1)
    return found


def per_class_csv(matrix: NDArray[np.int64], names: Sequence[str]) -> str:
    """The figures of each class as comma-separated values, with a heading; no name is computed by a spreadsheet.

    Args:
        matrix: the confusion matrix.
        names: what each class is called.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("class", "precision", "recall", "f1", "support"))
    for name, one in zip(names, by_class(matrix), strict=True):
        shown = f"'{name}" if name.startswith(("=", "+", "-", "@")) else name
        writer.writerow((shown, one.precision, one.recall, one.f1, one.support))
    return out.getvalue()
