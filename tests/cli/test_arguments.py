"""A command's words as Hydra is to read them."""

from __future__ import annotations

import importlib.metadata
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.cli import arguments

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        pytest.param(["-m", "a=1"], ["-m", "a=1"], id="in order"),
        pytest.param(["a=1"], ["-m", "a=1"], id="without -m"),
        pytest.param(["a=1", "-m", "b=2"], ["-m", "a=1", "b=2"], id="on both sides of -m"),
        pytest.param(["~a", "--multi", "+b=1", "++c=2"], ["-m", "~a", "+b=1", "++c=2"], id="with signs before keys"),
        pytest.param(["-r", "a=1", "--config-name", "b"], ["-m", "--config-name", "b", "a=1"], id="another mode"),
        pytest.param(["a=1", "b=2", "a=3"], ["-m", "b=2", "a=3"], id="a key twice"),
        pytest.param(["+a=1", "a=3"], ["-m", "+a=3"], id="an added key twice"),
        pytest.param(["a={b:1}", "a={c:2}"], ["-m", "a={b:1}", "a={c:2}"], id="mappings, which are merged"),
        pytest.param(["a=1", "~a", "a=2"], ["-m", "~a", "a=2"], id="a deletion between"),
        pytest.param(["experiment=null", "a=1"], ["-m", "a=1"], id="no option of a group"),
        pytest.param(["+experiment=notebook"], ["-m", "experiment=notebook"], id="a plus that is not needed"),
        pytest.param(["--cfg", "job", "-m", "a=3,5"], ["--cfg", "job", "a=3"], id="printed, with choices"),
        pytest.param(
            ["--cfg", "job", "a=range(2,5)", "b=1"], ["--cfg", "job", "a=2", "b=1"], id="printed, with a range"
        ),
        pytest.param(["-c", "job", "a=interval(0.1,1)"], ["-c", "job", "a=0.1"], id="printed, with an interval"),
        pytest.param(["--info", "defaults", "-m", "a=1"], ["--info", "defaults", "a=1"], id="information"),
        pytest.param(["--help", "-m", "a=1,2"], ["--help", "a=1"], id="help"),
    ],
)
def test_hydra_gets_options_first_and_each_key_once(typed: list[str], words: list[str]) -> None:
    assert arguments.read(typed).words == words


def test_a_printed_configuration_has_a_note_on_what_varies(type_line: Run, tmp_path: Path) -> None:
    done = type_line(tmp_path, "--cfg", "job", "arch.depth=5,7", "arch=glob(depth*)", "seed=4")

    assert done.returncode == 0, done.stderr
    assert "arch.depth=5,7 varies: what is printed has arch.depth=5." in done.stderr
    assert "arch=glob(depth*) varies: what is printed is without it." in done.stderr
    assert "  depth: 5\n" in done.stdout
    assert "\nseed: 4\n" in done.stdout


def test_the_version_is_this_programs_and_its_packages(type_line: Run, tmp_path: Path) -> None:
    said = " ".join(type_line(tmp_path, "--version").stdout.split())

    assert said.startswith(f"keras-sweeper {importlib.metadata.version('keras-sweeper')} (Python 3.")
    for name in ("keras", "tensorflow", "optuna", "mlflow", "hydra-core"):
        assert f"{name} {importlib.metadata.version(name)}" in said
