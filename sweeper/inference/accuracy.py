"""The interval of one accuracy. Standard library only."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson_interval(num_right: int, num_images: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a proportion.

    Args:
        num_right: images classified rightly, from 0 to `num_images`.
        num_images: images, at least 1.
        confidence: the coverage aimed at, between 0 and 1.

    Returns:
        Lower and upper bound, both in [0, 1].

    Raises:
        ValueError: counts that are no proportion.

    Source: E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22, p. 209;
    recommended by L. D. Brown, T. T. Cai, A. DasGupta (2001), Interval estimation for a binomial proportion,
    Statistical Science 16, section 5.
    """
    if num_images < 1 or not 0 <= num_right <= num_images:
        raise ValueError(f"{num_right} of {num_images} is no proportion")
    return wilson_bounds(num_right / num_images, num_images, confidence)


def wilson_bounds(share: float, num_images: float, confidence: float) -> tuple[float, float]:
    """Wilson's interval about a share of `num_images` that need not be a whole number of them."""
    return score_bounds(share, num_images, NormalDist().inv_cdf(0.5 + confidence / 2))


def score_bounds(share: float, num_images: float, quantile: float) -> tuple[float, float]:
    """The shares that lie within `quantile` of their own standard errors of `share`."""
    z = quantile
    shrink = 1 + z * z / num_images
    centre = (share + z * z / (2 * num_images)) / shrink
    half = z * math.sqrt(share * (1 - share) / num_images + z * z / (4 * num_images**2)) / shrink
    return max(0.0, centre - half), min(1.0, centre + half)


def accuracy_interval(accuracy: float, num_images: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson interval of an accuracy, 0 to 1, that was measured on so many images.

    Raises:
        ValueError: as `wilson_interval`.
    """
    return wilson_interval(round(accuracy * num_images), num_images, confidence)
