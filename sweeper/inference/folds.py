"""Which configurations can be the best, where each was trained once per fold and scored on the part held out.

Each fold has networks and images of its own. What a fold's networks and its images do to a difference between two
configurations differs from fold to fold, so both are in the variance of the difference over folds. Folds are paired:
two configurations are scored on the same images in each.

The statement is about other seeds and other images, for training sets of this size that overlap as these do; it does
not cover another training set, whose variance folds do not show.

Source: Y. Bengio and Y. Grandvalet (2004), No unbiased estimator of the variance of k-fold cross-validation, Journal of
Machine Learning Research 5, section 3 (what folds show and what they do not). What the test keeps is measured by
`benchmarks/folds.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.accuracy import score_bounds
from sweeper.inference.configurations import ConfigurationGroup, t_p
from sweeper.inference.groups import eliminate, from_leader_by_t
from sweeper.inference.winner import ExpectedScore

#: Folds from which on configurations are compared: fewer do not show how much a fold changes.
FEWEST_FOLDS = 5

Scores = NDArray[np.bool_] | NDArray[np.floating]


def leading_over_folds(answers: Sequence[Sequence[Scores]], alpha: float = 0.05) -> ConfigurationGroup:
    """The configurations whose expected score, over seeds and images, can be the best.

    Args:
        answers: for each configuration, for each fold (s, n): the score of the fold's image j under seed i, larger is
            better; right or wrong, or a finite number. Seeds are one or more; fold by fold all have the same images.
        alpha: the chance allowed of losing one of the best, between 0 and 1.

    Returns:
        The group, by the elimination of `sweeper.inference.groups`; `num_seeds` is that of one fold.

    Raises:
        ValueError: fewer than five folds, tables that do not fit, a score that is not finite, or alpha outside (0, 1).

    The test is Welch's, of the mean difference from the leader over folds. Its variance has two parts: the images',
    from all images, and the networks', which is the variance over folds less what the images make of it. The
    networks' part is averaged with one further fold at the mean of all configurations, since with few folds it may be
    far too small by chance. Its degrees of freedom stay k - 1, and since the images' part was taken off it, half of
    that part is counted as no better known: with all of it the test is the paired t test over folds, which loses power,
    with none it loses up to 15 % of equal configurations instead of 5.
    """
    num_seeds = _checked(answers)
    mean, leader, variance, spread = _from_leader(answers)
    p_values = t_p(mean - mean[leader], variance, spread)
    group = eliminate(mean, p_values, alpha)
    return ConfigurationGroup(group.members, group.left, num_seeds)


def folds_from_leader(
    answers: Sequence[Sequence[Scores]], alpha: float = 0.05, num_answered: int | None = None
) -> NDArray[np.float64]:
    """How much higher the best mean is than each, with intervals that hold all at once, however it was chosen.

    Args:
        answers: as for `leading_over_folds`, of accuracies: each score between 0 and 1, or the score of a group of
            images (`as_units`).
        alpha: the chance allowed of any interval being wrong; it is divided among all pairs.
        num_answered: images of all folds behind the scores, where those are of groups of images; None: one each.

    Returns:
        (C, 3): the difference of the means, low and high, within [-1, 1]. The variance is that of
        `leading_over_folds`, with k - 1 degrees of freedom for all of it (with those of the test, up to 9.8 % of the
        sweeps had a wrong interval; they are 3 to 10 % wider without); at least one image more in either direction is
        taken to differ. 0, 0, 0 for the leader.

    Raises:
        ValueError: as `leading_over_folds`.
    """
    _checked(answers)
    mean, leader, variance, _ = _from_leader(answers)
    images = num_answered or sum(np.shape(fold)[1] for fold in answers[0])
    variance = np.maximum(variance, 1 / images**2)
    return from_leader_by_t(mean[leader] - mean, variance, len(answers[0]) - 1, leader, alpha)


def _from_leader(
    answers: Sequence[Sequence[Scores]],
) -> tuple[NDArray[np.float64], int, NDArray[np.float64], NDArray[np.float64]]:
    """Means (C,), the leader, and of each difference from it the variance and its spread, as `t_p` takes them."""
    by_image = _by_image(answers)
    scores = _of_folds(by_image)
    mean = _means(scores)
    leader = int(np.argmax(mean))
    num_folds = scores.shape[1]
    flat = np.stack([np.concatenate(one) for one in by_image])
    images_part = (flat - flat[leader]).var(axis=1, ddof=1) / flat.shape[1]
    of_folds = (scores - scores[leader]).var(axis=1, ddof=1) / num_folds
    networks = (of_folds - images_part).clip(0)  # (C,), 0 for the leader
    usual = np.delete(networks, leader).mean() if len(networks) > 1 else 0.0
    networks_part = ((num_folds - 1) * networks + usual) / num_folds
    variance = networks_part + images_part
    spread = variance * (networks_part + images_part / 2) / (num_folds - 1) + images_part**2 / (flat.shape[1] - 1)
    return mean, leader, variance, spread


def winning_over_folds(answers: Sequence[Sequence[Scores]]) -> ExpectedScore:
    """The accuracy to expect of the leading configuration, trained with a new seed, on new images.

    Each fold in turn has no say: the best on the others is chosen, and scored on it (of several that are equally good,
    their mean). What is expected is the mean over the folds; for one configuration it is its own mean.

    Args:
        answers: as for `leading_over_folds`, right or wrong; one configuration or more.

    Returns:
        The score of the leader's mean. The interval is Wilson's about what is expected, of as many images as would
        vary like the mean over folds. It takes Student's t of four degrees of freedom for any number of folds: more
        folds show better how they vary, but not what the choice adds (with nine degrees the interval of ten folds had
        the truth in 87 to 94 %). `num_resamples` is the number of folds.

    Raises:
        ValueError: as `leading_over_folds`.
    """
    from scipy.special import stdtrit

    _checked(answers)
    by_image = _by_image(answers)
    scores = _of_folds(by_image)
    mean = _means(scores)
    leader, num_folds = int(np.argmax(mean)), scores.shape[1]
    others = [np.delete(scores, fold, axis=1).mean(axis=1) for fold in range(num_folds)]
    chosen = [float(scores[one >= one.max() - 1e-12, fold].mean()) for fold, one in enumerate(others)]
    expected = math.fsum(chosen) / num_folds
    of_folds = max(float(scores.var(axis=1, ddof=1).mean()), float(np.var(chosen, ddof=1))) / num_folds
    images = np.concatenate(by_image[leader])
    variance = max(of_folds, float(images.var(ddof=1)) / len(images))
    quantile = float(stdtrit(FEWEST_FOLDS - 1, 0.975))
    if variance == 0 or not 0 < expected < 1:
        low, high = score_bounds(expected, len(images), quantile)
    else:
        worth = min(float(sum(np.size(fold) for fold in answers[leader])), expected * (1 - expected) / variance)
        low, high = score_bounds(expected, worth, quantile)
    return ExpectedScore(float(mean[leader]), expected, low, high, num_folds)


def _by_image(answers: Sequence[Sequence[Scores]]) -> list[list[NDArray[np.float64]]]:
    """Each image's mean over the seeds of its fold."""
    return [[np.asarray(fold, np.float64).mean(axis=0) for fold in one] for one in answers]


def _of_folds(by_image: Sequence[Sequence[NDArray[np.float64]]]) -> NDArray[np.float64]:
    """(C, k)"""
    return np.array([[math.fsum(fold) / len(fold) for fold in one] for one in by_image])


def _means(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,), exact, so that ties are ties."""
    return np.array([math.fsum(row) / len(row) for row in scores])


def _checked(answers: Sequence[Sequence[Scores]]) -> int:
    """Seeds of a fold; raises ValueError where the tables are not as they should be."""
    shapes = {tuple(np.shape(fold) for fold in one) for one in answers}
    if len(shapes) != 1 or any(len(shape) != 2 or 0 in shape for shape in next(iter(shapes))):
        raise ValueError(f"the same tables of seeds by images are needed for each configuration; given: {shapes}")
    folds = next(iter(shapes))
    if len(folds) < FEWEST_FOLDS or len({shape[0] for shape in folds}) > 1:
        raise ValueError(f"five folds at least, with the same seeds in each, are needed; given: {sorted(folds)}")
    if not all(np.isfinite(fold).all() for one in answers for fold in one):
        raise ValueError("every score must be finite; given: NaN or infinity among them")
    return int(folds[0][0])
