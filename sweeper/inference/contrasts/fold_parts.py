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
from sweeper.inference.contrasts.parts import Scores

#: Folds from which on configurations are compared: fewer do not show how much a fold changes.
FEWEST_FOLDS = 5

#: Of each fold the number of each image's group, (n,), or None.
Groups = Sequence[NDArray[np.integer] | None] | None


@dataclass(frozen=True)
class OverFolds:
    """C configurations, each scored on all n images (or groups of them), k parts of which were held out in turn.

    Attributes:
        mean: (C,), over folds, exact, so that ties are ties.
        scores: (C, k), of each fold.
        by_image: (C, n), the mean over a fold's seeds.
        images: (C, C), the variance of each pair's difference that comes from the images.
        networks: (C, C), what comes from the networks: the variance over folds less the images' part. With few folds it
            may be far too small by chance, so each is averaged with one further fold, at the mean of all configurations
            against the same one (of the column).
        num_seeds: trainings of each fold.
        num_answered: images behind the scores: n, or more where the scores are of groups of images.
        worth: the mean square of what one of the n counts; 1, or more where they are groups of unequal size.
    """

    mean: NDArray[np.float64]
    scores: NDArray[np.float64]
    by_image: NDArray[np.float64]
    images: NDArray[np.float64]
    networks: NDArray[np.float64]
    num_seeds: int
    num_answered: int
    worth: float

    @property
    def num_images(self) -> int:
        return int(self.by_image.shape[1])

    @property
    def degrees(self) -> int:
        """Degrees of freedom of what varies over folds."""
        return int(self.scores.shape[1]) - 1

    @property
    def leader(self) -> int:
        """The row with the highest mean, the first of equal ones."""
        return int(np.argmax(self.mean))

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
    groups = [None] * len(answers[0]) if groups is None else groups
    units = [
        [fold if own is None else as_units(fold, own) for fold, own in zip(one, groups, strict=True)] for one in answers
    ]
    by_image = [[np.asarray(fold, np.float64).mean(axis=0) for fold in one] for one in units]
    scores = np.array([[math.fsum(fold) / len(fold) for fold in one] for one in by_image])
    flat = np.stack([np.concatenate(one) for one in by_image])
    num, num_folds = scores.shape
    images = _of_pairs(flat)
    own = (_of_pairs(scores) - images).clip(0)
    usual = own.sum(axis=0) / max(1, num - 1)  # 0 on the diagonal
    networks = ((num_folds - 1) * own + usual) / num_folds
    np.fill_diagonal(networks, 0)
    mean = np.array([math.fsum(row) / len(row) for row in scores])
    worth = max((worth_of_units(own) for own in groups if own is not None), default=1.0)
    return OverFolds(mean, scores, flat, images, networks, num_seeds, num_answered, worth)


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
