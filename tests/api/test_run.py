"""Sweeps started and read from Python, each in a script of its own as a user writes it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import sweeper

#: Trains in seconds, and says what a user's script would look at.
SCRIPT = """
import json, sys, threading
before = set(sys.modules)
import sweeper
heavy = {"tensorflow", "keras", "mlflow", "optuna", "pandas", "hydra", "numpy", "rich"} & (set(sys.modules) - before)
found = {"heavy": sorted(heavy)}

import hydra
from hydra import compose, initialize
open("own.yaml", "w").write("x: 1")
with initialize(version_base=None, config_path="."):
    assert compose("own").x == 1
    sweep = sweeper.run("arch.depth=3,5", "training.epochs=1", "data.max_samples=300", name="mine")
    assert compose("own").x == 1
again = []
thread = threading.Thread(target=lambda: again.append(sweeper.run("arch.depth=3,5", "training.epochs=1",
                          "data.max_samples=300", name="mine", quiet=True)))
thread.start(); thread.join()
assert again[0].leaderboard.equals(sweep.leaderboard)
board = sweep.leaderboard
found["ranks"] = list(map(int, board["rank"]))
found["types"] = {name: str(kind) for name, kind in board.dtypes.items()}
found["curves"] = sweep.curves[["trial", "epoch"]].values.tolist()
found["sentences"] = list(sweep.findings.sentences)
found["leader"] = sweep.findings.facts.leader
found["best"] = sweep.best.number
trial = sweep.trial(1)
found["config"] = trial.config["arch"]["depth"]
answers = trial.predictions()
found["accuracy"] = [answers["correct"].mean(), trial.metrics["val_accuracy"]]
found["html"] = sweep._repr_html_()
found["page"] = str(sweep.report("report.html"))
found["loaded"] = sweeper.load().name
json.dump(found, open("found.json", "w"))
"""


def run(folder: Path, script: str, **more: Any) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(script, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, timeout=240, check=False, **more
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("from python")


@pytest.fixture(scope="module")
def done(folder: Path) -> subprocess.CompletedProcess[str]:
    return run(folder, SCRIPT)


@pytest.fixture(scope="module")
def found(folder: Path, done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads((folder / "found.json").read_text(encoding="utf-8")))


def test_importing_sweeper_imports_nothing_heavy(found: dict[str, Any]) -> None:
    assert found["heavy"] == []


def test_a_script_without_a_main_guard_prints_what_the_command_prints(done: subprocess.CompletedProcess[str]) -> None:
    out = done.stdout
    assert "Data: digits, " in out
    assert (
        "resume it with: sweeper.run('arch.depth=3,5', 'training.epochs=1', 'data.max_samples=300', name='mine')"
        in (out)
    )
    assert "trial 1 complete: val_accuracy" in out
    assert out.count("Leaderboard of mine: data digits, ranked by val_accuracy (maximize)") == 1
    assert "What can be said" in out


def test_the_leaderboard_has_the_csvs_columns_with_their_types(folder: Path, found: dict[str, Any]) -> None:
    written = (folder / "mlruns/sweeps/mine/leaderboard.csv").read_text(encoding="utf-8").splitlines()[0]

    assert list(found["types"]) == written.split(",")
    assert found["types"]["arch.depth"] == "int64"
    assert found["types"]["val_accuracy"] == "float64"
    assert found["ranks"] == [1, 2]


def test_curves_findings_and_trials_are_those_of_the_sweep(found: dict[str, Any]) -> None:
    assert found["curves"] == [[0, 1], [1, 1]]
    assert found["best"] == found["leader"]
    assert "on 60 images" in found["sentences"][0]
    assert found["config"] == 5
    assert found["accuracy"][0] == pytest.approx(found["accuracy"][1], abs=1e-12)
    assert found["loaded"] == "mine"


def test_a_sweep_shows_itself_as_html_without_a_script(found: dict[str, Any]) -> None:
    assert found["html"].startswith("<div><p><b>mine</b>")
    assert "<script" not in found["html"]
    assert "<td>*1</td>" in found["html"] or "<td>1</td>" in found["html"]
    assert Path(found["page"]).read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (["arch.depth=0"], sweeper.ArchitectureValueError, "arch.depth=0 is not accepted"),
        (["arch.dept=3"], sweeper.ConfigError, "Did you mean 'arch.depth'?"),
        (["report"], sweeper.ConfigError, "sweeper.run does not take 'report'"),
        (["--help"], sweeper.ConfigError, "sweeper.run does not take '--help'"),
        ([3], sweeper.ConfigError, "takes words, and 3 is none"),
    ],
)
def test_a_refusal_is_an_exception_with_the_commands_paragraph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[Any], error: type[Exception], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=said.replace("?", r"\?")) as caught:
        sweeper.run(*words)
    assert "Try: " in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_unknown_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(sweeper.StoreError, match="There is no sweep in"):
        sweeper.load("mine", output_dir=str(tmp_path))


def test_an_attribute_that_is_no_error_is_none() -> None:
    with pytest.raises(AttributeError, match="NoSuchError"):
        _ = sweeper.NoSuchError


INTERRUPTED = """
import sweeper
try:
    sweeper.run("arch.depth=3", "training.epochs=2000", "data.max_samples=300", name="mine")
except KeyboardInterrupt:
    print("interrupted, and the script continues")
"""


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGKILL])
def test_a_sweep_ends_with_its_script_and_leaves_no_process(tmp_path: Path, number: int) -> None:
    (tmp_path / "script.py").write_text(INTERRUPTED, encoding="utf-8")
    command = [sys.executable, "-u", "script.py"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True) as script:
        assert script.stdout is not None
        for line in script.stdout:
            if line.startswith("trial 0 starts"):
                break
        script.send_signal(number)
        rest = script.stdout.read()

    if number == signal.SIGINT:
        assert script.returncode == 0
        assert "trial 0 was interrupted" in rest
        assert "to resume: sweeper.run('arch.depth=3'" in rest
        assert rest.strip().endswith("interrupted, and the script continues")
    deadline = time.monotonic() + 30
    while (left := _processes_in(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not left


def _processes_in(folder: Path) -> list[str]:
    """Processes whose current folder is this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(process / "cwd")) == folder.resolve():
                found.append(process.name)
        except OSError:  # it has ended, or is another user's
            continue
    return found
