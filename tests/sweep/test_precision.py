"""`training.precision=auto`: timed once, decided for the whole sweep, kept where it is resumed."""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.core.paths import OutputPaths
from sweeper.report.command_lines import repeat_line
from sweeper.storage.study import SweepStudy
from sweeper.sweep import precision

Run = Callable[..., "subprocess.CompletedProcess[str]"]

SMALL = ["arch.filters=2", "arch.dense_units=8", "data.max_samples=200", "training.epochs=1", "training.threads=1"]
AUTO = ["training.precision=auto", "sweep.name=auto", "report.finalists=0"]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "mlruns/sweeps/auto/leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def precisions(folder: Path) -> set[str]:
    trials = SweepStudy.load(OutputPaths(folder / "mlruns"), "auto").trials()
    return {trial.identity["training"]["precision"] for trial in trials}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("auto")
    done = run_sweeper(folder, "-m", "arch.depth=1,2", *SMALL, *AUTO)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_it_is_timed_said_and_recorded(swept: tuple[Path, str]) -> None:
    folder, said = swept
    [taken] = precisions(folder)
    timed = json.loads((folder / "mlruns/timings.json").read_text())

    assert taken in ("float32", "mixed_bfloat16")
    assert f"Precision: {taken}. mixed_bfloat16 trains 2 networks of this sweep " in said
    assert len(timed) == 4  # two networks in two precisions
    assert all(0 < seconds < 10 for timing in timed.values() for seconds in timing)
    assert {row["state"] for row in rows(folder)} == {"complete"}
    assert not (folder / "mlruns/sweeps/auto/probe").exists()


def test_a_row_is_repeated_in_the_precision_that_it_had(swept: tuple[Path, str]) -> None:
    folder, _ = swept
    [taken] = precisions(folder)
    paths = OutputPaths(folder / "mlruns")
    info, trial = SweepStudy.load(paths, "auto").info, SweepStudy.load(paths, "auto").trials()[0]
    assert info is not None
    assert info.fixed is not None
    assert trial.row is not None

    line = repeat_line(trial.row, shlex.join(info.fixed))

    assert f" training.precision={taken} " in line
    assert "auto" not in line


def test_a_resumed_sweep_keeps_it_whatever_this_machine_would_take(swept: tuple[Path, str], run_sweeper: Run) -> None:
    folder, _ = swept
    [taken] = precisions(folder)
    before = {row["run_id"] for row in rows(folder)}
    (folder / "mlruns/timings.json").write_text("not what was written")

    done = run_sweeper(folder, "-m", "arch.depth=1,2,3", *SMALL, *AUTO)

    assert done.returncode == 0, done.stderr
    assert f"Precision: {taken}, as in the first start of this sweep." in done.stdout
    assert precisions(folder) == {taken}
    assert before < {row["run_id"] for row in rows(folder)}


def test_another_precision_under_the_same_name_is_refused(swept: tuple[Path, str], run_sweeper: Run) -> None:
    folder, _ = swept
    [taken] = precisions(folder)
    other = ({"float32", "mixed_bfloat16"} - {taken}).pop()

    done = run_sweeper(folder, "-m", "arch.depth=1,2", *SMALL, *AUTO[1:], f"training.precision={other}")

    assert done.returncode == 2
    assert f"training.precision: {taken} -> {other}" in done.stderr


@pytest.mark.parametrize(
    ("speedup", "taken"), [(1.19, "float32"), (1.2, "mixed_bfloat16"), (3.0, "mixed_bfloat16"), (0.3, "float32")]
)
def test_bfloat16_is_taken_from_one_fifth_faster(speedup: float, taken: str) -> None:
    assert precision.faster({"float32": speedup, "mixed_bfloat16": 1.0}) == taken


def test_a_network_that_cannot_be_trained_is_refused(run_sweeper: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def build(input_shape, num_classes):\n    raise RuntimeError('no network')\n")

    done = run_sweeper(tmp_path, "arch=custom", "arch._target_=broken.build", "training.precision=auto")

    assert done.returncode == 2
    assert "training.precision=auto could not be timed with float32: RuntimeError: no network." in done.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["training.precision=auto,float32"], "cannot be one of several choices"),
        (["training.precision=auto", "executor=serial"], "executor=serial has none"),
    ],
    ids=["a choice", "serial"],
)
def test_where_it_cannot_be_decided_it_is_refused(words: list[str], why: str, type_line: Run, tmp_path: Path) -> None:
    done = type_line(tmp_path, "-m", *words)

    assert done.returncode == 2
    assert why in done.stderr
    assert not (tmp_path / "mlruns").exists()


def test_a_plan_leaves_it_open(type_line: Run, tmp_path: Path) -> None:
    done = type_line(tmp_path, "training.precision=auto", "sweep.dry_run=true")

    assert done.returncode == 0, done.stderr
    assert "Precision: timed when the sweep starts (training.precision=auto)." in done.stdout
    assert not (tmp_path / "mlruns").exists()
