"""Which configurations can be the best, where each was trained once per fold and scored on the part held out.

The statement is about other seeds and other images, for training sets of this size that overlap as these do; it does
not cover another training set, whose variance folds do not show. What is uncertain: `contrasts.fold_parts`, with the
source.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.accuracy import score_bounds
from sweeper.inference.configurations import ConfigurationGroup, t_p
from sweeper.inference.contrasts.fold_parts import FEWEST_FOLDS, Groups, over_folds
from sweeper.inference.contrasts.parts import Scores
from sweeper.inference.groups import eliminate, from_leader_by_t
from sweeper.inference.winner import ExpectedScore


def leading_over_folds(
    answers: Sequence[Sequence[Scores]], alpha: float = 0.05, groups: Groups = None
) -> ConfigurationGroup:
    """The configurations whose expected score, over seeds and images, can be the best.

    Args:
        answers: for each configuration, for each fold (s, n): the score of the fold's image j under seed i, larger is
            better; right or wrong, or a finite number. Seeds are one or more; fold by fold all have the same images.
        alpha: the chance allowed of losing one of the best, between 0 and 1.
        groups: for each fold (n,), the number of each image's group, or None where its images do not come in groups;
            None where no fold's do.

    Returns:
        The group, by the elimination of `sweeper.inference.groups`; `num_seeds` is that of one fold.

    Raises:
        ValueError: as `over_folds`, or alpha outside (0, 1).

    The test is Welch's, of the mean difference from the leader over folds. Its variance has two parts, the images' and
    the networks'. Its degrees of freedom stay k - 1, and since the images' part was taken off it, half of that part is
    counted as no better known: with all of it the test is the paired t test over folds, which loses power, with none it
    loses up to 15 % of equal configurations instead of 5.
    """
    known = over_folds(answers, groups)
    leader, images_part = known.leader, known.images[:, known.leader]
    variance = known.steady[:, leader] + images_part
    spread = variance * (variance - images_part / 2) / known.degrees + images_part**2 / (known.num_images - 1)
    p_values = t_p(known.mean - known.mean[leader], variance, spread)
    group = eliminate(known.mean, p_values, alpha)
    others = [index for index in group.members if index != leader]
    nearest = min(others, key=lambda index: float(p_values[index]), default=leader)
    share = float(images_part[nearest] / variance[nearest]) if variance[nearest] > 0 else None
    return ConfigurationGroup(group.members, group.left, known.num_seeds, share if others else None)


def folds_from_leader(
    answers: Sequence[Sequence[Scores]], alpha: float = 0.05, groups: Groups = None
) -> NDArray[np.float64]:
    """How much higher the best mean is than each, with intervals that hold all at once, however it was chosen.

    Args:
        answers: as for `leading_over_folds`, of accuracies: each score between 0 and 1.
        alpha: the chance allowed of any interval being wrong; it is divided among all pairs.
        groups: as for `leading_over_folds`.

    Returns:
        (C, 3): the difference of the means, low and high, within [-1, 1]. The variance is that of
        `leading_over_folds`, with k - 1 degrees of freedom for all of it (with those of the test, up to 9.8 % of the
        sweeps had a wrong interval; they are 3 to 10 % wider without); at least one image more in either direction is
        taken to differ. 0, 0, 0 for the leader.

    Raises:
        ValueError: as `leading_over_folds`.
    """
    known = over_folds(answers, groups)
    variance = np.maximum(known.variance[:, known.leader], 1 / known.num_answered**2)
    apart = known.mean[known.leader] - known.mean
    return from_leader_by_t(apart, variance, known.degrees, known.leader, alpha)


def winning_over_folds(answers: Sequence[Sequence[Scores]], groups: Groups = None) -> ExpectedScore:
    """The accuracy to expect of the leading configuration, trained with a new seed, on new images.

    Each fold in turn has no say: the best on the others is chosen, and scored on it (of several that are equally good,
    their mean). What is expected is the mean over the folds; for one configuration it is its own mean.

    Args:
        answers: as for `leading_over_folds`, right or wrong; one configuration or more.
        groups: as for `leading_over_folds`.

    Returns:
        The score of the leader's mean. The interval is Wilson's about what is expected, of as many images as would
        vary like the mean over folds. It takes Student's t of four degrees of freedom for any number of folds: more
        folds show better how they vary, but not what the choice adds (with nine degrees the interval of ten folds had
        the truth in 87 to 94 %). `num_resamples` is the number of folds.

    Raises:
        ValueError: as `leading_over_folds`.
    """
    from scipy.special import stdtrit

    known = over_folds(answers, groups)
    scores, leader, num_folds = known.scores, known.leader, known.scores.shape[1]
    others = [np.delete(scores, fold, axis=1).mean(axis=1) for fold in range(num_folds)]
    chosen = [float(scores[one >= one.max() - 1e-12, fold].mean()) for fold, one in enumerate(others)]
    expected = math.fsum(chosen) / num_folds
    of_folds = max(float(scores.var(axis=1, ddof=1).mean()), float(np.var(chosen, ddof=1))) / num_folds
    images = known.by_image[leader]
    variance = max(of_folds, float(images.var(ddof=1)) / len(images))
    quantile = float(stdtrit(FEWEST_FOLDS - 1, 0.975))
    if variance == 0 or not 0 < expected < 1:
        low, high = score_bounds(expected, len(images), quantile)
    else:
        worth = min(float(sum(np.size(fold) for fold in answers[leader])), expected * (1 - expected) / variance)
        low, high = score_bounds(expected, worth, quantile)
    return ExpectedScore(float(known.mean[leader]), expected, low, high, num_folds)
