"""Metrics of predicted probabilities besides accuracy and cross-entropy. Pure functions over NumPy arrays.

`classification`   of the predicted classes: balanced accuracy, macro F1, the table by class
`probabilities`    of the probabilities: AUC, top-5 accuracy, Brier score, expected calibration error
`custom`           a user's own function
`scores`           those that were asked for

What they give follows scikit-learn, which the tests compare with; it is not imported here, since that takes a trial
more than a second. What does not live here: when they are computed (`sweeper.trial.validation`), which are asked for
(`sweeper.config.metrics`), and what can be said of a ranking by them (`sweeper.inference`).
"""

from sweeper.metrics.classification import (
    OF_COUNTS,
    ClassFigures,
    by_class,
    confusion_matrix,
    per_class_csv,
    scores_by_image,
)
from sweeper.metrics.custom import check_custom
from sweeper.metrics.scores import compute, image_scores, scored_by_image

__all__ = [
    "OF_COUNTS",
    "ClassFigures",
    "by_class",
    "check_custom",
    "compute",
    "confusion_matrix",
    "image_scores",
    "per_class_csv",
    "scored_by_image",
    "scores_by_image",
]
