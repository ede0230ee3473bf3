"""The wheel, installed in an environment of its own, in a user's project that has the names which ours have."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy
import pytest

import built_wheel

#: A user's project. What is ours must not import or read any of it, but for what the commands name.
FILES = {
    "models.py": (
        "import keras\nimport utils\n\n\n"
        "def build(input_shape, num_classes, width=8):\n"
        "    layers = [keras.layers.Flatten(), keras.layers.Dense(utils.wide(width), activation='relu')]\n"
        "    return keras.Sequential([keras.Input(input_shape), *layers, keras.layers.Dense(num_classes, 'softmax')])\n"
    ),
    "utils.py": "def wide(width):\n    return 2 * width\n",
    "keras_cnn.py": "raise RuntimeError('their keras_cnn')\n",
    "data/__init__.py": "raise RuntimeError('their data')\n",
    "conf/config.yaml": "defaults:\n  - _self_\n  - model: big\nx: 1\n",
    "conf/schema.yaml": "z: 1\n",
    "conf/model/big.yaml": "y: 1\n",
    "conf/broken/bad.yaml": "a: [\n",
    "conf/arch/theirs.yaml": "_target_: models.build\nwidth: 8\n",
    "conf/optimizer/mine.yaml": "_target_: keras.optimizers.Adam\nlearning_rate: 0.01\n",
    "conf/optimizer/adadelta.yaml": "_target_: torch.optim.Adadelta\nlr: 0.01\n",
    "conf/experiment/theirs.yaml": (
        "# @package _global_\ndefaults:\n  - override /arch: theirs\n  - override /optimizer: mine\n"
        "training:\n  epochs: 1\ndata:\n  max_samples: 300\n"
        "hydra:\n  sweeper:\n    params:\n      arch.width: 4,8\n"
    ),
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel, beside the packages of the present one."""
    folder = tmp_path_factory.mktemp("environment")
    wheel = built_wheel.build(folder)
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv/bin/python"
    [packages] = folder.glob("venv/lib/python*/site-packages")
    (packages / "present.pth").write_text(f"{Path(numpy.__file__).parents[1]}\n")
    pip = [*built_wheel.PIP, "--python", str(python), "install", *built_wheel.OFFLINE]
    subprocess.run([*pip, "--ignore-installed", str(wheel)], check=True)
    return folder / "venv/bin"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def typed(project: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    env = {**known, "COLUMNS": "200"}
    return subprocess.run(
        [str(word) for word in command], cwd=project, env=env, capture_output=True, text=True, timeout=240, check=False
    )


def rows(project: Path, name: str) -> list[dict[str, str]]:
    with (project / f"mlruns/sweeps/{name}/leaderboard.csv").open(newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["trial"]))


def test_it_is_the_wheel_that_runs(environment: Path, project: Path) -> None:
    code = "import sweeper, pathlib; print(pathlib.Path(sweeper.__file__))"
    done = typed(project, environment / "python", "-c", code)

    assert Path(done.stdout.strip()).is_relative_to(environment.parent), done.stderr


@pytest.mark.long
def test_their_experiment_network_and_optimizer_are_found_without_a_flag(environment: Path, project: Path) -> None:
    done = typed(project, environment / "sweeper", "-m", "experiment=theirs", "sweep.name=own")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.splitlines() == [
        "arch=theirs is read from conf/arch/theirs.yaml.",
        "optimizer=mine is read from conf/optimizer/mine.yaml.",
        "experiment=theirs is read from conf/experiment/theirs.yaml.",
    ]
    assert [row["num_params"] for row in rows(project, "own")] == [str(784 * w + w + w * 10 + 10) for w in (8, 16)]


def test_ours_is_used_for_ours_beside_theirs(environment: Path, project: Path) -> None:
    words = ["-m", "arch=theirs,cnn", "training.epochs=1", "data.max_samples=300", "sweep.name=both"]
    done = typed(project, environment / "python", "-m", "sweeper", *words)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.splitlines() == [
        "arch=theirs is read from conf/arch/theirs.yaml.",
        "optimizer=adadelta is this program's own; conf/optimizer/adadelta.yaml has that name too and is not used. "
        "To use it, give it another name.",
    ]
    assert [row["num_params"] for row in rows(project, "both")] == [str(784 * 16 + 16 + 16 * 10 + 10), "823050"]


def test_a_misspelt_option_of_theirs_is_named(environment: Path, project: Path) -> None:
    done = typed(project, environment / "sweeper", "arch=thers", "optimizer=mine")

    assert done.returncode == 2
    assert "arch=thers does not exist. Accepted: application, cnn, custom," in done.stderr
    assert "Try: arch=theirs" in done.stderr


@pytest.mark.long
def test_what_was_recorded_is_read_repeated_and_loaded(environment: Path, project: Path) -> None:
    shown = typed(project, environment / "sweeper", "report", "own", "both")
    assert shown.returncode == 0, shown.stderr
    assert "Leaderboard of own + both" in shown.stdout

    again = typed(project, environment / "sweeper", "verify", "both:1")
    assert "Same, to the bit" in again.stdout, again.stdout + again.stderr

    code = (
        "import sweeper; print(sweeper.load('both').trial(0).model().count_params()); "
        "print(sweeper.run('arch=theirs', 'training.epochs=1', 'data.max_samples=300', quiet=True).best.state)"
    )
    read = typed(project, environment / "python", "-c", code)
    assert read.stdout == f"{784 * 16 + 16 + 16 * 10 + 10}\ncomplete\n", read.stderr


def test_a_sweep_of_the_checkout_is_read_by_the_wheel(environment: Path, own_sweep: Path) -> None:
    here = typed(own_sweep, sys.executable, "-m", "sweeper", "report", "mine", "--csv", "-")
    there = typed(own_sweep, environment / "sweeper", "report", "mine", "--csv", "-")

    assert there.returncode == 0, there.stderr
    assert there.stdout == here.stdout != ""
