"""The Sweeper class that Hydra requires. What it calls is `sweeper.cli.sweep`."""

from __future__ import annotations

import sys
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from sweeper.config.schema import HYDRA_SWEEPER
from sweeper.core.errors import ConfigError


class KerasCnnSweeper(Sweeper):
    """Passes the composed configuration and the overrides to `sweeper.cli.sweep`."""

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


def register() -> None:
    """Registers the class with Hydra.

    Raises:
        ConfigError: Hydra imports a user's `hydra_plugins` here, and one of its modules raises an error.
    """
    try:
        plugins = Plugins.instance()
    except Exception as error:
        raise ConfigError(
            f"Hydra cannot import the package hydra_plugins: {type(error).__name__}: {error}. Accepted: plugins for "
            "Hydra 1.3, or none.  Try: python -c 'import hydra_plugins; print(hydra_plugins.__path__)'"
        ) from error
    plugins.register(KerasCnnSweeper)
    plugins.class_name_to_class[HYDRA_SWEEPER] = KerasCnnSweeper
