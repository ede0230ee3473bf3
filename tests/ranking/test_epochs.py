"""Whether early epochs order the trials as the last one does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialRow, TrialState
from sweeper.ranking.epochs import rank_correlations

ACCURACY = Objective("val_accuracy", "maximize")


def rows(curves: list[list[float]], state: TrialState = TrialState.COMPLETE) -> list[TrialRow]:
    return [
        TrialRow(number, state, {}, history=tuple({"val_accuracy": value} for value in curve))
        for number, curve in enumerate(curves)
    ]


def test_the_correlation_is_spearmans() -> None:
    curves = np.random.default_rng(0).random((12, 5)).round(1)  # with ties

    found = rank_correlations(rows(curves.tolist()), ACCURACY)

    assert found == pytest.approx([spearmanr(curves[:, epoch], curves[:, -1]).statistic for epoch in range(5)])


def test_trials_that_were_not_trained_to_the_end_have_no_say() -> None:
    curves = [[0.1 * n, 0.1 * n + 0.01, 0.05 * n] for n in range(1, 9)]
    pruned = rows([[0.9, 0.1, 0.0]] * 30, TrialState.PRUNED)

    assert rank_correlations([*rows(curves), *pruned], ACCURACY) == pytest.approx([1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("curves", "objective"),
    [
        ([[0.1, 0.2, 0.3]] * 7, ACCURACY),
        ([[0.1 * n, 0.2 * n] for n in range(9)], ACCURACY),
        ([[0.5, 0.1 * n, 0.2 * n] for n in range(9)], ACCURACY),
        ([[0.1 * n, 0.2 * n, 0.3 * n] for n in range(9)], Objective("num_params", "minimize")),
    ],
    ids=["seven trials", "two epochs", "an epoch without differences", "a cost"],
)
def test_what_says_nothing_has_none(curves: list[list[float]], objective: Objective) -> None:
    assert rank_correlations(rows(curves), objective) == ()
