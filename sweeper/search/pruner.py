"""When a trial is ended early: a study of Optuna in memory that gets each epoch and is asked whether it continues.

Pruning compares trials by one metric that each epoch has, whatever the objectives are. The study is made again at each
start: the epochs of finished trials are reported again, so that a resumed sweep prunes as the undisturbed one.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeper.config.sweep import PrunerConfig
from sweeper.core.errors import ConfigError
from sweeper.core.objectives import EPOCH_METRICS, METRIC_DIRECTIONS, Direction, Metric, Objective, epoch_name
from sweeper.core.trials import TrialState
from sweeper.search import instantiate

if TYPE_CHECKING:
    import optuna

_DIRECTIONS: dict[str, Direction] = {**METRIC_DIRECTIONS, "loss": "minimize", "accuracy": "maximize"}


class Pruning:
    """Judges running trials by one metric of their epochs."""

    def __init__(
        self,
        config: PrunerConfig,
        objectives: Sequence[Objective],
        sweep: str,
        epochs: int,
        metrics: Sequence[Metric] = (),
    ) -> None:
        self.metric, self._direction = compared_metric(config, objectives, metrics)
        self._trials: dict[int, optuna.Trial] = {}
        self._last: dict[int, int] = {}  # epochs reported of each; one that is run again begins with epoch 1
        self._ends: dict[int, int] = {}  # of each that was to end, after which epoch
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # experimental features
            self._study = optuna.create_study(
                study_name=sweep, direction=self._direction, pruner=make_pruner(config, epochs)
            )

    def begin(self, number: int) -> None:
        """A trial starts."""
        self._trials[number] = self._study.ask()
        self._last[number] = 0
        self._ends.pop(number, None)

    def judges(self, number: int) -> bool:
        """Whether a trial has begun and not ended."""
        return number in self._trials

    def report(self, number: int, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Called after an epoch (from 1); returns whether the trial is to end."""
        value = metrics[self.metric]
        if not math.isfinite(value):
            return False  # the trial itself fails at that
        if epoch > self._last[number]:  # else it was judged in an earlier attempt
            self._last[number] = epoch
            self._trials[number].report(value, epoch)
            if self._trials[number].should_prune():
                self._ends.setdefault(number, epoch)
        return number in self._ends and epoch >= self._ends[number]

    def end(self, number: int, state: TrialState) -> None:
        """A trial ended, whatever way."""
        import optuna

        trial = self._trials.pop(number)
        reported = self._study.get_trials(deepcopy=False)[trial.number].intermediate_values
        if state is TrialState.COMPLETE and reported:
            self._study.tell(trial, reported[max(reported)])
        else:
            states = optuna.trial.TrialState
            self._study.tell(trial, state=states.PRUNED if state is TrialState.PRUNED else states.FAIL)

    def learn(self, number: int, state: TrialState, history: Sequence[Mapping[str, float]]) -> None:
        """Reports a trial that finished before this start."""
        self.begin(number)
        for epoch, metrics in enumerate(history, start=1):
            self.report(number, epoch, metrics)
        self.end(number, state)


def compared_metric(
    config: PrunerConfig, objectives: Sequence[Objective], metrics: Sequence[Metric] = ()
) -> tuple[str, Direction]:
    """The metric that a pruner compares, and its direction; `metrics` are those that are computed on demand.

    Raises:
        ConfigError: no objective is known after an epoch, and no metric is named.
    """
    if config.metric is not None:
        directions = _DIRECTIONS | {metric.name: metric.direction for metric in metrics}
        given = {objective.metric: objective.direction for objective in objectives}
        return config.metric, given.get(config.metric, directions[config.metric])
    for objective in objectives:
        if (metric := epoch_name(objective.metric)) is not None:
            return metric, objective.direction
    raise ConfigError(
        f"pruner={config.name} has nothing to compare: after an epoch {', '.join(o.metric for o in objectives)} is not "
        f"known yet. Accepted: pruner.metric, one of {', '.join(EPOCH_METRICS)}.  Try: pruner.metric=val_accuracy"
    )


def make_pruner(config: PrunerConfig, epochs: int) -> Any:
    """The pruner; an option `max_resource: null` becomes the number of epochs.

    Raises:
        ConfigError: no such class, or an option that it does not take.
    """
    from optuna.pruners import BasePruner

    options = {
        key: epochs if key == "max_resource" and value is None else value for key, value in config.options.items()
    }
    return instantiate.make("pruner", config, BasePruner, lambda kind: options, "pruner=median")
