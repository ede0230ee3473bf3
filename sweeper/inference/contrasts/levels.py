"""The effect of each level of a parameter, over a grid that was completed under several seeds. Which grid: elsewhere.

An effect is the mean over all configurations with one level less that over all with another. In a complete grid both
means are over the same values of all other parameters, so that those cancel. Its error is that of configurations:
other seeds would have trained other networks, and other images would have been answered otherwise. It holds for this
grid's other values, not for values that were not tried.

Source: as `sweeper.inference.contrasts.parts`; Bonferroni's inequality over all effects. `benchmarks/levels.py`
measures how often all intervals hold at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.contrasts.parts import Scores, parts


def level_effects(
    answers: Sequence[Scores],
    levels: Sequence[Sequence[int]],
    alpha: float = 0.05,
    groups: NDArray[np.integer] | None = None,
) -> list[NDArray[np.float64]]:
    """How much more accurate configurations are with each level of a parameter than with its first.

    Args:
        answers: for each configuration (s, n), as for `sweeper.inference.leading_configurations`, right or wrong.
        levels: for each parameter the level that each configuration has of it, from 0, (C,); together a complete grid.
        alpha: the chance allowed of any of the intervals being wrong.
        groups: (n,), the number of each image's group, where images come in groups.

    Returns:
        For each parameter (L - 1, 3): the effect, low and high, of the levels 1, 2, … less level 0.

    Raises:
        ValueError: as `sweeper.inference.leading_configurations`; no complete grid.
    """
    weights = effect_weights(levels, len(answers))
    number = sum(len(one) for one in weights)
    known = parts(answers, groups)
    return [known.intervals(one, alpha / number) for one in weights]


def effect_weights(levels: Sequence[Sequence[int]], num: int) -> list[NDArray[np.float64]]:
    """For each parameter (L - 1, C): what each of `num` configurations counts in the effects of its levels.

    Raises:
        ValueError: no complete grid.
    """
    tables = [np.asarray(own) for own in levels]
    _check_grid(tables, num)
    shares = [(np.arange(own.max() + 1)[:, None] == own) / (own == 0).sum() for own in tables]  # (L, C) each
    return [share[1:] - share[0] for share in shares]


def _check_grid(levels: Sequence[NDArray[np.integer]], num: int) -> None:
    size = int(np.prod([own.max() + 1 for own in levels])) if levels else 0
    points = set(zip(*(own.tolist() for own in levels), strict=True))
    if not levels or any(own.shape != (num,) or own.max() < 1 for own in levels) or not num == size == len(points):
        raise ValueError(f"a complete grid is needed, each point once; given: {num} configurations of {size} points")
