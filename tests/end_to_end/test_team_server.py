"""A team's servers: the study on PostgreSQL, MLflow's server on PostgreSQL too; both go away while a sweep runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

import mlflow_server
from postgres_server import PASSWORD, PostgresServer

TRIALS = 16
SLEEPING = [
    *("arch.depth=1,2", "seed=range(0,8)", "data.max_samples=200", "training.epochs=3", "sweep.workers=4"),
    *("executor=simulate", "executor.simulate.duration_s=1.5", "report.finalists=0", "sweep.name=mine"),
]


def _finished(lines: list[str]) -> int:
    return sum(" complete: " in line for line in lines)


def test_servers_that_are_away_for_a_while_lose_nothing(
    postgres: PostgresServer, tmp_path: Path, run_sweeper: Callable[..., Any]
) -> None:
    study, runs = postgres.new_database(), postgres.new_database()
    shown = postgres.url(study, user="bob")
    place = f"sweep.storage={postgres.url(study)}"
    (tmp_path / "here").mkdir()
    store = postgres.url(runs, user="bob")
    with mlflow_server.running(tmp_path / "server", store, PGPASSWORD=PASSWORD) as server:
        words = ["-m", *SLEEPING, place, f"tracking.uri={server.address}"]
        command = [sys.executable, "-u", "-m", "sweeper", *words]
        lines: list[str] = []
        with subprocess.Popen(
            command, cwd=tmp_path / "here", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as driver:
            assert driver.stdout is not None
            for line in driver.stdout:
                lines.append(line)
                if _finished(lines) == 3:
                    break
            server.kill()
            postgres.stop()
            for line in driver.stdout:  # away until the driver has noticed it, which the server's word may precede
                lines.append(line)
                if f"{shown} fails: " in line:
                    break
            postgres.start()
            server.start()
            lines += driver.stdout
        output = "".join(lines)
        assert driver.returncode == 0, output
        server.wait()
        here = tmp_path / "here"
        report = run_sweeper(here, "report", "mine", "--csv", "-", env={"PGPASSWORD": PASSWORD})
        found = _recorded_runs(server.address)

    assert f"{shown} fails: " in output
    assert f"{shown} works again" in output
    assert postgres.sql("SELECT state::text, count(*) FROM trials GROUP BY 1", database=study) == [("COMPLETE", TRIALS)]
    assert found == {str(number): ("FINISHED", True) for number in range(TRIALS)}
    assert len(report.stdout.splitlines()) == TRIALS + 1, report.stderr
    assert yaml.safe_load((here / "mlruns/sweeps/mine/multirun.yaml").read_text())["storage"] == shown
    assert not (here / "mlruns/optuna.db").exists()
    assert f"{postgres.url(study, user='bob:***')}" in output
    assert PASSWORD not in output + report.stdout + report.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert written == []


def _recorded_runs(address: str) -> dict[str, tuple[str, bool]]:
    """Each trial's state in MLflow, and whether the server has its predictions."""
    from sweeper.tracking import tags
    from sweeper.tracking.client import connect

    client = connect(address)
    [experiment] = client.search_experiments(filter_string="name = 'sweeper'")
    found = client.search_runs([experiment.experiment_id], f"tags.`{tags.KIND}` = '{tags.KIND_TRIAL}'")
    return {
        run.data.tags[tags.TRIAL]: (
            run.info.status,
            "predictions.npz" in {one.path for one in client.list_artifacts(run.info.run_id)},
        )
        for run in found
    }
