"""The real MLflow server on a real store, asked for its pages, then ended."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sweeper.config.sweep import TrackingConfig
from sweeper.core.errors import ConfigError, StoreError
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import EpochReport, TrialState
from sweeper.tracking import tags, ui
from sweeper.tracking.tracker import Tracker

#: What `python -m sweeper ui` does with its words.
SERVE = """
import sys
from pathlib import Path
from sweeper.tracking import ui
from sweeper.core.errors import SweeperError
try:
    sys.exit(ui.serve(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None))
except SweeperError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


@dataclass
class Served:
    """A running `ui` process, what it has said, and where its store lies."""

    process: subprocess.Popen[str]
    url: str
    paths: OutputPaths
    run_id: str
    cwd: Path

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            body: bytes = answer.read()
        return body


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[OutputPaths, str]:
    """A store that was made elsewhere and moved here, with one trial in it."""
    folder = tmp_path_factory.mktemp("ui")
    made = OutputPaths(folder / "made here")
    tracker = Tracker.open(TrackingConfig(), made)
    (folder / "files" / "sub").mkdir(parents=True)
    (folder / "files" / "sub" / "note.txt").write_text("a note", encoding="utf-8")
    run_id = tracker.start_trial(tracker.start_sweep("sweep", {}, {}), 0, "arch.depth=3", {}, {})
    tracker.finish_trial(run_id, TrialState.COMPLETE, {}, {}, folder / "files")
    moved = OutputPaths(folder / "a b#c%d")
    shutil.move(made.root, moved.root)
    return moved, run_id


@contextmanager
def _serving(cwd: Path, output_dir: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(output_dir), *words],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def served(store: tuple[OutputPaths, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    cwd = tmp_path_factory.mktemp("cwd")
    paths, run_id = store
    with _serving(cwd, paths.root) as process:
        assert process.stdout is not None
        note = process.stdout.readline()
        assert note == f"The folder was moved from {paths.root.parent / 'made here'}: " + (
            "its addresses in MLflow's store now point here.\n"
        )
        line = process.stdout.readline()
        assert line.startswith("MLflow UI: http://127.0.0.1:")
        assert line.endswith("  (Ctrl-C ends it)\n")
        yield Served(process, line.split()[2], paths, run_id, cwd)


def _processes_of(paths: OutputPaths) -> list[str]:
    """Command lines that name the store; MLflow's workers get it by their environment."""
    listed = subprocess.run(["ps", "-eww", "-o", "pid,stat,args", "e"], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if str(paths.tracking_db) in line and " Z" not in line[:20]]


def test_the_page_and_the_experiment_are_served(served: Served) -> None:
    assert b"<title>MLflow</title>" in served.get("/")
    found = json.loads(served.get("/ajax-api/2.0/mlflow/experiments/get-by-name?experiment_name=sweeper"))
    assert found["experiment"]["artifact_location"] == served.paths.artifacts.as_uri()


def test_an_artifact_of_a_moved_run_is_served_byte_by_byte(served: Served) -> None:
    asked = urllib.parse.urlencode({"path": "sub/note.txt", "run_uuid": served.run_id})
    assert served.get(f"/get-artifact?{asked}") == b"a note"


def test_a_sweep_can_be_tracked_over_http(served: Served, tmp_path: Path) -> None:
    from mlflow import MlflowClient
    from mlflow.models import Model

    for folder, name in (("files", "log.txt"), ("model", "weights")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(name, encoding="utf-8")
    Model().save(str(tmp_path / "model" / "MLmodel"))
    tracker = Tracker.open(TrackingConfig(uri=served.url, experiment="by http"), OutputPaths(tmp_path / "unused"))
    parent = tracker.start_sweep("sweep", {"workers": "2"}, {})
    cut_off = tracker.start_trial(parent, 0, "trial", {"arch.depth": 3}, {})
    run_id = tracker.start_trial(parent, 0, "trial", {"long": "x" * 7000, "empty": "", "no": None}, {})
    for epoch in (1, 2):
        tracker.log_epochs(
            run_id, [EpochReport(epoch, {"loss": float("nan"), "val_loss": 0.5, "duration_s": 1.0}, epoch)]
        )
    metrics = {"val_loss": float("inf"), "epochs": 2}
    tracker.finish_trial(run_id, TrialState.COMPLETE, metrics, {}, tmp_path / "files", tmp_path / "model")
    tracker.finish_sweep(parent, "FINISHED", [tmp_path / "files" / "log.txt"], {"num_trials": 1}, {})

    client = MlflowClient(served.url, served.url)
    run = client.get_run(run_id)
    assert (tracker.uri, run.info.status, run.data.tags[tags.STATE]) == (served.url, "FINISHED", "complete")
    assert [(point.step, point.value) for point in client.get_metric_history(run_id, "val_loss")] == [
        (1, 0.5),
        (2, 0.5),
    ]
    assert run.data.metrics["saved_val_loss"] > 1e300
    assert (run.data.params["empty"], run.data.params["no"]) == ("", "null")
    assert client.get_run(cut_off).info.lifecycle_stage == "deleted"
    assert Path(client.download_artifacts(run_id, "log.txt")).read_text(encoding="utf-8") == "log.txt"
    assert [file.path for file in client.list_artifacts(parent)] == ["log.txt"]
    [model] = client.search_logged_models([run.info.experiment_id])
    assert [file.path for file in client.list_logged_model_artifacts(model.model_id)] == ["MLmodel", "weights"]
    assert not (tmp_path / "unused").exists()


def test_a_taken_port_is_refused_by_name_and_passed_over_without_one(served: Served) -> None:
    port = int(served.url.rpartition(":")[2])
    with pytest.raises(ConfigError, match=f"--port {port} is taken by another program.* Try: python -m sweeper ui$"):
        ui.serve(served.paths.root, port)
    with closing(socket.socket()) as probe:
        assert probe.connect_ex((ui.HOST, port)) == 0
    assert not ui._is_free(port)
    assert ui._free_port() != port


def test_ctrl_c_ends_it_with_130_and_leaves_neither_process_nor_file(served: Served) -> None:
    assert len(_processes_of(served.paths)) >= 2
    os.kill(served.process.pid, signal.SIGINT)
    output, errors = served.process.communicate(timeout=20)
    assert (served.process.returncode, output, errors) == (130, "", "")
    assert _processes_of(served.paths) == []
    assert list(served.cwd.iterdir()) == []
    assert sorted(path.name for path in served.paths.root.iterdir()) == ["artifacts", "mlflow.db"]


def test_a_signal_before_it_answers_ends_it_too(store: tuple[OutputPaths, str], tmp_path: Path) -> None:
    paths, _ = store
    with _serving(tmp_path, paths.root) as process:
        deadline = time.monotonic() + 20
        while not _processes_of(paths)[1:] and time.monotonic() < deadline:
            time.sleep(0.1)
        process.terminate()
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (143, "")
    assert "MLflow UI" not in output
    assert _processes_of(paths) == []


def test_a_server_that_cannot_start_says_why(store: tuple[OutputPaths, str], tmp_path: Path) -> None:
    shutil.copy(store[0].tracking_db, tmp_path / "mlflow.db")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as broken:
        broken.execute("UPDATE alembic_version SET version_num = 'abcdef123456'")
        broken.commit()
    with _serving(tmp_path, tmp_path) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("SweeperError: the MLflow server has ended: it ended with status 1. Its last lines: ")
    assert "found version abcdef123456" in errors
    assert len(errors.splitlines()) == 1


def test_a_folder_without_a_store_is_refused_with_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no mlflow\.db, .* Try: python -m sweeper -m arch\.depth=3,5,7, then "):
        ui.serve(tmp_path, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", [0, -1, 70000])
def test_what_is_no_port_is_refused(store: tuple[OutputPaths, str], port: int) -> None:
    with pytest.raises(ConfigError, match=f"--port {port} is not a port. Accepted: 1 to 65535"):
        ui.serve(store[0].root, port)


@pytest.mark.parametrize(
    ("folder", "uri"),
    [
        ("/data/mlruns", "sqlite:////data/mlruns/mlflow.db"),
        ("/data/a b#c%d", "sqlite:////data/a b#c%d/mlflow.db"),
        ("/data/it's", "sqlite:////data/it's/mlflow.db"),
        ("/data/what?", "sqlite+pysqlite:////data/what%3F/mlflow.db"),
    ],
)
def test_the_plain_command_can_be_pasted_into_a_shell(folder: str, uri: str) -> None:
    assert shlex.split(ui.plain_command(Path(folder))) == ["mlflow", "ui", "--backend-store-uri", uri]


def test_the_plain_command_names_the_folder_absolutely() -> None:
    assert f"sqlite:///{Path.cwd()}/mlruns/mlflow.db" in ui.plain_command(Path("mlruns"))
