"""The parts of what is uncertain about configurations: seeds, images, and how both meet. No test lives here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.clusters import as_units, worth_of_units

#: Seeds from which on configurations are compared: fewer do not show how much a seed changes.
FEWEST_SEEDS = 3
_MOST_USUAL = 8  # times the variance that the median shows

Scores = NDArray[np.bool_] | NDArray[np.floating]


@dataclass(frozen=True)
class Compared:
    """C configurations, each scored under s seeds on the same n images (or groups of them).

    Attributes:
        mean: (C,), over seeds and images, exact, so that ties are ties.
        by_image: (C, n), the mean over seeds.
        num_seeds: s.
        num_answered: images behind the scores: n, or more where the scores are of groups of images.
        worth: the mean square of what one of the n counts; 1, or more where they are groups of unequal size.
    """

    mean: NDArray[np.float64]
    by_image: NDArray[np.float64]
    num_seeds: int
    num_answered: int
    worth: float

    @property
    def num_images(self) -> int:
        return int(self.by_image.shape[1])

    @property
    def leader(self) -> int:
        """The row with the highest mean, the first of equal ones."""
        return int(np.argmax(self.mean))

    def least_at(self, margin: float) -> float:
        """The images' part of a difference's variance that a difference of the margin brings where no other image
        differs, as in Tango's test: few images (or groups, which may fail as a whole) on which nothing differs are no
        proof."""
        return self.worth * margin * (1 - margin) / self.num_images


@dataclass(frozen=True)
class Parts(Compared):
    """The parts of what is uncertain about configurations that all have the same images.

    Attributes:
        seeds: (C,), the variance of a mean that comes from its seeds. With three seeds it may be far too small by
            chance, so each is averaged with one further seed at the mean variance of all: what fails under one seed
            may fail under any.
        steady: (C,), the same with one further seed at the usual variance of all, for a test of who is worse.
        within: (C,), the variance over seeds of the answer to one image, a mean over the images.
        between: (C,), the variance over seeds of the score on all images.
    """

    seeds: NDArray[np.float64]
    steady: NDArray[np.float64]
    within: NDArray[np.float64]
    between: NDArray[np.float64]

    def images(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """(M,): the variance that comes from the images, of sums of means with the weights (M, C).

        It is the variance over images of the sum, less what the seeds add to it.
        """
        of_seeds = (weights**2) @ self.within / self.num_seeds
        of_both = (weights @ self.by_image).var(axis=1, ddof=1)
        part: NDArray[np.float64] = (of_both - of_seeds).clip(0) / self.num_images
        return part

    def images_of_pairs(self) -> NDArray[np.float64]:
        """(C, C): the same of the difference of each pair."""
        covariance = np.atleast_2d(np.cov(self.by_image))
        own = covariance.diagonal() - self.within / self.num_seeds
        part: NDArray[np.float64] = (own[:, None] + own - 2 * covariance).clip(0) / self.num_images
        return part

    def image_shares(self) -> NDArray[np.float64]:
        """(C, C): of what makes a pair's difference uncertain, the share that the images bring; 0 of nothing."""
        images = self.images_of_pairs()
        whole = self.seeds[:, None] + self.seeds + images
        return np.divide(images, whole, out=np.zeros_like(whole), where=whole > 0)

    def worse_than(self, margin: float) -> NDArray[np.float64]:
        """(C, C): one-sided p of Welch's t, of row i's expected score being more than `margin` below column j's.

        The images' part is at least `least_at` of the margin. 0 on the diagonal.
        """
        from scipy.special import stdtr

        images = np.maximum(self.images_of_pairs(), self.least_at(margin))
        variance = self.seeds[:, None] + self.seeds + images
        of_seeds = (self.seeds[:, None] ** 2 + self.seeds**2) / (self.num_seeds - 1)
        spread = of_seeds + images**2 / (self.num_images - 1)
        degrees = np.divide(variance**2, spread, out=np.ones_like(variance), where=spread > 0)
        above = self.mean[:, None] - self.mean + margin
        t = np.divide(above, np.sqrt(variance), out=np.zeros_like(variance), where=variance > 0)
        p_values: NDArray[np.float64] = stdtr(degrees, -t)
        np.fill_diagonal(p_values, 0)
        return p_values

    def gains(self, row: int, alpha: float, *, is_share: bool = True) -> NDArray[np.float64]:
        """(C, 3): each mean less that of one row, with `intervals`; 0, 0, 0 for the row itself."""
        weights = np.eye(len(self.mean))
        weights[:, row] -= 1
        found = self.intervals(weights, alpha, is_share=is_share)
        found[row] = 0
        return found

    def intervals(self, weights: NDArray[np.float64], alpha: float, *, is_share: bool = True) -> NDArray[np.float64]:
        """Sums of means with their intervals, by Student's t with Satterthwaite's degrees of freedom.

        Args:
            weights: (M, C); each row adds up to 0.
            alpha: the chance allowed of one interval being wrong.
            is_share: of accuracies. At least one image more in either direction is then taken to differ, as in
                A. Agresti and Y. Min (2005), Statistics in Medicine 24, section 2, and the ends are within [-1, 1].

        Returns:
            (M, 3): the sum, low and high.
        """
        from scipy.special import stdtrit

        images = self.images(weights).clip(1 / self.num_answered**2 if is_share else 0)
        seeds = weights**2 * self.seeds  # (M, C)
        variance = seeds.sum(axis=1) + images
        spread = (seeds**2).sum(axis=1) / (self.num_seeds - 1) + images**2 / (self.num_images - 1)
        degrees = np.divide(variance**2, spread, out=np.ones_like(variance), where=spread > 0)
        half = -stdtrit(degrees, alpha / 2) * np.sqrt(variance)
        centre = weights @ self.mean
        most = 1.0 if is_share else np.inf
        found: NDArray[np.float64] = np.stack([centre, centre - half, centre + half], axis=1).clip(-most, most)
        return found


def parts(answers: Sequence[Scores], groups: NDArray[np.integer] | None = None) -> Parts:
    """Takes the scores of configurations apart.

    Args:
        answers: for each configuration (s, n): the score of image j under its seed i, right or wrong or a finite
            number. All have the same seeds and images in number, and the same images.
        groups: (n,), the number of each image's group, where images come in groups; those take the images' place then.

    Raises:
        ValueError: no such tables, fewer than three seeds or two images (or groups), or a score that is not finite.
    """
    num_answered = np.shape(answers[0])[-1] if answers else 0
    tables = [np.asarray(one if groups is None else as_units(one, groups), np.float64) for one in answers]
    num_seeds, _ = checked(tables)
    scores = np.stack([one.mean(axis=1) for one in tables])  # (C, s)
    between = scores.var(axis=1, ddof=1)
    return Parts(
        mean=np.array([math.fsum(row) / num_seeds for row in scores]),
        by_image=np.stack([one.mean(axis=0) for one in tables]),
        seeds=((num_seeds - 1) * between + between.mean()) / num_seeds / num_seeds,
        steady=((num_seeds - 1) * between + usual_variance(between, num_seeds - 1)) / num_seeds / num_seeds,
        within=np.array([one.var(axis=0, ddof=1).mean() for one in tables]),
        between=between,
        num_seeds=num_seeds,
        num_answered=num_answered,
        worth=1.0 if groups is None else worth_of_units(groups),
    )


def usual_variance(variances: NDArray[np.float64], degrees: int) -> float:
    """The mean of estimated variances, where each counts as no more than eight times what the median shows.

    Some configurations of a sweep fail under some seeds, and vary a thousand times as much as the others. By the plain
    mean one of them would decide how far all the others are taken to vary, and none could be told from any other. It
    serves to say who is worse, where it loses none of the best (`benchmarks/failing.py`). It does not serve for
    intervals: a configuration that fails under one seed in ten may have failed under none of its three.

    Args:
        variances: (C,).
        degrees: degrees of freedom of each.
    """
    return float(np.minimum(variances, most_usual(variances, degrees)).mean())


def most_usual(variances: NDArray[np.float64], degrees: int) -> float:
    """Eight times the variance of which the median of estimates with so many degrees of freedom is the given ones'.

    Estimates of 0, which few images bring about, show no variance and are not among them.
    """
    from scipy.special import chdtri

    shown = variances[variances > 0]
    return _MOST_USUAL * float(np.median(shown)) * degrees / float(chdtri(degrees, 0.5)) if len(shown) else 0.0


def checked(answers: Sequence[Scores]) -> tuple[int, int]:
    """Seeds and images.

    Raises:
        ValueError: as `parts`.
    """
    shapes = {np.shape(one) for one in answers}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(f"a table of seeds by images is needed for each configuration; given: shapes {sorted(shapes)}")
    num_seeds, num_images = next(iter(shapes))
    if num_seeds < FEWEST_SEEDS:
        raise ValueError(f"configurations are compared over three seeds at least; given: {num_seeds}")
    if num_images < 2:
        raise ValueError(f"two images at least are needed to say how much they vary; given: {num_images}")
    if not all(np.isfinite(one).all() for one in answers):
        raise ValueError("every score must be finite; given: NaN or infinity among them")
    return num_seeds, num_images
