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


#: The class of the sweeper, and the name by which Hydra 1.3 instantiates it: it accepts only plugins whose names begin
#: with `hydra_plugins`, where a user may have a package of that name. Hydra 1.4 wants the class's own name.
SWEEPER_CLASS = "sweeper.cli.hydra_sweeper.KerasCnnSweeper"
SWEEPER_IN_HYDRA_1_3 = "hydra_plugins.keras_cnn_sweeper.KerasCnnSweeper"


def is_hydra_1_3() -> bool:
    """Whether the installed Hydra is a release 1.3; later ones have other names and defaults."""
    import hydra

    return str(hydra.__version__).startswith("1.3.")


#: What the list of defaults in `conf/config.yaml` begins with; no file of a user's `conf/` is called so.
SCHEMA = "sweeper_schema"


def register() -> None:
    """Registers with Hydra's ConfigStore what `conf/config.yaml`'s defaults name: the schema and the sweeper."""
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    if f"{SCHEMA}.yaml" in store.repo:
        return
    for name in (SCHEMA, "schema"):  # the latter in files of users that are older
        store.store(name=name, node=Config, provider="sweeper")
    node = {"_target_": SWEEPER_IN_HYDRA_1_3 if is_hydra_1_3() else SWEEPER_CLASS, "params": {}}
    store.store(group="hydra/sweeper", name="keras_cnn", node=node, provider="sweeper")


#: What NumPy and TensorFlow take.
LAST_SEED = 2**32 - 1

#: The nodes of the configuration whose keys may vary.
VARYING = ("arch", "data", "training", "optimizer", "augment", "seed")

#: A group whose options may vary as well, where they set nothing outside those nodes.
EXPERIMENT = "experiment"
