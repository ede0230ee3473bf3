"""A plan with custom networks: parameters and FLOPs are counted by building them elsewhere, within a time limit."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

NETS = """
import os, time
import keras

def build(input_shape, num_classes, width):
    print("a builder may print")
    if width == 1:
        raise RuntimeError("too narrow")
    if width == 2:
        os._exit(3)
    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(width),
                             keras.layers.Dense(num_classes, "softmax")])
"""
WORDS = ["arch=custom", "arch._target_=nets.build", "sweep.dry_run=true"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nets.py").write_text(NETS)
    return tmp_path


def test_a_plan_is_complete_with_a_custom_builder(folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, "-m", *WORDS, "+arch.width=4,8")

    assert done.returncode == 0, done.stderr
    [four, eight] = [line.split() for line in done.stdout.splitlines() if line.strip().startswith(("0 ", "1 "))]
    assert four[1:4] == ["4", f"{785 * 4 + 5 * 10:,}", "0.0"]
    assert eight[1:4] == ["8", f"{785 * 8 + 9 * 10:,}", "0.0"]
    assert "Not counted" not in done.stdout
    assert not (folder / "mlruns").exists()


@pytest.mark.long
def test_programs_get_the_same(folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, "-m", *WORDS, "+arch.width=4,8", "sweep.progress=json")

    plans = [line for line in map(json.loads, done.stdout.splitlines()) if "trials" in line]
    assert [trial["flops"] for trial in plans[0]["trials"]] == [2 * (784 * 4 + 4 * 10), 2 * (784 * 8 + 8 * 10)]


@pytest.mark.parametrize(
    ("width", "why"),
    [(1, "RuntimeError: too narrow"), (2, "its process ended with status 3")],
    ids=["raises", "ends the process"],
)
def test_what_cannot_be_built_is_said(width: int, why: str, folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, "-m", *WORDS, f"+arch.width=4,{width}")

    assert done.returncode == 0, done.stderr
    assert f"Not counted: nets.build: {why} (+arch.width={width})." in done.stdout
    assert f"{785 * 4 + 5 * 10:,}" in done.stdout


def test_a_builder_that_takes_too_long_is_ended(
    folder: Path, run_sweeper: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweeper.core.datasets import DataSummary
    from sweeper.preflight import count
    from sweeper.preflight.check import PlannedTrial
    from sweeper.space.composer import Point

    (folder / "slow.py").write_text("import time\ndef build(input_shape, num_classes):\n    time.sleep(600)\n")
    monkeypatch.chdir(folder)
    config = {"arch": {"_target_": "slow.build"}, "training": {"batch_size": 8}}
    summary = DataSummary("digits", (28, 28, 1), 10, 100, 20, 30)
    planned = PlannedTrial(Point((), {}, config), summary, None)

    found, faults = count.counted([planned], limit_s=3)

    assert found == (planned,)
    assert faults == ["Not counted: slow.build: it was not counted within 3 s."]
