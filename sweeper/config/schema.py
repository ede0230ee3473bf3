"""The schema of the configuration: types, defaults, units and ranges; YAML under `conf/` is the choice.

`arch` and `optimizer` are open here, since a user's own builder or optimizer brings its own keys;
`models.config` and the trial check them. Nothing here imports Keras, Optuna or MLflow.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sweeper.core.errors import ConfigError, ObjectiveError, as_typed, did_you_mean
from sweeper.core.trials import EPOCH_METRICS, METRIC_DIRECTIONS, Objective

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
_MOST = 1_000_000  # epochs, images a step: more is a slip of the finger
DATASETS = ("digits", "mnist", "fashion_mnist", "npz")


def _refuse(key: str, value: Any, accepted: str, try_: str) -> ConfigError:
    return ConfigError(f"{key}={as_typed(value)} is not accepted: {accepted}.  Try: {key}={try_}")


def _check(condition: bool, key: str, value: Any, accepted: str, try_: str) -> None:
    if not condition:
        raise _refuse(key, value, accepted, try_)


def _near(given: Any, accepted: Iterable[str], otherwise: str) -> str:
    return next(iter(difflib.get_close_matches(str(given), list(accepted), n=1, cutoff=0.5)), otherwise)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass
class DataConfig:
    """Which images, and how they are split."""

    name: str = "digits"  # digits, mnist, fashion_mnist, npz
    path: str | None = None  # an .npz file, or a folder of the four IDX files
    validation: Any = 0.2  # below 1: a fraction; from 2: a number of images; "test": the notebook's way
    split_seed: int = 0  # fixes the split, whatever `seed` is; 0 or more
    max_samples: int | None = None  # caps training + validation, and the test set; images

    def __post_init__(self) -> None:
        near = _near(self.name, DATASETS, "digits")
        _check(self.name in DATASETS, "data.name", self.name, f"one of {', '.join(DATASETS)}", near)
        value = self.validation
        fraction = isinstance(value, float) and 0.0 < value < 1.0
        count = _is_int(value) and value >= 2
        _check(
            fraction or count or value == "test",
            "data.validation",
            value,
            "a fraction between 0 and 1, a number of images from 2, or 'test' (the notebook's way)",
            _near(value, ("test",), "0.2"),
        )
        _check(0 <= self.split_seed < 2**32, "data.split_seed", self.split_seed, "0 to 2**32 - 1", "0")
        if self.max_samples is not None:
            _check(self.max_samples >= 2, "data.max_samples", self.max_samples, "a number of images from 2", "2000")


@dataclass
class EarlyStoppingConfig:
    """Ends a trial whose validation metric no longer improves."""

    patience: int | None = None  # epochs without improvement before the end; null: never
    min_delta: float = 0.0  # an improvement is larger than this, in the metric's unit

    def __post_init__(self) -> None:
        key = "training.early_stopping"
        if self.patience is not None:
            _check(self.patience >= 1, f"{key}.patience", self.patience, "a number of epochs from 1, or null", "3")
        _check(
            math.isfinite(self.min_delta) and self.min_delta >= 0,
            f"{key}.min_delta",
            self.min_delta,
            "0 or more",
            "0.001",
        )


@dataclass
class TrainingConfig:
    """How one trial trains."""

    epochs: int = 10  # 1 to 1,000,000
    batch_size: int = 128  # images a step, 1 to 1,000,000
    precision: str = "float32"  # float32, mixed_bfloat16, mixed_float16
    threads: int = 2  # TensorFlow's CPU threads of each trial; part of a trial's identity
    restore_best: bool = False  # keep the weights of the best validation epoch, not of the last
    checkpoint: bool = False  # keep the state after each epoch, so that a trial that is cut off goes on from there
    early_stopping: EarlyStoppingConfig = field(default_factory=EarlyStoppingConfig)

    def __post_init__(self) -> None:
        if self.checkpoint and (self.restore_best or self.early_stopping.patience is not None):
            raise ConfigError(
                "training.checkpoint=true does not keep what early stopping and restored weights remember of earlier "
                "epochs. Accepted: the one or the others.  Try: training.checkpoint=true training.restore_best=false "
                "training.early_stopping.patience=null"
            )
        most = f"a whole number from 1 to {_MOST}"
        _check(1 <= self.epochs <= _MOST, "training.epochs", self.epochs, most, "10")
        _check(1 <= self.batch_size <= _MOST, "training.batch_size", self.batch_size, most, "128")
        _check(1 <= self.threads <= 256, "training.threads", self.threads, "a whole number from 1 to 256", "2")
        if self.precision not in PRECISIONS:
            raise ConfigError(
                f"training.precision={self.precision} is not known. Accepted: {', '.join(PRECISIONS)}. "
                f"{did_you_mean(self.precision, PRECISIONS)}"
                f"  Try: training.precision={_near(self.precision, PRECISIONS, 'float32')}"
            )


@dataclass
class ObjectiveConfig:
    """What is optimised and ranked by: one metric, or a list of them with a list of directions."""

    metric: Any = "val_accuracy"
    direction: Any = None  # maximize, minimize, or a list of them; null: as each metric has it

    def __post_init__(self) -> None:
        self.resolve()

    def resolve(self) -> tuple[Objective, ...]:
        """Returns each metric with its direction.

        Raises:
            ObjectiveError: for a metric that no trial logs, a test metric, or an unknown direction.
        """
        metrics = self.metric if isinstance(self.metric, list) and self.metric else [self.metric]
        directions = self.direction if isinstance(self.direction, list) else [self.direction] * len(metrics)
        if len(directions) != len(metrics):
            listed = ",".join(METRIC_DIRECTIONS.get(str(metric), "minimize") for metric in metrics)
            raise ObjectiveError(
                f"objective.direction has {len(directions)} entries for {len(metrics)} metrics. Accepted: one for each "
                f"metric, or null (as each metric has it).  Try: objective.direction=[{listed}]"
            )
        if len(set(map(str, metrics))) < len(metrics):
            raise ObjectiveError(
                f"objective.metric={as_typed(self.metric)} names a metric twice. Accepted: different ones."
                "  Try: objective.metric=[val_accuracy,num_params]"
            )
        return tuple(_objective(metric, direction) for metric, direction in zip(metrics, directions, strict=True))


def _objective(metric: Any, direction: Any) -> Objective:
    known = ", ".join(METRIC_DIRECTIONS)
    if isinstance(metric, str) and metric.startswith("test_"):
        raise ObjectiveError(
            f"objective.metric={metric} would choose on the test set, whose figures then mean nothing. "
            f"Accepted: {known}.  Try: objective.metric=val_accuracy"
        )
    if not isinstance(metric, str) or metric not in METRIC_DIRECTIONS:
        near = _near(metric, METRIC_DIRECTIONS, "val_accuracy")
        raise ObjectiveError(
            f"objective.metric={as_typed(metric)} is not logged by a trial. Logged: {known}. "
            f"{did_you_mean(str(metric), METRIC_DIRECTIONS)}  Try: objective.metric={near}"
        )
    if direction is None:
        return Objective(metric, METRIC_DIRECTIONS[metric])
    if direction == "maximize" or direction == "minimize":
        return Objective(metric, direction)
    near = _near(direction, ("maximize", "minimize"), METRIC_DIRECTIONS[metric])
    raise ObjectiveError(
        f"objective.direction={as_typed(direction)} is not a direction. Accepted: maximize, minimize, or null "
        f"(as the metric has it).  Try: objective.direction={near}"
    )


SWEEP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass
class SweepConfig:
    """How the trials are run; none of it changes a trial's result."""

    name: str | None = None  # letters, digits, '.', '_', '-'; null: the date and time
    workers: Any = "auto"  # trials at a time; auto: one a GPU, else one a CPU core
    trial_timeout_s: float | None = None  # seconds before a trial is ended as failed; null: never
    dry_run: bool = False  # print the plan and train nothing
    skip_infeasible: bool = False  # leave out grid points whose network the input is too small for
    retry_failed: bool = False  # run the failed trials of a resumed sweep again
    retries: int = 0  # times that a trial whose process died is run again
    trials: int | None = None  # points in all, earlier ones of the sweep included; null: a grid's all, a sampler's 20
    max_epochs: int | None = None  # epochs of all trials, earlier starts included, after which none is begun any more
    timeout_s: float | None = None  # seconds after which no trial is begun any more; null: never
    max_failures: int | None = None  # failed trials after which none is begun any more; null: never
    target: float | None = None  # value of the first objective that is good enough; null: none is
    seeds: int = 1  # repeats of each point, under seed, seed + 1, ...; the point is ranked by their mean
    zip: Any = None  # [key, key]: their choices go together instead of crossed; or a list of such lists
    exclude: Any = None  # [{key: value, key: value}]: points that are left out
    enqueue: Any = None  # [{key: value}]: points that a sampler begins with; it fills in the keys that are missing
    warm_start: str | None = None  # an earlier sweep whose trials a sampler learns from

    def __post_init__(self) -> None:
        self._check_budgets()
        if self.name is not None and not SWEEP_NAME.fullmatch(self.name):
            raise _refuse(
                "sweep.name",
                repr(self.name),
                "up to 100 letters, digits, '.', '_' and '-', beginning with a letter or digit",
                "first-sweep",
            )
        _check(
            self.workers == "auto" or (_is_int(self.workers) and 1 <= self.workers <= 1024),
            "sweep.workers",
            self.workers,
            "'auto' or a whole number from 1 to 1024",
            "2",
        )
        if self.trial_timeout_s is not None:
            _check(
                math.isfinite(self.trial_timeout_s) and self.trial_timeout_s > 0,
                "sweep.trial_timeout_s",
                self.trial_timeout_s,
                "a number of seconds above 0, or null",
                "600",
            )

    def _check_budgets(self) -> None:
        _check(0 <= self.retries <= 100, "sweep.retries", self.retries, "a whole number from 0 to 100", "1")
        _check(1 <= self.seeds <= 1000, "sweep.seeds", self.seeds, "a whole number from 1 to 1000", "3")
        for key, try_ in (("trials", "20"), ("max_epochs", "200"), ("max_failures", "3")):
            value = getattr(self, key)
            _check(value is None or value >= 1, f"sweep.{key}", value, "a whole number from 1, or null", try_)
        if self.timeout_s is not None:
            ok = math.isfinite(self.timeout_s) and self.timeout_s > 0
            _check(ok, "sweep.timeout_s", self.timeout_s, "a number of seconds above 0, or null", "3600")
        if self.target is not None:
            _check(math.isfinite(self.target), "sweep.target", self.target, "a number, or null", "0.99")


@dataclass
class TrackingConfig:
    """Where MLflow records."""

    uri: str | None = None  # an MLflow server, http(s)://host:port; null: SQLite under output_dir
    experiment: str = "sweeper"  # MLflow's experiment, for all sweeps
    patience_s: float = 300.0  # seconds for which a store that is gone or locked is tried again; trials go on

    def __post_init__(self) -> None:
        ok = math.isfinite(self.patience_s) and self.patience_s >= 0
        _check(ok, "tracking.patience_s", self.patience_s, "a number of seconds from 0", "300")
        accepted = "http://HOST:PORT, https://HOST, or null (SQLite under output_dir)"
        _check(self.uri is None or _is_server(self.uri), "tracking.uri", self.uri, accepted, "http://127.0.0.1:5000")
        _check(bool(self.experiment.strip()), "tracking.experiment", repr(self.experiment), "a name", "sweeper")


def _is_server(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number
        return False


@dataclass
class SamplerConfig:
    """Which sampler proposes the points."""

    name: str = "auto"  # auto: grid for a discrete space, tpe for a continuous one; grid, or a sampler of Optuna's
    seed: int | None = None  # of its proposals, 0 to 2**32 - 1; null: `seed`
    _target_: str | None = None  # the class of a sampler of your own choice, by its dotted path
    options: dict[str, Any] = field(default_factory=dict)  # handed to the class

    def __post_init__(self) -> None:
        if self.seed is not None:
            _check(0 <= self.seed < 2**32, "sampler.seed", self.seed, "a whole number from 0 to 2**32 - 1", "0")


@dataclass
class PrunerConfig:
    """Which pruner ends trials early."""

    name: str = "none"  # none, or a pruner of Optuna's
    metric: str | None = None  # what it compares each epoch; null: the first objective that an epoch has
    _target_: str | None = None  # the class of a pruner of your own choice, by its dotted path
    options: dict[str, Any] = field(default_factory=dict)  # handed to the class

    def __post_init__(self) -> None:
        if self.metric is not None and self.metric not in EPOCH_METRICS:
            raise ObjectiveError(
                f"pruner.metric={self.metric} is not known after an epoch. Accepted: {', '.join(EPOCH_METRICS)}, or "
                f"null (the first objective that is). {did_you_mean(self.metric, EPOCH_METRICS)}"
                "  Try: pruner.metric=val_accuracy"
            )


@dataclass
class ExecutorConfig:
    """What runs the trials."""

    name: str = "processes"  # processes, serial


@dataclass
class ReportConfig:
    """What a sweep's end finds out about its ranking; none of it changes a trial's result or rank."""

    finalists: int = 5  # trials that the test set is opened for, the leading group first; 0: it stays shut
    margin: float = 0.005  # accuracy that a cheaper trial may lose and still count as good, as a fraction

    def __post_init__(self) -> None:
        _check(0 <= self.finalists <= 100, "report.finalists", self.finalists, "a whole number from 0 to 100", "5")
        ok = math.isfinite(self.margin) and 0 <= self.margin < 1
        _check(
            ok, "report.margin", self.margin, "a fraction from 0 to below 1 (0.005: half a percentage point)", "0.005"
        )


@dataclass
class Config:
    """The whole configuration of one `python -m sweeper` line."""

    arch: Any = None
    data: DataConfig = field(default_factory=DataConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    optimizer: Any = None
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    pruner: PrunerConfig = field(default_factory=PrunerConfig)
    executor: ExecutorConfig = field(default_factory=ExecutorConfig)
    sweep: SweepConfig = field(default_factory=SweepConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    seed: int = 0  # seeds weights, shuffling and dropout; 0 to 2**32 - 1
    output_dir: str = "mlruns"


def check_output_dir(text: str) -> str:
    """Returns the path as given; raises ConfigError where it is empty."""
    _check(bool(text.strip()), "output_dir", repr(text), "a folder's path", "mlruns")
    return text


def register() -> None:
    """Registers the schema with Hydra's ConfigStore, as `schema` in `conf/config.yaml`'s defaults."""
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name="schema", node=Config, provider="sweeper")
