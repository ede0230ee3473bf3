"""The doorway that Hydra requires for a Sweeper class; what happens behind it is `sweeper.cli.sweep`."""

from __future__ import annotations

import sys
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

#: The node `hydra.sweeper`: everything else is an ordinary node of the application. (A plain dict: Hydra executes
#: this file before it is in `sys.modules`, where a dataclass cannot be made.)
NODE = {"_target_": "hydra_plugins.keras_cnn_sweeper.KerasCnnSweeper", "params": {}}


ConfigStore.instance().store(group="hydra/sweeper", name="keras_cnn", node=NODE, provider="sweeper")


class KerasCnnSweeper(Sweeper):
    """Hands the composed configuration and the overrides over to `sweeper.cli.sweep`."""

    def __init__(self, params: Any = None) -> None:
        plain: Any = OmegaConf.to_container(params) if OmegaConf.is_config(params) else params
        self.params: dict[str, Any] = plain or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.composed = config
        self.loader = hydra_context.config_loader

    def sweep(self, arguments: list[str]) -> Any:
        """Runs the sweep and leaves with its exit status: Hydra discards what a sweeper returns."""
        from sweeper.cli import sweep

        sys.exit(sweep.run(self.loader, self.composed, list(arguments), self.params))
