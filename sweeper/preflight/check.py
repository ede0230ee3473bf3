"""Checks every point by arithmetic, before anything trains: no Keras, no scikit-learn, no MLflow.

What lives elsewhere: composing the points (`sweeper.space.composer`), the shapes (`sweeper.models`, `sweeper.data`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper import data
from sweeper.config.augment import augment_config
from sweeper.config.identity import OfNode, canonical
from sweeper.config.schema import LAST_SEED
from sweeper.config.training import TrainingConfig, training_config
from sweeper.config.trial import DataConfig
from sweeper.core.datasets import DataSummary
from sweeper.core.errors import ArchitectureError, ArchitectureValueError, ConfigError, ObjectiveError, as_typed
from sweeper.core.objectives import METRIC_DIRECTIONS, Metric, Objective
from sweeper.models import networks
from sweeper.models.builder import check_signature
from sweeper.models.shapes import NetworkPlan
from sweeper.preflight.optimizers import check_optimizer
from sweeper.preflight.training import check_averages, check_callbacks, check_class_weight, check_layers
from sweeper.space.composer import Point
from sweeper.space.kinds import builder

_TOP5 = 5  # classes of which the most probable five are all
_SHOWN = 8  # infeasible points named in one message


@dataclass(frozen=True)
class PlannedTrial:
    """A point that may train.

    Attributes:
        point: what to train.
        data: the shapes of its data set.
        network: its layers and counts; None for a user's own builder, whose network only Keras knows.
    """

    point: Point
    data: DataSummary
    network: NetworkPlan | None


@dataclass(frozen=True)
class Preflight:
    """The trials that may run, and what was left out.

    Attributes:
        trials: in the order of the command line.
        num_equal: points dropped because an equal one stands before them.
        infeasible: overrides and reason of the points left out by `sweep.skip_infeasible`.
    """

    trials: tuple[PlannedTrial, ...]
    num_equal: int
    infeasible: tuple[tuple[str, str], ...]


def by_reason(infeasible: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each reason once, with the first of the configurations that it is of, and how many others it is of."""
    of_reason: dict[str, list[str]] = {}
    for overrides, reason in infeasible:
        of_reason.setdefault(reason, []).append(overrides)
    told = []
    for reason, (first, *others) in of_reason.items():
        more = f" and {len(others):,} other{'s' if len(others) > 1 else ''}" if others else ""
        told.append((f"{first}{more}", reason))
    return told


def check(points: Iterable[Point], *, skip_infeasible: bool, kept: Path | None = None) -> Preflight:
    """Checks all points.

    Args:
        points: in the order of the command line.
        skip_infeasible: whether configurations whose network cannot be built are left out.
        kept: where earlier sweeps kept decoded pictures, and what is known of their files.

    Raises:
        ArchitectureError: impossible networks, all of them named, unless `skip_infeasible`.
        ArchitectureValueError: a value that no network takes.
        ConfigError, DataError: a value out of its range, a data set that is not available.
    """
    checker = Checker(kept)
    trials: list[PlannedTrial] = []
    infeasible: list[tuple[str, str]] = []
    seen: set[str] = set()
    num_equal = 0
    for point in points:
        identity = point.identity
        if identity in seen:
            num_equal += 1
            continue
        seen.add(identity)
        try:
            trials.append(checker.plan(point))
        except ArchitectureValueError:
            raise
        except ArchitectureError as error:
            infeasible.append((" ".join(point.overrides), str(error)))
    if infeasible and (not skip_infeasible or not trials):
        raise ArchitectureError(_infeasible_message(infeasible, bool(trials)))
    return Preflight(tuple(trials), num_equal, tuple(infeasible))


def check_objectives(trials: Iterable[PlannedTrial], objectives: Iterable[Objective]) -> None:
    """Raises ObjectiveError if a trial will not have that figure: operations are counted only for `arch=cnn`."""
    own = [planned.point.config["arch"]["_target_"] for planned in trials if planned.network is None]
    if own and any(objective.metric == "flops" for objective in objectives):
        known = [metric for metric in METRIC_DIRECTIONS if metric != "flops"]
        raise ObjectiveError(
            f"objective.metric=flops is not known for a custom builder (arch._target_={own[0]}). Accepted with it: "
            f"{', '.join(known)}.  Try: objective.metric=num_params"
        )


def check_metrics(trials: Iterable[PlannedTrial], metrics: Sequence[Metric]) -> None:
    """Refuses metrics that these data cannot have; a custom one is called once, on made-up probabilities.

    Raises:
        ConfigError: a custom metric's function is not there or fails, or top-5 accuracy of five classes or fewer.
    """
    if not metrics:
        return
    from sweeper.metrics import check_custom

    for num_classes in sorted({planned.data.num_classes for planned in trials}):
        if num_classes <= _TOP5 and any(metric.name == "val_top5_accuracy" for metric in metrics):
            raise ConfigError(
                f"val_top5_accuracy is 1 for every network, since the data have {num_classes} classes. Accepted: with "
                f"more than {_TOP5} classes.  Try: objective.metric=val_accuracy, or metrics without it"
            )
        for metric in metrics:
            if metric.target:
                check_custom(metric, num_classes)


_AS_THEY_ARE: Mapping[str, Any] = {}  # images that are not changed


class Checker:
    """Checks points, each distinct node of the configuration once; also for a sampler, one point at a time."""

    def __init__(self, kept: Path | None = None) -> None:
        self._kept = kept
        self._data: dict[str, DataSummary] = {}
        self._networks: dict[str, NetworkPlan | ArchitectureError | None] = {}
        self._checked: set[str] = set()
        self._text = OfNode(canonical)
        self._training = OfNode(training_config)

    def plan(self, point: Point) -> PlannedTrial:
        config = point.config
        self._check_once("training", config["training"], lambda node: check_callbacks(training_config(node)))
        self._check_once(
            "augment", config.get("augment", _AS_THEY_ARE), lambda node: check_layers(augment_config(node))
        )
        self._check_once("optimizer", config["optimizer"], check_optimizer)
        training = self._training(config["training"])
        check_averages(training, config["optimizer"])
        self._check_once("seed", config["seed"], check_seed)
        summary = self._summary(config["data"])
        check_class_weight(training, summary)
        planned = PlannedTrial(point, summary, self._network(config["arch"], summary))
        check_frozen(config["arch"], training)
        return planned

    def _check_once(self, name: str, node: Any, function: Any) -> None:
        key = f"{name}{self._text(node)}"
        if key not in self._checked:
            function(node)
            self._checked.add(key)

    def _summary(self, node: Mapping[str, Any]) -> DataSummary:
        key = self._text(node)
        if key not in self._data:
            self._data[key] = data.describe(DataConfig(**node), self._kept)
        return self._data[key]

    def _network(self, arch: Any, summary: DataSummary) -> NetworkPlan | None:
        key = f"{self._text(arch)}{summary.input_shape}{summary.num_classes}"
        if key not in self._networks:
            try:
                self._networks[key] = _plan_network(arch, summary)
            except ArchitectureError as error:
                self._networks[key] = error
        network = self._networks[key]
        if isinstance(network, ArchitectureError):
            raise network
        return network


def _plan_network(arch: Any, summary: DataSummary) -> NetworkPlan | None:
    if not isinstance(arch, Mapping) or not isinstance(arch.get("_target_"), str):
        raise ConfigError(
            f"arch={as_typed(arch)} names no builder. Accepted: a group (arch=cnn, depth3_kernel3, …) or a custom "
            "builder.  Try: arch=custom arch._target_=my_networks.build"
        )
    if not networks.is_builtin(arch):
        check_signature(builder(arch["_target_"]), arch)
        return None
    return networks.plan(arch, summary.input_shape, summary.num_classes)


def check_frozen(arch: Mapping[str, Any], training: TrainingConfig) -> None:
    """Refuses a schedule of the learning rate for a network that is at first frozen, which has two rates of its own."""
    frozen = networks.is_application(arch) and arch.get("freeze_epochs", 0)
    if frozen and training.varies_learning_rate:
        raise ConfigError(
            f"arch.freeze_epochs={frozen} has one learning rate until then and another one afterwards "
            "(arch.fine_tune_rate), and goes with no schedule and no warm-up.  Try: training.schedule=constant "
            "training.warmup_epochs=0"
        )


def check_seed(seed: Any) -> None:
    """Raises ConfigError for a seed that NumPy and TensorFlow do not take."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LAST_SEED:
        raise ConfigError(f"seed={as_typed(seed)} is not accepted: a whole number from 0 to 2**32 - 1.  Try: seed=0")


def _infeasible_message(infeasible: Sequence[tuple[str, str]], some_left: bool) -> str:
    if len(infeasible) == 1 and not some_left:
        overrides, reason = infeasible[0]
        return f"{overrides}: {reason}" if overrides else reason
    told = by_reason(infeasible)
    named = "; ".join(f"{overrides}: {reason}" for overrides, reason in told[:_SHOWN])
    more = f"; and {len(told) - _SHOWN} more reasons" if len(told) > _SHOWN else ""
    advice = (
        "To leave them out and train the rest, add: sweep.skip_infeasible=true"
        if some_left
        else "No configuration of this space can train."
    )
    return f"{len(infeasible)} of the configurations cannot be built. {named}{more}.  {advice}"
