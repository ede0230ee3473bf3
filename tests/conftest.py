"""Fixtures that several test files share."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig

import postgres_server
from postgres_server import PostgresServer
from sweeper.config import schema
from sweeper.space.composer import Composer, Point
from sweeper.space.dimensions import SearchSpace
from sweeper.space.parser import parse_space
from sweeper.space.rules import with_rules
from sweeper.trial import runtime

Compose = Callable[..., list[Point]]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # tests in the background of a script: their sweeps hear Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

#: A custom builder and a custom pruner: width 0 fails, the second trial is pruned after its second epoch.
NETWORKS = """
import keras
import optuna

START = "glorot_uniform"


def build(input_shape, num_classes, width):
    if not width:
        raise RuntimeError("a network without width")
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.MaxPooling2D(2), keras.layers.Flatten(),
        keras.layers.Dense(width, activation="relu", kernel_initializer=START), keras.layers.Dropout(0.2),
        keras.layers.Dense(num_classes, activation="softmax"),
    ])


class PruneSecond(optuna.pruners.BasePruner):
    def prune(self, study, trial):
        return trial.number == 1 and trial.last_step >= 2
"""

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


@pytest.fixture
def keras_runtime() -> None:
    """Sets TensorFlow up in this process as for a trial with one thread, and draws from seed 0."""
    import keras

    runtime.configure(threads=1, gpu=None)
    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def _no_other_runtime() -> Iterator[None]:
    """Fails a test that starts TensorFlow without `keras_runtime`: a later file's trials would be refused."""
    before = _tensorflow_started()
    yield
    if _tensorflow_started() and not before:
        assert runtime.is_configured(), "this test needs the fixture keras_runtime"


def _tensorflow_started() -> bool:
    eager = sys.modules.get("tensorflow.python.eager.context")
    return eager is not None and eager._context is not None and eager._context._initialized


@pytest.fixture(scope="session")
def run_sweeper() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `python -m sweeper` with these words in a folder, as a user would."""
    return _run


@pytest.fixture(scope="session")
def type_line(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """As `run_sweeper`, for lines that train nothing: each in a process forked from one that has Hydra loaded."""
    streams = tmp_path_factory.mktemp("streams")
    stdout, stderr = streams / "stdout", streams / "stderr"
    with subprocess.Popen(
        [sys.executable, str(ROOT / "tests/line_server.py")],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},  # no thread before a fork
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:

        def run(folder: Path, *words: str, timeout: int = 60) -> subprocess.CompletedProcess[str]:
            assert server.stdin is not None
            assert server.stdout is not None
            request = {"words": words, "folder": str(folder), "env": {**os.environ, "COLUMNS": "200"}}
            said = {"stdout": str(stdout), "stderr": str(stderr), "timeout_s": timeout}
            print(json.dumps(request | said), file=server.stdin, flush=True)
            status = int(server.stdout.readline())
            return subprocess.CompletedProcess(words, status, stdout.read_text(), stderr.read_text())

        yield run


class _Loader(ConfigLoaderImpl):
    """Hydra's own loader, which composes the same words once; each who asks gets a copy."""

    def __init__(self) -> None:
        super().__init__(create_config_search_path(str(ROOT / "conf")))
        self._composed: dict[tuple[Any, ...], DictConfig] = {}

    def load_configuration(
        self, config_name: str | None, overrides: list[str], run_mode: RunMode, *rest: Any, **more: Any
    ) -> DictConfig:
        asked = (config_name, *overrides, run_mode)
        if asked not in self._composed:
            self._composed[asked] = super().load_configuration(config_name, overrides, run_mode, *rest, **more)
        return copy.deepcopy(self._composed[asked])


@pytest.fixture(scope="session")
def make_composer() -> Callable[..., tuple[SearchSpace, Composer]]:
    """Makes the space of a line and its composer, with the project's own files and Hydra's own loader."""
    schema.register()
    loader = _Loader()
    parser = OverridesParser.create(config_loader=loader)

    def make(
        *arguments: str, params: dict[str, Any] | None = None, zip: Any = None, exclude: Any = None
    ) -> tuple[SearchSpace, Composer]:
        master = loader.load_configuration("config", list(arguments), run_mode=RunMode.MULTIRUN)
        space = with_rules(parse_space(arguments, params or {}, parser, loader.get_group_options), zip, exclude)
        return space, Composer(loader, master, space)

    return make


@pytest.fixture(scope="session")
def compose(make_composer: Callable[..., tuple[SearchSpace, Composer]]) -> Compose:
    """Composes the points of a line's grid."""

    def points(*arguments: str, **more: Any) -> list[Point]:
        return list(make_composer(*arguments, **more)[1].points())

    return points


@pytest.fixture(scope="session")
def own_sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep `mine`, of a custom builder and custom images: complete, pruned, complete, failed."""
    from sweeper.data import digits

    folder = tmp_path_factory.mktemp("own")
    (folder / "nets.py").write_text(NETWORKS, encoding="utf-8")
    raw = digits.read(None)
    np.savez(
        folder / "images.npz",
        x_train=raw.x_train[:240],
        y_train=raw.y_train[:240],
        x_test=raw.x_test[:60],
        y_test=raw.y_test[:60],
    )
    words = ["-m", "arch=custom", "arch._target_=nets.build", "+arch.width=16,8,12,0", "optimizer=adam", "seed=3"]
    words += ["data=npz", "data.path=images.npz", "objective.metric=val_loss", "pruner._target_=nets.PruneSecond"]
    words += ["training.epochs=6", "training.restore_best=true", "training.early_stopping.patience=2"]
    done = _run(folder, *words, "sweep.name=mine", "sweep.workers=2")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for this process's tests, each of which makes a database of its own."""
    if reason := postgres_server.why_not():
        pytest.skip(reason)
    with postgres_server.running() as server:
        yield server
