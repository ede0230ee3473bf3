"""The classes that Hydra requires: the Sweeper, which calls `sweeper.cli.sweep`, and where configurations are found."""

from __future__ import annotations

import sys
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from sweeper.cli import config_files, hydra_settings
from sweeper.config.keys import folders
from sweeper.config.schema import SWEEPER_IN_HYDRA_1_3
from sweeper.core.errors import ConfigError


class KerasCnnSweeper(Sweeper):
    """Passes the composed configuration and the overrides to `sweeper.cli.sweep`."""

    def __init__(self, params: Any = None, **others: Any) -> None:
        self._others = others  # of another sweeper; refused in `setup`, since Hydra would wrap an error of this call
        plain: Any = OmegaConf.to_container(params) if OmegaConf.is_config(params) else params
        self.params: dict[str, Any] = plain or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keeps what Hydra has composed.

        Raises:
            ConfigError: a configuration file sets a key of another sweeper.
        """
        for name in self._others:
            key = f"hydra.sweeper.{name}"
            raise ConfigError(f"{config_files.chosen(sys.argv[1:])} sets {key}: {hydra_settings.instead(key, '')}")
        self.composed = config
        self.loader = hydra_context.config_loader

    def sweep(self, arguments: list[str]) -> Any:
        """Runs the sweep and leaves with its exit status: Hydra discards what a sweeper returns."""
        from sweeper.cli import sweep

        sys.exit(sweep.run(self.loader, self.composed, list(arguments), self.params))


class UsersFolders(SearchPathPlugin):
    """Has options looked up in the folders of the command and in `./conf` too, after this program's own."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in folders.added():
            search_path.append("sweeper", f"file://{folder}")


def register() -> None:
    """Registers the classes with Hydra.

    Raises:
        ConfigError: Hydra imports a user's `hydra_plugins` here, and one of its modules raises an error.
    """
    try:
        plugins = Plugins.instance()
    except Exception as error:
        raise ConfigError(
            f"Hydra cannot import the package hydra_plugins: {type(error).__name__}: {error}. Accepted: plugins for "
            "Hydra 1.3 or 1.4, or none.  Try: python -c 'import hydra_plugins; print(hydra_plugins.__path__)'"
        ) from error
    plugins.register(KerasCnnSweeper)
    plugins.register(UsersFolders)
    plugins.class_name_to_class[SWEEPER_IN_HYDRA_1_3] = KerasCnnSweeper
