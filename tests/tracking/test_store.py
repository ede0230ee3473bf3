"""A store that was moved or copied, read back by MLflow itself."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from sweeper.config.sweep import TrackingConfig
from sweeper.core.errors import StoreError
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import TrialState
from sweeper.tracking.client import local_uri
from sweeper.tracking.store import ADDRESSES, moved, relocate
from sweeper.tracking.tracker import Tracker

OLD, NEW = Path("/a/runs"), Path("/b/new place")


@pytest.mark.parametrize(
    ("address", "there"),
    [
        pytest.param("file:///a/runs/artifacts/1", "file:///b/new%20place/artifacts/1", id="uri"),
        pytest.param("/a/runs/artifacts/0", "/b/new place/artifacts/0", id="bare-path"),
        pytest.param("file:///a/runs", "file:///b/new%20place", id="the-folder-itself"),
        pytest.param("file:///a/runs2/artifacts", "file:///a/runs2/artifacts", id="same-beginning-of-a-name"),
        pytest.param("file:///x/a/runs/artifacts", "file:///x/a/runs/artifacts", id="not-at-the-root"),
        pytest.param("file:///a/runs/a%20b%23c", "file:///b/new%20place/a%20b%23c", id="quoted"),
        pytest.param("file:///a/r%75ns/1", "file:///b/new%20place/1", id="quoted-otherwise"),
        pytest.param("file://host/a/runs/1", "file://host/a/runs/1", id="another-machine"),
        pytest.param("file:///a/runs/1?x=y", "file:///a/runs/1?x=y", id="with-a-query"),
        pytest.param("models:/m-123", "models:/m-123", id="a-model"),
        pytest.param("mlflow-artifacts:/1", "mlflow-artifacts:/1", id="a-server"),
        pytest.param("s3://a/runs/1", "s3://a/runs/1", id="a-bucket"),
        pytest.param("a/runs/1", "a/runs/1", id="relative"),
        pytest.param("", "", id="empty"),
    ],
)
def test_an_address_moves_only_where_it_lies_under_the_old_folder(address: str, there: str) -> None:
    assert moved(address, OLD, NEW) == there


def test_an_address_moves_into_a_folder_below_the_old_one_once() -> None:
    assert moved("file:///a/runs/1", OLD, OLD / "runs") == "file:///a/runs/runs/1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> OutputPaths:
    """A store with an artifact, a logged model and a registered one, in a folder named awkwardly."""
    folder = tmp_path_factory.mktemp("made")
    paths = OutputPaths(folder / "first place#100%")
    tracker = Tracker.open(TrackingConfig(), paths)

    from mlflow import MlflowClient
    from mlflow.models import Model

    (folder / "files").mkdir()
    (folder / "files" / "note.txt").write_text("a note", encoding="utf-8")
    (folder / "model" / "data").mkdir(parents=True)
    (folder / "model" / "data" / "weights").write_bytes(b"weights")
    Model().save(str(folder / "model" / "MLmodel"))
    parent = tracker.start_sweep("sweep", {}, {})
    run_id = tracker.start_trial(parent, 0, "trial", {}, {})
    tracker.finish_trial(run_id, TrialState.COMPLETE, {}, {}, folder / "files", folder / "model")
    client = MlflowClient(tracker.uri, tracker.uri)
    client.create_registered_model("mine")
    [model] = client.search_logged_models(["1"])
    client.create_model_version("mine", f"{model.artifact_location}", run_id)
    client.create_experiment("elsewhere", artifact_location=paths.root.with_name("first place#100%2").as_uri())
    return paths


@pytest.fixture
def copied(made: OutputPaths, tmp_path: Path) -> OutputPaths:
    shutil.copytree(made.root, tmp_path / "copy")
    return OutputPaths(tmp_path / "copy")


def _addresses(paths: OutputPaths) -> list[str]:
    with closing(sqlite3.connect(paths.tracking_db)) as store:
        found = [row[0] for table, column in ADDRESSES for row in store.execute(f"SELECT {column} FROM {table}")]
    return [address for address in found if address and not address.startswith("models:")]


def _everything_is_found_in(paths: OutputPaths) -> None:
    """Reads the artifact, the model and the registered version, as a user of MLflow would."""
    from mlflow import MlflowClient

    client = MlflowClient(local_uri(paths), local_uri(paths))
    [run] = client.search_runs(["1"], "tags.`sweeper.trial` = '0'")
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["note.txt"]
    assert Path(client.download_artifacts(run.info.run_id, "note.txt")).read_text(encoding="utf-8") == "a note"
    assert run.info.artifact_uri == f"{paths.artifacts.as_uri()}/{run.info.run_id}/artifacts"
    [model] = client.search_logged_models(["1"])
    assert model.artifact_location.startswith(f"{paths.artifacts.as_uri()}/models/")
    assert client.get_model_version_download_uri("mine", "1").startswith(paths.artifacts.as_uri())


def test_a_folder_that_was_moved_twice_is_read_at_its_last_place(copied: OutputPaths, tmp_path: Path) -> None:
    shutil.move(copied.root, tmp_path / "second place?")
    second = OutputPaths(tmp_path / "second place?")
    relocate(second)
    _everything_is_found_in(second)
    third = OutputPaths(tmp_path / "deeper" / "drittes Verzeichnis ü")
    third.root.parent.mkdir()
    shutil.move(second.root, third.root)
    assert relocate(third) == second.root
    _everything_is_found_in(third)


def test_a_copy_points_to_itself_and_the_original_stays_as_it_was(made: OutputPaths, copied: OutputPaths) -> None:
    before = _addresses(made)
    assert relocate(copied) == made.root
    _everything_is_found_in(copied)
    assert _addresses(made) == before


def test_a_folder_whose_name_only_begins_alike_is_left_alone(made: OutputPaths, copied: OutputPaths) -> None:
    relocate(copied)
    elsewhere = made.root.with_name("first place#100%2").as_uri()
    assert [address for address in _addresses(copied) if not address.startswith(copied.artifacts.as_uri())] == [
        elsewhere
    ]


def test_a_second_look_changes_nothing(copied: OutputPaths) -> None:
    relocate(copied)
    before = copied.tracking_db.read_bytes()
    assert relocate(copied) is None
    assert copied.tracking_db.read_bytes() == before


def test_opening_the_tracker_relocates_and_says_from_where(made: OutputPaths, copied: OutputPaths) -> None:
    assert Tracker.open(TrackingConfig(), copied).moved_from == made.root
    assert Tracker.open(TrackingConfig(), copied).moved_from is None
    _everything_is_found_in(copied)


def test_ten_thousand_runs_are_rewritten_in_seconds(copied: OutputPaths) -> None:
    with closing(sqlite3.connect(copied.tracking_db)) as store:
        [address] = store.execute("SELECT artifact_location FROM experiments WHERE experiment_id = 1").fetchone()
        rows = [(f"r{number}", f"{address}/r{number}/artifacts") for number in range(10_000)]
        store.executemany("INSERT INTO runs (run_uuid, artifact_uri) VALUES (?, ?)", rows)
        store.commit()
    started = time.monotonic()
    relocate(copied)
    assert time.monotonic() - started < 10
    assert f"{copied.artifacts.as_uri()}/r9999/artifacts" in _addresses(copied)


def test_where_no_store_is_nothing_is_done(tmp_path: Path) -> None:
    assert relocate(OutputPaths(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"no database at all, but long enough to be taken for one", "not a database"), (b"", "no table 'experiments'")],
)
def test_a_file_that_is_no_store_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "mlflow.db").write_bytes(content)
    with pytest.raises(StoreError, match=rf"mlflow\.db cannot be used as an MLflow store: .*{reason}.*Try: put a copy"):
        relocate(OutputPaths(tmp_path))


def test_a_store_that_another_program_holds_is_refused(copied: OutputPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeper.tracking.store._BUSY_TIMEOUT_S", 0.1)
    with closing(sqlite3.connect(copied.tracking_db, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked"):
            relocate(copied)


KILLED = """
import os, signal, sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("PRAGMA cache_size = 1")
store.execute("BEGIN IMMEDIATE")
store.execute("CREATE TABLE half (text)")
for number in range(2000):
    store.execute("INSERT INTO half VALUES (?)", ("x" * 500,))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_store_whose_writer_was_killed_in_mid_transaction_is_as_it_was_before(tmp_path: Path) -> None:
    paths = OutputPaths(tmp_path)
    Tracker.open(TrackingConfig(), paths)
    subprocess.run([sys.executable, "-c", KILLED, str(paths.tracking_db)], check=False)
    assert Path(f"{paths.tracking_db}-journal").stat().st_size > 0

    assert relocate(paths) is None

    with closing(sqlite3.connect(paths.tracking_db)) as store:
        assert not store.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall()
