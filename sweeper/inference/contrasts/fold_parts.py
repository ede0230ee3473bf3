"""The parts of what is uncertain about configurations over folds: their images and their networks. No test lives here.

Each fold has networks and images of its own. What a fold's networks and its images do to a difference between two
configurations differs from fold to fold, so both are in the variance of the difference over folds. Folds are paired:
two configurations are scored on the same images in each.

Source: Y. Bengio and Y. Grandvalet (2004), No unbiased estimator of the variance of k-fold cross-validation, Journal of
Machine Learning Research 5, section 3 (what folds show and what they do not). What tests keep that rest on this is
measured by `benchmarks/folds.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.clusters import as_units, worth_of_units
from sweeper.inference.contrasts.parts import Compared, Scores, most_usual

#: Folds from which on configurations are compared: fewer do not show how much a fold changes.
FEWEST_FOLDS = 5

#: Of each fold the number of each image's group, (n,), or None.
Groups = Sequence[NDArray[np.integer] | None] | None


@dataclass(frozen=True)
class OverFolds(Compared):
    """The same of configurations of which k parts of the images were held out in turn; `num_seeds` is of each fold.

    Attributes:
        scores: (C, k), of each fold.
        images: (C, C), the variance of each pair's difference that comes from the images.
        networks: (C, C), what comes from the networks: the variance over folds less the images' part. With few folds it
            may be far too small by chance, so each is averaged with one further fold, at the mean of all configurations
            against the same one (of the column).
        steady: (C, C), the same with one further fold at the usual variance, as in `Parts`.
    """

    scores: NDArray[np.float64]
    images: NDArray[np.float64]
    networks: NDArray[np.float64]
    steady: NDArray[np.float64]

    @property
    def degrees(self) -> int:
        """Degrees of freedom of what varies over folds."""
        return int(self.scores.shape[1]) - 1

    @property
    def variance(self) -> NDArray[np.float64]:
        """(C, C), of each pair's difference."""
        return self.networks + self.images


def over_folds(answers: Sequence[Sequence[Scores]], groups: Groups = None) -> OverFolds:
    """Takes the scores of configurations over folds apart.

    Args:
        answers, groups: as for `sweeper.inference.leading_over_folds`.

    Raises:
        ValueError: fewer than five folds, tables that do not fit, or a score that is not finite.
    """
    num_seeds, num_answered = _checked(answers)
    units = in_units(answers, groups)
    by_image = [[np.asarray(fold, np.float64).mean(axis=0) for fold in one] for one in units]
    scores = np.array([[math.fsum(fold) / len(fold) for fold in one] for one in by_image])
    flat = np.stack([np.concatenate(one) for one in by_image])
    num, num_folds = scores.shape
    images = _of_pairs(flat)
    of_folds = _of_pairs(scores)
    own = (of_folds - images).clip(0)
    most = [
        most_usual(np.delete(column, place), num_folds - 1) if num > 1 else 0.0
        for place, column in enumerate(of_folds.T)
    ]
    networks, steady = (
        ((num_folds - 1) * own + known.sum(axis=0) / max(1, num - 1)) / num_folds  # 0 on the diagonal of `known`
        for known in (own, np.minimum(own, most))
    )
    np.fill_diagonal(networks, 0)
    np.fill_diagonal(steady, 0)
    mean = np.array([math.fsum(row) / len(row) for row in scores])
    worth = max((worth_of_units(own) for own in groups or () if own is not None), default=1.0)
    return OverFolds(mean, flat, num_seeds, num_answered, worth, scores, images, networks, steady)


def in_units(answers: Sequence[Sequence[Scores]], groups: Groups) -> list[list[Scores]]:
    """The scores of the groups of images in the folds that have some, those of the images in the others."""
    if groups is None:
        return [list(one) for one in answers]
    return [
        [fold if own is None else as_units(fold, own) for fold, own in zip(one, groups, strict=True)] for one in answers
    ]


def _of_pairs(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C, C): the variance of the mean difference of each pair of rows of (C, n)."""
    covariance = np.atleast_2d(np.cov(scores))
    own = covariance.diagonal()
    found: NDArray[np.float64] = (own[:, None] + own - 2 * covariance).clip(0) / scores.shape[1]
    return found


def _checked(answers: Sequence[Sequence[Scores]]) -> tuple[int, int]:
    """Seeds of a fold, and images of all folds.

    Raises:
        ValueError: as `over_folds`.
    """
    shapes = {tuple(np.shape(fold) for fold in one) for one in answers}
    if len(shapes) != 1 or any(len(shape) != 2 or 0 in shape for shape in next(iter(shapes))):
        raise ValueError(f"the same tables of seeds by images are needed for each configuration; given: {shapes}")
    folds = next(iter(shapes))
    if len(folds) < FEWEST_FOLDS or len({shape[0] for shape in folds}) > 1:
        raise ValueError(f"five folds at least, with the same seeds in each, are needed; given: {sorted(folds)}")
    if not all(np.isfinite(fold).all() for one in answers for fold in one):
        raise ValueError("every score must be finite; given: NaN or infinity among them")
    return int(folds[0][0]), sum(int(shape[1]) for shape in folds)
