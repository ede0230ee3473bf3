"""What the tracker writes, read back from a real SQLite store by a second client."""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sweeper.config.sweep import TrackingConfig
from sweeper.core.errors import StoreError, TrackingError
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import EpochReport, TrialState
from sweeper.host import process
from sweeper.tracking import tags
from sweeper.tracking.format import MAX_PARAM_LENGTH, MAX_TAG_LENGTH
from sweeper.tracking.tracker import Tracker

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tracker")


@pytest.fixture(scope="module")
def paths(folder: Path) -> OutputPaths:
    return OutputPaths(folder / "out put#100%é")


@pytest.fixture(scope="module")
def tracker(folder: Path, paths: OutputPaths) -> Iterator[Tracker]:
    """One store for the whole module; each test has a sweep of its own. The working directory stays empty."""
    (folder / "cwd").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "cwd")
        yield Tracker.open(TrackingConfig(), paths)


@pytest.fixture(scope="module")
def client(tracker: Tracker) -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(tracker.uri, tracker.uri)


@pytest.fixture
def sweep(tracker: Tracker, request: pytest.FixtureRequest) -> str:
    """The parent run of a sweep named after the test."""
    return tracker.start_sweep(request.node.name[:90], {"workers": "2"}, {"objective": "val_accuracy"})


@pytest.fixture
def model_folder(tmp_path: Path, tracker: Tracker) -> Path:
    """A model's folder as far as MLflow looks into it, without Keras."""
    from mlflow.models import Model

    (tmp_path / "model" / "data").mkdir(parents=True)
    (tmp_path / "model" / "data" / "model.keras").write_bytes(b"weights")
    Model().save(str(tmp_path / "model" / "MLmodel"))
    return tmp_path / "model"


def _epoch(number: int, **changed: float) -> EpochReport:
    metrics = {"loss": 1 / number, "accuracy": 0.5, "val_loss": 2 / number, "val_accuracy": 0.25 * number}
    return EpochReport(number, {**metrics, "duration_s": 0.5, **changed}, 1_700_000_000_000 + number)


def _children(client: MlflowClient, parent: str) -> list[Run]:
    return list(client.search_runs(["1"], f"tags.`mlflow.parentRunId` = '{parent}'", order_by=["start_time"]))


def _curve(client: MlflowClient, run_id: str, name: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in client.get_metric_history(run_id, name)]


def _told(client: MlflowClient, run_id: str) -> dict[str, Any]:
    """All that MLflow knows of a run, without ids and times."""
    run = client.get_run(run_id)
    own = {"mlflow.parentRunId", "sweeper.sweep", "mlflow.runName"}
    return {
        "params": run.data.params,
        "tags": {key: value for key, value in run.data.tags.items() if key not in own},
        "curves": {name: _curve(client, run_id, name) for name in run.data.metrics},
        "status": run.info.status,
    }


def test_what_is_told_together_is_what_is_told_one_by_one_in_one_request(
    tracker: Tracker, client: MlflowClient, sweep: str, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient as Client

    requests: list[dict[str, Any]] = []
    original = Client.log_batch

    def log_batch(self: Client, run_id: str, **given: Any) -> Any:
        requests.append({name: len(value) for name, value in given.items() if name != "synchronous"})
        return original(self, run_id, **given)

    monkeypatch.setattr(Client, "log_batch", log_batch)
    params = {f"param{number}": number for number in range(30)}

    def tell(number: int) -> str:
        run_id = tracker.start_trial(sweep, number, "trial", params, {"first": "1"})
        for epoch in (1, 2, 3):
            tracker.log_epochs(run_id, [_epoch(epoch)])
        model = Path(shutil.copytree(model_folder, model_folder.parent / f"model{number}"))
        final = {"val_loss": 0.5, "test_loss": 0.25, "epochs": 3.0}
        tracker.finish_trial(
            run_id, TrialState.COMPLETE, final, {"last": "2"}, model=model, end_time_ms=1_700_000_000_999
        )
        return run_id

    one_by_one = tell(0)
    assert requests == [
        {"metrics": 0, "params": 30, "tags": 0},
        *[{"metrics": 5, "params": 0, "tags": 0}] * 3,
        {"metrics": 3, "params": 0, "tags": 2},
    ]
    requests.clear()
    with tracker.together():
        together = tell(1)
    assert requests == [{"metrics": 18, "params": 30, "tags": 2}]
    told = [_told(client, run_id) for run_id in (one_by_one, together)]
    for one in told:
        del one["tags"]["sweeper.trial"]
    assert told[0] == told[1]
    assert told[0]["curves"]["val_accuracy"] == [(1, 0.25), (2, 0.5), (3, 0.75)]


def test_what_is_told_together_is_there_at_the_end_beyond_the_limits_and_not_of_an_abandoned_run(
    tracker: Tracker, client: MlflowClient, sweep: str
) -> None:
    params = {f"param{number}": number for number in range(150)}
    with tracker.together():
        abandoned = tracker.start_trial(sweep, 0, "trial", {"given": "up"}, {})
        tracker.log_epochs(abandoned, [_epoch(1)])
        tracker.abandon_trial(abandoned)
        run_id = tracker.start_trial(sweep, 0, "trial", params, {})
        tracker.log_epochs(run_id, [_epoch(number) for number in range(1, 301)])
        assert client.get_run(run_id).data.params == {}

    run = client.get_run(run_id)
    assert run.data.params == {key: str(value) for key, value in params.items()}
    assert len(_curve(client, run_id, "loss")) == 300
    assert run.info.status == "RUNNING"
    assert client.get_run(abandoned).data.params == {}


def test_importing_the_tracker_does_not_import_mlflow() -> None:
    modules = "sys, sweeper.tracking.tracker, sweeper.tracking.ui"
    code = f"import {modules}; assert not {{'mlflow', 'sqlalchemy'}} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_store_is_made_under_the_output_folder_and_nowhere_else(tracker: Tracker, paths: OutputPaths) -> None:
    assert tracker.uri == f"sqlite:///{paths.tracking_db}"
    assert [path.name for path in paths.root.iterdir() if path != paths.artifacts] == ["mlflow.db"]


def test_every_experiment_keeps_its_artifacts_in_the_output_folder(client: MlflowClient, paths: OutputPaths) -> None:
    locations = {found.name: found.artifact_location for found in client.search_experiments()}
    assert locations == {"Default": f"{paths.artifacts.as_uri()}/0", "sweeper": paths.artifacts.as_uri()}


def test_opening_again_finds_the_same_experiment_quickly(tracker: Tracker, paths: OutputPaths) -> None:
    started = time.monotonic()
    again = Tracker.open(TrackingConfig(), paths)
    assert time.monotonic() - started < 1
    assert (again.uri, again.moved_from) == (tracker.uri, None)


def test_a_deleted_experiment_is_restored(client: MlflowClient, paths: OutputPaths) -> None:
    client.delete_experiment("1")
    Tracker.open(TrackingConfig(), paths)
    assert client.get_experiment("1").lifecycle_stage == "active"


def test_a_trial_is_a_child_of_its_sweep_and_says_whose(tracker: Tracker, client: MlflowClient, sweep: str) -> None:
    run_id = tracker.start_trial(
        sweep, 7, "arch.depth=3", {"arch.depth": 3, "arch.filters": [48, 64]}, {tags.HASH: "abc"}
    )
    [run] = _children(client, sweep)
    parent = client.get_run(sweep)
    assert (run.info.run_id, run.info.run_name, run.info.status) == (run_id, "arch.depth=3", "RUNNING")
    assert run.data.params == {"arch.depth": "3", "arch.filters": "[48,64]"}
    expected = {tags.SWEEP: parent.info.run_name, tags.KIND: "trial", tags.TRIAL: "7", tags.STATE: "running"}
    assert expected.items() <= run.data.tags.items()
    assert run.data.tags[tags.HASH] == "abc"
    assert parent.data.params == {"workers": "2"}
    assert {tags.KIND: "sweep", "objective": "val_accuracy"}.items() <= parent.data.tags.items()


def test_a_curve_has_one_point_an_epoch_and_final_metrics_add_none(
    tracker: Tracker, client: MlflowClient, sweep: str
) -> None:
    run_id = tracker.start_trial(sweep, 0, "trial", {}, {})
    for number in (1, 2, 3):
        tracker.log_epochs(run_id, [_epoch(number)])
    final = {"train_loss": 0.3, "val_loss": 0.9, "val_accuracy": 0.6, "duration_s": 12.5, "epochs": 3, "num_params": 10}
    tracker.finish_trial(run_id, TrialState.COMPLETE, final, {})
    assert _curve(client, run_id, "val_accuracy") == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert _curve(client, run_id, "loss") == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert _curve(client, run_id, "epoch_duration_s") == [(1, 0.5), (2, 0.5), (3, 0.5)]
    assert _curve(client, run_id, "saved_val_accuracy") == [(3, 0.6)]
    assert _curve(client, run_id, "train_loss") == [(3, 0.3)]
    assert set(client.get_run(run_id).data.metrics) == {
        *("loss", "accuracy", "val_loss", "val_accuracy", "epoch_duration_s"),
        *("train_loss", "saved_val_loss", "saved_val_accuracy", "duration_s", "epochs", "num_params"),
    }


def test_what_is_not_finite_is_recorded_and_stops_nothing(tracker: Tracker, client: MlflowClient, sweep: str) -> None:
    run_id = tracker.start_trial(sweep, 0, "trial", {"clip": math.inf}, {})
    tracker.log_epochs(run_id, [_epoch(1, loss=math.nan, val_loss=math.inf)])
    tracker.finish_trial(
        run_id, TrialState.FAILED, {"train_loss": math.nan, "val_loss": -math.inf}, {tags.ERROR: "NaN"}
    )
    [(_, loss)] = _curve(client, run_id, "loss")
    [(_, val_loss)] = _curve(client, run_id, "val_loss")
    assert math.isnan(loss)
    assert val_loss > 1e300
    assert client.get_run(run_id).data.tags[tags.ERROR] == "NaN"


@pytest.mark.parametrize(
    ("state", "status"),
    [(TrialState.COMPLETE, "FINISHED"), (TrialState.PRUNED, "KILLED"), (TrialState.FAILED, "FAILED")],
)
def test_each_state_has_mlflows_word_and_its_own_tag(
    tracker: Tracker, client: MlflowClient, sweep: str, state: TrialState, status: str
) -> None:
    run_id = tracker.start_trial(sweep, 0, "trial", {}, {})
    tracker.finish_trial(run_id, state, {}, {}, end_time_ms=1_700_000_000_123)
    run = client.get_run(run_id)
    assert (run.info.status, run.data.tags[tags.STATE], run.info.end_time) == (status, state.value, 1_700_000_000_123)


def test_params_of_any_number_length_and_spelling_are_recorded(
    tracker: Tracker, client: MlflowClient, sweep: str
) -> None:
    long = list(range(3000))
    params: dict[str, Any] = {f"arch.p{number:03d}": number for number in range(250)}
    odd = {"a/b!c": None, "": "", "..": True, "größe": "ü" * 6000, "long": long}
    run_id = tracker.start_trial(sweep, 0, "n" * 1000, {**params, **odd}, {})
    recorded = client.get_run(run_id).data.params
    assert {f"arch.p{number:03d}": str(number) for number in range(250)}.items() <= recorded.items()
    assert {"a_b_c": "null", "_": "", "_..": "true", "größe": "ü" * 6000}.items() <= recorded.items()
    assert recorded["long"].startswith("[0,1,2,3")
    assert recorded["long"].endswith(" … (cut)")
    assert len(recorded["long"]) == MAX_PARAM_LENGTH
    whole = json.loads(Path(client.download_artifacts(run_id, "long_params.json")).read_text(encoding="utf-8"))
    assert json.loads(whole["long"]) == long


def test_a_tag_that_is_too_long_is_cut(tracker: Tracker, client: MlflowClient, sweep: str) -> None:
    run_id = tracker.start_trial(sweep, 0, "trial", {}, {"note": "n" * 20_000})
    tracker.finish_trial(run_id, TrialState.FAILED, {}, {tags.ERROR: "e" * 20_000})
    recorded = client.get_run(run_id).data.tags
    for key in ("note", tags.ERROR):
        assert len(recorded[key]) == MAX_TAG_LENGTH
        assert recorded[key].endswith(" … (cut)")


def test_all_files_of_a_trial_become_artifacts(
    tracker: Tracker, client: MlflowClient, sweep: str, tmp_path: Path, paths: OutputPaths
) -> None:
    (tmp_path / "files" / "sub").mkdir(parents=True)
    (tmp_path / "files" / "trial.log").write_text("line", encoding="utf-8")
    (tmp_path / "files" / "sub" / "bytes.npz").write_bytes(b"\0\1")
    run_id = tracker.start_trial(sweep, 0, "trial", {}, {})
    tracker.finish_trial(run_id, TrialState.FAILED, {}, {}, tmp_path / "files")
    assert [file.path for file in client.list_artifacts(run_id)] == ["sub", "trial.log"]
    stored = paths.artifacts / run_id / "artifacts"
    assert (stored / "sub" / "bytes.npz").read_bytes() == b"\0\1"
    assert (stored / "trial.log").read_text(encoding="utf-8") == "line"


def test_a_trials_model_is_a_logged_model_with_its_metrics_and_params(
    tracker: Tracker, client: MlflowClient, sweep: str, model_folder: Path, paths: OutputPaths
) -> None:
    run_id = tracker.start_trial(sweep, 4, "trial", {"arch.depth": 3}, {})
    tracker.finish_trial(run_id, TrialState.PRUNED, {"val_accuracy": 0.5, "epochs": 2}, {}, None, model_folder)
    [model] = client.search_logged_models(["1"], f"source_run_id = '{run_id}'")
    assert (model.name, str(model.status), model.params) == ("model", "READY", {"arch.depth": "3"})
    assert model.tags[tags.TRIAL] == "4"
    assert [(metric.key, metric.value, metric.step) for metric in model.metrics] == [
        ("saved_val_accuracy", 0.5, 2),
        ("epochs", 2.0, 2),
    ]
    [output] = client.get_run(run_id).outputs.model_outputs
    assert (output.model_id, output.step) == (model.model_id, 2)
    stored = paths.artifacts / "models" / model.model_id / "artifacts"
    assert (stored / "data" / "model.keras").read_bytes() == b"weights"
    assert f"model_id: {model.model_id}" in (stored / "MLmodel").read_text(encoding="utf-8")
    assert f"run_id: {run_id}" in (stored / "MLmodel").read_text(encoding="utf-8")


def test_a_sweep_that_is_started_again_reopens_its_run(
    tracker: Tracker, client: MlflowClient, paths: OutputPaths
) -> None:
    first = tracker.start_sweep("again", {"workers": "2"}, {"objective": "val_loss"})
    tracker.finish_sweep(first, "KILLED", [], {}, {})
    second = Tracker.open(TrackingConfig(), paths).start_sweep("again", {"workers": "4", "new": "1"}, {"resumed": "1"})
    assert second == first
    run = client.get_run(first)
    assert run.info.status == "RUNNING"
    assert run.data.params == {"workers": "2", "new": "1"}
    assert {"objective": "val_loss", "resumed": "1"}.items() <= run.data.tags.items()


def test_a_sweep_whose_run_was_deleted_gets_a_new_one(tracker: Tracker, client: MlflowClient) -> None:
    first = tracker.start_sweep("deleted", {}, {})
    client.delete_run(first)
    assert tracker.start_sweep("deleted", {}, {}) != first


def test_a_sweep_is_not_taken_for_another_whose_name_begins_alike(tracker: Tracker) -> None:
    assert tracker.start_sweep("name", {}, {}) != tracker.start_sweep("name-2", {}, {})


@pytest.mark.parametrize("resumed", [False, True], ids=["same-driver", "next-driver"])
@pytest.mark.parametrize("finished", [False, True], ids=["interrupted", "finished"])
def test_a_trial_that_is_started_again_has_one_run(
    tracker: Tracker,
    client: MlflowClient,
    paths: OutputPaths,
    sweep: str,
    model_folder: Path,
    resumed: bool,
    finished: bool,
) -> None:
    first = tracker.start_trial(sweep, 3, "first", {}, {})
    other = tracker.start_trial(sweep, 30, "other", {}, {})
    if finished:
        tracker.finish_trial(first, TrialState.FAILED, {}, {}, None, model_folder)
    if resumed:
        tracker = Tracker.open(TrackingConfig(), paths)
        tracker.start_sweep(client.get_run(sweep).data.tags[tags.SWEEP], {}, {})
    second = tracker.start_trial(sweep, 3, "second", {}, {})
    assert [run.info.run_id for run in _children(client, sweep)] == [other, second]
    assert client.get_run(first).info.lifecycle_stage == "deleted"
    assert client.search_logged_models(["1"], f"source_run_id = '{first}'").to_list() == []


def test_an_interrupted_trial_can_be_abandoned(
    tracker: Tracker, client: MlflowClient, paths: OutputPaths, sweep: str
) -> None:
    done, cut_off, also = (tracker.start_trial(sweep, number, "trial", {}, {}) for number in range(3))
    tracker.finish_trial(done, TrialState.COMPLETE, {}, {})
    resumed = Tracker.open(TrackingConfig(), paths)
    resumed.abandon_trial(cut_off)
    assert {run.info.run_id for run in _children(client, sweep)} == {done, also}


def test_metrics_can_be_added_after_a_trial_has_ended(tracker: Tracker, client: MlflowClient, sweep: str) -> None:
    run_id = tracker.start_trial(sweep, 0, "trial", {}, {})
    tracker.finish_trial(run_id, TrialState.COMPLETE, {"epochs": 2}, {})
    tracker.log_metrics(run_id, {"test_accuracy": 0.75}, {"finalist": "1"}, step=2)
    run = client.get_run(run_id)
    assert (run.data.metrics["test_accuracy"], run.data.tags["finalist"], run.info.status) == (0.75, "1", "FINISHED")


def test_a_sweeps_files_and_figures_are_on_its_run(
    tracker: Tracker, client: MlflowClient, sweep: str, tmp_path: Path
) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "curves.png").write_bytes(b"png")
    (tmp_path / "leaderboard.csv").write_text("rank\n1\n", encoding="utf-8")
    files = [tmp_path / "leaderboard.csv", tmp_path / "figures"]
    tracker.finish_sweep(sweep, "FINISHED", files, {"num_trials": 3}, {"leader": "2"})
    run = client.get_run(sweep)
    assert (run.info.status, run.data.metrics, run.data.tags["leader"]) == ("FINISHED", {"num_trials": 3.0}, "2")
    assert [file.path for file in client.list_artifacts(sweep)] == ["figures", "leaderboard.csv"]
    assert Path(client.download_artifacts(sweep, "leaderboard.csv")).read_text(encoding="utf-8") == "rank\n1\n"


@pytest.mark.long
def test_a_trained_network_is_loaded_by_its_run_in_another_process(
    tracker: Tracker, sweep: str, tmp_path: Path
) -> None:
    """Trains and saves in one process, loads in another; mixed precision, since it is the harder case."""
    _python(
        """
        import sys
        from pathlib import Path
        import keras, numpy as np
        from sweeper.artifacts.model import save_model
        folder = Path(sys.argv[1])
        keras.utils.set_random_seed(0)
        keras.config.set_dtype_policy("mixed_bfloat16")
        from keras.layers import BatchNormalization, Conv2D, Dense, Flatten, Input
        last = Dense(3, activation="softmax", dtype="float32")
        model = keras.Sequential([Input((8, 8, 1)), Conv2D(4, 3, name="first"), BatchNormalization(), Flatten(), last])
        model.compile("adadelta", "sparse_categorical_crossentropy")
        x = np.random.default_rng(0).random((16, 8, 8, 1), dtype=np.float32)
        model.fit(x, np.arange(16) % 3, verbose=0)
        save_model(model, folder / "model", (8, 8, 1), 3)
        np.savez(folder / "expected.npz", x=x, y=model.predict(x, verbose=0), kernel=model.get_layer("first").kernel)
        """,
        str(tmp_path),
    )
    run_id = tracker.start_trial(sweep, 0, "trial", {}, {})
    tracker.finish_trial(run_id, TrialState.COMPLETE, {"epochs": 1}, {}, None, tmp_path / "model")
    _python(
        """
        import sys
        import mlflow, mlflow.tensorflow, numpy as np
        mlflow.set_tracking_uri(sys.argv[2])
        expected = np.load(sys.argv[1] + "/expected.npz")
        model = mlflow.tensorflow.load_model(f"runs:/{sys.argv[3]}/model")
        np.testing.assert_array_equal(model.get_layer("first").kernel, expected["kernel"])
        np.testing.assert_array_equal(model.predict(expected["x"], verbose=0), expected["y"])
        loaded = mlflow.pyfunc.load_model(f"runs:/{sys.argv[3]}/model")
        np.testing.assert_array_equal(loaded.predict(expected["x"]), expected["y"])
        assert mlflow.register_model(f"runs:/{sys.argv[3]}/model", "registered").version in (1, "1")
        """,
        *(str(tmp_path), tracker.uri, run_id),
    )


def _python(code: str, *words: str) -> None:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "MLFLOW_DISABLE_TELEMETRY": "true"}
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_nothing_is_left_in_the_working_directory(tracker: Tracker, folder: Path) -> None:
    assert list((folder / "cwd").iterdir()) == []


def test_what_an_interrupted_start_left_half_made_does_no_harm(tmp_path: Path) -> None:
    for name in (".mlflow.db.tmp", ".mlflow.db.tmp-journal"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / "mlflow.db").touch()
    tracker = Tracker.open(TrackingConfig(experiment="other"), OutputPaths(tmp_path))
    tracker.start_sweep("sweep", {}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_a_folder_with_a_question_mark_and_a_percent_code_is_a_folder(tmp_path: Path) -> None:
    paths = OutputPaths(tmp_path / "what?%41" / "runs")
    tracker = Tracker.open(TrackingConfig(), paths)
    tracker.start_trial(tracker.start_sweep("sweep", {}, {}), 0, "trial", {"long": "x" * 7000}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["what?%41"]
    assert sorted(path.name for path in paths.root.iterdir()) == ["artifacts", "mlflow.db"]


def test_a_run_that_is_gone_stops_the_sweep_with_one_paragraph(tracker: Tracker) -> None:
    with pytest.raises(TrackingError, match=r"^MLflow at sqlite:.* in log_epochs: Run with id=0+ not found") as e:
        tracker.log_epochs("0" * 32, [_epoch(1)])
    assert e.value.exit_status == 1


def test_an_experiment_whose_artifacts_only_a_server_reaches_is_refused(
    client: MlflowClient, paths: OutputPaths
) -> None:
    client.create_experiment("remote", artifact_location="mlflow-artifacts:/5")
    with pytest.raises(
        StoreError, match=r"tracking\.experiment=remote keeps its artifacts at mlflow-artifacts:/5, which"
    ):
        Tracker.open(TrackingConfig(experiment="remote"), paths)


def _damaged(root: Path, how: str) -> None:
    db = root / "mlflow.db"
    if how == "text":
        db.write_text("this is not a database, whatever its name says", encoding="utf-8")
    elif how == "folder":
        db.mkdir()
    else:
        with closing(sqlite3.connect(db)) as other:
            other.execute("CREATE TABLE studies (study_id INTEGER)")
            other.commit()


@pytest.mark.parametrize(
    ("how", "reason"),
    [("text", "file is not a database"), ("folder", "it is not a file"), ("other", "it has no table 'experiments'")],
)
def test_an_mlflow_db_that_is_no_store_is_refused_and_left_alone(tmp_path: Path, how: str, reason: str) -> None:
    _damaged(tmp_path, how)
    before = (tmp_path / "mlflow.db").read_bytes() if how != "folder" else b""
    with pytest.raises(StoreError, match=rf"mlflow\.db cannot be used as an MLflow store: {reason}"):
        Tracker.open(TrackingConfig(), OutputPaths(tmp_path))
    assert how == "folder" or (tmp_path / "mlflow.db").read_bytes() == before


def test_an_output_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(StoreError, match=r"taken/mlflow\.db cannot be used: .*File exists.* Try: python -m sweeper -m"):
        Tracker.open(TrackingConfig(), OutputPaths(tmp_path / "taken"))


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_store_that_cannot_be_written_is_refused(paths: OutputPaths, tracker: Tracker, tmp_path: Path) -> None:
    shutil.copytree(paths.root, tmp_path / "copy")
    (tmp_path / "copy" / "mlflow.db").chmod(0o400)
    with pytest.raises(StoreError, match="readonly database"):
        Tracker.open(TrackingConfig(), OutputPaths(tmp_path / "copy"))


def test_a_store_of_another_mlflow_is_refused_with_what_to_type(
    paths: OutputPaths, tracker: Tracker, tmp_path: Path
) -> None:
    shutil.copy(paths.tracking_db, tmp_path / "mlflow.db")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.execute("UPDATE alembic_version SET version_num = 'abcdef123456'")
        store.commit()
    with pytest.raises(StoreError, match=r"another version of MLflow: .*abcdef123456.* mlflow db upgrade 'sqlite:////"):
        Tracker.open(TrackingConfig(), OutputPaths(tmp_path))


def test_a_server_that_is_not_there_is_refused_within_seconds(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{unused.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(StoreError, match=rf"tracking\.uri={uri} does not answer .*Connection refused\. .*uri=null"):
            Tracker.open(TrackingConfig(uri=uri), OutputPaths(tmp_path))
    assert time.monotonic() - started < 5
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == process.MLFLOW_ENVIRONMENT["MLFLOW_HTTP_REQUEST_TIMEOUT"]


def test_a_server_that_says_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StoreError, match="does not answer as an MLflow server: timed out"):
            Tracker.open(TrackingConfig(uri=uri), OutputPaths(tmp_path))
