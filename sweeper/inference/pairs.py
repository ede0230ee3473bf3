"""Two trials compared on the same images, and the correction for many pairs. What follows from it lies elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Below this float32 counts without rounding, and matrix products are fast in floats alone.
_EXACT_IN_FLOAT32 = 2**24


def mcnemar_p(only_first: ArrayLike, only_second: ArrayLike) -> NDArray[np.float64]:
    """The two-sided p of McNemar's test, exact: the chance that a fair coin divides the differing images so unevenly.

    Args:
        only_first: images that the first trial alone has right; any shape.
        only_second: images that the second trial alone has right; a shape that broadcasts with it.

    Returns:
        Twice the smaller binomial tail, at most 1; 1 where no image differs. In the broadcast shape.

    Raises:
        ValueError: counts that are negative or no whole numbers.

    Source: Q. McNemar (1947), Note on the sampling error of the difference between correlated proportions or
    percentages, Psychometrika 12, p. 153; the exact conditional form in M. W. Fagerland, S. Lydersen, P. Laake (2017),
    Statistical analysis of contingency tables, section 8.5.2.
    """
    from scipy.special import betainc

    first, second = np.broadcast_arrays(_counts(only_first), _counts(only_second))
    more = np.maximum(first, second)
    tail = betainc(np.maximum(more, 1), np.minimum(first, second) + 1, 0.5)  # P(at least `more` heads)
    return np.where(more == 0, 1.0, np.minimum(1.0, 2 * tail))


def differences(
    only_first: NDArray[np.int64], only_second: NDArray[np.int64], num_images: int, alpha: float
) -> NDArray[np.float64]:
    """How much more accurate one trial is than others on the same images, with intervals.

    Args:
        only_first: (K,) images that the first alone has right, against each other trial.
        only_second: (K,) images that the other alone has right.
        num_images: all images.
        alpha: the chance allowed of one interval being wrong; of several at once, divided among them.

    Returns:
        (K, 3): the difference of the accuracies, and the ends of its interval, from -1 to 1.

    Source: A. Agresti, Y. Min (2005), Simple improved confidence intervals for comparing matched proportions,
    Statistics in Medicine 24, section 2: Wald's interval with half an image more in each cell of the table.
    """
    from scipy.special import ndtri

    first, second, total = only_first + 0.5, only_second + 0.5, num_images + 2.0
    centre = (first - second) / total
    error = np.sqrt((first + second) / total - centre**2) / np.sqrt(total)
    half = -float(ndtri(alpha / 2)) * error
    measured = (only_first - only_second) / num_images
    found: NDArray[np.float64] = np.stack([measured, (centre - half).clip(-1), (centre + half).clip(None, 1)], axis=1)
    return found


def discordant(correct: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many images one trial has right and another wrong, for every pair.

    Args:
        correct: (K, n), whether trial i has image j right.

    Returns:
        (K, K): at [i, j] the images that i has right and j has wrong. The diagonal is 0.

    Raises:
        ValueError: no such table.
    """
    rows = as_correct(correct)
    ones = ones_of(rows, np.arange(len(rows)), np.flatnonzero(differing_images(rows)))
    both = (ones @ ones.T).astype(np.int64)
    return both.diagonal()[:, None] - both


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: those at most alpha are rejected with a family-wise error of at most alpha.

    Args:
        p_values: any number of them, none included, each in [0, 1].

    Returns:
        The adjusted values in the same order, each in [0, 1].

    Raises:
        ValueError: a value outside [0, 1].

    Source: S. Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics
    6, section 3; in adjusted form S. P. Wright (1992), Adjusted p-values for simultaneous inference, Biometrics 48.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"p-values lie between 0 and 1, these do not: {[p for p in p_values if not 0 <= p <= 1]}")
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    scaled = ((len(order) - place) * p_values[index] for place, index in enumerate(order))
    adjusted = [0.0] * len(order)
    for index, p in zip(order, accumulate(scaled, max), strict=True):
        adjusted[index] = min(1.0, p)
    return adjusted


def as_correct(correct: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The table itself, if it is one.

    Raises:
        ValueError: not two-dimensional, empty, or not of true and false.
    """
    rows = np.asarray(correct)
    if rows.ndim != 2 or rows.size == 0:
        raise ValueError(f"a table of trials by images is needed, with one of each at least; given: shape {rows.shape}")
    if rows.dtype != np.bool_:
        raise ValueError(f"each entry says whether an image is right, true or false; given: {rows.dtype}")
    if rows.shape[1] >= _EXACT_IN_FLOAT32:
        raise ValueError(f"fewer than {_EXACT_IN_FLOAT32:,} images can be counted; given: {rows.shape[1]:,}")
    return rows


def against(correct: NDArray[np.bool_], row: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Images that `row` alone has right, and that each trial alone has right, against each trial: two arrays (K,)."""
    total = correct.sum(axis=1, dtype=np.int64)
    both = np.count_nonzero(correct & correct[row], axis=1)
    return total[row] - both, total - both


def differing_images(correct: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,): the images on which the trials differ; the others say nothing about any difference."""
    differ: NDArray[np.bool_] = np.logical_and(correct.any(axis=0), np.logical_not(correct.all(axis=0)))
    return differ


def ones_of(correct: NDArray[np.bool_], trials: NDArray[np.int64], images: NDArray[np.int64]) -> NDArray[np.float32]:
    """(trials, images): 1 where right, else 0, as the floats whose products count exactly."""
    return correct[np.ix_(trials, images)].astype(np.float32)


def _counts(given: ArrayLike) -> NDArray[np.int64]:
    counts = np.asarray(given)
    if not np.all((counts >= 0) & (counts == np.floor(counts))):
        raise ValueError(f"numbers of images are whole and not negative; given: {counts}")
    return counts.astype(np.int64)
