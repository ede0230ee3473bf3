"""`training.threads=auto`: timed once, decided for the whole sweep, kept where it is resumed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.core.paths import OutputPaths
from sweeper.storage.study import SweepStudy
from sweeper.sweep.threads import Split, fastest, splits

Run = Callable[..., "subprocess.CompletedProcess[str]"]

SMALL = ["arch.filters=2", "arch.dense_units=8", "data.max_samples=200", "training.epochs=1", "report.finalists=0"]
AUTO = ["training.threads=auto", "sweep.name=auto"]


def threads(folder: Path) -> set[int]:
    trials = SweepStudy.load(OutputPaths(folder / "mlruns"), "auto").trials()
    return {trial.identity["training"]["threads"] for trial in trials}


@pytest.mark.long
def test_they_are_timed_said_recorded_and_kept(run_sweeper: Run, tmp_path: Path) -> None:
    first = run_sweeper(tmp_path, "-m", "arch.depth=1,2", *SMALL, *AUTO)
    assert first.returncode == 0, first.stderr
    [taken] = threads(tmp_path)
    said = next(line for line in first.stdout.splitlines() if "All training would take" in line)
    assert f"with {taken} thread" in said
    assert (
        f"{said.split()[1]} at a time, {taken} CPU thread{'' if taken == 1 else 's'} each (executor=processes)."
        in first.stdout
    )
    info = SweepStudy.load(OutputPaths(tmp_path / "mlruns"), "auto").info
    assert info is not None
    assert info.threads == taken
    assert f"training.threads={taken}" in (info.fixed or ())
    assert not (tmp_path / "mlruns/sweeps/auto/probe").exists()

    (tmp_path / "mlruns/timings.json").write_text("not what was written")
    again = run_sweeper(tmp_path, "-m", "arch.depth=1,2,3", *SMALL, *AUTO)

    assert again.returncode == 0, again.stderr
    assert f"Threads: {taken}, as in the first start of this sweep." in again.stdout
    assert threads(tmp_path) == {taken}

    other = run_sweeper(tmp_path, "-m", "arch.depth=1,2", *SMALL, AUTO[1], f"training.threads={taken + 1}")

    assert other.returncode == 2
    assert f"training.threads: {taken} -> {taken + 1}" in other.stderr


@pytest.mark.long
def test_fixed_workers_are_kept_and_both_settings_are_decided(run_sweeper: Run, tmp_path: Path) -> None:
    words = ["training.precision=auto", "sweep.workers=1", "arch.depth=1"]
    done = run_sweeper(tmp_path, *words, *SMALL, *AUTO)

    assert done.returncode == 0, done.stderr
    assert "Trials: 1, 1 at a time" in done.stdout
    [trial] = SweepStudy.load(OutputPaths(tmp_path / "mlruns"), "auto").trials()
    assert trial.identity["training"]["precision"] in ("float32", "mixed_bfloat16")
    assert trial.identity["training"]["threads"] != "auto"


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ((2, 2, None, None), [(2, 1), (2, 2), (1, 2)]),
        ((1, 1, None, None), [(1, 1)]),
        ((8, 8, None, None), [(8, 1), (8, 2), (4, 2), (4, 4), (2, 4), (2, 8), (1, 8)]),
        ((6, 6, None, None), [(6, 1), (6, 2), (3, 2), (3, 4), (1, 6)]),
        ((8, 2, None, None), [(2, 4), (2, 8), (1, 8)]),  # memory for two
        ((8, 8, 3, None), [(3, 2), (3, 4)]),
        ((4, 4, None, 2), [(4, 2), (2, 2)]),  # resumed: of what was tried, what has these threads
        ((2, 2, None, 8), [(1, 8)]),  # resumed on a smaller machine
        ((4, 4, 3, 2), [(3, 2)]),
        ((4, 16, 16, None), [(16, 1), (16, 2)]),  # more trials than cores, as asked
    ],
    ids=[
        "two cores",
        "one core",
        "eight cores",
        "six cores",
        "little memory",
        "workers",
        "resumed",
        "on a smaller one",
        "both",
        "many workers",
    ],
)
def test_the_ways_that_are_tried(
    machine: tuple[int, int, int | None, int | None], expected: list[tuple[int, int]]
) -> None:
    assert splits(*machine) == [Split(*pair) for pair in expected]


@pytest.mark.parametrize(
    ("seconds", "num_trials", "taken"),
    [
        ({(2, 1): 10.0, (1, 2): 6.0}, 8, (2, 1)),
        ({(2, 1): 10.0, (1, 2): 6.0}, 1, (1, 2)),
        ({(2, 1): 10.0, (1, 2): 4.0}, 8, (1, 2)),
        ({(4, 1): 10.0, (2, 2): 6.0}, 4, (4, 1)),
        ({(4, 1): 10.0, (2, 2): 6.0}, 6, (2, 2)),
        ({(2, 1): 10.0, (1, 2): 5.0}, 2, (1, 2)),  # equally fast: less memory
    ],
)
def test_what_finishes_the_trials_first_is_taken(
    seconds: dict[tuple[int, int], float], num_trials: int, taken: tuple[int, int]
) -> None:
    assert fastest({Split(*pair): value for pair, value in seconds.items()}, num_trials) == Split(*taken)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["training.threads=auto,2"], "cannot be one of several choices"),
        (["training.threads=auto", "executor=serial"], "executor=serial has none"),
        (["training.threads=0"], "training.threads=0 is not accepted: a whole number from 1 to 256, or auto"),
        (["training.threads=atuo"], "Try: training.threads=auto"),
    ],
    ids=["a choice", "serial", "none", "a typing error"],
)
def test_where_they_cannot_be_decided_it_is_refused(words: list[str], why: str, type_line: Run, tmp_path: Path) -> None:
    done = type_line(tmp_path, "-m", *words)

    assert done.returncode == 2
    assert why in done.stderr
    assert not (tmp_path / "mlruns").exists()


def test_a_plan_leaves_them_open(type_line: Run, tmp_path: Path) -> None:
    done = type_line(tmp_path, "training.threads=auto", "sweep.dry_run=true")

    assert done.returncode == 0, done.stderr
    assert "Threads: timed when the sweep starts (training.threads=auto)." in done.stdout
    assert not (tmp_path / "mlruns").exists()
