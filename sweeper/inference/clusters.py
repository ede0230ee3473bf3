"""Images that come in groups (patients, writers, bursts): what is independent then is the group, not the image.

A trial's score is summed over each group, and two trials are compared by the sums: if both are equally good, the sign
of each group's difference is a fair coin. With one image in each group this is McNemar's exact test.

Source: R. A. Fisher (1935), The design of experiments, section 21 (the sign-flip test); A. C. Cameron, D. L. Miller
(2015), A practitioner's guide to cluster-robust inference, Journal of Human Resources 50, sections II and VI (variances
over groups, and Student's t with one degree of freedom less than groups). `benchmarks/clusters.py` measures both.
"""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.accuracy import score_bounds
from sweeper.inference.groups import Elimination, eliminate, from_leader_by_t
from sweeper.inference.margin import passing
from sweeper.inference.ranks import ranks_by_pairs

_LARGEST_EXACT = 1000  # of the same difference; binomial coefficients of more leave the range of floats


def group_sums(scores: NDArray[np.bool_] | NDArray[np.floating], groups: NDArray[np.integer]) -> NDArray[np.float64]:
    """(..., G): the sum of each row of (..., n) over each group of images; `groups` (n,) has their numbers."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.r_[True, groups[order][1:] != groups[order][:-1]])
    sums: NDArray[np.float64] = np.add.reduceat(np.asarray(scores, np.float64)[..., order], starts, axis=-1)
    return sums


def as_units(scores: NDArray[np.bool_] | NDArray[np.floating], groups: NDArray[np.integer]) -> NDArray[np.float64]:
    """(..., G): a score of each group whose mean over groups is the mean over images, for tests that take means."""
    sums = group_sums(scores, groups)
    units: NDArray[np.float64] = sums * (sums.shape[-1] / len(groups))
    return units


def worth_of_units(groups: NDArray[np.integer]) -> float:
    """The mean square of what a group counts in `as_units`: 1 where all are of one size, else more."""
    return float((as_units(np.ones(len(groups), np.bool_), groups) ** 2).mean())


def sign_flip_p(differences: NDArray[np.float64]) -> float:
    """The two-sided p of the sum of whole numbers (G,), exact: the share of all choices of signs that give as much."""
    sizes, counts = np.unique(np.abs(np.rint(differences)).astype(np.int64), return_counts=True)
    total = abs(int(np.rint(differences).sum()))
    if not total:
        return 1.0
    chance = np.ones(1)
    for size, count in zip(sizes, counts, strict=True):
        if size:
            chance = _with(chance, int(size), int(count))
    middle = len(chance) // 2
    return float(min(1.0, 2 * chance[middle + total :].sum()))


def _with(chance: NDArray[np.float64], size: int, count: int) -> NDArray[np.float64]:
    """The chances of each sum, from the smallest on, after `count` more differences of +-`size`."""
    while count > 0:
        some = min(count, _LARGEST_EXACT)
        wider = np.zeros(len(chance) + 2 * size * some)
        for heads in range(some + 1):
            start = 2 * size * heads
            wider[start : start + len(chance)] += comb(some, heads) / 2**some * chance
        chance, count = wider, count - some
    return chance


def leading_group_by_clusters(
    correct: NDArray[np.bool_], groups: NDArray[np.integer], alpha: float = 0.05
) -> Elimination:
    """As `leading_group`, by sign flips of the groups' sums.

    Args:
        correct: (K, n), whether trial i has image j right.
        groups: (n,), the number of each image's group.
        alpha: as there.
    """
    sums = group_sums(correct, groups)
    merit = sums.sum(axis=1)
    leader = sums[int(np.argmax(merit))]
    return eliminate(merit, np.array([sign_flip_p(leader - row) for row in sums]), alpha)


def differences_by_clusters(
    correct: NDArray[np.bool_], groups: NDArray[np.integer], alpha: float = 0.05
) -> NDArray[np.float64]:
    """As `differences_from_leader`, by Student's t over groups, with one degree of freedom less than groups.

    Args:
        correct: (K, n), whether trial i has image j right.
        groups: (n,), the number of each image's group.
        alpha: as there.

    At least one image more in either direction is taken to differ. One group alone shows nothing: -1 to 1.
    """
    units = as_units(correct, groups)
    num_groups, num_images = units.shape[1], correct.shape[1]
    leader = int(np.argmax(group_sums(correct, groups).sum(axis=1)))
    apart = units[leader] - units
    variance = apart.var(axis=1, ddof=1) / num_groups if num_groups > 1 else np.full(len(units), np.inf)
    variance = np.maximum(variance, 1 / num_images**2)
    return from_leader_by_t(apart.mean(axis=1), variance, max(1, num_groups - 1), leader, alpha)


def close_by_clusters(
    correct: NDArray[np.bool_], groups: NDArray[np.integer], margin: float, alpha: float = 0.05
) -> NDArray[np.bool_]:
    """As `sweeper.inference.margin.close_to_best`, by Student's t over groups.

    Args:
        correct: (K, n), whether trial i has image j right.
        groups: (n,), the number of each image's group.
        margin: accuracy that may be lost, from 0 to below 1.
        alpha: the chance allowed of any trial being marked wrongly, between 0 and 1.

    Returns:
        (K,): true for the trials that are shown to be at most `margin` worse than the truly best.

    A pair's variance is at least what it would be if the worse trial failed on whole groups alone, as many as make the
    margin, and agreed with the other on the rest: few groups on which nothing differs are no proof.
    """
    from scipy.special import stdtr

    units = as_units(correct, groups)
    num_groups = units.shape[1]
    if num_groups < 2 or margin == 0:
        return np.zeros(len(units), np.bool_)
    covariance = np.atleast_2d(np.cov(units))
    own, least = covariance.diagonal(), margin * (1 - margin) * worth_of_units(groups)
    variance = np.maximum(own[:, None] + own - 2 * covariance, least) / num_groups
    mean = correct.mean(axis=1)
    p_values: NDArray[np.float64] = stdtr(num_groups - 1, -(mean[:, None] - mean + margin) / np.sqrt(variance))
    np.fill_diagonal(p_values, 0)
    return passing(p_values.max(axis=1), alpha)


def rank_intervals_by_clusters(
    correct: NDArray[np.bool_], groups: NDArray[np.integer], alpha: float = 0.05
) -> NDArray[np.int64]:
    """As `rank_intervals`, by sign flips of the groups' sums; K up to some dozens."""
    sums = group_sums(correct, groups)
    merit = sums.sum(axis=1)
    better, worse = np.nonzero(merit[:, None] > merit[None, :])
    # One side of a symmetric distribution is half of it.
    p_values = [sign_flip_p(sums[one] - sums[other]) / 2 for one, other in zip(better, worse, strict=True)]
    return ranks_by_pairs(len(sums), better, worse, np.array(p_values), alpha)


def cluster_bounds(expected: float, correct: NDArray[np.bool_], groups: NDArray[np.integer]) -> tuple[float, float]:
    """The 95 % interval about an accuracy: Wilson's of as many independent images as the groups are worth.

    That number is the images' divided by the design effect: how many times as much as independent images the trials'
    accuracies vary over groups, taken over all trials (K, n) together.
    """
    from scipy.special import stdtrit

    sums, sizes = group_sums(correct, groups), group_sums(np.ones(len(groups), bool), groups)
    share = correct.mean(axis=1)
    num_groups, num_images = len(sizes), len(groups)
    if num_groups < 2:
        return 0.0, 1.0
    over_groups = float(((sums - share[:, None] * sizes) ** 2).sum()) * num_groups / (num_groups - 1)
    independent = float((share * (1 - share)).sum()) * num_images
    effect = max(1.0, over_groups / independent) if independent else num_images / num_groups
    return score_bounds(expected, num_images / effect, float(stdtrit(num_groups - 1, 0.975)))
