"""What crosses the borders between driver, trial, study and report: frozen, checked, plain data.

No third-party library is imported here, so that every layer may import it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

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


class TrialState(StrEnum):
    """States of a trial; `RUNNING` only while a driver lives or after it was cut off."""

    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"


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
class DataSummary:
    """A data set's shapes, known without reading its pixels.

    Attributes:
        name: as in `data.name`.
        input_shape: (height, width, channels) of one image.
        num_classes: number of labels, at least 2.
        num_train, num_validation, num_test: images in each split, after `data.max_samples`.
    """

    name: str
    input_shape: tuple[int, int, int]
    num_classes: int
    num_train: int
    num_validation: int
    num_test: int


@dataclass(frozen=True)
class PreparedData:
    """A data set that was read, checked, split and laid down as `.npy` files for the trials.

    Attributes:
        folder: holds x_train.npy, y_train.npy, x_validation.npy, y_validation.npy, x_test.npy,
            y_test.npy. Images (n, height, width, channels), uint8 (0 to 255) or float32 in [0, 1];
            labels (n,) int64 from 0.
        summary: its shapes and counts.
        data_digest: SHA-256 (hex) over the arrays as read.
        split_digest: SHA-256 (hex) over the indices of each split.
        source: where the arrays came from, for people.
        test_is_validation: True with `data.validation=test`, the notebook's way.
    """

    folder: Path
    summary: DataSummary
    data_digest: str
    split_digest: str
    source: str
    test_is_validation: bool


@dataclass(frozen=True)
class TrialSpec:
    """All that a trial's process is given.

    Attributes:
        number: the trial's number in its sweep, from 0.
        folder: where it writes; the driver records and then deletes it.
        config: the resolved configuration of this trial, plain containers with the keys
            arch, data, training, optimizer and seed.
        overrides: what distinguishes it, as typed: `("arch.depth=3",)`.
        data: the prepared arrays.
        metric: the objective's metric (the first, where there are several).
        gpu: index of the GPU to use, or None for the CPU.
        awaits_verdict: whether the trial waits after each epoch for the pruner's word.
        measures_latency: whether an objective asks for `predict_latency_ms`.
        trained: a folder with this trial's saved network, to be evaluated on the test images; nothing is trained.
    """

    number: int
    folder: Path
    config: dict[str, Any]
    overrides: tuple[str, ...]
    data: PreparedData
    metric: Objective
    gpu: int | None = None
    awaits_verdict: bool = False
    measures_latency: bool = False
    trained: Path | None = None


@dataclass(frozen=True)
class EpochReport:
    """One epoch of a running trial. `epoch` counts from 1; `metrics` has EPOCH_METRICS and `duration_s`."""

    epoch: int
    metrics: dict[str, float]
    timestamp_ms: int


@dataclass(frozen=True)
class TrialRow:
    """One trial as the study knows it and as the leaderboard shows it.

    Attributes:
        number: the trial's number in its sweep, from 0.
        state: complete, pruned, failed (or running, while it does).
        params: swept parameters by full key (`arch.depth`), in the order of the sweep.
        metrics: figures by name; keys as METRIC_DIRECTIONS plus test_loss, test_accuracy, epochs.
        seed: the trial's seed.
        run_id: its MLflow run, or empty.
        error: the reason of a failure in one line, or empty.
        history: one dict of EPOCH_METRICS (and duration_s) an epoch, from epoch 1.
        overrides: what distinguishes it, as typed.
    """

    number: int
    state: TrialState
    params: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    run_id: str = ""
    error: str = ""
    history: tuple[dict[str, float], ...] = ()
    overrides: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.state is TrialState.FAILED and not self.error:
            raise ValueError(f"trial {self.number} failed without a reason")

    def check_objectives(self, objectives: Sequence[Objective]) -> None:
        """Raises ValueError if the trial is complete without a finite objective."""
        for objective in objectives:
            value = self.metrics.get(objective.metric)
            if self.state is TrialState.COMPLETE and (value is None or not math.isfinite(value)):
                raise ValueError(f"trial {self.number} is complete, but its {objective.metric} is {value}")

    def values(self, objectives: Sequence[Objective]) -> list[float] | None:
        """Its value of each objective; None unless it is complete."""
        if self.state is not TrialState.COMPLETE:
            return None
        return [self.metrics[objective.metric] for objective in objectives]

    def curve(self, objective: Objective) -> list[float]:
        """An objective after each epoch; empty for one that no epoch has, such as `num_params`."""
        metric = objective.metric.removeprefix("train_")  # an epoch calls it loss, a trial train_loss
        return [epoch[metric] for epoch in self.history if metric in EPOCH_METRICS and metric in epoch]
