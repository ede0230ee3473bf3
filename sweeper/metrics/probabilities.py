"""Metrics of the predicted probabilities, (images, classes), against the labels, (images,)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Bins of the expected calibration error, as in its source.
ECE_BINS = 15
_TOP = 5


def auc(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> float:
    """The area under the ROC curve, the mean over the classes, each against the rest (macro, one against the rest).

    The chance that an image of a class gets a higher probability of it than an image of another class; equal ones
    count half. As `sklearn.metrics.roc_auc_score(multi_class="ovr", average="macro")`; but a class without an image,
    where scikit-learn gives NaN, is left out of the mean. NaN where all images are of one class.
    """
    areas = []
    for label in np.unique(labels):
        is_own = labels == label
        if is_own.all():
            continue
        own, others = probabilities[is_own, label], np.sort(probabilities[~is_own, label])
        below, up_to = np.searchsorted(others, own, "left"), np.searchsorted(others, own, "right")
        areas.append(float(below.sum() + up_to.sum()) / (2 * len(own) * len(others)))
    return float(np.mean(areas)) if areas else float("nan")


def top5_hits(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """(images,): 1 where the label is among the five most probable classes, else 0.

    Of equal probabilities the class with the higher number comes first, as in `sklearn.metrics.top_k_accuracy_score`.
    """
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    later = np.arange(probabilities.shape[1]) > labels[:, None]
    before = np.count_nonzero((probabilities > own) | ((probabilities == own) & later), axis=1)
    hits: NDArray[np.float64] = (before < _TOP).astype(np.float64)
    return hits


def brier_scores(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """(images,): the squared distance of the probabilities from those of the true class; their mean is the score.

    From 0 to 2; of two classes half of that, from 0 to 1. As `sklearn.metrics.brier_score_loss`, its `scale_by_half`
    included. Source: G. W. Brier (1950), Verification of forecasts expressed in terms of probability, Monthly Weather
    Review 78.
    """
    wide = np.asarray(probabilities, np.float64)
    own = np.take_along_axis(wide, labels[:, None], axis=1)[:, 0]
    squares: NDArray[np.float64] = (wide**2).sum(axis=1) - own**2 + (1 - own) ** 2
    return squares / 2 if wide.shape[1] == 2 else squares


def expected_calibration_error(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> float:
    """How far the probability of the predicted class lies from how often it is right, from 0 to 1.

    Images are put into 15 bins of equal width by the probability of their predicted class, (i/15, (i+1)/15]; the
    error is the mean over the bins, weighted by their images, of |share that is right - mean probability|.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger (2017), On calibration of modern neural networks, ICML,
    section 2, with its 15 bins; M. P. Naeini, G. F. Cooper, M. Hauskrecht (2015), Obtaining well calibrated
    probabilities using Bayesian binning, AAAI.
    """
    confidence = np.asarray(probabilities.max(axis=1), np.float64)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    place = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    apart = np.bincount(place, weights=right - confidence, minlength=ECE_BINS)
    return float(np.abs(apart).sum() / len(labels))
