"""The part of the schema that belongs to the sweep: objective, sampler, executor, tracking, report."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sweeper.config.checks import check, is_int, nearest, refuse
from sweeper.config.groups import Attempts, Extent, Limits, Rules, group
from sweeper.config.metrics import meant_metric
from sweeper.config.simulate import SimulateConfig
from sweeper.core.errors import ConfigError, ObjectiveError, as_typed, did_you_mean
from sweeper.core.objectives import EPOCH_METRICS, FURTHER_METRICS, METRIC_DIRECTIONS, Direction, Metric, Objective
from sweeper.core.secrets import hide_passwords


@dataclass
class ObjectiveConfig:
    """What is optimised and ranked by: one metric, or a list of them with a list of directions."""

    metric: Any = "val_accuracy"
    direction: Any = None  # maximize, minimize, or a list of them; null: as each metric has it

    def resolve(self, custom: Sequence[Metric] = ()) -> tuple[Objective, ...]:
        """Returns each metric with its direction.

        Args:
            custom: the metrics that `metrics` asks for; custom ones may be objectives too.

        Raises:
            ObjectiveError: for a metric that no trial logs, a test metric, or an unknown direction.
        """
        known = METRIC_DIRECTIONS | {metric.name: metric.direction for metric in custom}
        metrics = self.metric if isinstance(self.metric, list) and self.metric else [self.metric]
        directions = self.direction if isinstance(self.direction, list) else [self.direction] * len(metrics)
        if len(directions) != len(metrics):
            listed = ",".join(known.get(str(metric), "minimize") for metric in metrics)
            raise ObjectiveError(
                f"Number of entries: objective.direction {len(directions)}, objective.metric {len(metrics)}. Accepted: "
                f"one direction for each metric, or null (as each metric has it).  Try: objective.direction=[{listed}]"
            )
        if len(set(map(str, metrics))) < len(metrics):
            raise ObjectiveError(
                f"objective.metric={as_typed(self.metric)} names a metric twice. Accepted: different ones."
                "  Try: objective.metric=[val_accuracy,num_params]"
            )
        return tuple(_objective(*pair, known) for pair in zip(metrics, directions, strict=True))


def _objective(metric: Any, direction: Any, directions: Mapping[str, Direction]) -> Objective:
    known = ", ".join(directions)
    if isinstance(metric, str) and metric.startswith("test_"):
        raise ObjectiveError(
            f"objective.metric={metric} would select on the test set, which then measures nothing. "
            f"Accepted: {known}.  Try: objective.metric={meant_metric(metric, list(directions), 'val_accuracy')}"
        )
    if not isinstance(metric, str) or metric not in directions:
        near = meant_metric(str(metric), list(directions), "")
        meant = f" Did you mean {near!r}?" if near else ""
        raise ObjectiveError(
            f"objective.metric={as_typed(metric)} is not logged by a trial. Logged: {known}; a custom one is given by "
            f"metrics.{meant}  Try: objective.metric={near or 'val_accuracy'}"
        )
    if direction is None:
        return Objective(metric, directions[metric])
    if direction == "maximize" or direction == "minimize":
        return Objective(metric, direction)
    near = nearest(direction, ("maximize", "minimize"), directions[metric])
    raise ObjectiveError(
        f"objective.direction={as_typed(direction)} is not a direction. Accepted: maximize, minimize, or null "
        f"(as the metric has it).  Try: objective.direction={near}"
    )


#: How a sweep reports what happens.
PROGRESS = ("auto", "lines", "json")

SWEEP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass
class SweepConfig:
    """How the trials are run; none of it changes a trial's result. Readers take its groups."""

    name: str | None = None  # letters, digits, '.', '_', '-'; null: the date and time
    workers: Any = "auto"  # trials at a time; auto: one a GPU, else one a CPU core
    trial_timeout_s: float | None = None  # seconds before a trial is ended as failed; null: never
    dry_run: bool = False  # print the plan and train nothing
    skip_infeasible: bool = False  # leave out configurations whose network does not fit the input
    retry_failed: bool = False  # run the failed trials of a resumed sweep again
    retries: int = 0  # times that a trial whose process died is run again
    trials: int | None = None  # configurations in all, with earlier ones of the sweep; null: a grid's all, else 20
    max_epochs: int | None = None  # epochs of all trials, earlier starts included, after which no further one starts
    timeout_s: float | None = None  # seconds after which no further trial starts; null: never
    max_failures: int | None = None  # failed trials after which no further one starts; null: never
    target: float | None = None  # value of the first objective that is good enough; null: none is
    seeds: Any = 1  # repeats of each configuration, ranked by their mean; auto: of the leading ones, until decided
    baseline: bool = False  # train the default configuration too; the report says how much better the leader is
    zip: Any = None  # [key, key]: their choices go together instead of crossed; or a list of such lists
    exclude: Any = None  # [{key: value, key: value}]: configurations that are left out
    enqueue: Any = (
        None  # [{key: value}]: configurations that a sampler begins with; it fills in the keys that are missing
    )
    reuse: bool = True  # take over trials of equal settings, data, seed and versions from sweeps of this output_dir
    warm_start: str | None = None  # an earlier sweep whose trials a sampler learns from
    progress: str = "auto"  # auto: a live table on a terminal, lines elsewhere; lines; json: one event per line
    on_end: str | None = None  # a shell's command, run when the sweep ends, with the outcome in its environment
    storage: str | None = None  # the study's database, postgresql+psycopg://USER@HOST/DATABASE; null: optuna.db

    def __post_init__(self) -> None:
        if self.storage is not None:
            _check_storage(self.storage)
        near = nearest(self.progress, PROGRESS, "json")
        ok = self.on_end is None or bool(self.on_end.strip())
        check(ok, "sweep.on_end", repr(self.on_end), "a command, or null", "'echo $SWEEPER_NAME'")
        check(self.progress in PROGRESS, "sweep.progress", self.progress, f"one of {', '.join(PROGRESS)}", near)
        if isinstance(self.seeds, str) and self.seeds.isdecimal():
            self.seeds = int(self.seeds)
        _ = self.extent, self.limits, self.attempts, self.rules  # which check their keys
        if self.name is not None and not SWEEP_NAME.fullmatch(self.name):
            raise refuse(
                "sweep.name",
                repr(self.name),
                "up to 100 letters, digits, '.', '_' and '-', beginning with a letter or digit",
                "first-sweep",
            )
        if isinstance(self.workers, str) and self.workers.isdecimal():  # of a variable of the environment
            self.workers = int(self.workers)
        check(
            self.workers == "auto" or (is_int(self.workers) and 1 <= self.workers <= 1024),
            "sweep.workers",
            self.workers,
            "'auto' or a whole number from 1 to 1024",
            "2",
        )

    @property
    def extent(self) -> Extent:
        """How many trials there are."""
        return group(Extent, self)

    @property
    def limits(self) -> Limits:
        """When no further trial starts."""
        return group(Limits, self)

    @property
    def attempts(self) -> Attempts:
        """What happens to a trial that hangs, dies or fails."""
        return group(Attempts, self)

    @property
    def rules(self) -> Rules:
        """Which configurations of the search space there are."""
        return group(Rules, self)


def _check_storage(address: str) -> None:
    """Refuses what is not the address of a PostgreSQL database, without telling a password that is in it."""
    accepted = "postgresql+psycopg://USER@HOST:PORT/DATABASE, or null (optuna.db under output_dir)"
    typed = "postgresql+psycopg://me@127.0.0.1/optuna"
    shown = hide_passwords(address)
    try:
        parts = urlsplit(address)
        is_database = parts.scheme in ("postgresql", "postgresql+psycopg") and len(parts.path) > 1
        is_database = is_database and "/" not in parts.path[1:] and parts.port != 0
    except ValueError:  # a port that is no number: perhaps a password with a character that an address cannot have
        is_database = False
        accepted += " (in a password, write @ as %40, / as %2F and : as %3A)"
    check(is_database, "sweep.storage", shown, accepted, typed)
    if "password" in dict(parse_qsl(parts.query)):
        raise ConfigError(
            "sweep.storage has a password after its question mark, which is not hidden there. Accepted: "
            "USER:PASSWORD@HOST, or the environment variable PGPASSWORD, or ~/.pgpass.  Try: sweep.storage=" + typed
        )


@dataclass
class TrackingConfig:
    """Where MLflow records."""

    uri: str | None = None  # an MLflow server, http(s)://host:port; null: SQLite under output_dir
    experiment: str = "sweeper"  # MLflow's experiment, for all sweeps
    retry_timeout_s: float = 300.0  # seconds for which a store that is gone or locked is retried; trials continue
    keep_models: Any = "all"  # whose models are kept at a sweep's end: all, leading, none, or the best so many

    def __post_init__(self) -> None:
        keep = self.keep_models
        ok = keep in ("all", "leading", "none") or (is_int(keep) and keep >= 1)
        accepted = "all, leading (the leading group), none, or the number of the best trials, from 1"
        check(ok, "tracking.keep_models", keep, accepted, nearest(keep, ("all", "leading", "none"), "leading"))
        if keep != "all" and self.uri is not None:
            raise ConfigError(
                f"tracking.keep_models={keep} deletes files, and those of an MLflow server are not on this machine. "
                "Accepted: with the store under output_dir (tracking.uri=null).  Try: tracking.keep_models=all"
            )
        ok = math.isfinite(self.retry_timeout_s) and self.retry_timeout_s >= 0
        check(ok, "tracking.retry_timeout_s", self.retry_timeout_s, "a number of seconds from 0", "300")
        accepted = "http://HOST:PORT, https://HOST, or null (SQLite under output_dir)"
        check(self.uri is None or _is_server(self.uri), "tracking.uri", self.uri, accepted, "http://127.0.0.1:5000")
        check(bool(self.experiment.strip()), "tracking.experiment", repr(self.experiment), "a name", "sweeper")


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
    _target_: str | None = None  # the class of a custom sampler, by its dotted path
    options: dict[str, Any] = field(default_factory=dict)  # passed to the class

    def __post_init__(self) -> None:
        if self.seed is not None:
            check(0 <= self.seed < 2**32, "sampler.seed", self.seed, "a whole number from 0 to 2**32 - 1", "0")


@dataclass
class PrunerConfig:
    """Which pruner ends trials early."""

    name: str = "none"  # none, or a pruner of Optuna's
    metric: str | None = None  # what it compares each epoch; null: the first objective that an epoch has
    _target_: str | None = None  # the class of a custom pruner, by its dotted path
    options: dict[str, Any] = field(default_factory=dict)  # passed to the class

    def check_metric(self, custom: Sequence[Metric] = ()) -> None:
        """Raises ObjectiveError for a metric that no epoch has; `custom` are those that `metrics` asks for."""
        known = list(dict.fromkeys([*EPOCH_METRICS, *FURTHER_METRICS, *(metric.name for metric in custom)]))
        if self.metric is not None and self.metric not in known:
            near = meant_metric(self.metric, known, "")
            meant = f" Did you mean {near!r}?" if near else ""
            raise ObjectiveError(
                f"pruner.metric={self.metric} is not known after an epoch. Accepted: {', '.join(known)}, or null (the "
                f"first objective that is).{meant}  Try: pruner.metric={near or 'val_accuracy'}"
            )


#: The executors, by their name.
EXECUTORS = ("processes", "serial", "ray", "simulate")

#: Keys of `executor` that another one than Ray reads.
_READ_BY = {
    "trials_per_gpu": ("processes",),
    "gpu_memory_gb": ("processes", "ray"),
    **dict.fromkeys(("address", "cpus", "lost_after_s"), ("ray", "simulate")),
}

_ADDRESS = re.compile(r"auto|(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}")


@dataclass
class ExecutorConfig:
    """What runs the trials."""

    name: str = "processes"  # processes, serial, ray, simulate
    address: str | None = None  # of a Ray cluster: auto, host:port; null: Ray is started on this machine
    cpus: float = 1.0  # CPU cores that a trial takes of a Ray node; fractions too
    gpus: float | None = None  # GPUs that a trial takes: 0, a fraction or 1; null: 1 where a node has one, else 0
    memory_gb: float | None = None  # GiB of memory that a trial takes; null: none is reserved
    lost_after_s: float = 30.0  # seconds without an answer after which a node is taken for lost
    simulate: SimulateConfig = field(default_factory=SimulateConfig)  # with executor=simulate: what trials do
    trials_per_gpu: int = 1  # trials at a time that share a GPU, with executor=processes
    gpu_memory_gb: float | None = None  # GiB of its GPU's memory that a trial may take; null: what it needs and finds

    def __post_init__(self) -> None:
        if self.name not in EXECUTORS:
            raise ConfigError(
                f"executor.name={self.name} does not exist. Accepted: {', '.join(EXECUTORS)}. "
                f"{did_you_mean(self.name, EXECUTORS)}  Try: executor=processes"
            )
        if self.name != "simulate" and self.simulate != SimulateConfig():
            raise ConfigError(
                f"executor.simulate would have no effect with executor={self.name}. Accepted: with executor=simulate, "
                "which trains nothing.  Try: executor=simulate report.finalists=0"
            )
        self._refuse_keys_of_others()
        self._check_address()
        ok = math.isfinite(self.cpus) and 0 < self.cpus <= 1024
        check(ok, "executor.cpus", self.cpus, "CPU cores of a trial, above 0 and up to 1024", "1")
        ok = self.gpus is None or self.gpus == 1 or 0 <= self.gpus < 1
        accepted = "0, a fraction of a GPU, 1, or null (1 where a node has one): a trial trains on one GPU"
        check(ok, "executor.gpus", self.gpus, accepted, "0.5")
        ok = self.memory_gb is None or (math.isfinite(self.memory_gb) and self.memory_gb > 0)
        check(ok, "executor.memory_gb", self.memory_gb, "GiB of a trial, above 0, or null", "2")
        ok = math.isfinite(self.lost_after_s) and self.lost_after_s >= 1
        check(ok, "executor.lost_after_s", self.lost_after_s, "a number of seconds from 1", "30")

        ok = is_int(self.trials_per_gpu) and 1 <= self.trials_per_gpu <= 100
        check(ok, "executor.trials_per_gpu", self.trials_per_gpu, "a whole number from 1 to 100", "2")
        ok = self.gpu_memory_gb is None or (math.isfinite(self.gpu_memory_gb) and self.gpu_memory_gb > 0)
        check(ok, "executor.gpu_memory_gb", self.gpu_memory_gb, "GiB of a trial, above 0, or null", "8")

    @property
    def is_on_cluster(self) -> bool:
        """Whether Ray is needed: simulated trials sleep on its nodes where they are given its address."""
        return self.name == "ray" or (self.name == "simulate" and self.address is not None)

    def _refuse_keys_of_others(self) -> None:
        for one in fields(self):
            value, readers = getattr(self, one.name), _READ_BY.get(one.name, ("ray",))
            is_read = self.name in readers and (self.name != "simulate" or self.is_on_cluster)
            if one.name not in ("name", "simulate") and value != one.default and not is_read:
                typed = f"executor.{one.name}={as_typed(value)}"
                lacks = " and an executor.address" if self.name in readers else ""
                instead = " To share a GPU there: executor.gpus=0.5." if one.name == "trials_per_gpu" else ""
                raise ConfigError(
                    f"{typed} would have no effect with executor={self.name}. Accepted: with executor="
                    f"{' or executor='.join(readers)}{lacks}.{instead if self.name == 'ray' else ''}"
                    f"  Try: executor={readers[0]} {typed}"
                )

    def _check_address(self) -> None:
        if self.address is not None and self.address.startswith("ray://"):
            raise ConfigError(
                f"executor.address={self.address} is not accepted: Ray Client passes each call through the cluster's "
                "head, and a sweep whose line to it breaks would lose its trials. Accepted: auto or HOST:PORT, typed "
                "on a node of the cluster.  Try, on the head node: executor=ray executor.address=auto"
            )
        ok = self.address is None or _ADDRESS.fullmatch(self.address) is not None
        accepted = "auto, HOST:PORT of a Ray cluster's head node, or null (Ray is started on this machine)"
        check(ok, "executor.address", self.address, accepted, "auto")


@dataclass
class ReportConfig:
    """What a sweep's end finds out about its ranking; none of it changes a trial's result or rank."""

    finalists: int = 5  # trials that the test set is opened for, the leading group first; 0: it stays closed
    margin: float = 0.005  # accuracy that a cheaper trial may lose and still count as good, as a fraction
    refit: bool = False  # train the first configuration anew, at the end, on training and validation images together

    def __post_init__(self) -> None:
        check(0 <= self.finalists <= 100, "report.finalists", self.finalists, "a whole number from 0 to 100", "5")
        ok = math.isfinite(self.margin) and 0 <= self.margin < 1
        check(
            ok, "report.margin", self.margin, "a fraction from 0 to below 1 (0.005: half a percentage point)", "0.005"
        )
