"""Which configurations can be the best, where each was trained under several seeds and scored on the same images.

A configuration's score varies for two reasons: another seed trains another network, and other images would be answered
otherwise. Seeds differ from configuration to configuration; the images are common to all. So seeds and images are
crossed factors, and both parts belong to a difference's variance: more seeds alone do not make the images more.

Source: A. B. Owen (2007), The pigeonhole bootstrap, Annals of Applied Statistics 1, section 3 (the variance of a mean
over crossed factors); B. L. Welch (1947), The generalization of Student's problem when several different population
variances are involved, Biometrika 34. What the test keeps is measured by `benchmarks/configurations.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.accuracy import score_bounds
from sweeper.inference.clusters import as_units
from sweeper.inference.contrasts.parts import checked, parts
from sweeper.inference.groups import Left, eliminate
from sweeper.inference.winner import ExpectedScore

_RESAMPLES = 100  # at a time


@dataclass(frozen=True)
class ConfigurationGroup:
    """The leading configurations over `num_seeds` seeds; rows as in `Elimination`.

    Attributes:
        members, left, num_seeds: the group.
        image_share: of the variance of the difference between the leader and the other member that is nearest to
            being eliminated, the share that comes from the images, 0 to 1, which more seeds do not reduce; None for a
            group of one.
    """

    members: tuple[int, ...]
    left: tuple[Left, ...]
    num_seeds: int
    image_share: float | None = None


def leading_configurations(
    answers: Sequence[NDArray[np.bool_] | NDArray[np.floating]],
    alpha: float = 0.05,
    groups: NDArray[np.integer] | None = None,
) -> ConfigurationGroup:
    """The configurations whose expected score, over seeds and images, can be the best.

    Args:
        answers: for each configuration (s, n): the score of image j under its seed i, larger is better; right or
            wrong, or a finite number. All have the same seeds and images in number, and the same images.
        alpha: the chance allowed of losing one of the best, between 0 and 1.
        groups: (n,), the number of each image's group, where images come in groups; those take the images' place then.

    Returns:
        The group, by the elimination of `sweeper.inference.groups`.

    Raises:
        ValueError: no such tables, fewer than three seeds or two images, a score that is not finite, or alpha outside
            (0, 1).

    The test is Welch's, of two means of s seeds each, with the images' part added. The variance over seeds of a
    configuration is averaged with one further seed at the usual variance of all configurations, since with three seeds
    it may be far too small by chance; its degrees of freedom stay s - 1. The images' part is the variance over images
    of the difference of the two means over seeds, less what the seeds add to it.
    """
    known = parts(answers, groups)
    mean, leader, seeds_part, num_seeds = known.mean, known.leader, known.steady, known.num_seeds
    from_leader = np.eye(len(mean))
    from_leader[:, leader] -= 1
    images_part = known.images(from_leader)
    p_values = _welch_p(mean - mean[leader], seeds_part, leader, images_part, num_seeds, known.num_images)
    group = eliminate(mean, p_values, alpha)
    others = [index for index in group.members if index != leader]
    share = None
    if others:
        nearest = min(others, key=lambda index: float(p_values[index]))
        whole = float(seeds_part[nearest] + seeds_part[leader] + images_part[nearest])
        share = float(images_part[nearest]) / whole if whole > 0 else None
    return ConfigurationGroup(group.members, group.left, num_seeds, share)


def winning_configuration(
    answers: Sequence[NDArray[np.bool_]],
    seed: int = 0,
    num_resamples: int = 400,
    groups: NDArray[np.integer] | None = None,
) -> ExpectedScore:
    """The accuracy to expect of the leading configuration with a new seed on new images.

    Images are drawn with replacement, and for each configuration its seeds; the best mean on these is chosen, and
    scored on the images and seeds that were not drawn (on all its seeds where each was drawn). As for single trials,
    the mean over the resamples is a difference from the leader's own score.

    Args:
        answers: as for `leading_configurations`, right or wrong; one configuration or more.
        seed: of the resampling.
        num_resamples: 1 or more.
        groups: as for `leading_configurations`.

    Returns:
        The score of the leader's mean. The interval is Wilson's about what is expected, of as many images as would
        vary like the mean over seeds and images, with Student's t for the seeds' few degrees of freedom.

    Raises:
        ValueError: as `leading_configurations`.

    Source: the bootstrap of `winners_score`, with both factors drawn as in Owen (2007), section 3.
    """
    num_seeds, num_images = checked(answers)
    units = answers if groups is None else [as_units(one, groups) for one in answers]
    tables = np.stack([np.asarray(one, np.float32) for one in units])  # (C, s, n)
    scores = tables.mean(axis=2, dtype=np.float64)
    mean = np.array([math.fsum(row) / num_seeds for row in scores])
    leader = int(np.argmax(mean))
    random = np.random.default_rng(seed)
    gained = [_out_of_bag(tables, leader, random) for _ in range(math.ceil(num_resamples / _RESAMPLES))]
    expected = min(1.0, max(0.0, float(mean[leader]) + float(np.mean(gained))))
    low, high = _bounds(expected, scores, tables[leader], num_seeds * num_images)
    return ExpectedScore(float(mean[leader]), expected, low, high, len(gained) * _RESAMPLES)


def _out_of_bag(tables: NDArray[np.float32], leader: int, random: np.random.Generator) -> float:
    """How much better than the leader those are that resamples choose, on what the resamples left out; a mean."""
    num, num_seeds, num_images = tables.shape
    drawn = np.stack(
        [np.bincount(random.integers(0, num_images, num_images), minlength=num_images) for _ in range(_RESAMPLES)]
    ).astype(np.float32)
    left_out = (drawn == 0).astype(np.float32)
    seeds = random.multinomial(num_seeds, np.full(num_seeds, 1 / num_seeds), size=(num, _RESAMPLES)).transpose(0, 2, 1)
    rows = tables.reshape(num * num_seeds, num_images)
    inside = (rows @ drawn.T).reshape(num, num_seeds, _RESAMPLES)
    outside = (rows @ left_out.T).reshape(num, num_seeds, _RESAMPLES) / left_out.sum(axis=1).clip(1)
    chosen = np.argmax((inside * seeds).sum(axis=1), axis=0)
    free = np.where((seeds == 0).any(axis=1, keepdims=True), seeds == 0, True)
    scored = (outside * free).sum(axis=1) / free.sum(axis=1)
    return float(np.mean(scored[chosen, np.arange(_RESAMPLES)] - scored[leader]))


def _bounds(
    expected: float, scores: NDArray[np.float64], leaders: NDArray[np.float32], most: int
) -> tuple[float, float]:
    """The 95 % interval about what is expected of the leader: its variance over seeds and images, as in the test."""
    from scipy.special import stdtrit

    num_seeds, num_images = leaders.shape
    between = scores.var(axis=1, ddof=1)
    own = float(leaders.mean(axis=1, dtype=np.float64).var(ddof=1))
    seeds_part = ((num_seeds - 1) * own + float(between.mean())) / num_seeds / num_seeds
    of_seeds = float(leaders.var(axis=0, ddof=1).mean()) / num_seeds
    images_part = max(0.0, float(leaders.mean(axis=0).var(ddof=1)) - of_seeds) / num_images
    variance = seeds_part + images_part
    if variance == 0 or not 0 < expected < 1:
        return score_bounds(expected, num_images, float(stdtrit(num_images - 1, 0.975)))
    degrees = variance**2 / (seeds_part**2 / (num_seeds - 1) + images_part**2 / (num_images - 1))
    worth = min(most, expected * (1 - expected) / variance)
    return score_bounds(expected, worth, float(stdtrit(degrees, 0.975)))


def _welch_p(
    difference: NDArray[np.float64],
    seeds_part: NDArray[np.float64],
    leader: int,
    images_part: NDArray[np.float64],
    num_seeds: int,
    num_images: int,
) -> NDArray[np.float64]:
    """(C,): two-sided p of each difference from the leader."""
    variance = seeds_part + seeds_part[leader] + images_part
    spread = (seeds_part**2 + seeds_part[leader] ** 2) / (num_seeds - 1) + images_part**2 / (num_images - 1)
    return t_p(difference, variance, spread)


def t_p(
    difference: NDArray[np.float64], variance: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Two-sided p of differences of which the variance is estimated, by Student's t.

    Args:
        difference: (C,), from the leader.
        variance: (C,), of each difference.
        spread: (C,), the sum over the variance's parts of their squares by their degrees of freedom: the variance's
            square through it are its own degrees of freedom (F. E. Satterthwaite 1946, Biometrics Bulletin 2).

    Returns:
        (C,); 1 where a difference is 0, 0 where it is not and nothing varies.
    """
    from scipy.special import stdtr

    degrees = np.divide(variance**2, spread, out=np.ones_like(variance), where=spread > 0)
    t = np.divide(np.abs(difference), np.sqrt(variance), out=np.full(len(variance), np.inf), where=variance > 0)
    return np.where(difference == 0, 1.0, 2 * stdtr(degrees, -t))
