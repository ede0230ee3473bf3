"""What is known about a sweep as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sweeper.core.errors import as_typed
from sweeper.core.looks import SecondStage
from sweeper.core.objectives import Metric, Objective
from sweeper.core.trials import StudyTrial, TrialState


@dataclass(frozen=True)
class SweepInfo:
    """A sweep as its study describes it; earlier versions recorded less, and what they lack is None.

    Attributes:
        started: when it was first started (ISO 8601, UTC).
        objectives: what it ranks by, the first first.
        params: the swept keys, in the order of the sweep.
        data: the data set's name.
        test_is_validation: with `data.validation=test`: every figure is then selected on the test set.
        sampler, pruner: their names.
        fixed: the overrides that every trial has, as typed, but with what `auto` became.
        space: what each swept key takes, as text.
        margin: accuracy that a cheaper trial may lose, as a fraction.
        data_path: `data.path` of the last start.
        data_notes: notes on the images, each a sentence.
        data_warnings: what makes figures on these images less than they seem, each a sentence.
        class_names: of each data set whose classes have names, by its digest.
        conversions: what was done to each data set that was converted, by its digest.
        groups: `data.groups` of each split that was made by groups, by its digest.
        precision, threads: what `training.precision=auto` and `training.threads=auto` became when the sweep was first
            started.
        metrics: what its trials compute because it was asked for, by an objective, the pruner or `metrics`.
        baseline: the overrides of the default configuration, where it is trained with the sweep (`sweep.baseline`).
        second: with `sweep.seeds=auto`, the candidates and the looks at them, once the first stage is over.
    """

    started: str
    objectives: tuple[Objective, ...]
    params: tuple[str, ...]
    data: str
    test_is_validation: bool
    sampler: str | None = None
    pruner: str | None = None
    fixed: tuple[str, ...] | None = None
    space: dict[str, str] = field(default_factory=dict)
    margin: float | None = None
    data_path: str | None = None
    data_notes: tuple[str, ...] = ()
    data_warnings: tuple[str, ...] = ()
    class_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    conversions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    precision: str | None = None
    threads: int | None = None
    metrics: tuple[Metric, ...] = ()
    baseline: tuple[str, ...] | None = None
    second: SecondStage | None = None


#: The number of a sweep's first refit; each further one has one less. The trials' begin at 0.
FIRST_REFIT = -1


@dataclass(frozen=True)
class Refit:
    """The chosen configuration, trained anew on training and validation images together (`report.refit`).

    It is no trial of the ranking: no image is left on which it could be validated.

    Attributes:
        trial: what it trains, by a number below 0, and the point of the configuration; with its outcome.
        trials: those of the configuration, which were validated; their number of epochs was chosen.
        epochs: how many it trains.
    """

    trial: StudyTrial
    trials: tuple[int, ...]
    epochs: int

    @property
    def is_complete(self) -> bool:
        """Whether there is a trained network."""
        return self.trial.state is TrialState.COMPLETE

    @property
    def test_figures(self) -> dict[str, float]:
        """What the test set says of it; empty where that was not asked."""
        metrics = {} if self.trial.row is None else self.trial.row.metrics
        return {name: value for name, value in metrics.items() if name.startswith("test_")}

    def with_test(self, metrics: Mapping[str, float], num_test: int | None) -> Refit:
        """The same with what the test set said of it; its training is complete."""
        assert self.trial.row is not None
        row = self.trial.row
        facts = replace(row.facts, num_test=num_test)
        tested = replace(row, metrics={**row.metrics, **metrics}, facts=facts)
        return replace(self, trial=replace(self.trial, row=tested))


def described(objectives: Sequence[Objective]) -> str:
    """`val_accuracy (maximize), num_params (minimize)`."""
    return ", ".join(f"{objective.metric} ({objective.direction})" for objective in objectives)


def named_metrics(metrics: Sequence[Metric]) -> str:
    """`[val_macro_f1,{name:val_cost,_target_:costs.mean,direction:minimize}]`, as it is typed."""
    return as_typed(
        [
            {"name": one.name, "_target_": one.target, "direction": one.direction, **one.options}
            if one.target
            else one.name
            for one in metrics
        ]
    )
