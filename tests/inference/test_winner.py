"""The winner's expected score, compared with a plain loop over resamples."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from sweeper.inference import (
    wilson_interval,
    winners_score,
)

#: Draws trials of these accuracies (tests/inference/conftest.py).
Drawn = Callable[..., NDArray[np.bool_]]


def winner_by_the_text(correct: NDArray[np.bool_], seed: int, num: int) -> float:
    """One resample after the other, without any short cut."""
    random = np.random.default_rng(seed)
    num_images = correct.shape[1]
    scores, leaders = [], []
    best = int(np.argmax(correct.sum(axis=1)))
    for _ in range(num):
        images = random.integers(0, num_images, num_images)
        out = np.setdiff1d(np.arange(num_images), images)
        if len(out):
            chosen = int(np.argmax(correct[:, images].sum(axis=1)))
            scores.append(correct[chosen, out].mean())
            leaders.append(correct[best, out].mean())
    return float(correct[best].mean() + np.mean(scores) - np.mean(leaders))


@pytest.mark.parametrize("accuracies", [[0.9] * 20, [0.9, 0.91, 0.97, 0.97, 0.5], [0.95, 0.9]])
def test_the_winners_score_is_the_out_of_bag_bootstraps(accuracies: list[float], drawn: Drawn) -> None:
    correct = drawn(accuracies, 300)

    score = winners_score(correct, seed=3, num_resamples=200)

    assert score.raw == correct.mean(axis=1).max()
    assert score.expected == pytest.approx(winner_by_the_text(correct, 3, 200), abs=1e-12)
    assert score.num_resamples == 200
    z = norm.ppf(0.975)  # the score test's z at each end of Wilson's interval
    for bound in (score.low, score.high):
        assert abs(score.expected - bound) / math.sqrt(bound * (1 - bound) / 300) == pytest.approx(z, rel=1e-9)


def test_the_winner_of_equal_trials_is_brought_down_to_what_they_are_worth(drawn: Drawn) -> None:
    scores = [winners_score(drawn([0.9] * 50, 1000, seed), seed, 100) for seed in range(40)]

    assert np.mean([score.raw for score in scores]) > 0.91  # more than a point too good
    assert np.mean([score.expected for score in scores]) == pytest.approx(0.9, abs=0.003)


@pytest.mark.parametrize("right", [True, False])
def test_a_trial_alone_keeps_its_score(right: bool, drawn: Drawn) -> None:
    alone = drawn([0.9], 100)

    score = winners_score(alone)
    assert score.expected == score.raw == alone.mean()
    assert (score.low, score.high) == wilson_interval(int(alone.sum()), 100)
    extreme = winners_score(np.full((2, 50), right))
    assert (extreme.raw, extreme.expected) == (float(right),) * 2
    assert (extreme.low, extreme.high) == wilson_interval(50 * right, 50)


def test_two_images_leave_one_out_or_none() -> None:
    score = winners_score(np.array([[True, False], [False, True]]), num_resamples=100)

    assert 0 < score.num_resamples < 100
    assert score.expected == 0.0  # whoever has the drawn image right has the other wrong
