"""Fixtures that several test files share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode

from sweeper import config
from sweeper.compose import Composer, Point
from sweeper.space import SearchSpace, parse_space

Compose = Callable[..., list[Point]]

ROOT = Path(__file__).resolve().parent.parent


def _run(
    folder: Path, *words: str, timeout: float = 240, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sweeper", *words],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="session")
def run_sweeper() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `python -m sweeper` with these words in a folder, as a user would."""
    return _run


@pytest.fixture(scope="session")
def make_composer() -> Callable[..., tuple[SearchSpace, Composer]]:
    """Makes the space of a line and its composer, with the project's own files and Hydra's own loader."""
    config.register()
    loader = ConfigLoaderImpl(create_config_search_path(str(ROOT / "conf")))
    parser = OverridesParser.create(config_loader=loader)

    def make(
        *arguments: str, params: dict[str, Any] | None = None, zip: Any = None, exclude: Any = None
    ) -> tuple[SearchSpace, Composer]:
        master = loader.load_configuration("config", list(arguments), run_mode=RunMode.MULTIRUN)
        space = parse_space(arguments, params or {}, parser, loader.get_group_options).with_rules(zip, exclude)
        return space, Composer(loader, master, space)

    return make


@pytest.fixture(scope="session")
def compose(make_composer: Callable[..., tuple[SearchSpace, Composer]]) -> Compose:
    """Composes the points of a line's grid."""

    def points(*arguments: str, **more: Any) -> list[Point]:
        return list(make_composer(*arguments, **more)[1].points())

    return points
