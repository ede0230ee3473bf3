"""The output folder in trouble: a disk that is full, a folder that moved, one that may not be written."""

from __future__ import annotations

import csv
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

Run = Callable[..., "subprocess.CompletedProcess[str]"]

SMALL = ["arch.filters=4", "arch.dense_units=16", "training.epochs=1", "data.max_samples=200"]


def board(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"sweeps/{name}/leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.long
def test_a_disk_that_fills_up_ends_the_sweep_with_one_paragraph_and_the_line_goes_on_later(
    tmp_path: Path, run_sweeper: Run
) -> None:
    line = ["-m", *SMALL, "sweep.name=full", "sweep.workers=1"]
    assert run_sweeper(tmp_path, *line, "arch.depth=1").returncode == 0
    room = (tmp_path / "mlruns/mlflow.db").stat().st_size + 8192  # bytes; the largest file may grow by two pages

    stopped = subprocess.run(
        [sys.executable, "-m", "sweeper", *line, "arch.depth=1,2,3,4"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert stopped.returncode == 1
    assert len(stopped.stderr.splitlines()) == 1
    assert "The sweep stopped: MLflow at sqlite:" in stopped.stderr
    assert "disk" in stopped.stderr
    assert "To resume, once that is fixed: python -m sweeper -m " in stopped.stderr
    assert "arch.depth=1,2,3,4 sweep.name=full" in stopped.stderr

    assert run_sweeper(tmp_path, *line, "arch.depth=1,2,3,4").returncode == 0
    rows = board(tmp_path / "mlruns", "full")
    assert [row["state"] for row in rows] == ["complete"] * 4
    assert sorted(row["arch.depth"] for row in rows) == ["1", "2", "3", "4"]


@pytest.mark.long
def test_a_sweep_leaves_nothing_beside_its_output_folder(
    tmp_path: Path, run_sweeper: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        monkeypatch.setenv("TMPDIR", temporary)
        assert run_sweeper(tmp_path, "-m", *SMALL, "arch.depth=1").returncode == 0
        assert os.listdir(temporary) == []
    assert os.listdir(tmp_path) == ["mlruns"]


def test_a_moved_folder_keeps_its_artifacts_and_goes_on(tmp_path: Path, run_sweeper: Run) -> None:
    line = ["-m", *SMALL, "sweep.name=moved", "sweep.workers=1"]
    assert run_sweeper(tmp_path, *line, "arch.depth=1", "output_dir=here").returncode == 0
    os.rename(tmp_path / "here", tmp_path / "there")

    report = run_sweeper(tmp_path, "report", "--csv", "-", "--output-dir", "there")
    assert report.returncode == 0
    [row] = csv.DictReader(report.stdout.splitlines())
    client = MlflowClient(f"sqlite:///{tmp_path}/there/mlflow.db")
    assert client.get_run(row["run_id"]).info.artifact_uri.startswith((tmp_path / "there").as_uri())
    assert "depth: 1" in Path(client.download_artifacts(row["run_id"], "config.yaml")).read_text()

    more = run_sweeper(tmp_path, *line, "arch.depth=1,2", "output_dir=there")
    assert more.returncode == 0
    assert "trial 0 starts" not in more.stdout
    assert [row["state"] for row in board(tmp_path / "there", "moved")] == ["complete"] * 2
    assert not (tmp_path / "here").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path, run_sweeper: Run) -> None:
    (tmp_path / "sealed").mkdir(mode=0o500)

    refused = run_sweeper(tmp_path, "-m", *SMALL, "arch.depth=1", "output_dir=sealed")

    assert refused.returncode == 2
    assert "cannot be written: Permission denied" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
