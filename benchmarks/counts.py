"""Macro F1 and balanced accuracy of configurations over seeds, folds and groups of images. Simulated.

    python benchmarks/counts.py [--sweeps 300] [--only seeds|folds|trials]

A sweep is wrong where one of several equal configurations is left out, or where an interval of the leader's lead does
not have the true difference (at most 5 % each). Classes are imbalanced, the largest ten times the smallest;
cells in which the smallest has fewer than five images (or groups) are left out, as in a report. The kinds
of errors are those of `honest_metrics.py` (a logit model of crossed effects), and *beta*, where the chance of an error
on an image is drawn from a beta distribution and seeds move it by a t distribution with two degrees of freedom. A
configuration's seeds move its level; a third of what it has for an image is its own.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from agreement import sigmoid
from differences import is_wrong, main, share
from honest_metrics import ALIKE, CLASSES, FOR_SMALL, INDEPENDENT, SMALL_NAMES, TEMPTED, Kind, true_score
from means import heads, show
from numpy.typing import NDArray

from sweeper.inference import (
    as_units,
    leading_configurations,
    leading_over_folds,
    loss_differences_from_leader,
    means_from_leader,
    means_over_folds_from_leader,
)
from sweeper.metrics import scores_by_image
from sweeper.ranking.case import FEWEST_OF_CLASS

METRICS = ("val_macro_f1", "val_balanced_accuracy")
#: Kinds of errors by name: of every second configuration the other one, and the score that all have.
KINDS: dict[str, tuple[Kind, Kind, float]] = {
    "alike": (ALIKE, ALIKE, 0.85),
    "trade-off": (ALIKE, FOR_SMALL, 0.85),
    "independent": (INDEPENDENT, INDEPENDENT, 0.70),
    "names": (ALIKE, SMALL_NAMES, 0.85),
    "alike, 97": (ALIKE, ALIKE, 0.97),
}
OWN = 1 / 3  # of the variance of what an image is to a configuration
_SIZE = 10  # images of a group
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)


@dataclass(frozen=True)
class Sweep:
    """What is drawn: labels (n,), gaps (num,) by which each configuration is better, codes (n,) of groups or None."""

    labels: NDArray[np.int64]
    seeds: int
    seed_sd: float
    gaps: NDArray[np.float64]
    codes: NDArray[np.int64] | None = None


#: Predicted classes, (num, seeds, n).
Draw = Callable[[np.random.Generator, Sweep], NDArray[np.int64]]


def labels_of(images: int) -> NDArray[np.int64]:
    """(n,), classes of which the largest has ten times the images of the smallest."""
    sizes = np.maximum(2, np.round(np.linspace(10, 1, CLASSES) / 55 * images).astype(int))
    sizes[0] += images - sizes.sum()
    return np.repeat(np.arange(CLASSES), sizes)


def is_refused(images: int, size: int) -> bool:
    """Whether the smallest class has too few images, or groups of them, for a statement."""
    return int(np.unique(labels_of(images), return_counts=True)[1].min()) // size < FEWEST_OF_CLASS


@functools.cache
def level_of(metric: str, kind: Kind, wanted: float, seed_sd: float) -> float:
    """The `a` of a kind whose score is the wanted one in the mean over its seeds."""
    low, high = -14.0, 6.0
    for _ in range(50):
        middle = (low + high) / 2
        scores = [true_score(metric, kind, middle + seed_sd * float(node)) for node in _NODES]
        low, high = (middle, high) if float(np.average(scores, weights=_WEIGHTS)) > wanted else (low, middle)
    return low


def mixed(
    random: np.random.Generator, rows: tuple[int, ...], images: int, codes: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    """Standard normal numbers of images, of which half the variance is the group's where there are groups."""
    alone = random.standard_normal((*rows, images))
    if codes is None:
        return alone
    return np.asarray((alone + random.standard_normal((*rows, codes[-1] + 1))[..., codes]) / math.sqrt(2))


def guesses(
    random: np.random.Generator,
    labels: NDArray[np.int64],
    wrong: NDArray[np.bool_],
    kinds: tuple[Kind, ...],
    codes: NDArray[np.int64] | None,
) -> NDArray[np.int64]:
    """(num, seeds, n): the class itself, or a wrong one: often that which the image looks like to all."""
    n = len(labels)
    turn = random.integers(1, CLASSES, n if codes is None else codes[-1] + 1)
    looks = (labels + (turn if codes is None else turn[codes])) % CLASSES
    found = np.empty(wrong.shape, np.int64)
    for row, its, kind in zip(found, wrong, kinds, strict=True):
        shares = np.tile(np.asarray(kind.names), (CLASSES, 1))
        np.fill_diagonal(shares, 0)
        steps = np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1)
        other = (random.random(row.shape)[..., None] > steps[labels]).sum(axis=-1).clip(0, CLASSES - 1)
        guess = np.where(random.random(row.shape) < TEMPTED, looks, other)
        row[:] = np.where(its, guess, labels)
    return found


def logit(metric: str, name: str) -> Draw:
    one, second, score = KINDS[name]

    def draw(random: np.random.Generator, sweep: Sweep) -> NDArray[np.int64]:
        num, n, codes, seed_sd = len(sweep.gaps), len(sweep.labels), sweep.codes, sweep.seed_sd
        kinds = tuple((one, second)[place % 2] for place in range(num))
        levels = [
            level_of(metric, kind, score + gap, seed_sd) for kind, gap in zip(kinds, sweep.gaps.tolist(), strict=True)
        ]
        z = math.sqrt(1 - OWN) * mixed(random, (1, 1), n, codes) + math.sqrt(OWN) * mixed(random, (num, 1), n, codes)
        bias = np.array([kind.bias for kind in kinds])[:, None, sweep.labels]
        spread = np.array([kind.spread for kind in kinds])[:, None, None]
        shift = seed_sd * random.standard_normal((num, sweep.seeds, 1))
        wrong = random.random((num, sweep.seeds, n)) < sigmoid(
            np.array(levels)[:, None, None] + shift + bias + spread * z
        )
        return guesses(random, sweep.labels, wrong, kinds, codes)

    return draw


def beta(random: np.random.Generator, sweep: Sweep) -> NDArray[np.int64]:
    """Errors on 5 to 25 % of a class's images, or as much less as the gap says."""
    num, n, codes, seed_sd = len(sweep.gaps), len(sweep.labels), sweep.codes, sweep.seed_sd
    mean, concentration = np.linspace(0.05, 0.25, CLASSES)[sweep.labels], 0.6
    shape = (concentration * mean, concentration * (1 - mean))

    def chances(rows: int) -> NDArray[np.float64]:
        if codes is None:
            return random.beta(*shape, (rows, n))
        first = np.searchsorted(codes, np.arange(codes[-1] + 1))
        of_group = random.beta(shape[0][first], shape[1][first], (rows, len(first)))[:, codes]
        return np.where(random.random((rows, n)) < 0.5, of_group, random.beta(*shape, (rows, n)))

    chance = np.where(random.random((num, n)) < OWN, chances(num), chances(1))[:, None, :]
    shift = (random.standard_t(2, (num, sweep.seeds, 1)) * seed_sd).clip(-6 * seed_sd, 6 * seed_sd)
    wrong = random.random((num, sweep.seeds, n)) < (chance + 0.4 * shift * chance * (1 - chance)).clip(0, 1)
    wrong &= random.random(wrong.shape) >= sweep.gaps[:, None, None] / 0.15
    return guesses(random, sweep.labels, wrong, (ALIKE,) * num, codes)


def scored(metric: str, labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> NDArray[np.float64]:
    """(num, seeds, n)"""
    flat = predicted.reshape(-1, len(labels))
    return np.stack([scores_by_image(metric, labels, row) for row in flat]).reshape(predicted.shape)


def models(metric: str) -> list[tuple[str, Draw]]:
    return [*((name, logit(metric, name)) for name in KINDS), ("beta", beta)]


#: How much better the first is; the equal ones show what is lost, both show whether intervals hold.
GAPS = (0.0, 0.05)


def over_seeds(sweeps: int) -> None:
    heads("metric", "errors", "seeds", "seeds' sd", "images", "groups of", "number", "first better", "lost, %",
          "an interval is wrong, %", "with an image more, %")  # fmt: skip
    several = itertools.product(METRICS, (3, 5), (0.1, 0.4), (287, 1000, 3000), (1, _SIZE), (2, 4, 10), GAPS)
    for metric, seeds, seed_sd, images, size, num, gap in several:
        if images * seeds * num > 50_000 or is_refused(images, size):
            continue
        for name, draw in models(metric):
            if gap and name == "alike, 97":
                continue
            labels, gaps = labels_of(images), np.where(np.arange(num) == 0, gap, 0.0)
            codes = None if size == 1 else np.arange(images) // size
            random = np.random.default_rng([num, seeds, images, int(100 * gap), size, int(10 * seed_sd)])
            lost, wrong = 0, [0, 0]
            for _ in range(sweeps):
                answers = scored(metric, labels, draw(random, Sweep(labels, seeds, seed_sd, gaps, codes)))
                members = leading_configurations(list(answers), groups=codes).members
                lost += not set(np.flatnonzero(gaps == gaps.max()).tolist()) <= set(members)
                leader = int(answers.mean(axis=(1, 2)).argmax())
                for place, bounded in enumerate((True, False)):
                    found = means_from_leader(list(answers), groups=codes, bounded=bounded)
                    wrong[place] += is_wrong(found, gaps[leader] - gaps)
            if name == "beta" and gap:
                wrong = [-1, -1]  # its gap is one of accuracy
            cells = [metric, name, str(seeds), f"{seed_sd:g}", f"{images:,}", str(size), str(num), f"{gap:g}"]
            show([*cells, share(lost, sweeps), *("" if one < 0 else share(one, sweeps) for one in wrong)])


def over_folds(sweeps: int) -> None:
    heads("metric", "errors", "folds", "seeds' sd", "images", "number", "first better", "lost, %",
          "an interval is wrong, %", "with an image more, %")  # fmt: skip
    several = itertools.product(METRICS, (5, 10), (0.1, 0.4), (1437, 6000), (2, 4, 10), GAPS)
    for metric, folds, seed_sd, images, num, gap in several:
        if images * num > 30_000 or is_refused(images // folds, 1):
            continue
        for name, draw in models(metric):
            if gap and name == "alike, 97":
                continue
            labels, gaps = labels_of(images // folds), np.where(np.arange(num) == 0, gap, 0.0)
            random = np.random.default_rng([num, folds, images, int(100 * gap), int(10 * seed_sd)])
            lost, wrong = 0, [0, 0]
            for _ in range(sweeps):
                parts = [scored(metric, labels, draw(random, Sweep(labels, 1, seed_sd, gaps))) for _ in range(folds)]
                answers = [[part[index] for part in parts] for index in range(num)]
                members = leading_over_folds(answers).members
                lost += not set(np.flatnonzero(gaps == gaps.max()).tolist()) <= set(members)
                leader = int(np.argmax([np.mean([fold.mean() for fold in one]) for one in answers]))
                for place, bounded in enumerate((True, False)):
                    found = means_over_folds_from_leader(answers, bounded=bounded)
                    wrong[place] += is_wrong(found, gaps[leader] - gaps)
            if name == "beta" and gap:
                wrong = [-1, -1]
            cells = [metric, name, str(folds), f"{seed_sd:g}", f"{images:,}", str(num), f"{gap:g}"]
            show([*cells, share(lost, sweeps), *("" if one < 0 else share(one, sweeps) for one in wrong)])


def of_trials(sweeps: int) -> None:
    heads("metric", "errors", "images", "groups of", "trials", "first better", "an interval is wrong, %",
          "with an image more, %")  # fmt: skip
    for metric, images, size, num, gap in itertools.product(METRICS, (287, 1000, 3000), (1, _SIZE), (2, 10, 44), GAPS):
        if images * num > 50_000 or is_refused(images, size):
            continue
        for name, draw in models(metric):
            if gap and name in ("alike, 97", "beta"):
                continue
            labels, gaps = labels_of(images), np.where(np.arange(num) == 0, gap, 0.0)
            codes = None if size == 1 else np.arange(images) // size
            random = np.random.default_rng([num, images, int(100 * gap), size])
            wrong = [0, 0]
            for _ in range(sweeps):
                table = scored(metric, labels, draw(random, Sweep(labels, 1, 0.0, gaps, codes)))[:, 0]
                units = -table if codes is None else -as_units(table, codes)
                leader = int(table.mean(axis=1).argmax())
                for place, bounded in enumerate((True, False)):
                    found = loss_differences_from_leader(units, bounded=bounded)
                    wrong[place] += is_wrong(found, gaps[leader] - gaps)
            cells = [metric, name, f"{images:,}", str(size), str(num), f"{gap:g}"]
            show([*cells, *(share(one, sweeps) for one in wrong)])


if __name__ == "__main__":
    main({"seeds": over_seeds, "folds": over_folds, "trials": of_trials}, __doc__)
