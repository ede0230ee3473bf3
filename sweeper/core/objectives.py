"""Metrics, their directions, and the objective."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["maximize", "minimize"]

#: Metrics of the validation images that are computed only where they are asked for; `sweeper.metrics` computes them.
FURTHER_METRICS: dict[str, Direction] = {
    "val_balanced_accuracy": "maximize",
    "val_macro_f1": "maximize",
    "val_auc": "maximize",
    "val_top5_accuracy": "maximize",
    "val_brier": "minimize",
    "val_ece": "minimize",
}

#: Metrics of a finished trial and the direction in which each is better.
METRIC_DIRECTIONS: dict[str, Direction] = {
    "val_accuracy": "maximize",
    "val_loss": "minimize",
    **FURTHER_METRICS,
    "train_accuracy": "maximize",
    "train_loss": "minimize",
    "num_params": "minimize",
    "flops": "minimize",
    "duration_s": "minimize",
    "predict_latency_ms": "minimize",
}


#: What every trial reports after each epoch, besides `duration_s`; metrics that were asked for come in addition.
EPOCH_METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")


def epoch_name(metric: str) -> str | None:
    """What an epoch calls a trial's metric: `loss` for `train_loss`; None for a cost, which no epoch has."""
    name = metric.removeprefix("train_")
    return name if name in EPOCH_METRICS or name.startswith("val_") else None


def name_on_test(metric: str) -> str:
    """What a metric of the validation images is called on the test images: `test_macro_f1` for `val_macro_f1`."""
    return f"test_{metric.removeprefix('val_')}"


#: What a trial costs, as people call it.
COSTS = {
    "num_params": "parameters",
    "flops": "FLOPs per image",
    "duration_s": "seconds of training",
    "predict_latency_ms": "milliseconds per prediction",
}


@dataclass(frozen=True)
class Objective:
    """A metric and the direction in which it is better."""

    metric: str
    direction: Direction

    @property
    def sign(self) -> int:
        """+1 where larger is better, -1 where smaller is."""
        return 1 if self.direction == "maximize" else -1


@dataclass(frozen=True)
class Metric:
    """A metric of the validation images that is computed because it was asked for.

    Attributes:
        name: `val_macro_f1`; a custom one also begins with `val_`.
        direction: in which it is better.
        target: the dotted path of a custom metric's function; empty for those of `FURTHER_METRICS`.
        options: passed to the custom function by name, besides labels and probabilities.
    """

    name: str
    direction: Direction
    target: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


def wanted_metrics(asked: Iterable[Metric], names: Iterable[str | None]) -> tuple[Metric, ...]:
    """The metrics that a trial computes: those asked for, and those of `names` that are computed only on demand."""
    found = {metric.name: metric for metric in asked}
    for name in names:
        if name in FURTHER_METRICS:
            found.setdefault(name, Metric(name, FURTHER_METRICS[name]))
    return tuple(found.values())
