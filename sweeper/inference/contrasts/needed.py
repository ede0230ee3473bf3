"""What it would take to tell trials or configurations apart: images, seeds, or both. Whether they are: elsewhere.

A lead as small as these that are undecided is mostly luck, so a number that rests on it is worth nothing. The question
is put the other way round: how many images, or seeds, would show a difference of a given size in 80 % of the sweeps?
That rests on variances alone, and these are known: how often two trials differ on an image; and of configurations the
seeds' part, the images' part, and the part in which both meet.

Source: R. J. Connor (1987), Sample size for testing differences in proportions for the paired-sample design,
Biometrics 43; A. B. Owen (2007), The pigeonhole bootstrap, Annals of Applied Statistics 1, section 3 (the three parts).
`benchmarks/needed.py` measures how often the numbers are within a factor of two of what is truly needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.clusters import as_units
from sweeper.inference.contrasts.parts import FEWEST_SEEDS, Scores, parts
from sweeper.inference.pairs import as_correct

POWER = 0.8
MOST_SEEDS = 100
#: Images, or groups of them, on which two trials differ, on average, from which on the numbers hold.
FEWEST_DIFFERING = 6
#: Degrees of freedom of the seeds' mean variance from which on a number of seeds holds: as they would be if seeds
#: varied alike everywhere, and as they are.
_FEWEST_NOMINAL, _FEWEST_DEGREES = 12, 10
#: Shares of the variance that is allowed: up to the first a part leaves room for the other, above the second it never
#: will; between them a number would hang on the part's own error.
_SURE, HOPELESS = 0.5, 1.5


@dataclass(frozen=True)
class Needed:
    """What would show a difference of the size asked for, in 80 % of the sweeps.

    Attributes:
        difference: the size.
        shown: the difference that the present images and seeds show; None where even 1 would not be.
        images: of trials; None of configurations, where such a number held too seldom.
        seeds: for each configuration, with the present images; None for trials, and where the images' part alone is
            too large for any number to be sure of.
        images_dominate: whether no number of seeds would do, with the present images.
    """

    difference: float
    shown: float | None
    images: int | None
    seeds: int | None = None
    images_dominate: bool = False


def needed_for_trials(
    correct: NDArray[np.bool_], difference: float, alpha: float = 0.05, groups: NDArray[np.integer] | None = None
) -> Needed | None:
    """How many images it takes to tell trials apart that differ by so much, by McNemar's test in an elimination.

    Args:
        correct: (m, n), of the trials that could not be told apart, two or more.
        difference: in accuracy, between 0 and 1.
        alpha: of the elimination.
        groups: (n,), the number of each image's group, where images come in groups: of sign flips of groups then, and
            of images in groups of this size.

    Returns:
        The numbers; None where two trials differ on too few images, or groups, to say.
    """
    from scipy.special import ndtri

    rows = as_correct(correct)
    units = rows.astype(np.float64) if groups is None else as_units(rows, groups)
    num, num_units = units.shape
    pairs = num * (num - 1) / 2
    square = float((num * (units**2).sum(axis=0) - units.sum(axis=0) ** 2).mean()) / pairs  # of a pair's difference
    if num_differing(units) / pairs < FEWEST_DIFFERING:
        return None
    level, power = -float(ndtri(tail_of_group(num, alpha))), float(ndtri(POWER))

    def units_for(size: float) -> float:
        # A difference is of so many images at least, be they the only ones in their groups.
        most = max(square, size * num_units / rows.shape[1], size**2)
        root = level * math.sqrt(most) + power * math.sqrt(most - size**2)
        return root**2 / size**2 + 1 / size  # 1 / size: the test counts whole images

    shown = smallest_shown(lambda size: units_for(size) <= num_units)
    return Needed(difference, shown, math.ceil(units_for(difference) * rows.shape[1] / num_units))


def num_differing(units: NDArray[np.float64]) -> int:
    """Columns of (m, G) in which two rows differ, over all pairs of rows."""
    return sum(int((units[first + 1 :] != units[first]).sum()) for first in range(len(units) - 1))


def needed_for_configurations(
    answers: Sequence[Scores],
    members: Sequence[int],
    difference: float,
    alpha: float = 0.05,
    groups: NDArray[np.integer] | None = None,
) -> Needed:
    """How many seeds it takes to tell configurations apart that differ by so much in accuracy.

    Args:
        answers: for each configuration (s, n), as for `sweeper.inference.leading_configurations`.
        members: rows of those that could not be told apart, two or more.
        difference: in accuracy, between 0 and 1.
        alpha: of the elimination.
        groups: (n,), the number of each image's group, where images come in groups.

    Returns:
        The numbers; `seeds` is None too where few trainings do not show how much a seed changes, and with groups, where
        it held too seldom (`benchmarks/units.py`); whether the images dominate is known there too.

    Raises:
        ValueError: as `sweeper.inference.leading_configurations`.
    """
    known = parts([answers[index] for index in members], groups)
    num, num_seeds, num_images = len(members), known.num_seeds, known.num_images
    within = float(known.within.mean())
    seed = max(0.0, float(known.between.mean()) - within / num_images)
    noise = max(0.0, within - seed)
    image = float(known.images_of_pairs().sum()) / (num * (num - 1)) * num_images
    right = float(known.mean.mean())
    tail = tail_of_group(num, alpha)

    def shows(size: float, seeds: float, images: float) -> bool:
        fewer = _fewer_errors(right, size)
        own, other = (seed + noise / images) / seeds, (seed * fewer**2 + noise * fewer / images) / seeds
        return _error(own, other, image * (1 + fewer) / 2 / images, seeds, images, tail) <= size

    shown = smallest_shown(lambda size: shows(size, num_seeds, num_images))
    seeds = None
    is_known = num * (num_seeds - 1) >= _FEWEST_NOMINAL and _degrees(known.between, num_seeds) >= _FEWEST_DEGREES
    if groups is None and is_known and shows(difference * math.sqrt(_SURE), math.inf, num_images):
        seeds = _first(lambda number: shows(difference, number, num_images), FEWEST_SEEDS, MOST_SEEDS)
    images_dominate = not shows(difference * math.sqrt(HOPELESS), math.inf, num_images)
    return Needed(difference, shown, None, seeds, images_dominate)


def _degrees(variances: NDArray[np.float64], num_seeds: int) -> float:
    """Satterthwaite's, of the mean of variances that may differ; their squares are too large by chance, by 1 + 2/df."""
    squares = float((variances**2).sum())
    own = num_seeds - 1
    return float(variances.sum()) ** 2 / squares * (own + 2) if squares > 0 else 0.0


def tail_of_group(num: int, alpha: float) -> float:
    """One side of the level at which one of `num` leaves in the middle of the elimination."""
    half = (num + 2) / 2
    return alpha / (half * (half - 1))


def _fewer_errors(right: float, size: float) -> float:
    """What the variance of single answers is worth where accuracy is higher by `size`.

    How much a seed changes falls with it too: in real sweeps the deviation is a fixed share of the errors.
    """
    better = min(1.0, right + size)
    return better * (1 - better) / (right * (1 - right)) if 0 < right < 1 else 1.0


def _error(one: float, other: float, of_images: float, seeds: float, images: float, tail: float) -> float:
    """The difference that is shown with the power, by its variance's parts; `tail` is one side of the test's level."""
    from scipy.special import stdtrit

    variance = one + other + of_images
    if variance == 0:
        return 0.0
    spread = (one**2 + other**2) / (seeds - 1) + of_images**2 / (images - 1)
    degrees = min(variance**2 / spread, 1e9) if spread > 0 else 1e9
    return float(-stdtrit(degrees, tail) + stdtrit(degrees, POWER)) * math.sqrt(variance)


def _first(is_enough: Callable[[int], bool], least: int, most: int) -> int | None:
    """The smallest number that is enough, where all larger ones are; None where `most` is not."""
    if not is_enough(most):
        return None
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if is_enough(middle) else (middle + 1, most)
    return least


def smallest_shown(is_shown: Callable[[float], bool]) -> float | None:
    """The smallest difference that is shown, to a hundred-thousandth."""
    found = _first(lambda parts_of: is_shown(parts_of / 100_000), 1, 100_000)
    return None if found is None else found / 100_000
