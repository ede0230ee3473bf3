"""Whether the leaderboard's statements hold for other metrics than accuracy: simulated sweeps with a known truth.

    python benchmarks/honest_metrics.py [--sweeps 2000] [--workers 1]

Prints the tables of docs/honest-ranking.md, "Other metrics". 1,000 validation images of ten classes, the largest with
ten times as many as the smallest.

**The model.** As in `agreement.py`, image i has a difficulty z_i, and a trial errs on it with the log-odds
a + bias_c + spread * z_i, c being its class. A wrong answer is, with a chance of 70 %, the class that this image looks
like (the same for all trials), else any other class. A trial's true score follows from the mean of all this over all
images, its confusion matrix; `a` is set so that the true score is the wanted one. The kinds of trials:

    alike       all have the same biases: smaller classes are harder
    trade-off   every second one is better on the small classes and worse on the large ones, with the same true score
    independent as alike, with errors that depend on the image only a little, at a lower score
    names       every second one gives its wrong answers to the small classes only, with the same true score
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from agreement import GRID, WEIGHT, sigmoid
from honest_ranking import percent, rng, table
from numpy.typing import NDArray

from sweeper.inference import (
    leading_group_by_losses,
    leading_group_by_swaps,
    rank_intervals_by_losses,
    rank_intervals_by_swaps,
)
from sweeper.metrics import OF_COUNTS

CLASSES = 10
SIZES = np.round(np.linspace(10, 1, CLASSES) / 55 * 1000).astype(int)
LABELS = np.repeat(np.arange(CLASSES), SIZES)
#: Smaller classes are harder: log-odds of an error, from the largest class to the smallest.
HARDER = np.linspace(-0.6, 1.4, CLASSES)
TEMPTED = 0.7  # share of the wrong answers that are the class that the image looks like


@dataclass(frozen=True)
class Kind:
    """How one trial errs.

    Attributes:
        bias: (classes,), added to the log-odds of an error.
        spread: of the difficulty.
        names: (classes,), how the wrong answers that are not the tempting class are divided among the classes.
        sharpness: of the probabilities; for the Brier score alone.
    """

    bias: tuple[float, ...]
    spread: float = 3.44
    names: tuple[float, ...] = (1.0,) * CLASSES
    sharpness: float = 1.0


ALIKE = Kind(tuple(HARDER))
FOR_SMALL = Kind(tuple(HARDER - np.linspace(-1.2, 1.8, CLASSES)))
INDEPENDENT = Kind(tuple(HARDER), spread=1.0)
SMALL_NAMES = Kind(tuple(HARDER), names=(0.02,) * 7 + (1.0,) * 3)
SHARP = Kind(tuple(HARDER), sharpness=2.0)


def errors(kind: Kind, a: float) -> NDArray[np.float64]:
    """(classes,): the share of each class's images on which a trial errs."""
    log_odds = a + np.asarray(kind.bias)[:, None] + kind.spread * GRID
    return np.asarray(sigmoid(log_odds) @ WEIGHT)


def confusions(kind: Kind, a: float) -> NDArray[np.float64]:
    """(classes, classes): the expected confusion matrix of a thousand images."""
    own = np.tile(np.asarray(kind.names), (CLASSES, 1))
    np.fill_diagonal(own, 0)
    own /= own.sum(axis=1, keepdims=True)
    looks = np.full((CLASSES, CLASSES), 1 / (CLASSES - 1))
    np.fill_diagonal(looks, 0)
    wrong = (SIZES * errors(kind, a))[:, None] * (TEMPTED * looks + (1 - TEMPTED) * own)
    return wrong + np.diag(SIZES * (1 - errors(kind, a)))


def true_score(metric: str, kind: Kind, a: float) -> float:
    matrix = confusions(kind, a)
    return float(OF_COUNTS[metric](matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)))


@cache
def level(score: Callable[[Kind, float], float], kind: Kind, wanted: float, rises: bool = False) -> float:
    """The `a` that gives a kind of trial the wanted true score."""
    low, high = -12.0, 6.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if (score(kind, middle) > wanted) is rises else (middle, high)
    return low


def draw(random: np.random.Generator, kinds: list[tuple[Kind, float]]) -> NDArray[np.int64]:
    """(K, n): the predicted classes of trials, each of a kind at an `a`."""
    n = len(LABELS)
    z = random.standard_normal(n)
    looks = (LABELS + random.integers(1, CLASSES, n)) % CLASSES
    found = np.empty((len(kinds), n), np.int64)
    for row, (kind, a) in zip(found, kinds, strict=True):
        wrong = random.random(n) < sigmoid(a + np.asarray(kind.bias)[LABELS] + kind.spread * z)
        shares = np.tile(np.asarray(kind.names), (CLASSES, 1))
        np.fill_diagonal(shares, 0)
        steps = np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1)
        other = (random.random(n)[:, None] > steps[LABELS]).sum(axis=1).clip(0, CLASSES - 1)
        guess = np.where(random.random(n) < TEMPTED, looks, other)
        row[:] = np.where(wrong, guess, LABELS)
    return found


def scores_of(
    kind: Kind, a: float, label: NDArray[np.int64], z: NDArray[np.float64], own: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The Brier scores of images: half of what is missing at the true class lies on one other class."""
    missing = sigmoid(kind.sharpness * (a + np.asarray(kind.bias)[label] + kind.spread * z / 2 + own))
    return np.asarray(1.5 * missing**2)


_MANY = np.random.default_rng(7).standard_normal((2, 200_000))
_MANY_LABELS = np.tile(LABELS, 200)


def true_brier(kind: Kind, a: float) -> float:
    return float(scores_of(kind, a, _MANY_LABELS, _MANY[0], _MANY[1]).mean())


def draw_scores(random: np.random.Generator, kinds: list[tuple[Kind, float]]) -> NDArray[np.float64]:
    """(K, n): the Brier score of each image; a trial's own deviation is as large as half of the images' spread."""
    z = random.standard_normal(len(LABELS))
    return np.stack([scores_of(kind, a, LABELS, z, random.standard_normal(len(LABELS))) for kind, a in kinds])


SCORES: dict[str, Callable[[Kind, float], float]] = {
    "val_macro_f1": partial(true_score, "val_macro_f1"),
    "val_balanced_accuracy": partial(true_score, "val_balanced_accuracy"),
    "val_brier": true_brier,
}
#: Per metric: the kinds of trials of which every second one is of the other kind, and their true score.
MODELS: dict[str, tuple[tuple[str, Kind, Kind, float], ...]] = {
    **dict.fromkeys(
        ("val_macro_f1", "val_balanced_accuracy"),
        (
            ("alike", ALIKE, ALIKE, 0.85),
            ("trade-off", ALIKE, FOR_SMALL, 0.85),
            ("independent", INDEPENDENT, INDEPENDENT, 0.70),
            ("names", ALIKE, SMALL_NAMES, 0.85),
        ),
    ),
    "val_brier": (
        ("alike", ALIKE, ALIKE, 0.15),
        ("trade-off", ALIKE, FOR_SMALL, 0.15),
        ("sharp", ALIKE, SHARP, 0.15),
    ),
}


def trials(metric: str, kinds: tuple[Kind, Kind], scores: list[float]) -> list[tuple[Kind, float]]:
    return [
        (kinds[place % 2], level(SCORES[metric], kinds[place % 2], score, metric == "val_brier"))
        for place, score in enumerate(scores)
    ]


def judged(
    metric: str, given: list[tuple[Kind, float]], random: np.random.Generator, ranks: bool = True
) -> tuple[tuple[int, ...], NDArray[np.int64] | None]:
    """The leading group and, where asked for, the rank intervals of one sweep."""
    if metric == "val_brier":
        scores = draw_scores(random, given)
        return leading_group_by_losses(scores).members, rank_intervals_by_losses(scores) if ranks else None
    predicted, of_counts = draw(random, given), OF_COUNTS[metric]
    group = leading_group_by_swaps(LABELS, predicted, of_counts).members
    return group, rank_intervals_by_swaps(LABELS, predicted, of_counts) if ranks else None


def equal(sweeps: int, cell: tuple[str, str, Kind, Kind, float, int]) -> list[str]:
    metric, name, one, other, score, k = cell
    random = rng("equal", metric, name, k)
    given = trials(metric, (one, other), [score] * k)
    lost, sole, covered = [], [], []
    is_slow, is_fast = k >= 50 and metric != "val_brier", k < 50 and metric == "val_brier"
    for _ in range(3 * sweeps // 10 if is_slow else 6 * sweeps if is_fast else sweeps):
        group, ranks = judged(metric, given, random, ranks=not is_slow)
        lost.append(len(group) < k)
        sole.append(len(group) == 1)
        if ranks is not None:
            covered.append(bool((ranks == [1, k]).all()))
    intervals = percent(covered) if covered else ""
    return [metric, name, f"{score:.2f}", str(k), percent(lost), percent(sole), intervals]


def better(sweeps: int, cell: tuple[str, str, Kind, Kind, float, int, float]) -> list[str]:
    """One trial is better than all others, which are of both kinds and equally good."""
    metric, name, one, other, score, k, lead = cell
    random = rng("better", metric, name, k, lead)
    best = score - lead if metric == "val_brier" else score + lead
    given = trials(metric, (one, other), [best] + [score] * (k - 1))
    lost, alone, covered = [], [], []
    for _ in range(sweeps // 10):
        group, ranks = judged(metric, given, random)
        lost.append(0 not in group)
        alone.append(group == (0,))
        if ranks is None:
            continue
        low, high = ranks.T
        covered.append(bool(low[0] == 1 and (low[1:] <= 2).all() and (high[1:] == k).all()))
    return [metric, name, f"{best:.2f}", f"{score:.2f}", str(k), percent(lost), percent(alone), percent(covered)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--sweeps", type=int, default=2000, help="simulated sweeps per cell; fewer of slow ones, more of fast ones"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes")
    options = parser.parse_args()
    began = time.monotonic()
    cells = [(metric, *model) for metric, models in MODELS.items() for model in models]
    leads = {"val_macro_f1": (0.05, 0.1), "val_balanced_accuracy": (0.05, 0.1), "val_brier": (0.02, 0.04)}
    with ProcessPoolExecutor(options.workers) as pool:

        def rows(function: Callable[..., list[str]], of: list[tuple[Any, ...]]) -> Iterable[list[str]]:
            return pool.map(partial(function, options.sweeps), of)

        table(
            "Equally good trials by other metrics, % of the sweeps",
            ["metric", "trials", "true score", "number", "one is left out of the leading group",
             "a sole winner is named", "all rank intervals cover"],
            rows(equal, [(*cell, k) for k in (3, 10, 50) for cell in cells]),
        )  # fmt: skip
        table(
            "One better than the rest by other metrics, % of the sweeps",
            ["metric", "trials", "the best", "the rest", "number", "it is lost", "it is named alone",
             "all rank intervals cover"],
            rows(better, [(*cell, k, lead) for k in (3, 10) for cell in cells for lead in leads[cell[0]]]),
        )  # fmt: skip
    print(f"\n{options.sweeps} sweeps per cell; {(time.monotonic() - began) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
