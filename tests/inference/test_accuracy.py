"""Wilson's interval, compared with SciPy."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from sweeper.inference import wilson_interval


@pytest.mark.parametrize(
    ("right", "images", "confidence"),
    [(0, 1, 0.95), (1, 1, 0.95), (0, 10, 0.95), (359, 360, 0.95), (9_945, 10_000, 0.95), (5, 9, 0.99), (3, 7, 0.5)],
)
def test_the_wilson_interval_is_scipys(right: int, images: int, confidence: float) -> None:
    published = binomtest(right, images).proportion_ci(confidence_level=confidence, method="wilson")
    assert wilson_interval(right, images, confidence) == pytest.approx((published.low, published.high), abs=1e-12)


@pytest.mark.parametrize(("right", "images"), [(1, 0), (-1, 5), (6, 5)])
def test_counts_that_are_no_proportion_have_no_interval(right: int, images: int) -> None:
    with pytest.raises(ValueError, match=f"{right} of {images} is no proportion"):
        wilson_interval(right, images)
