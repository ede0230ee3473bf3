"""The schema of the configuration: types, defaults, units and ranges; YAML under `conf/` is the choice.

`arch` and `optimizer` are open here, since a user's own builder or optimizer brings its own keys;
`sweeper.models.config` and the trial check them. Nothing here imports Keras, Optuna or MLflow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sweeper.config.augment import AugmentConfig
from sweeper.config.checks import check
from sweeper.config.sweep import (
    ExecutorConfig,
    ObjectiveConfig,
    PrunerConfig,
    ReportConfig,
    SamplerConfig,
    SweepConfig,
    TrackingConfig,
)
from sweeper.config.training import TrainingConfig
from sweeper.config.trial import DataConfig


@dataclass
class Config:
    """The whole configuration of one command `python -m sweeper …`."""

    arch: Any = None
    data: DataConfig = field(default_factory=DataConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    optimizer: Any = None
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    pruner: PrunerConfig = field(default_factory=PrunerConfig)
    executor: ExecutorConfig = field(default_factory=ExecutorConfig)
    sweep: SweepConfig = field(default_factory=SweepConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    metrics: Any = None  # computed after each epoch besides loss and accuracy: [val_macro_f1], or custom ones
    seed: int = 0  # seeds weights, shuffling and dropout; 0 to 2**32 - 1
    output_dir: str = "mlruns"


def check_output_dir(text: str) -> str:
    """Returns the path as given; raises ConfigError where it is empty."""
    check(bool(text.strip()), "output_dir", repr(text), "a folder's path", "mlruns")
    return text


#: What `hydra/sweeper: keras_cnn` names. Hydra accepts only plugins whose names begin with `hydra_plugins`; the class
#: is registered under this name by `sweeper.cli.hydra_sweeper`, since a user may have a package `hydra_plugins`.
HYDRA_SWEEPER = "hydra_plugins.keras_cnn_sweeper.KerasCnnSweeper"


def register() -> None:
    """Registers with Hydra's ConfigStore what `conf/config.yaml`'s defaults name: `schema` and the sweeper."""
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    store.store(name="schema", node=Config, provider="sweeper")
    node = {"_target_": HYDRA_SWEEPER, "params": {}}
    store.store(group="hydra/sweeper", name="keras_cnn", node=node, provider="sweeper")


#: What NumPy and TensorFlow take.
LAST_SEED = 2**32 - 1

#: The nodes of the configuration whose keys may vary.
VARYING = ("arch", "data", "training", "optimizer", "augment", "seed")

#: A group whose options may vary as well, where they set nothing outside those nodes.
EXPERIMENT = "experiment"
