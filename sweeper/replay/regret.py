"""Regret by epochs: of a search that was replayed, and of two controls that need no search.

A search chooses, at each moment, the configuration with the best accuracy among those that it has trained to the end;
before there is one, none is better than another, and its regret is the mean of all. Its regret is how much worse that
choice is than the grid's, on images that were not drawn.

The controls, on the same draws: random configurations, each trained to the end; and "i epochs each, then the best to
the end", for every i (Egele, Mohr, Viering and Balaprakash 2024, arXiv 2404.04111).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.core.trials import TrialState
from sweeper.replay.draws import Draw
from sweeper.replay.simulation import Ended

#: Parts of a replay's epochs at which regret is looked at.
_PARTS = (0.1, 0.2, 0.4, 0.7, 1.0)


@dataclass(frozen=True)
class Regret:
    """A method's regret after so many epochs, in accuracy as a fraction.

    Attributes:
        method: `tpe with asha`, `random`, `1 epoch each`.
        epochs: spent at most.
        mean: over the replays.
        low, high: 95 % interval of the mean, from the spread over replays.
        p10, p90: between which four of five replays are.
    """

    method: str
    epochs: int
    mean: float
    low: float
    high: float
    p10: float
    p90: float


def budgets(num_epochs: int, max_epochs: int) -> list[int]:
    """The numbers of epochs at which regret is looked at, up to the last; none below one whole training."""
    return sorted({max(num_epochs, round(part * max_epochs)) for part in _PARTS})


def of_search(ended: Sequence[Ended], drawn: Draw, at: Sequence[int]) -> list[float]:
    """Regret of a search at numbers of epochs."""
    regrets, before = drawn.regrets, float(drawn.regrets.mean())
    found = []
    for limit in at:
        whole = [one.point for one in ended if one.state is TrialState.COMPLETE and one.spent <= limit]
        best = max(whole, key=lambda point: drawn.final[point], default=None)
        found.append(before if best is None else float(regrets[best]))
    return found


def of_first_epochs(drawn: Draw, each: int, at: Sequence[int], order: NDArray[np.int64]) -> list[float]:
    """Regret of `each` epochs for random configurations, then the best of them to the end.

    Args:
        drawn: what is seen.
        each: epochs of each configuration; all of them is random search.
        at: numbers of epochs.
        order: in which configurations are drawn, without repeats.
    """
    num_epochs = drawn.seen.shape[1]
    scores = (drawn.final if each == num_epochs else drawn.seen[:, each - 1])[order]
    leaders = np.maximum.accumulate(scores)
    place = np.maximum.accumulate(np.where(np.r_[True, scores[1:] > leaders[:-1]], np.arange(len(order)), 0))
    regrets, before = drawn.regrets, float(drawn.regrets.mean())
    found = []
    for limit in at:
        number = min(len(order), (limit - (num_epochs - each)) // each)
        found.append(before if number < 1 else float(regrets[order[place[number - 1]]]))
    return found


def summary(method: str, at: Sequence[int], values: NDArray[np.float64]) -> list[Regret]:
    """One line for each number of epochs, of (replays, numbers of epochs) regrets."""
    found = []
    for epochs, column in zip(at, values.T, strict=True):
        mean = float(column.mean())
        half = 1.96 * float(column.std(ddof=1)) / math.sqrt(len(column)) if len(column) > 1 else math.nan
        p10, p90 = np.quantile(column, [0.1, 0.9])
        found.append(Regret(method, epochs, mean, mean - half, mean + half, float(p10), float(p90)))
    return found


def draws_to_reach(num_points: int, group: int) -> float:
    """Random configurations, without repeats, until the first one of a group: (K + 1) / (g + 1) in expectation."""
    return (num_points + 1) / (group + 1)
