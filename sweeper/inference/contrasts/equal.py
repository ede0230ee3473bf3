"""Which trials and configurations are shown to be as good as the leader but for a margin, and how far others are off.

"Equal within the margin" is two one-sided tests in one: a trial must be shown to be at most the margin worse than the
truly best, and so must the leader; since neither is better than the best, they are then at most the margin apart, in
either direction. All these statements hold at once, with the error of `sweeper.inference.margin`.

Source: D. J. Schuirmann (1987), A comparison of the two one-sided tests procedure and the power approach for assessing
the equivalence of average bioavailability, Journal of Pharmacokinetics and Biopharmaceutics 15; J. C. Hsu (1984),
Constrained simultaneous confidence intervals for multiple comparisons with the best, Annals of Statistics 12, section
2. What the tests keep is measured by `benchmarks/equal.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.clusters import close_by_clusters
from sweeper.inference.contrasts.parts import Scores, parts
from sweeper.inference.margin import close_to_best, passing


def equal_trials(
    correct: NDArray[np.bool_],
    leader: int,
    margin: float,
    alpha: float = 0.05,
    groups: NDArray[np.integer] | None = None,
) -> NDArray[np.bool_]:
    """The trials whose accuracy is shown to differ by at most `margin` from that of row `leader`.

    Args:
        correct: (K, n), whether trial i has image j right.
        leader: a row; it may have been chosen on these images.
        margin: a difference in accuracy, from 0 to below 1.
        alpha: the chance allowed of any trial being marked wrongly, between 0 and 1.
        groups: (n,), the number of each image's group, where images come in groups.

    Returns:
        (K,): true for the marked trials, and for the leader itself.

    Raises:
        ValueError: as `sweeper.inference.margin.not_worse`.
    """
    if groups is not None:
        return both_close(close_by_clusters(correct, groups, margin, alpha), leader)
    return both_close(close_to_best(correct, leader, margin, alpha), leader)


def equal_configurations(
    answers: Sequence[Scores], margin: float, alpha: float = 0.05, groups: NDArray[np.integer] | None = None
) -> NDArray[np.bool_]:
    """The configurations whose expected accuracy, over seeds and images, is at most `margin` off the leader's.

    Args:
        answers: for each configuration (s, n): whether image j is right under its seed i.
        margin, alpha, groups: as in `equal_trials`.

    Returns:
        (C,): true for the marked configurations, and for the one with the highest mean itself.

    Raises:
        ValueError: as `sweeper.inference.leading_configurations`.

    Each pair is tested by Welch's t at the margin, with the variance of `leading_configurations`
    (`Parts.worse_than`).
    """
    known = parts(answers, groups)
    return both_close(passing(known.worse_than(margin).max(axis=1), alpha), known.leader)


def both_close(close: NDArray[np.bool_], leader: int) -> NDArray[np.bool_]:
    """Those that are close to the best, if the leader is too; the leader in any case."""
    marked: NDArray[np.bool_] = close & close[leader]
    marked[leader] = True
    return marked


def configurations_from_leader(
    answers: Sequence[Scores], alpha: float = 0.05, groups: NDArray[np.integer] | None = None
) -> NDArray[np.float64]:
    """How much higher the best mean is than each, with intervals that hold all at once, however it was chosen.

    Args:
        answers: for each configuration (s, n): the score of image j under its seed i, right or wrong.
        alpha: the chance allowed of any interval being wrong; it is divided among all pairs.
        groups: (n,), the number of each image's group, where images come in groups.

    Returns:
        (C, 3): the difference of the means over seeds and images, low and high; 0, 0, 0 for the leader.

    Raises:
        ValueError: as `sweeper.inference.leading_configurations`.
    """
    known = parts(answers, groups)
    num = len(known.mean)
    gains = known.gains(known.leader, alpha / max(1, num * (num - 1) // 2))
    return 0 - gains[:, [0, 2, 1]]
