"""Whether a parameter has more to do with the scores than any has by chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PERMUTATIONS = 200


def beats_chance(levels: NDArray[np.integer], scores: NDArray[np.floating], seed: int = 0) -> NDArray[np.bool_]:
    """The parameters that explain the scores' ranks better than any of them does after each of 200 permutations.

    A parameter explains as much as the means of its levels differ (epsilon squared of the ranks, which takes off what
    many levels explain by chance). Of parameters without effect one is found in at most one of 201 searches, where
    points are independent; `benchmarks/importances.py` measures it, for a sampler that follows the scores too.

    Args:
        levels: (P, n), the level that point j has of parameter i, from 0.
        scores: (n,), finite.
        seed: of the permutations.

    Returns:
        (P,).

    Source: the statistic is W. H. Kruskal's and W. A. Wallis's (1952), Use of ranks in one-criterion variance analysis,
    JASA 47; the largest over parameters as in P. H. Westfall, S. S. Young (1993), Resampling-based multiple testing.
    """
    random = np.random.default_rng(seed)
    ranks = _ranks(scores)
    permuted = np.stack([ranks, *(random.permutation(ranks) for _ in range(_PERMUTATIONS))])
    explained = np.stack([_explained(own, permuted) for own in levels])  # (P, 1 + permutations)
    beats: NDArray[np.bool_] = explained[:, 0] > explained[:, 1:].max()
    return beats


def _ranks(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,): from 0; equal scores share the mean of theirs."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: NDArray[np.float64] = (ends - (counts + 1) / 2)[places]
    return means


def _explained(levels: NDArray[np.integer], ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """(rows,): the share of the variance of each row of ranks (rows, n) between the levels, less what chance gives."""
    _, codes, counts = np.unique(levels, return_inverse=True, return_counts=True)
    num, num_levels = len(codes), len(counts)
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    members = np.zeros((num, num_levels))
    members[np.arange(num), codes] = 1
    between = ((centred @ members) ** 2 / counts).sum(axis=1)
    whole = (centred**2).sum(axis=1)
    if num <= num_levels or num_levels < 2 or not whole.all():
        return np.full(len(ranks), -np.inf)
    explained: NDArray[np.float64] = 1 - (1 - between / whole) * (num - 1) / (num - num_levels)
    return explained
