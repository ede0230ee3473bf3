"""Which trials can be the best: groups found by elimination. Configurations, ranks and scores lie elsewhere.

All procedures are one: the leader is the best on the given data; with m left, the one whose difference from the
leader is least likely by chance leaves if its p is at most alpha / (m (m - 1) / 2); otherwise the elimination ends.
The divisor counts all pairs among the m, not the m - 1 with the leader, since the leader was chosen on these data.

Source: the form is that of P. R. Hansen, A. Lunde, J. M. Nason (2011), The model confidence set, Econometrica 79,
section 2; the tests and the divisor are this project's, and `benchmarks/honest_ranking.py` measures what they keep.
If all that are left are equally good, Bonferroni's inequality over their ordered pairs bounds the error by alpha.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.pairs import against, as_correct, differences, mcnemar_p

#: Losses are compared in blocks of so many trials, so that a table of 10,000 needs no copy of itself.
_BLOCK = 256


@dataclass(frozen=True)
class Left:
    """One that was eliminated: its row, its p against the leader, and the threshold that p had to reach."""

    index: int
    p: float
    threshold: float


@dataclass(frozen=True)
class Elimination:
    """The leading group: rows by falling merit, the leader first (ties by row); and who left, in that order."""

    members: tuple[int, ...]
    left: tuple[Left, ...]


def leading_group(correct: NDArray[np.bool_], alpha: float = 0.05) -> Elimination:
    """The trials that can be the best of these trained networks, by exact McNemar tests against the leader.

    Args:
        correct: (K, n), whether trial i has image j right.
        alpha: the chance allowed of losing one of the best, between 0 and 1.

    Returns:
        The group; alone in it, a trial is the winner. About the trained networks only, not about their configurations.

    Raises:
        ValueError: no such table, or alpha outside (0, 1).
    """
    rows = as_correct(correct)
    right = rows.sum(axis=1, dtype=np.int64)
    only_leader, only_other = against(rows, int(np.argmax(right)))
    return eliminate(right.astype(np.float64), mcnemar_p(only_leader, only_other), alpha)


def differences_from_leader(correct: NDArray[np.bool_], alpha: float = 0.05) -> NDArray[np.float64]:
    """How much more accurate the best trial is than each, with intervals that hold all at once, however it was chosen.

    Args:
        correct: (K, n), whether trial i has image j right.
        alpha: the chance allowed of any interval being wrong; it is divided among all pairs, since the leader was
            chosen on these images.

    Returns:
        (K, 3): the difference in accuracy, low and high; 0, 0, 0 for the leader.
    """
    rows = as_correct(correct)
    leader = int(np.argmax(rows.sum(axis=1, dtype=np.int64)))
    only_leader, only_other = against(rows, leader)
    num_pairs = max(1, len(rows) * (len(rows) - 1) // 2)
    found = differences(only_leader, only_other, rows.shape[1], alpha / num_pairs)
    found[leader] = 0
    return found


def from_leader_by_t(
    apart: NDArray[np.float64],
    variance: NDArray[np.float64],
    degrees: float,
    leader: int,
    alpha: float,
    most: float = 1.0,
) -> NDArray[np.float64]:
    """Differences from a leader that was chosen for its lead, with Student's intervals that hold all at once.

    Args:
        apart: (K,), the leader's accuracy (or other mean) less each.
        variance: (K,), of each difference.
        degrees: of freedom, 1 or more.
        leader: its row.
        alpha: the chance allowed of any interval being wrong; it is divided among all pairs.
        most: the largest difference that there can be.

    Returns:
        (K, 3): the difference, low and high; 0, 0, 0 for the leader.
    """
    from scipy.special import stdtrit

    num_pairs = max(1, len(apart) * (len(apart) - 1) // 2)
    half = -stdtrit(degrees, alpha / num_pairs / 2) * np.sqrt(variance)
    found: NDArray[np.float64] = np.stack([apart, apart - half, apart + half], axis=1).clip(-most, most)
    found[leader] = 0
    return found


def leading_group_by_losses(losses: NDArray[np.floating], alpha: float = 0.05, *, bounded: bool = False) -> Elimination:
    """The trials whose mean loss can be the smallest, by paired t tests against the leader.

    A mean loss hangs on a few images, of which a sample may have none. So each test has one image more: on it the
    trial that looks worse is better, by the largest difference from the leader that any trial has on any image.
    Without it, equally good trials with other tails are lost in up to 42 % of the sweeps (`benchmarks/losses.py`).

    Args:
        losses: (K, n), the loss of trial i on image j, finite; smaller is better.
        alpha: as in `leading_group`.
        bounded: of a score that cannot be large, such as Brier's: no image is added.

    Returns:
        The group.

    Raises:
        ValueError: no such table, fewer than two images, a loss that is not finite, or alpha outside (0, 1).
    """
    rows = checked_losses(losses)
    mean = rows.mean(axis=1, dtype=np.float64)
    leader = rows[int(np.argmin(mean))].astype(np.float64)
    largest = 0.0 if bounded else _largest_difference(rows, leader)
    p_values = [paired_t_p(block - leader, largest) for block in _blocks(rows)]
    return eliminate(-mean, np.concatenate(p_values), alpha)


def loss_differences_from_leader(
    losses: NDArray[np.floating], alpha: float = 0.05, *, bounded: bool = False, leader: int | None = None
) -> NDArray[np.float64]:
    """How much lower the smallest mean loss is than each, with intervals that hold all at once, however it was chosen.

    Each end is the paired t interval's with one image more, which has the largest difference from the leader that any
    trial has on any image, in that end's direction: the tests of `leading_group_by_losses`, turned around.

    Args:
        losses, bounded: as in `leading_group_by_losses`.
        alpha: the chance allowed of any interval being wrong; it is divided among all pairs, since the leader was
            chosen on these images.
        leader: the row with the smallest mean, where it is known: of equal ones rounding may show another.

    Returns:
        (K, 3): the difference of the mean losses, low and high; 0, 0, 0 for the leader.

    Raises:
        ValueError: as `leading_group_by_losses`.
    """
    from scipy.special import stdtrit

    rows = checked_losses(losses)
    leader = int(np.argmin(rows.mean(axis=1, dtype=np.float64))) if leader is None else leader
    best = rows[leader].astype(np.float64)
    largest = None if bounded else _largest_difference(rows, best)
    found = []
    for block in _blocks(rows):
        apart = block - best
        ends = [apart.mean(axis=1)]
        for sign in (-1, 1):
            extra = [] if largest is None else [np.full((len(apart), 1), sign * largest)]
            whole = np.concatenate([apart, *extra], axis=1)
            half = stdtrit(whole.shape[1] - 1, 1 - alpha / max(1, len(rows) * (len(rows) - 1) // 2) / 2)
            ends.append(whole.mean(axis=1) + sign * half * np.sqrt(whole.var(axis=1, ddof=1) / whole.shape[1]))
        found.append(np.stack(ends, axis=1))
    table: NDArray[np.float64] = np.concatenate(found)
    table[leader] = 0
    return table


def _blocks(rows: NDArray[np.floating]) -> Iterator[NDArray[np.floating]]:
    return (rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK))


def _largest_difference(rows: NDArray[np.floating], leader: NDArray[np.float64]) -> float:
    return max(float(np.abs(block - leader).max()) for block in _blocks(rows))


def checked_losses(losses: NDArray[np.floating]) -> NDArray[np.floating]:
    """The table (K, n) itself, if it is one.

    Raises:
        ValueError: no such table, fewer than two images, or a loss that is not finite.
    """
    rows = _finite_table(losses, "trials by images")
    if rows.shape[1] < 2:
        raise ValueError("losses of two images at least are needed to say how much they vary; given: 1")
    return rows


def eliminate(merit: NDArray[np.float64], p_values: NDArray[np.float64], alpha: float) -> Elimination:
    """The elimination by the p-values against the best by merit; the leader never changes, since it never leaves.

    Raises:
        ValueError: alpha outside (0, 1).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha lies between 0 and 1; given: {alpha}")
    ranking = np.lexsort((np.arange(len(merit)), -merit))
    weakest_first = ranking[:0:-1]
    candidates = weakest_first[np.argsort(p_values[weakest_first], kind="stable")]
    num_left = len(merit) - np.arange(len(candidates), dtype=np.float64)
    thresholds = alpha / (num_left * (num_left - 1) / 2)
    stays = p_values[candidates] > thresholds
    num_out = int(np.argmax(stays)) if stays.any() else len(candidates)
    out = candidates[:num_out]
    left = tuple(Left(int(index), float(p_values[index]), float(thresholds[place])) for place, index in enumerate(out))
    gone = set(out.tolist())
    return Elimination(tuple(index for index in ranking.tolist() if index not in gone), left)


def paired_p(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """The two-sided p of the paired t test of two trials' losses, (n,) each, n at least 2."""
    return float(paired_t_p((one.astype(np.float64) - other.astype(np.float64))[None, :])[0])


def paired_t_p(differences: NDArray[np.float64], against: float = 0.0) -> NDArray[np.float64]:
    """(K,): two-sided p of each row's mean being 0; 1 where it is 0, 0 where it is not and nothing varies.

    Args:
        differences: (K, n).
        against: where positive, each row has one difference more, of this size and the other sign than its mean.
    """
    from scipy.special import stdtr

    num, mean = differences.shape[1], differences.mean(axis=1)
    variance = differences.var(axis=1, ddof=1)
    shown = np.abs(mean)
    if against > 0:
        shown = (num * np.abs(mean) - against) / (num + 1)
        squares = (num - 1) * variance + num * mean**2 + against**2
        num += 1
        variance = (squares - num * shown**2) / (num - 1)
    error = np.sqrt(variance / num)
    t = np.divide(shown, error, out=np.full(len(mean), np.inf), where=error > 0)
    return np.where((mean == 0) | (shown <= 0), 1.0, 2 * stdtr(num - 1, -t))


def _finite_table(given: NDArray[np.floating], shape: str) -> NDArray[np.floating]:
    table = np.asarray(given)
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"a table of {shape} is needed, with one of each at least; given: shape {table.shape}")
    if not np.issubdtype(table.dtype, np.floating) or not np.isfinite(table).all():
        raise ValueError(f"every entry must be a finite float; given: {table.dtype}, or NaN or infinity among them")
    return table
