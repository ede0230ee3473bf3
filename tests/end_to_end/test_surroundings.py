"""A sweep in a user's own surroundings gives what it gives in an empty folder."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import built_wheel

Run = Callable[..., "subprocess.CompletedProcess[str]"]

#: The README's first sweep, made small.
FIRST = ["-m", "arch.depth=3,5,7", "arch.filters=4", "training.epochs=1", "data.max_samples=300", "sweep.name=first"]

#: What is never the same twice.
MEASURED = {"duration_s", "run_id"}

#: Folders and files that every machine-learning project has. Each would end the program where it was imported.
NAMES = (
    *("models.py", "keras.py", "utils.py", "hydra.py", "tensorflow.py", "numpy.py", "random.py", "logging.py"),
    *("hydra_plugins/__init__.py", "models/cnn.py", "models/config.py", "data/__init__.py", "conf/__init__.py"),
    *("sweeper/notes.py", "sweeper.py"),
)


def figures(folder: Path, name: str = "first") -> list[dict[str, str]]:
    with (folder / f"mlruns/sweeps/{name}/leaderboard.csv").open(newline="") as file:
        return [{key: value for key, value in row.items() if key not in MEASURED} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> list[dict[str, str]]:
    """The figures of the first sweep in an empty folder."""
    folder = tmp_path_factory.mktemp("empty")
    done = run_sweeper(folder, *FIRST)
    assert done.returncode == 0, done.stderr
    return figures(folder)


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """A folder in which every name is taken."""
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(f"raise RuntimeError({name!r})\n" if "plugins" not in name else "")
    (tmp_path / "conf/config.yaml").write_text("arch: none\n")
    return tmp_path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the project's wheel is installed, without what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [*built_wheel.PIP, "install", *built_wheel.OFFLINE, "--target", str(folder / "installed")]
    subprocess.run([*command, str(built_wheel.build(folder))], check=True)
    return folder / "installed"


def test_a_users_own_files_change_no_figure(expected: list[dict[str, str]], crowded: Path, run_sweeper: Run) -> None:
    (crowded / "sweeper.py").unlink()  # `python -m sweeper` runs it, whatever we do

    done = run_sweeper(crowded, *FIRST)

    assert done.returncode == 0, done.stderr
    assert figures(crowded) == expected
    assert [row["num_params"] for row in expected] == ["102106", "6954", "27138"]


@pytest.mark.long
def test_the_console_script_of_a_wheel_also_passes_over_a_users_sweeper(
    expected: list[dict[str, str]], crowded: Path, wheel: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(wheel)}

    done = subprocess.run(
        [sys.executable, str(wheel / "bin/sweeper"), *FIRST],
        cwd=crowded,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert figures(crowded) == expected


def test_the_wheel_brings_nothing_at_the_top_but_this_package(wheel: Path) -> None:
    names = {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")}

    assert names == {"sweeper", "bin"}
    for name in ("models/cnn.py", "conf/config.yaml", "conf/arch/depth7_kernel6.yaml", "report/page/page.html"):
        assert (wheel / "sweeper" / name).is_file()


BUILDER = """
import keras
from {parts} import WIDTH


def build(input_shape, num_classes):
    layers = [keras.layers.Flatten(), keras.layers.Dense(WIDTH), keras.layers.Dense(num_classes, "softmax")]
    return keras.Sequential([keras.Input(input_shape), *layers])
"""


@pytest.mark.parametrize(
    ("target", "files", "executor"),
    [
        pytest.param(
            "models.mine.build",
            ("models/mine.py", "models/parts.py"),
            "processes",
            id="a folder models",
            marks=pytest.mark.long,
        ),
        pytest.param("models.build", ("models.py", "parts.py"), "serial", id="a file models.py"),
        pytest.param(
            "data.nets.build", ("data/nets.py", "data/parts.py"), "serial", id="a folder data", marks=pytest.mark.long
        ),
        pytest.param(
            "utils.build", ("utils.py", "parts.py"), "processes", id="a file utils.py", marks=pytest.mark.long
        ),
    ],
)
def test_a_users_builder_is_found_under_any_name(
    target: str, files: tuple[str, str], executor: str, tmp_path: Path, run_sweeper: Run
) -> None:
    builder, parts = (tmp_path / name for name in files)
    builder.parent.mkdir(exist_ok=True)
    builder.write_text(BUILDER.format(parts=".".join(Path(files[1]).with_suffix("").parts)))
    parts.write_text("WIDTH = 7\n")
    line = ["arch=custom", f"arch._target_={target}", "training.epochs=1", "data.max_samples=100", "sweep.name=own"]

    done = run_sweeper(tmp_path, *line, f"executor={executor}")

    assert done.returncode == 0, done.stderr
    assert [row["num_params"] for row in figures(tmp_path, "own")] == [str(784 * 7 + 7 + 7 * 10 + 10)]


def test_the_name_of_our_network_is_refused_where_a_users_file_has_it_too(crowded: Path, type_line: Run) -> None:
    done = type_line(crowded, "arch=custom", "arch._target_=models.cnn.build")

    assert done.returncode == 2
    assert f"always names this program's own network, and {crowded}/models/cnn.py has that name too" in done.stderr
    assert "Try: arch=custom arch._target_=models.my_cnn.build" in done.stderr


KERAS_SETTINGS = (
    '{"floatx": "float16", "epsilon": 0.1, "backend": "torch", "image_data_format": "channels_first", '
    '"max_epochs": 1, "max_steps_per_epoch": 1}'
)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """A home folder with a user's settings for Keras and Matplotlib, and variables that libraries read."""
    home = tmp_path / "home"
    (home / ".keras").mkdir(parents=True)
    (home / ".keras/keras.json").write_text(KERAS_SETTINGS)
    (home / ".config/matplotlib").mkdir(parents=True)
    (home / ".config/matplotlib/matplotlibrc").write_text("text.usetex: True\nbackend: TkAgg\nsavefig.dpi: 7\n")
    variables = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "KERAS_BACKEND": "torch"}
    variables |= {"KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "1", "CUDA_VISIBLE_DEVICES": "0"}
    return {"HOME": str(home), **variables}


@pytest.mark.parametrize("executor", ["processes", pytest.param("serial", marks=pytest.mark.long)])
def test_a_users_settings_for_libraries_change_no_figure(
    executor: str, settings: dict[str, str], run_sweeper: Run, tmp_path: Path, expected: list[dict[str, str]]
) -> None:
    done = run_sweeper(tmp_path, *FIRST, f"executor={executor}", env=settings)

    assert done.returncode == 0, done.stdout + done.stderr
    assert figures(tmp_path) == expected
    assert done.stderr == ""

    again = run_sweeper(tmp_path, "verify", "first:0", env={**settings, "KERAS_BACKEND": "jax"})

    assert again.returncode == 0, again.stdout + again.stderr
    assert "Same, to the bit" in again.stdout


@pytest.mark.long
def test_a_daemons_streams_strict_warnings_and_an_odd_folder_change_nothing(
    tmp_path: Path, expected: list[dict[str, str]]
) -> None:
    folder = tmp_path / "a%20b%2Fc#d?e ü"
    folder.mkdir()
    line = [sys.executable, "-W", "error", "-m", "sweeper", *FIRST]

    done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *line], cwd=folder, timeout=240, check=False)

    assert done.returncode == 0
    assert figures(folder) == expected


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["arch.depth=range(3,5)"], id="a function"),
        pytest.param(["arch.depth=3,5", "sweep.exclude=[{arch.depth:5}]"], id="keys in braces"),
        pytest.param(["optimizer=sgd,adam", "optimizer.momentum=0.9"], id="a fixed key of one option"),
        pytest.param(["--config-dir", "conf", "experiment=mine"], id="a function in a file"),
    ],
)
def test_what_hydra_cannot_read_under_optimized_python_is_refused(
    run_sweeper: Run, tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "conf/experiment").mkdir(parents=True)
    experiment = "# @package _global_\nhydra: {sweeper: {params: {arch.depth: 'range(3,5)'}}}\n"
    (tmp_path / "conf/experiment/mine.yaml").write_text(experiment)

    done = run_sweeper(tmp_path, *words, "sweep.dry_run=true", env={"PYTHONOPTIMIZE": "1"})

    assert done.returncode == 2
    assert done.stderr.startswith("ConfigError: Python runs with -O (or PYTHONOPTIMIZE)")
    assert "Try: PYTHONOPTIMIZE= python -m sweeper" in done.stderr


PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    ("folder", "word", "env", "said"),
    [
        pytest.param(
            "here",
            "tracking.experiment=ü",
            PLAIN,
            ("tracking.experiment=\\xfc has characters that are not text in this locale (C", "Try: PYTHONUTF8=1 in"),
            id="a word in a locale without UTF-8",
        ),
        pytest.param(
            "ü",
            "seed=1",
            PLAIN,
            ("The current folder ", "\\xfc has characters that are not text in this locale", "Try: PYTHONUTF8=1 in"),
            id="a folder in a locale without UTF-8",
        ),
        pytest.param(
            "here",
            "tracking.experiment=\udcfc",
            {},
            ("tracking.experiment=\ufffd has bytes that are not UTF-8", "Try: another name"),
            id="a word in Latin-1",
        ),
    ],
)
def test_what_is_no_text_in_the_locale_is_refused_by_that_reason(
    run_sweeper: Run, tmp_path: Path, folder: str, word: str, env: dict[str, str], said: tuple[str, ...]
) -> None:
    here = tmp_path / folder
    here.mkdir()

    done = run_sweeper(here, word, env=env)

    assert done.returncode == 2
    for text in said:
        assert text in done.stderr
    assert not (here / "mlruns").exists()


def test_a_current_folder_that_was_deleted_is_refused(tmp_path: Path) -> None:
    line = f"rmdir {tmp_path} && exec {sys.executable} -m sweeper arch.depth=3"

    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr == ("ConfigError: The current folder was deleted. Accepted: a folder that exists. Try: cd\n")


@pytest.mark.parametrize("words", ["--version", "--cfg job"])
def test_output_that_cannot_be_written_is_reported_and_ends_with_status_1(words: str, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sweeper", *words.split()],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == (
        "Standard output could not be written: No space left on device. What was printed after that is lost.\n"
    )


@pytest.mark.long
def test_a_sweep_whose_log_is_on_a_full_disk_is_finished(tmp_path: Path, expected: list[dict[str, str]]) -> None:
    with open("/dev/full", "w") as full:
        line = [sys.executable, "-m", "sweeper", *FIRST]
        done = subprocess.run(line, cwd=tmp_path, stdout=full, stderr=full, timeout=240, check=False)

    assert done.returncode == 1
    assert figures(tmp_path) == expected


def test_a_wrong_line_keeps_its_status_where_its_error_cannot_be_written(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        line = [sys.executable, "-m", "sweeper", "arch.dpeth=3"]
        done = subprocess.run(line, cwd=tmp_path, stderr=full, check=False)

    assert done.returncode == 2
