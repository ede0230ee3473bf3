"""Between which ranks each trial lies. Groups of the best and scores lie elsewhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.groups import checked_losses, paired_t_p
from sweeper.inference.pairs import discordant


def rank_intervals(correct: NDArray[np.bool_], alpha: float = 0.05) -> NDArray[np.int64]:
    """The lowest and the highest rank of every trial, all of them right at once with probability 1 - alpha.

    One-sided exact McNemar tests of all K (K - 1) ordered pairs, corrected by Holm: a trial's rank is at least one more
    than the trials shown to be better, and at most K less the trials shown to be worse. One-sided, so that alpha covers
    the direction of each difference, not only that there is one.

    Args:
        correct: (K, n), whether trial i has image j right; K up to some hundreds, since all pairs are compared.
        alpha: the chance allowed of any of the intervals being wrong, between 0 and 1.

    Returns:
        (K, 2): lowest and highest rank, from 1. Of trials equally good, each one's interval covers all their ranks.

    Raises:
        ValueError: no such table, or alpha outside (0, 1).

    Source: M. Mogstad, J. P. Romano, A. M. Shaikh, D. Wilhelm (2024), Inference for ranks with applications to mobility
    across neighbourhoods and academic achievement across countries, Review of Economic Studies 91, section 3; exact
    tests with Holm in place of their bootstrap as in S. Bazylik and the same (2024), Finite- and large-sample inference
    for ranks using multinomial data, arXiv:2402.00192.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha lies between 0 and 1; given: {alpha}")
    from scipy.special import betainc

    only_first = discordant(correct)
    num = len(only_first)
    better, worse = np.nonzero(only_first > only_first.T)
    more, fewer = only_first[better, worse], only_first[worse, better]
    p_values = betainc(more, fewer + 1, 0.5)  # P(at least `more` of them) if both are equally good
    return ranks_by_pairs(num, better, worse, p_values, alpha)


def rank_intervals_by_losses(losses: NDArray[np.floating], alpha: float = 0.05) -> NDArray[np.int64]:
    """The same by the mean of each trial's losses, by paired t tests; smaller is better.

    Args:
        losses: (K, n), the loss of trial i on image j; K up to some dozens.
        alpha: as in `rank_intervals`.

    Raises:
        ValueError: as `leading_group_by_losses`.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha lies between 0 and 1; given: {alpha}")
    rows = checked_losses(losses).astype(np.float64)
    mean = rows.mean(axis=1)
    p_values = np.stack([paired_t_p(rows - row) for row in rows])
    better, worse = np.nonzero(mean[:, None] < mean[None, :])
    return ranks_by_pairs(len(rows), better, worse, p_values[better, worse] / 2, alpha)


def ranks_by_pairs(
    num: int, better: NDArray[np.intp], worse: NDArray[np.intp], p_values: NDArray[np.float64], alpha: float
) -> NDArray[np.int64]:
    """The intervals by one-sided tests of pairs, with Holm's correction over all `num` (`num` - 1) ordered ones.

    Args:
        num: trials.
        better, worse: of each pair the one that is better on the given images, and the other; equal ones are left out.
        p_values: of each pair, one-sided.
        alpha: as in `rank_intervals`.
    """
    order = np.argsort(p_values, kind="stable")
    thresholds = alpha / (num * (num - 1) - np.arange(len(order)))
    stops = p_values[order] > thresholds
    shown = order[: int(np.argmax(stops)) if stops.any() else len(order)]
    num_better = np.bincount(worse[shown], minlength=num)
    num_worse = np.bincount(better[shown], minlength=num)
    return np.stack([1 + num_better, num - num_worse], axis=1).astype(np.int64)
