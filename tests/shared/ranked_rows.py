"""Rows of a leaderboard in every state, and repeats of a configuration."""

from __future__ import annotations

from typing import Any

from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialRow, TrialState

ACCURACY = Objective("val_accuracy", "maximize")


NAN = float("nan")


def complete(number: int, value: float | None, metric: str = "val_accuracy", **more: Any) -> TrialRow:
    metrics = {} if value is None else {metric: value}
    return TrialRow(number, TrialState.COMPLETE, more.pop("params", {}), metrics, **more)


def failed(number: int, error: str = "it broke", **more: Any) -> TrialRow:
    return TrialRow(number, TrialState.FAILED, more.pop("params", {}), {}, error=error, **more)


SIZE = Objective("num_params", "minimize")


def repeat(number: int, point: int, place: int, accuracy: float, repeats: int = 3, **more: Any) -> TrialRow:
    """One of a point's repeats."""
    metrics = {"val_accuracy": accuracy, "num_params": 10.0 * (point + 1)}
    state = more.pop("state", TrialState.COMPLETE)
    return TrialRow(
        number,
        state,
        {"arch.depth": point},
        metrics,
        seed=place,
        point=point,
        repeat=place,
        num_repeats=repeats,
        **more,
    )


def point(first: int, number: int, *accuracies: float) -> list[TrialRow]:
    """A whole point, its trials numbered from `first` on."""
    return [repeat(first + n, number, n, accuracy, len(accuracies)) for n, accuracy in enumerate(accuracies)]
