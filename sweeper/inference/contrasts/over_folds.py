"""Who is equal over folds, what folds show, and the effect of a grid's levels over them. Which folds: elsewhere.

As `equal`, `needed` and `levels` of this package say it over seeds; the variances are those of
`sweeper.inference.folds`, all of them with one degree of freedom less than folds.

Source: as there. What it keeps is measured by `benchmarks/units.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.contrasts.equal import both_close
from sweeper.inference.contrasts.fold_parts import Groups, OverFolds, over_folds
from sweeper.inference.contrasts.levels import effect_weights
from sweeper.inference.contrasts.needed import (
    FEWEST_DIFFERING,
    HOPELESS,
    POWER,
    Needed,
    num_differing,
    smallest_shown,
    tail_of_group,
)
from sweeper.inference.contrasts.parts import Scores
from sweeper.inference.margin import passing


def equal_over_folds(
    answers: Sequence[Sequence[Scores]], margin: float, alpha: float = 0.05, groups: Groups = None
) -> NDArray[np.bool_]:
    """As `equal_configurations`, of configurations over folds.

    Args:
        answers: as for `sweeper.inference.leading_over_folds`.
        margin: a difference in accuracy, from 0 to below 1.
        alpha: the chance allowed of any configuration being marked wrongly, between 0 and 1.
        groups: as for `leading_over_folds`.

    Raises:
        ValueError: as `leading_over_folds`.
    """
    from scipy.special import stdtr

    known = over_folds(answers, groups)
    if margin == 0:
        return both_close(np.zeros(len(known.mean), np.bool_), known.leader)
    images = np.maximum(known.images, known.least_at(margin))
    above = known.mean[:, None] - known.mean + margin
    p_values: NDArray[np.float64] = stdtr(known.degrees, -above / np.sqrt(known.networks + images))
    np.fill_diagonal(p_values, 0)
    return both_close(passing(p_values.max(axis=1), alpha), known.leader)


def needed_over_folds(
    answers: Sequence[Sequence[Scores]],
    members: Sequence[int],
    difference: float,
    alpha: float = 0.05,
    groups: Groups = None,
) -> Needed | None:
    """Which difference the folds show, and whether more seeds could show one of the given size.

    Args:
        answers: as for `sweeper.inference.leading_over_folds`.
        members: rows of those that could not be told apart, two or more.
        difference: in accuracy, between 0 and 1.
        alpha: of the elimination.
        groups: as for `leading_over_folds`.

    Returns:
        The numbers, without `images` and `seeds`: of what varies from fold to fold, the training images' part is not
        known, so no number of seeds can be said to be enough. None where two configurations differ on too few images,
        or groups, to say.

    Raises:
        ValueError: as `leading_over_folds`.
    """
    from scipy.special import ndtri, stdtrit

    known = over_folds([answers[index] for index in members], groups)
    if num_differing(known.by_image) < FEWEST_DIFFERING * len(members) * (len(members) - 1) / 2:
        return None
    others = ~np.eye(len(members), dtype=np.bool_)
    variance, images = float(known.variance[others].mean()), float(known.images[others].mean())
    tail = tail_of_group(len(members), alpha)
    shown = float(-stdtrit(known.degrees, tail) + stdtrit(known.degrees, POWER)) * math.sqrt(variance)
    least = float(-ndtri(tail) + ndtri(POWER)) * math.sqrt(images)  # of any number of seeds
    return Needed(
        difference,
        smallest_shown(lambda size: size >= shown),
        None,
        images_dominate=least > difference * math.sqrt(HOPELESS),
    )


def gains_over_folds(
    answers: Sequence[Sequence[Scores]], reference: int, alpha: float = 0.05, groups: Groups = None
) -> NDArray[np.float64]:
    """As `sweeper.inference.gains_over`, of configurations over folds, with the variance of `folds_from_leader`.

    Args:
        answers: as for `sweeper.inference.leading_over_folds`.
        reference: the row from which gains are taken, fixed beforehand.
        alpha: the chance allowed of any interval being wrong; they hold all at once, whichever configuration leads.
        groups: as for `leading_over_folds`.

    Returns:
        (C, 3): the difference of the means, low and high, within [-1, 1]; 0, 0, 0 for the reference.

    Raises:
        ValueError: as `leading_over_folds`.
    """
    from scipy.special import stdtrit

    known = over_folds(answers, groups)
    variance = known.variance[:, reference].clip(1 / known.num_answered**2)
    half = -stdtrit(known.degrees, alpha / max(1, len(known.mean) - 1) / 2) * np.sqrt(variance)
    gain = known.mean - known.mean[reference]
    found: NDArray[np.float64] = np.stack([gain, gain - half, gain + half], axis=1).clip(-1, 1)
    found[reference] = 0
    return found


def level_effects_over_folds(
    answers: Sequence[Sequence[Scores]],
    levels: Sequence[Sequence[int]],
    alpha: float = 0.05,
    groups: Groups = None,
) -> list[NDArray[np.float64]]:
    """As `level_effects`, of configurations over folds.

    Args:
        answers: as for `sweeper.inference.leading_over_folds`.
        levels, alpha: as in `level_effects`.
        groups: as for `leading_over_folds`.

    Returns:
        As `level_effects`: Student's t of the effect's mean over folds, whose variance is at least what its images make
        of it; at least one image more in either direction is taken to differ.

    Raises:
        ValueError: as `leading_over_folds`; no complete grid.
    """
    from scipy.special import stdtrit

    known = over_folds(answers, groups)
    weights = effect_weights(levels, len(known.mean))
    number = sum(len(one) for one in weights)
    return [_intervals(known, one, float(-stdtrit(known.degrees, alpha / number / 2))) for one in weights]


def _intervals(known: OverFolds, weights: NDArray[np.float64], quantile: float) -> NDArray[np.float64]:
    """(M, 3): sums of means with the weights (M, C), low and high."""
    of_folds = (weights @ known.scores).var(axis=1, ddof=1) / known.scores.shape[1]
    of_images = (weights @ known.by_image).var(axis=1, ddof=1) / known.num_images
    half = quantile * np.sqrt(np.maximum(of_folds, of_images).clip(1 / known.num_answered**2))
    centre = weights @ known.mean
    found: NDArray[np.float64] = np.stack([centre, centre - half, centre + half], axis=1).clip(-1, 1)
    return found
