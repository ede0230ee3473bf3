"""What the tests of the statistics share: tables of right and wrong answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def drawn() -> Callable[..., NDArray[np.bool_]]:
    """Draws tables of trials by images."""
    return _drawn


def _drawn(accuracies: list[float], num_images: int, seed: int = 0) -> NDArray[np.bool_]:
    """Trials of these accuracies on images of which some are harder than others."""
    random = np.random.default_rng(seed)
    hardness = random.beta(0.5, 4.5, num_images)  # a mean of 0.1
    wrong = np.array([(1 - accuracy) / 0.1 for accuracy in accuracies])[:, None] * hardness
    return np.asarray(random.random(wrong.shape) >= wrong)
