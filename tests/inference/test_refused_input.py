"""Input that the statistics refuse, whichever module checks it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sweeper.inference import (
    discordant,
    leading_group,
    leading_group_by_losses,
    not_worse,
    rank_intervals,
    winners_score,
)


@pytest.mark.parametrize(
    "function",
    [discordant, leading_group, rank_intervals, winners_score, lambda correct: not_worse(correct, 0, 0.01)],
    ids=["discordant", "leading_group", "rank_intervals", "winners_score", "not_worse"],
)
def test_a_table_that_is_none_is_refused(function) -> None:  # type: ignore[no-untyped-def]
    for shape in ((0, 5), (3, 0), (5,)):
        with pytest.raises(ValueError, match="a table of trials by images is needed"):
            function(np.zeros(shape, np.bool_))
    with pytest.raises(ValueError, match="each entry says whether an image is right, true or false; given: int64"):
        function(np.zeros((2, 3), np.int64))


@pytest.mark.parametrize("alpha", [0.0, 1.0, math.nan])
def test_an_alpha_outside_its_range_is_refused(alpha: float) -> None:
    correct = np.ones((2, 3), np.bool_)
    for call in (leading_group, rank_intervals, lambda rows, a: not_worse(rows, 0, 0.01, a)):
        with pytest.raises(ValueError, match="alpha"):
            call(correct, alpha)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: not_worse(np.ones((2, 3), np.bool_), 2, 0.01), "the reference is a row from 0 to 1; given: 2"),
        (lambda: not_worse(np.ones((2, 3), np.bool_), 0, -0.1), "margin lies from 0 to below 1"),
        (lambda: winners_score(np.ones((2, 1), np.bool_)), "two images and one resample at least are needed"),
        (lambda: winners_score(np.ones((2, 9), np.bool_), num_resamples=0), "given: 9 images, 0 resamples"),
        (lambda: leading_group_by_losses(np.ones((2, 3), np.int64)), "every entry must be a finite float"),
        (lambda: leading_group_by_losses(np.ones((2, 1))), "losses of two images at least are needed"),
    ],
)
def test_other_input_that_cannot_be_is_refused(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()
