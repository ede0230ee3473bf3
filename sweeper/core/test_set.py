"""What is recorded of the test set: its openings and its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Opening:
    """One opening of the test set: when (ISO 8601, UTC), and for which trials."""

    date: str
    trials: tuple[int, ...]


@dataclass(frozen=True)
class RecordedTestSet:
    """What is recorded of the test set.

    Attributes:
        openings: every opening, the first first.
        results: by trial: test_accuracy, test_loss, metrics that were asked for (test_macro_f1, ...), num_images.
    """

    openings: tuple[Opening, ...] = ()
    results: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
