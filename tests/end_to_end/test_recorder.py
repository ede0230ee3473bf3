"""The process that writes to MLflow: killed, stopped or kept waiting, it neither loses nor doubles anything."""

from __future__ import annotations

import contextlib
import csv
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun

LINE = ["-m", "arch.depth=1,2,3,4", "arch.filters=2", "arch.dense_units=8", "data.max_samples=200"]
SHORT = ["training.epochs=6", "training.threads=1", "sweep.name=recorded", "sweep.workers=2"]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


class Sweep:
    """A driver whose recorder can be found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = ""
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "sweeper", *LINE, *SHORT],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for(self, text: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if text in line:
                return
        pytest.fail(f"never printed {text!r}: {self.output}")

    def recorder(self) -> int:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for stat in Path("/proc").glob("[0-9]*/stat"):
                with contextlib.suppress(OSError):
                    if int(stat.read_text().rpartition(")")[2].split()[1]) == self.process.pid and (
                        b"tracking.recording" in (stat.parent / "cmdline").read_bytes()
                    ):
                        return int(stat.parent.name)
            time.sleep(0.05)
        pytest.fail("there is no recorder")

    def finish(self) -> str:
        rest, _ = self.process.communicate(timeout=120)
        self.output += rest
        return self.output


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Sweep]]:
    started: list[Sweep] = []

    def begin() -> Sweep:
        started.append(Sweep(tmp_path))
        return started[-1]

    yield begin
    for sweep in started:
        sweep.process.kill()
        sweep.process.wait()
        if sweep.process.stdout is not None:
            sweep.process.stdout.close()


def runs(folder: Path) -> list[MlflowRun]:
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("sweeper")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], "tags.`sweeper.kind` = 'trial'")
    return sorted(found, key=lambda run: int(run.data.tags["sweeper.trial"]))


def check_whole(folder: Path) -> None:
    """Every trial has one run, with each point of each curve once, its files, and one model."""
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    with (folder / "mlruns/sweeps/recorded/leaderboard.csv").open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["trial"]))
    found = runs(folder)
    assert [run.info.run_id for run in found] == [row["run_id"] for row in rows]
    assert [run.data.tags["sweeper.trial"] for run in found] == ["0", "1", "2", "3"]
    for run, row in zip(found, rows, strict=True):
        assert run.info.status == "FINISHED"
        points = client.get_metric_history(run.info.run_id, "val_accuracy")
        assert [point.step for point in points] == [1, 2, 3, 4, 5, 6]
        assert points[-1].value == float(row["val_accuracy"])
        assert len(client.get_metric_history(run.info.run_id, "saved_val_accuracy")) == 1
        assert {"predictions.npz", "curves.png"} <= {file.path for file in client.list_artifacts(run.info.run_id)}
        models = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
        assert [model.status.name for model in models] == ["READY"]
    assert {path.name for path in (folder / "mlruns/sweeps/recorded").iterdir()} == {
        *(".lock", "curves.png", "leaderboard.csv", "multirun.yaml", "predictions", "report.html")
    }


def test_a_killed_recorder_is_started_again(start: Callable[[], Sweep], tmp_path: Path) -> None:
    sweep = start()
    for line in ("trial 0 starts", "trial 1 complete", "trial 3 complete"):
        sweep.wait_for(line)
        os.kill(sweep.recorder(), signal.SIGKILL)

    output = sweep.finish()

    assert sweep.process.returncode == 0, output
    assert output.count("the process that writes to MLflow ended; it is started again") == 3
    check_whole(tmp_path)


@pytest.mark.parametrize("queue", ["kept", pytest.param("damaged", marks=pytest.mark.long)])
def test_what_a_killed_driver_had_not_recorded_is_recorded_by_the_next_start(
    queue: str, start: Callable[[], Sweep], tmp_path: Path, run_sweeper: Run
) -> None:
    sweep = start()
    sweep.wait_for("trial 0 starts")
    recorder = sweep.recorder()
    os.kill(recorder, signal.SIGSTOP)  # from here on nothing is written to MLflow
    sweep.wait_for("trial 1 complete")
    sweep.process.kill()
    sweep.process.communicate()

    deadline = time.monotonic() + 10
    while Path(f"/proc/{recorder}").exists():
        assert time.monotonic() < deadline, "the recorder outlives its driver"
        time.sleep(0.05)
    assert not any(run.info.status == "FINISHED" for run in runs(tmp_path))
    for command in ("verify recorded:1", "promote recorded --trial 1"):
        refused = run_sweeper(tmp_path, *command.split())
        assert refused.returncode == 2
        assert "Trial 1 of sweep recorded is not in MLflow yet" in refused.stderr

    if queue == "damaged":
        (tmp_path / "mlruns/sweeps/recorded/record.db").write_bytes(b"no database" * 1_000)
    again = start()
    output = again.finish()

    assert again.process.returncode == 0, output
    assert "trial 1 starts" not in output
    assert "trial 1 complete" not in output
    check_whole(tmp_path)


@pytest.mark.long
def test_a_store_that_is_away_delays_no_trial(start: Callable[[], Sweep], tmp_path: Path) -> None:
    sweep = start()
    sweep.wait_for("trial 0 starts")
    with contextlib.closing(sqlite3.connect(tmp_path / "mlruns/mlflow.db", isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        for line in ("trial 0 complete", "trial 3 complete"):
            sweep.wait_for(line)
        database.execute("ROLLBACK")

    output = sweep.finish()

    assert sweep.process.returncode == 0, output
    check_whole(tmp_path)


@pytest.mark.long
def test_a_run_that_somebody_deleted_and_another_experiment_do_not_stop_a_sweep(
    run_sweeper: Run, tmp_path: Path
) -> None:
    line = ["arch.depth=1,2", "arch.filters=2", "training.epochs=1", "data.max_samples=200", "sweep.name=two"]
    first = run_sweeper(tmp_path, *line, "report.finalists=0")
    assert first.returncode == 0, first.stderr
    deleted = runs(tmp_path)[0].info.run_id
    MlflowClient(f"sqlite:///{tmp_path}/mlruns/mlflow.db").delete_run(deleted)

    done = run_sweeper(tmp_path, *line, "tracking.experiment=another")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "The test figures of trial 0 are in the report, not in MLflow" in done.stdout
    assert "The test set (200 images) was opened once" in done.stdout
    with (tmp_path / "mlruns/sweeps/two/leaderboard.csv").open(newline="") as file:
        assert all(float(row["test_accuracy"]) > 0 for row in csv.DictReader(file))
