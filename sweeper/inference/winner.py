"""What the winner's score is worth: a maximum is too high because it was selected. Which trial wins: `ranking`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.accuracy import wilson_bounds
from sweeper.inference.clusters import cluster_bounds
from sweeper.inference.pairs import against, as_correct, differing_images, ones_of

_BLOCK = 1000
#: The chance allowed, over all resamples together, that a trial left aside at first would have led one.
_MISSED = 1e-6


@dataclass(frozen=True)
class ExpectedScore:
    """The best trial's accuracy as it was measured and as it is to be expected on new images, with a 95 % interval."""

    raw: float
    expected: float
    low: float
    high: float
    num_resamples: int


def winners_score(
    correct: NDArray[np.bool_], seed: int = 0, num_resamples: int = 1000, groups: NDArray[np.integer] | None = None
) -> ExpectedScore:
    """The accuracy to expect of the winner on new images, by out-of-bag bootstrap.

    Images are drawn n times with replacement, the best trial on these is chosen, and scored on the images that were not
    drawn, which had no say in the choice. The mean over the resamples is taken as a difference from the leader's own
    out-of-bag score, whose mean is its raw score: the same figure with less noise, and exactly `raw` for one trial.

    Args:
        correct: (K, n), whether trial i has image j right; two images at least.
        seed: of the resampling; the same seed gives the same figures.
        num_resamples: 1 or more.
        groups: (n,), the number of each image's group, where images come in groups; those are drawn then.

    Returns:
        The score. `low` and `high` are Wilson's 95 % interval of n images about `expected`, for one trial that of its
        row. (The percentiles of the out-of-bag scores, which the source takes, are a third wider than need be, since
        each score is of 37 % of the images, and a single point where all are right.) `num_resamples` counts those
        resamples that left an image out.

    Raises:
        ValueError: no such table, one image, one group, or fewer than one resample.

    Source: I. Tsamardinos, E. Greasidou, G. Borboudakis (2018), Bootstrapping the out-of-sample predictions for
    efficient and accurate cross-validation, Machine Learning 107, sections 3.1 and 3.2.
    """
    rows = as_correct(correct)
    num_images = rows.shape[1]
    if num_images < 2 or num_resamples < 1:
        raise ValueError(
            f"two images and one resample at least are needed; given: {num_images} images, {num_resamples} resamples"
        )
    leader = int(np.argmax(rows.sum(axis=1)))
    raw = float(rows[leader].mean())
    if groups is None:
        drawn = _resamples(num_images, seed, num_resamples)
        candidates = np.flatnonzero(_can_lead(rows, leader, len(drawn)))
    else:
        names, codes = np.unique(groups, return_inverse=True)
        if len(names) < 2:
            raise ValueError("two groups of images at least are needed; given: one")
        drawn = _resamples(int(codes.max()) + 1, seed, num_resamples)[:, codes]
        candidates = np.arange(len(rows))
    chosen = _choices(rows, candidates, leader, drawn)
    left_out = drawn == 0
    out_of_bag, leaders = _scores(rows, chosen, left_out), _scores(rows, np.full_like(chosen, leader), left_out)
    expected = min(1.0, max(0.0, raw + float(np.mean(out_of_bag - leaders))))
    low, high = wilson_bounds(expected, num_images, 0.95) if groups is None else cluster_bounds(expected, rows, groups)
    return ExpectedScore(raw, expected, low, high, len(drawn))


def _resamples(num_images: int, seed: int, num_resamples: int) -> NDArray[np.uint8]:
    """(at most num_resamples, n): how often each image was drawn; a resample that drew every image is left away."""
    random = np.random.default_rng(seed)
    drawn = np.empty((num_resamples, num_images), np.uint8)
    for row in drawn:
        counts = np.bincount(random.integers(0, num_images, num_images), minlength=num_images)
        row[:] = np.minimum(counts, np.iinfo(np.uint8).max)
    leaving_out = drawn[(drawn == 0).any(axis=1)]
    return leaving_out if len(leaving_out) else _resamples(num_images, seed + 1, num_resamples)


def _choices(
    rows: NDArray[np.bool_], candidates: NDArray[np.intp], leader: int, drawn: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """The best trial of each resample, ties by row. Counts only the trials that can lead and the images that differ."""
    images = np.flatnonzero(differing_images(rows[candidates]))
    weights = drawn[:, images].T.astype(np.float32)
    best = np.full(len(drawn), -1.0)
    chosen = np.full(len(drawn), leader)
    for start in range(0, len(candidates), _BLOCK):
        block = candidates[start : start + _BLOCK]
        right = ones_of(rows, block, images) @ weights
        first = np.argmax(right, axis=0)
        score = right[first, np.arange(len(drawn))]
        chosen = np.where(score > best, block[first], chosen)
        best = np.maximum(score, best)
    return chosen


def _can_lead(rows: NDArray[np.bool_], leader: int, num_resamples: int) -> NDArray[np.bool_]:
    """(K,): false for a trial so much worse that leading even one resample has almost no probability.

    A resample adds up n draws of +1, 0 or -1, whose sum has the mean `behind` and at most the variance `differing`;
    S. N. Bernstein's inequality bounds the chance of its being 0 or less.
    """
    only_leader, only_other = against(rows, leader)
    behind, differing = only_leader - only_other, only_leader + only_other
    needed = math.log(len(rows) * num_resamples / _MISSED)
    return behind.astype(np.float64) ** 2 <= 2 * needed * (differing + 2 * behind / 3)


def _scores(rows: NDArray[np.bool_], chosen: NDArray[np.int64], left_out: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The accuracy of each resample's chosen trial on the images left out of it."""
    right = np.empty(len(chosen), np.int64)
    for trial in np.unique(chosen):
        mine = chosen == trial
        right[mine] = np.count_nonzero(left_out[mine] & rows[trial], axis=1)
    scores: NDArray[np.float64] = right / left_out.sum(axis=1)
    return scores
