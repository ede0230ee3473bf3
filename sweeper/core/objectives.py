"""Metrics, their directions, and the objective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["maximize", "minimize"]


#: Metrics of a finished trial and the direction in which each is better.
METRIC_DIRECTIONS: dict[str, Direction] = {
    "val_accuracy": "maximize",
    "val_loss": "minimize",
    "train_accuracy": "maximize",
    "train_loss": "minimize",
    "num_params": "minimize",
    "flops": "minimize",
    "duration_s": "minimize",
    "predict_latency_ms": "minimize",
}


#: What a trial reports after each epoch, besides `duration_s`.
EPOCH_METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")

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
