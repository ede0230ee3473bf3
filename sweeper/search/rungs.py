"""Folds as rungs: a configuration that is clearly behind after some of its folds does not train the others.

Source: E. Bergman, L. Purucker and F. Hutter (2024), Don't Waste Your Time: Early Stopping Cross-Validation,
arXiv 2405.03389, the "forgiving" rule; here from two folds on. What it saves and costs: `benchmarks/fold_rungs.py`.

What does not live here: pruning within a training, by its epochs (`sweeper.search.pruner`).
"""

from __future__ import annotations

import math
from collections.abc import Collection

#: Folds of a configuration before it may end: a single one is too easily the hardest.
FEWEST = 2


def is_behind(own: Collection[float], best: Collection[float]) -> bool:
    """Whether a configuration's folds so far are clearly behind the best configuration's.

    Args:
        own: the scores of its folds so far, larger is better.
        best: those of the best configuration that has trained all of its folds.

    Returns:
        True where the mean of two folds or more is below the other's worst fold.
    """
    return len(own) >= FEWEST and math.fsum(own) / len(own) < min(best)
