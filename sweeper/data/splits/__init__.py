"""The splits: how many images of each class (`plan`), which (`draw`), and what stays on one side (`together`).

What does not live here: arrays of pixels.
"""

from sweeper.data.splits.draw import Indices, SplitIndices, draw, draw_splits
from sweeper.data.splits.plan import SplitPlan, apportion, num_validation, plan_splits

__all__ = [
    "Indices",
    "SplitIndices",
    "SplitPlan",
    "apportion",
    "draw",
    "draw_splits",
    "num_validation",
    "plan_splits",
]
