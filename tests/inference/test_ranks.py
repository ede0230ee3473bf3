"""Rank intervals, compared with statsmodels' Holm over all ordered pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy.stats import binomtest, ttest_rel
from statsmodels.stats.multitest import multipletests

from sweeper.inference import (
    rank_intervals,
    rank_intervals_by_losses,
)

tables = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8))

#: Draws trials of these accuracies (tests/inference/conftest.py).
Drawn = Callable[..., NDArray[np.bool_]]


def test_rank_intervals_come_from_holm_over_all_ordered_pairs(drawn: Drawn) -> None:
    correct = drawn([0.9, 0.905, 0.93, 0.95, 0.975], 2000)
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    counts = [(int((correct[i] & ~correct[j]).sum()), int((correct[j] & ~correct[i]).sum())) for i, j in pairs]
    p = [binomtest(one, one + other, alternative="greater").pvalue for one, other in counts]
    shown = [pair for pair, rejected in zip(pairs, multipletests(p, 0.05, "holm")[0], strict=True) if rejected]

    intervals = rank_intervals(correct)

    expected = [[1 + sum(j == k for _, j in shown), 5 - sum(i == k for i, _ in shown)] for k in range(5)]
    assert intervals.tolist() == expected
    assert intervals[4].tolist() == [1, 1]


@given(tables, st.permutations(range(8)))
def test_rank_intervals_follow_the_rows_and_contain_a_permutation(
    correct: NDArray[np.bool_], shuffled: list[int]
) -> None:
    order = [row for row in shuffled if row < len(correct)]

    intervals = rank_intervals(correct, alpha=0.9)

    assert rank_intervals(correct[order], alpha=0.9).tolist() == intervals[order].tolist()
    for rank, row in enumerate(np.argsort(-correct.sum(axis=1), kind="stable"), start=1):
        assert intervals[row, 0] <= rank <= intervals[row, 1]


def test_rank_intervals_by_losses_come_from_holm_over_paired_t_tests() -> None:
    random = np.random.default_rng(0)
    losses = random.exponential(size=(1, 400)) + random.normal([[0.0], [0.05], [0.4], [0.1]], 0.3, (4, 400))
    pairs = [(i, j) for i in range(4) for j in range(4) if i != j]
    p = [ttest_rel(losses[i], losses[j], alternative="less").pvalue for i, j in pairs]
    shown = [pair for pair, rejected in zip(pairs, multipletests(p, 0.05, "holm")[0], strict=True) if rejected]

    intervals = rank_intervals_by_losses(losses)

    expected = [[1 + sum(j == k for _, j in shown), 4 - sum(i == k for i, _ in shown)] for k in range(4)]
    assert intervals.tolist() == expected
    assert intervals[2].tolist() == [4, 4]
    with pytest.raises(ValueError, match="alpha lies between 0 and 1"):
        rank_intervals_by_losses(losses, 1.5)
