"""A finished grid as a table, and the sweeps that cannot be one.

What does not live here: how it is searched (`sweeper.replay.simulation`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.artifacts import answers
from sweeper.config import keys
from sweeper.core.errors import ConfigError
from sweeper.core.paths import OutputPaths
from sweeper.core.text import listed
from sweeper.core.trials import StudyTrial, TrialRow, TrialState
from sweeper.space.composer import Point
from sweeper.space.dimensions import Choice, Choices, Dimension, SearchSpace
from sweeper.storage import stored_sweep
from sweeper.storage.stored_sweep import Loaded

#: Schedules whose rate at an epoch depends on how many epochs there are.
_WHOLE_LENGTH = ("cosine", "one_cycle")


@dataclass(frozen=True)
class Table:
    """Every configuration of a grid, with what each epoch answered.

    Attributes:
        name: the sweep's.
        space: what varied, as unordered choices.
        points: the configurations, in the order of the grid.
        place: the number of a configuration, by its overrides.
        correct: (configurations, seeds, epochs, images), 1 where an epoch's answer was right, float32.
        seconds: (configurations, seeds, epochs) float64, of each epoch.
        overhead: (configurations, seeds) float64, seconds before the first epoch and after the last.
        keeps_best: whether the best epoch's weights are kept (`training.restore_best`), else the last one's.
        groups: `data.groups`; empty where images are independent.
    """

    name: str
    space: SearchSpace
    points: tuple[Point, ...]
    place: Mapping[tuple[str, ...], int]
    correct: NDArray[np.float32]
    seconds: NDArray[np.float64]
    overhead: NDArray[np.float64]
    keeps_best: bool
    groups: str = ""
    _existing: dict[tuple[str, ...], bool] = field(default_factory=dict, compare=False)

    @property
    def num_epochs(self) -> int:
        """Epochs of each trial."""
        return int(self.correct.shape[2])

    @property
    def num_seeds(self) -> int:
        """Trials of each configuration."""
        return int(self.correct.shape[1])

    def point(self, choices: Choices) -> Point:
        """The configuration of these choices; one that the table lacks has no configuration to train."""
        pairs = zip(self.space.dimensions, choices, strict=True)
        overrides = tuple(dimension.override(choice) for dimension, choice in pairs if choice is not None)
        number = self.place.get(overrides)
        return Point(overrides, {}, {}) if number is None else self.points[number]

    def exists(self, dimension: Dimension, groups: Choices) -> bool:
        """Whether a key exists under these choices of groups: whether a configuration has it beside them."""
        if dimension.is_group:
            return True
        pairs = zip(self.space.dimensions, groups, strict=True)
        chosen = tuple(d.override(choice) for d, choice in pairs if d.is_group and choice is not None)
        asked = (dimension.key, *chosen)
        if asked not in self._existing:
            self._existing[asked] = any(
                dimension.key in point.params and set(chosen) <= set(point.overrides) for point in self.points
            )
        return self._existing[asked]


def load_table(paths: OutputPaths, name: str) -> Table:
    """Reads a finished grid.

    Raises:
        ConfigError: it cannot be a table; says why.
        StoreError: there is no such sweep.
    """
    loaded = stored_sweep.load(paths, name)
    trials = [loaded.trials[number] for number in sorted(loaded.trials)]
    _refuse(loaded, trials)
    bits = answers.read_epochs(paths.sweep(name).validation_answers)
    if lacking := [trial.number for trial in trials if trial.number not in bits]:
        raise _unfit(
            name,
            f"the answers of every epoch are missing of trial{'' if len(lacking) == 1 else 's'} {listed(lacking)}: an "
            "earlier release trained them, or predictions/ was deleted",
            "the line that started it, with another sweep.name and sweep.reuse=false",
        )
    by_point: dict[int, dict[int, StudyTrial]] = {}
    for trial in trials:
        by_point.setdefault(trial.point, {})[trial.repeat] = trial
    rows = [[repeats[repeat] for repeat in sorted(repeats)] for repeats in by_point.values()]
    if len({len(row) for row in rows}) > 1:
        raise _unfit(name, "its configurations have different numbers of seeds", "the line that started it")
    points = tuple(Point(row[0].overrides, row[0].params, row[0].identity) for row in rows)
    found = [[_row(trial) for trial in row] for row in rows]
    seconds = np.array([[[epoch.get("duration_s", 0.0) for epoch in one.history] for one in row] for row in found])
    whole = np.array([[one.metrics.get("duration_s", 0.0) for one in row] for row in found])
    return Table(
        name=name,
        space=space_of(points, loaded.info.params),
        points=points,
        place={point.overrides: number for number, point in enumerate(points)},
        correct=np.array([[bits[trial.number] for trial in row] for row in rows], dtype=np.float32),
        seconds=seconds,
        overhead=np.maximum(whole - seconds.sum(axis=2), 0.0),
        keeps_best=bool(trials[0].identity["training"].get("restore_best")),
        groups=next(iter(loaded.info.groups.values()), ""),
    )


def _refuse(loaded: Loaded, trials: Sequence[StudyTrial]) -> None:
    """Raises ConfigError where the curves of a sweep are not all there, or cannot stand for other trainings."""
    name, grid = loaded.name, "a grid without a pruner"
    states = {trial.state for trial in trials}
    if loaded.info.sampler != "grid":
        raise _unfit(name, f"sampler={loaded.info.sampler} chose its configurations", grid)
    if TrialState.PRUNED in states or loaded.info.pruner != "none":
        raise _unfit(name, f"pruner={loaded.info.pruner} may have ended trials before their last epoch", grid)
    if states != {TrialState.COMPLETE}:
        other = next(trial for trial in trials if trial.state is not TrialState.COMPLETE)
        raise _unfit(name, f"trial {other.number} is {other.state}", "the line that started it, to finish it")
    if [(one.metric, one.direction) for one in loaded.objectives] != [("val_accuracy", "maximize")]:
        metrics = ", ".join(one.metric for one in loaded.objectives)
        raise _unfit(
            name, f"it is ranked by {metrics}, and what is kept of every epoch is right and wrong", "val_accuracy"
        )
    if folds := trials[0].identity["data"].get("folds"):
        raise _unfit(
            name,
            f"with data.folds={folds} each training of a configuration is scored on other images, and a search that "
            "is replayed draws from one set of them",
            "the line that started it, with data.validation=0.2 instead of data.folds, and sweep.seeds for repeats",
        )
    if len({trial.identity["data"].get("split_digest") for trial in trials}) > 1:
        raise _unfit(name, "its trials were scored on different images", "one split for all trials")
    if len({len(_row(trial).history) for trial in trials}) > 1 or any(
        int(trial.identity["training"]["epochs"]) != len(_row(trial).history) for trial in trials
    ):
        raise _unfit(name, "its trials have different numbers of epochs", "one training.epochs, and no early stopping")
    for trial in trials:
        training = trial.identity["training"]
        schedule = str(training.get("schedule", "constant"))
        decay = training.get("decay") or {}
        fitted = schedule == "step" and not decay.get("step_size") and not decay.get("milestones")
        if schedule in _WHOLE_LENGTH or fitted:
            raise _unfit(
                name,
                f"training.schedule={schedule} fits the learning rate to training.epochs, so the first epochs of a "
                "training are no shorter training",
                "training.schedule=constant",
            )
    if len({bool(trial.identity["training"].get("restore_best")) for trial in trials}) > 1:
        raise _unfit(name, "training.restore_best varies", "one choice for all trials")


def _unfit(name: str, reason: str, instead: str) -> ConfigError:
    return ConfigError(
        f"Sweep {name} cannot be replayed: {reason}. Accepted: a finished grid, ranked by val_accuracy, whose trials "
        f"all trained to the same last epoch.  Try: {instead}"
    )


def _row(trial: StudyTrial) -> TrialRow:
    return trial.as_row()


def space_of(points: Sequence[Point], params: Sequence[str]) -> SearchSpace:
    """What varies, with the choices in the order in which the grid has them."""
    dimensions = []
    for key in params:
        texts: dict[str, Any] = {}
        prefix = ""
        for point in points:
            for override in point.overrides:
                typed, _, text = override.partition("=")
                if typed.lstrip("+") == key:
                    prefix = typed[: len(typed) - len(key)]
                    texts.setdefault(text, point.params[key])
        choices = tuple(Choice(text, value) for text, value in texts.items())
        dimensions.append(Dimension(key, prefix, keys.is_group(key), choices))
    return SearchSpace((), tuple(dimensions))
