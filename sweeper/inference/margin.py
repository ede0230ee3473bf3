"""Which trials are shown to be at most a margin worse than the best. Which of them is cheap is decided elsewhere."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweeper.inference.pairs import as_correct, differing_images, ones_of

#: Rivals, and candidates, compared at a time.
_BLOCK = 1000


def not_worse(correct: NDArray[np.bool_], reference: int, margin: float, alpha: float = 0.05) -> NDArray[np.bool_]:
    """The trials shown to be at most `margin` less accurate than row `reference`, however that row was chosen.

    What is claimed, of all marked trials at once and with an error of at most alpha: their accuracy on new images is at
    most `margin` below that of the *truly* best of all the trials, so also below the reference's, whichever row that
    is and although it was chosen on these very images. A trial must pass a test at this margin against each other
    trial; as the truly best is one fixed among these, a trial wrongly marked has passed one test that it should have
    failed, so that Holm's correction counts trials, K - 1 of them, and not pairs (the argument of J. C. Hsu 1984,
    Constrained simultaneous confidence intervals for multiple comparisons with the best, Annals of Statistics 12,
    section 2). The test of one pair is Tango's score test, whose error is nominal only for many images:
    `benchmarks/honest_ranking.py` measures it, with trials that are worse than the best by exactly the margin.

    Args:
        correct: (K, n), whether trial i has image j right.
        reference: a row, usually the leader's.
        margin: accuracy that may be lost, from 0 to below 1 (0.005 is half a point).
        alpha: the chance allowed of any trial being marked wrongly, between 0 and 1.

    Returns:
        (K,): true for the marked trials, and for the reference itself.

    Raises:
        ValueError: no such table, no such row, or a margin or alpha out of its range.

    Source: T. Tango (1998), Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design, Statistics in Medicine 17, section 3.
    """
    marked = close_to_best(correct, reference, margin, alpha)
    marked[reference] = True
    return marked


def close_to_best(correct: NDArray[np.bool_], reference: int, margin: float, alpha: float = 0.05) -> NDArray[np.bool_]:
    """As `not_worse`, with the reference marked only where it passes like any other."""
    rows = as_correct(correct)
    num = len(rows)
    if not 0 <= reference < num:
        raise ValueError(f"the reference is a row from 0 to {num - 1}; given: {reference}")
    if not (0 <= margin < 1 and 0 < alpha < 1):
        raise ValueError(f"margin lies from 0 to below 1, alpha between 0 and 1; given: {margin} and {alpha}")
    return _survivors(rows, margin, alpha)


def fewest_images(num_trials: int, margin: float, alpha: float = 0.05) -> int | None:
    """The number of images below which `not_worse` can mark no trial but the reference, whatever the answers are.

    The strongest evidence is two rows of equal answers.

    Args:
        num_trials: rows, at least 2.
        margin, alpha: as in `not_worse`.

    Returns:
        The number; None with a margin of 0, which equal answers do not reach.
    """
    from scipy.special import ndtri

    if margin == 0:
        return None
    needed = float(-ndtri(alpha / max(1, num_trials - 1))) ** 2
    # With equal answers on all n images Tango's statistic is sqrt(n margin / (1 - margin)): his variance at the margin
    # is n margin (1 - margin).
    fewest = max(1, math.floor(needed * (1 - margin) / margin) - 1)
    while float(tango_z(0, 0, fewest, margin)) ** 2 < needed:
        fewest += 1
    return fewest


def tango_z(only_first: ArrayLike, only_second: ArrayLike, num_images: int, margin: float) -> NDArray[np.float64]:
    """How many standard errors the first trial lies above `margin` below the second; Tango's score statistic.

    Args:
        only_first: images that the first alone has right.
        only_second: images that the second alone has right.
        num_images: all images, those included on which both agree.
        margin: in [0, 1).

    Returns:
        In the arguments' shape; 0 where nothing differs and the margin is 0.
    """
    a, b, n = np.asarray(only_first, np.float64), np.asarray(only_second, np.float64), float(num_images)
    linear = -a - b - (2 * n - a + b) * margin
    constant = b * margin * (1 + margin)
    share = (np.sqrt(linear**2 - 8 * n * constant) - linear) / (4 * n)  # of the second's own images, at the margin
    variance = n * (2 * share - margin * (1 + margin))
    above = a - b + n * margin
    z: NDArray[np.float64] = np.divide(above, np.sqrt(variance.clip(0)), out=np.zeros(above.shape), where=variance > 0)
    return z


def _survivors(rows: NDArray[np.bool_], margin: float, alpha: float) -> NDArray[np.bool_]:
    """(K,): the trials that pass against every other. Rivals come best first, in blocks.

    A further rival can only weaken a trial, and with it Holm's outcome for all, so who does not pass against the
    rivals so far is compared no further. Nor is who passes at Holm's strictest level however the images coincide.
    """
    num, num_images = rows.shape
    right = rows.sum(axis=1, dtype=np.int64)
    rivals = np.argsort(-right, kind="stable")
    images = np.flatnonzero(differing_images(rows))
    weakest = np.full(num, np.inf)
    remaining = np.ones(num, np.bool_)
    for block in [rivals[:1], *(rivals[start : start + _BLOCK] for start in range(1, num, _BLOCK))]:
        theirs = ones_of(rows, block, images)
        alive = np.flatnonzero(remaining)
        for start in range(0, len(alive), _BLOCK):
            mine = _open(alive[start : start + _BLOCK], right, np.unique(right[block]), num_images, margin, alpha)
            own = ones_of(rows, mine, images)
            both = own @ theirs.T
            z = tango_z(own.sum(axis=1)[:, None] - both, theirs.sum(axis=1) - both, num_images, margin)
            z[mine[:, None] == block] = np.inf
            weakest[mine] = np.minimum(weakest[mine], z.min(axis=1))
        remaining &= _pass(weakest, alpha)
    return remaining


def _open(
    trials: NDArray[np.int64],
    right: NDArray[np.int64],
    their_right: NDArray[np.int64],
    num_images: int,
    margin: float,
    alpha: float,
) -> NDArray[np.int64]:
    """Those of `trials` that rivals with `their_right` images right might fail, were their errors to coincide never.

    At a given difference, Tango's statistic falls with the number of images that differ, which cannot be more.
    """
    from scipy.special import ndtri

    own_right, place = np.unique(right[trials], return_inverse=True)
    most_own = np.minimum(own_right[:, None], num_images - their_right)
    most_theirs = np.minimum(num_images - own_right[:, None], their_right)
    strictest = -ndtri(alpha / max(1, len(right) - 1))
    might_fail: NDArray[np.bool_] = np.any(tango_z(most_own, most_theirs, num_images, margin) < strictest, axis=1)
    return trials[might_fail[place]]


def _pass(weakest: NDArray[np.float64], alpha: float) -> NDArray[np.bool_]:
    """(K,): who passes by Holm, each with its weakest statistic."""
    from scipy.special import ndtr

    return passing(ndtr(-weakest), alpha)


def passing(p_values: NDArray[np.float64], alpha: float) -> NDArray[np.bool_]:
    """(K,): who passes by Holm, each with its largest p. The truly best is no error: K - 1 at most can be."""
    num = len(p_values)
    order = np.argsort(p_values, kind="stable")
    divisors = np.minimum(num - 1, num - np.arange(num)).clip(1)
    fails = p_values[order] > alpha / divisors
    passes = np.zeros(num, np.bool_)
    passes[order[: int(np.argmax(fails)) if fails.any() else num]] = True
    return passes
