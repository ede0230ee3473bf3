"""The configuration nodes that belong to the sweep, checked."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf

from sweeper.config.metrics import asked_metrics
from sweeper.config.schema import check_output_dir
from sweeper.config.sweep import (
    ExecutorConfig,
    ObjectiveConfig,
    PrunerConfig,
    ReportConfig,
    SamplerConfig,
    SweepConfig,
    TrackingConfig,
)
from sweeper.core.errors import ConfigError
from sweeper.core.objectives import Metric, Objective, wanted_metrics
from sweeper.core.paths import OutputPaths
from sweeper.host.machine import Machine, look
from sweeper.storage import server
from sweeper.storage.places import Place
from sweeper.tracking.credentials import take_credentials

#: Points of a sampler, where `sweep.trials` does not say.
NUM_POINTS = 20


@dataclass(frozen=True)
class Settings:
    """The nodes that belong to the sweep and to no trial, checked; `metrics` are all that are computed on demand."""

    objectives: tuple[Objective, ...]
    metrics: tuple[Metric, ...]
    sweep: SweepConfig
    sampler: SamplerConfig
    pruner: PrunerConfig
    seed: int
    executor: ExecutorConfig
    tracking: TrackingConfig
    report: ReportConfig
    paths: OutputPaths
    machine: Machine
    workers: int

    @classmethod
    def of(cls, config: DictConfig) -> Settings:
        """Reads and checks them.

        Raises:
            ConfigError: a value that is not accepted.
        """
        executor = _node(config, "executor", ExecutorConfig)
        sweep = _without_password(_node(config, "sweep", SweepConfig))
        machine = look()
        _check_gpus(executor, machine)
        given = config["metrics"]
        asked = asked_metrics(OmegaConf.to_container(given, resolve=True) if OmegaConf.is_config(given) else given)
        objectives = _node(config, "objective", ObjectiveConfig).resolve(asked)
        pruner = _node(config, "pruner", PrunerConfig)
        pruner.check_metric(asked)
        return cls(
            objectives=objectives,
            metrics=wanted_metrics(asked, [*(objective.metric for objective in objectives), pruner.metric]),
            sweep=sweep,
            sampler=_node(config, "sampler", SamplerConfig),
            pruner=_named(pruner),
            seed=0 if OmegaConf.is_missing(config, "seed") else config["seed"],  # missing: refused with the points
            executor=executor,
            tracking=_without_credentials(_node(config, "tracking", TrackingConfig)),
            report=_node(config, "report", ReportConfig),
            paths=OutputPaths(Path(check_output_dir(config["output_dir"])).expanduser().resolve()),
            machine=machine,
            workers=1 if executor.name == "serial" else machine.workers(sweep.workers, executor.trials_per_gpu),
        )

    @property
    def added(self) -> dict[str, Any]:
        """What every trial's configuration has besides: a simulated trial is another trial than one that trains."""
        return {"simulate": asdict(self.executor.simulate)} if self.executor.name == "simulate" else {}

    @property
    def place(self) -> Place:
        """Where the study is kept."""
        return Place(self.paths, self.sweep.storage)

    @property
    def num_points(self) -> int:
        """Points of a sampler in all."""
        return NUM_POINTS if self.sweep.extent.trials is None else self.sweep.extent.trials


_Node = TypeVar("_Node")


def _node(config: DictConfig, key: str, kind: type[_Node]) -> _Node:
    """The checked schema object of one node."""
    node: Any = OmegaConf.to_object(config[key])
    if not isinstance(node, kind):
        raise ConfigError(f"{key}={node} is not accepted: a group or keys under it.  Try: python -m sweeper --cfg job")
    return node


def _check_gpus(executor: ExecutorConfig, machine: Machine) -> None:
    """Refuses to share GPUs that are not there. What a cluster's nodes have is not known here."""
    shared = {"trials_per_gpu": executor.trials_per_gpu, "gpu_memory_gb": executor.gpu_memory_gb}
    typed = [f"executor.{key}={value:g}" for key, value in shared.items() if value not in (1, None)]
    if typed and not machine.gpus and executor.name == "processes":
        raise ConfigError(
            f"{' '.join(typed)} would have no effect: TensorFlow finds no GPU on this machine. Accepted: on a machine "
            "with a GPU that TensorFlow can use, or without it.  Try: nvidia-smi, to see whether there is one"
        )


def _without_credentials(tracking: TrackingConfig) -> TrackingConfig:
    return tracking if tracking.uri is None else replace(tracking, uri=take_credentials(tracking.uri))


def _without_password(sweep: SweepConfig) -> SweepConfig:
    return sweep if sweep.storage is None else replace(sweep, storage=server.take_password(sweep.storage))


def _named(pruner: PrunerConfig) -> PrunerConfig:
    """A pruner that is given by its class alone is called by it."""
    return pruner if pruner.name != "none" or pruner._target_ is None else replace(pruner, name=pruner._target_)
