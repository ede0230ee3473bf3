"""The part of the schema that says how a trial trains.

What does not live here: the optimizer's own keys (`sweeper.preflight.optimizers`); the weights of `balanced`, which
need the labels (`sweeper.trial.fitting.labels`).
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeper.config.checks import check, is_int, nearest
from sweeper.core.errors import ConfigError, as_typed, did_you_mean
from sweeper.core.text import listed

#: What leaves a setting to this machine: it is timed when a sweep first starts.
AUTO = "auto"
#: Precisions that are timed: `training.precision=auto` becomes the faster one.
TIMED_PRECISIONS = ("float32", "mixed_bfloat16")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16", AUTO)

#: Each schedule of the learning rate, with the keys of `training.decay` that it reads.
SCHEDULES: dict[str, tuple[str, ...]] = {
    "constant": (),
    "cosine": ("alpha",),
    "step": ("gamma", "step_size", "milestones"),
    "exponential": ("gamma",),
    "one_cycle": (),
    "plateau": ("gamma", "patience", "alpha"),
}
#: What `training.decay.gamma=null` stands for.
DEFAULT_GAMMA = {"step": 0.1, "exponential": 0.95, "plateau": 0.1}

BALANCED = "balanced"

_MOST = 1_000_000  # epochs, images a step: more is a typing error


@dataclass
class EarlyStoppingConfig:
    """Ends a trial whose validation metric no longer improves."""

    patience: int | None = None  # epochs without improvement before the end; null: never
    min_delta: float = 0.0  # an improvement is larger than this, in the metric's unit

    def __post_init__(self) -> None:
        key = "training.early_stopping"
        if self.patience is not None:
            check(self.patience >= 1, f"{key}.patience", self.patience, "a number of epochs from 1, or null", "3")
        check(
            math.isfinite(self.min_delta) and self.min_delta >= 0,
            f"{key}.min_delta",
            self.min_delta,
            "0 or more",
            "0.001",
        )


@dataclass
class DecayConfig:
    """How far and when a schedule lowers the learning rate; a schedule reads the keys that SCHEDULES names."""

    gamma: float | None = None  # factor of each decay, above 0 up to 1; null: DEFAULT_GAMMA
    step_size: int | None = None  # epochs between two decays of `step`; null: a third of training.epochs
    milestones: Any = None  # epochs after which `step` decays, [13, 16], instead of every `step_size`; null: none
    patience: int = 3  # epochs without improvement before a decay of `plateau`
    alpha: float = 0.0  # lowest learning rate of `cosine` and `plateau`, as a fraction of the optimizer's

    def __post_init__(self) -> None:
        key = "training.decay"
        ok = self.gamma is None or 0 < self.gamma <= 1
        check(ok, f"{key}.gamma", self.gamma, "a factor above 0 up to 1, or null", "0.1")
        ok = self.step_size is None or self.step_size >= 1
        check(ok, f"{key}.step_size", self.step_size, "a number of epochs from 1, or null", "5")
        self._check_milestones(f"{key}.milestones")
        check(self.patience >= 1, f"{key}.patience", self.patience, "a number of epochs from 1", "3")
        check(0 <= self.alpha <= 1, f"{key}.alpha", self.alpha, "a fraction from 0 to 1", "0.01")

    def _check_milestones(self, key: str) -> None:
        epochs = self.milestones
        if epochs is None:
            return
        ok = isinstance(epochs, list) and len(epochs) > 0 and all(is_int(epoch) and epoch >= 1 for epoch in epochs)
        ok = ok and sorted(set(epochs)) == epochs
        check(ok, key, epochs, "a rising list of numbers of epochs from 1, or null", "[13,16]")
        check(
            self.step_size is None,
            key,
            epochs,
            f"without training.decay.step_size={self.step_size}, which says the same in another way",
            "null",
        )


@dataclass
class TrainingConfig:
    """How one trial trains."""

    epochs: int = 10  # 1 to 1,000,000
    batch_size: int = 128  # images a step, 1 to 1,000,000
    precision: str = "float32"  # float32, mixed_bfloat16, mixed_float16; auto: what trains faster on this machine
    threads: Any = 2  # TensorFlow's CPU threads of each trial, part of its identity; auto: what is fastest here
    restore_best: bool = False  # keep the weights of the best validation epoch, not of the last
    checkpoint: bool = False  # keep the state after each epoch, so that an interrupted trial resumes from there
    early_stopping: EarlyStoppingConfig = field(default_factory=EarlyStoppingConfig)
    schedule: str = "constant"  # of the learning rate: constant, cosine, step, exponential, one_cycle, plateau
    warmup_epochs: float = 0.0  # epochs in which the learning rate rises to the optimizer's, step by step
    decay: DecayConfig = field(default_factory=DecayConfig)
    ema: float | None = None  # momentum of the weights' exponential average, which is then saved; null: none
    label_smoothing: float = 0.0  # of the training loss, from 0 to below 1
    class_weight: Any = None  # null, balanced, or {class: weight} of the training loss
    callbacks: list[Any] = field(default_factory=list)  # [{_target_: …}]: custom Keras callbacks

    def __post_init__(self) -> None:
        most = f"a whole number from 1 to {_MOST}"
        check(1 <= self.epochs <= _MOST, "training.epochs", self.epochs, most, "10")
        check(1 <= self.batch_size <= _MOST, "training.batch_size", self.batch_size, most, "128")
        threads = self.threads
        known = threads == AUTO or (is_int(threads) and 1 <= threads <= 256)
        check(
            known, "training.threads", threads, "a whole number from 1 to 256, or auto", nearest(threads, (AUTO,), "2")
        )
        if self.precision not in PRECISIONS:
            raise ConfigError(
                f"training.precision={self.precision} is not known. Accepted: {', '.join(PRECISIONS)}. "
                f"{did_you_mean(self.precision, PRECISIONS)}"
                f"  Try: training.precision={nearest(self.precision, PRECISIONS, 'float32')}"
            )
        self._check_schedule()
        self._check_loss()
        self._check_callbacks()

    def _check_schedule(self) -> None:
        near = nearest(self.schedule, SCHEDULES, "cosine")
        check(self.schedule in SCHEDULES, "training.schedule", self.schedule, f"one of {', '.join(SCHEDULES)}", near)
        check(
            0 <= self.warmup_epochs < self.epochs,
            "training.warmup_epochs",
            self.warmup_epochs,
            f"a number of epochs from 0 to below training.epochs={self.epochs}",
            "0.5",
        )
        ok = self.ema is None or 0 < self.ema < 1
        check(ok, "training.ema", self.ema, "a momentum between 0 and 1, or null", "0.99")

    def _check_loss(self) -> None:
        ok = 0 <= self.label_smoothing < 1
        check(ok, "training.label_smoothing", self.label_smoothing, "a fraction from 0 to below 1", "0.1")
        weights = self.class_weight
        is_map = isinstance(weights, Mapping) and len(weights) > 0
        values = list(weights.values()) if is_map else []
        check(
            weights is None
            or weights == BALANCED
            or (is_map and all(_is_weight(value) for value in values) and any(value > 0 for value in values)),
            "training.class_weight",
            weights,
            "null, balanced, or a map from classes to numbers from 0, one of them above 0",
            nearest(weights, (BALANCED,), "'{0: 1.0, 1: 5.0}'"),
        )

    def _check_callbacks(self) -> None:
        for one in self.callbacks:
            ok = isinstance(one, Mapping) and isinstance(one.get("_target_"), str)
            check(
                ok,
                "training.callbacks",
                self.callbacks,
                "a list of {_target_: module.Class, key: value}",
                "'[{_target_: keras.callbacks.CSVLogger, filename: epochs.csv}]'",
            )

    @property
    def varies_learning_rate(self) -> bool:
        """Whether the learning rate may change during the training."""
        return self.schedule != "constant" or self.warmup_epochs > 0

    @property
    def gamma(self) -> float:
        """The factor of a decay under this schedule."""
        return DEFAULT_GAMMA.get(self.schedule, 1.0) if self.decay.gamma is None else self.decay.gamma


def _is_weight(value: Any) -> bool:
    return (is_int(value) or isinstance(value, float)) and math.isfinite(value) and value >= 0


def training_config(node: Mapping[str, Any]) -> TrainingConfig:
    """Builds the checked schema object of a resolved `training` node."""
    stopping, decay = EarlyStoppingConfig(**node["early_stopping"]), DecayConfig(**node.get("decay", {}))
    return dataclasses.replace(TrainingConfig(**{**node, "early_stopping": stopping, "decay": decay}))


#: Keys that came after the first sweeps were recorded, with their defaults.
_LATER = {
    "schedule": "constant",
    "warmup_epochs": 0.0,
    "ema": None,
    "label_smoothing": 0.0,
    "class_weight": None,
    "callbacks": [],
}


def trained_keys(node: Mapping[str, Any]) -> dict[str, Any]:
    """A resolved `training` node without what changes nothing: later keys at their defaults, what no schedule reads.

    So sweeps of earlier releases still resume, and two configurations that differ only in a key that their schedule
    does not read are one.
    """
    kept = {key: value for key, value in node.items() if key not in _LATER or value != _LATER[key]}
    decay = _read_decay(node.get("schedule", "constant"), kept.pop("decay", {}))
    return kept | ({"decay": decay} if decay else {})


@functools.cache
def _usual_decay() -> Mapping[str, Any]:
    return dataclasses.asdict(DecayConfig())


def _read_decay(schedule: Any, decay: Mapping[str, Any]) -> dict[str, Any]:
    if schedule not in SCHEDULES or not isinstance(decay, Mapping):  # refused later
        return dict(decay)
    plain = _usual_decay()
    read = {key: value for key, value in decay.items() if key in SCHEDULES[schedule] and value != plain[key]}
    if read.get("gamma") == DEFAULT_GAMMA.get(schedule):
        read.pop("gamma", None)
    return read


def weights_by_class(given: Mapping[str, Any], labels: Sequence[str]) -> list[float]:
    """One weight per class; a class that is not named has the weight 1, as in Keras.

    Args:
        given: weights by a class's name, or by its number from 0; where a name looks like a number, it is the name.
        labels: what each class is called.

    Raises:
        ConfigError: a key that names no class, or two keys that name the same one.
    """
    weights = [1.0] * len(labels)
    named: dict[int, str] = {}
    for key, value in given.items():
        number = _class_number(str(key), labels, given)
        if number in named:
            raise ConfigError(
                f"training.class_weight={as_typed(given)} names class {labels[number]} twice, as {named[number]} and "
                f"as {key}. Accepted: one weight per class.  {_try(labels)}"
            )
        named[number] = str(key)
        weights[number] = float(value)
    return weights


def _class_number(key: str, labels: Sequence[str], given: Mapping[str, Any]) -> int:
    if key in labels:
        return labels.index(key)
    if key.isdecimal() and int(key) < len(labels):
        return int(key)
    raise ConfigError(
        f"training.class_weight={as_typed(given)} names the class {key}, which these images do not have. Accepted: "
        f"{listed(labels)}, or their numbers from 0 to {len(labels) - 1}. {did_you_mean(key, labels)}  {_try(labels)}"
    )


def _try(labels: Sequence[str]) -> str:
    """The first name that Hydra takes as a key of a map, else the first class's number."""
    name = next((label for label in labels if re.fullmatch(r"\w[\w-]*", label, re.ASCII)), "0")
    return f"Try: 'training.class_weight={{{name}: 2.0}}'"
