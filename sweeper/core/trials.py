"""What crosses the borders between driver, trial, study and report: frozen, checked, plain data of no library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sweeper.core.datasets import PreparedData
from sweeper.core.looks import Standing
from sweeper.core.objectives import Metric, Objective, epoch_name


class TrialState(StrEnum):
    """States of a trial; `RUNNING` only while a driver lives or after it was interrupted."""

    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """What a process needs to work on one trial: a `TrainingSpec`, an `EvaluationSpec` or a `ProbeSpec`.

    Attributes:
        number: the trial's number in its sweep, from 0.
        folder: where it writes; the driver records and then deletes it.
        config: the resolved configuration of this trial, plain containers with the keys
            arch, data, training, optimizer and seed, and augment where training images are changed.
        data: the prepared arrays.
        gpu, gpu_memory_gb: index of the GPU, None for the CPU; GiB of its memory at most, None for what it needs.
        awaits_verdict: whether the process waits after each epoch for the pruner's verdict.
    """

    number: int
    folder: Path
    config: dict[str, Any]
    data: PreparedData
    gpu: int | None = None
    gpu_memory_gb: float | None = None
    awaits_verdict: bool = False


@dataclass(frozen=True, kw_only=True)
class TrainingSpec(TrialSpec):
    """A trial that is to be trained.

    Attributes:
        overrides: what distinguishes it, as typed: `("arch.depth=3",)`.
        metric: the objective's metric (the first, where there are several).
        measures_latency: whether an objective needs `predict_latency_ms`.
        metrics: what is computed after each epoch because it was asked for.
    """

    overrides: tuple[str, ...]
    metric: Objective
    measures_latency: bool = False
    metrics: tuple[Metric, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EvaluationSpec(TrialSpec):
    """A trained network that is to be evaluated on the test images; nothing is trained.

    Attributes:
        trained: the folder with the trial's saved network.
        following: further networks that the same process evaluates afterwards, each with its own result.
        metrics: what is computed because it was asked for, on the test images here.
    """

    trained: Path
    following: tuple[EvaluationSpec, ...] = ()
    metrics: tuple[Metric, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProbeSpec(TrialSpec):
    """A network that is trained for a moment, to time its batches; nothing is kept.

    Attributes:
        seconds: time to spend on batches, once the first ones are done.
        together: probes that run at a time, each in a folder of `folder`'s parent; their batches are timed while all
            of them train.
    """

    seconds: float
    together: int = 1


@dataclass(frozen=True)
class EpochReport:
    """One epoch of a running trial, from 1; `metrics` has EPOCH_METRICS, those asked for, and `duration_s`."""

    epoch: int
    metrics: dict[str, float]
    timestamp_ms: int


@dataclass(frozen=True)
class TakenFrom:
    """Where a trial was trained that another sweep took over: the sweep, its number there, and its run there."""

    sweep: str
    trial: int
    run_id: str

    @property
    def name(self) -> str:
        """`first:3`, as it is typed."""
        return f"{self.sweep}:{self.trial}"


@dataclass(frozen=True)
class TrialFacts:
    """What a trial's process knows about its training besides the metrics.

    Attributes:
        num_train, num_validation, num_test: images that it was trained, validated and tested on; None where it was
            not, or where an earlier version did not record it.
        test_is_validation: whether the test set was the validation set.
        best_epoch: the epoch whose weights were restored, from 1; None where the last epoch's were kept.
        interruptions: the last epoch of each earlier process that was interrupted and resumed from a checkpoint.
        versions: of packages, environment variables and processor, by name.
        taken_from: the trial of another sweep whose outcome this is; None where this sweep trained it.
    """

    num_train: int | None = None
    num_validation: int | None = None
    num_test: int | None = None
    test_is_validation: bool = False
    best_epoch: int | None = None
    interruptions: tuple[int, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    taken_from: TakenFrom | None = None


@dataclass(frozen=True)
class TrialResult:
    """The outcome of a trial, as its process leaves it in its folder.

    Attributes:
        state: complete, pruned or failed.
        metrics: final figures by name, of the saved weights.
        history: the metrics of each epoch, from epoch 1.
        facts: what else is known about the training.
        error: the reason of a failure in one line, or empty.
        traceback: of a failure, or empty.
    """

    state: TrialState
    metrics: dict[str, float] = field(default_factory=dict)
    history: tuple[dict[str, float], ...] = ()
    facts: TrialFacts = field(default_factory=TrialFacts)
    error: str = ""
    traceback: str = ""

    def __post_init__(self) -> None:
        if self.state is TrialState.RUNNING:
            raise ValueError("a result is complete, pruned or failed")
        if self.state is TrialState.FAILED and not self.error:
            raise ValueError("a trial failed without a reason")

    @classmethod
    def failure(cls, error: str, traceback: str = "", duration_s: float = 0.0) -> TrialResult:
        """The result of a failed trial."""
        return cls(TrialState.FAILED, {"duration_s": duration_s}, error=error, traceback=traceback)


@dataclass(frozen=True)
class Origin:
    """Where a row comes from when several sweeps are shown together.

    Attributes:
        sweep: the name of its sweep.
        trial: its number there.
        fixed: the overrides that every trial of that sweep has, as typed; None where they are not known.
    """

    sweep: str
    trial: int
    fixed: str | None = None


@dataclass(frozen=True)
class TrialRow:
    """One trial as the study knows it and as the leaderboard shows it.

    Attributes:
        number: the trial's number in its sweep, from 0.
        state: complete, pruned, failed (or running, while it does).
        params: swept parameters by full key (`arch.depth`), in the order of the sweep.
        metrics: figures by name; keys as METRIC_DIRECTIONS plus custom ones, test_loss, test_accuracy, epochs.
        seed: the trial's seed.
        run_id: its MLflow run, or empty.
        error: the reason of a failure in one line, or empty.
        history: one dict of EPOCH_METRICS, metrics asked for, and duration_s per epoch, from epoch 1.
        overrides: what distinguishes it, as typed.
        arch: its network's configuration; empty where it is not known.
        point: the number of its configuration; None where it is not known.
        repeat: which repeat of its configuration it is, from 0.
        num_repeats: repeats of each configuration.
        split_digest: which images it was scored on.
        facts: what its process knew about the training.
        origin: its sweep, where several are shown together.
        standing: with `sweep.seeds=auto`, how far its configuration came; not stored with the row.
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
    arch: dict[str, Any] = field(default_factory=dict)
    point: int | None = None
    repeat: int = 0
    num_repeats: int = 1
    split_digest: str = ""
    facts: TrialFacts = field(default_factory=TrialFacts)
    origin: Origin | None = None
    standing: Standing | None = None

    def __post_init__(self) -> None:
        if self.state is TrialState.FAILED and not self.error:
            raise ValueError(f"trial {self.number} failed without a reason")

    @property
    def name(self) -> str:
        """Its number; of several sweeps its own there: `3 of first`."""
        return str(self.number) if self.origin is None else f"{self.origin.trial} of {self.origin.sweep}"

    def check_objectives(self, objectives: Sequence[Objective]) -> None:
        """Raises ValueError if the trial is complete without a finite objective."""
        for objective in objectives:
            value = self.metrics.get(objective.metric)
            if self.state is TrialState.COMPLETE and (value is None or not math.isfinite(value)):
                raise ValueError(f"trial {self.number} is complete, but its {objective.metric} is {value}")

    def values(self, objectives: Sequence[Objective]) -> list[float] | None:
        """Its value of each objective; None unless it is complete and all are finite."""
        if self.state is not TrialState.COMPLETE:
            return None
        values = [self.metrics.get(objective.metric, math.nan) for objective in objectives]
        return values if all(map(math.isfinite, values)) else None

    def curve(self, objective: Objective) -> list[float]:
        """An objective after each epoch; empty for one that no epoch has, such as `num_params`."""
        name = epoch_name(objective.metric)
        return [] if name is None else [epoch[name] for epoch in self.history if name in epoch]


def mean(values: Sequence[float]) -> float:
    """What several repeats of a configuration count as: the mean of their values."""
    return math.fsum(values) / len(values)


def mean_values(rows: Sequence[TrialRow], objectives: Sequence[Objective], num_repeats: int) -> list[float] | None:
    """A configuration's mean of each objective over its repeats; None unless all of them are complete and finite."""
    values = [found for row in rows if (found := row.values(objectives)) is not None]
    if len(rows) < num_repeats or len(values) < len(rows):
        return None
    return [mean(column) for column in zip(*values, strict=True)]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A configuration that could be trained under one seed. It has no number yet: the study may know it already.

    Attributes:
        hash: of its identity.
        identity: resolved configuration with the data's digests.
        params: swept keys and values.
        overrides: as typed.
        repeat: which repeat of its configuration it is, from 0.
    """

    hash: str
    identity: dict[str, Any]
    params: dict[str, Any]
    overrides: tuple[str, ...]
    repeat: int = 0

    def numbered(self, number: int, point: int) -> StudyTrial:
        """The new trial that trains this candidate."""
        return StudyTrial(
            number=number,
            point=point,
            hash=self.hash,
            identity=self.identity,
            params=self.params,
            overrides=self.overrides,
            repeat=self.repeat,
        )


@dataclass(frozen=True, kw_only=True)
class StudyTrial(Candidate):
    """A trial as the study has it.

    Attributes:
        number: the trial's number in the sweep.
        point: the number of the configuration that it trains.
        state: its state; `RUNNING` means interrupted where no driver lives.
        run_id: its MLflow run; empty until it has one.
        row: its outcome; None while it runs.
    """

    number: int
    point: int
    state: TrialState = TrialState.RUNNING
    run_id: str = ""
    row: TrialRow | None = None

    def with_run(self, run_id: str) -> StudyTrial:
        """The same trial, and its row, with its MLflow run."""
        return replace(self, run_id=run_id, row=None if self.row is None else replace(self.row, run_id=run_id))

    def as_row(self) -> TrialRow:
        """Its row, or one without figures while it runs."""
        if self.row is not None:
            return self.row
        return TrialRow(
            number=self.number,
            state=TrialState.RUNNING,
            params=self.params,
            seed=int(self.identity["seed"]),
            run_id=self.run_id,
            overrides=self.overrides,
        )


@dataclass(frozen=True)
class Skipped:
    """A proposal that was not trained.

    Attributes:
        overrides: as typed.
        values: the known value of each objective, of a point that was tried before; None of an impossible one.
    """

    overrides: tuple[str, ...]
    values: tuple[float, ...] | None
