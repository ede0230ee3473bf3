"""The test set stays shut while trials train; it is opened once for the finalists, and each opening is counted."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import pytest
from mlflow import MlflowClient

from sweeper import data
from sweeper.artifacts import answers as evidence
from sweeper.artifacts.result import read_result
from sweeper.config.training import TrainingConfig
from sweeper.config.trial import DataConfig
from sweeper.core.objectives import Objective
from sweeper.core.paths import OutputPaths, TrialPaths
from sweeper.core.trials import TrainingSpec, TrialState
from sweeper.storage import stored_sweep
from sweeper.trial.run import run_to_result

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]

SMALL = (
    *("arch.depth=1", "arch.filters=4", "arch.dense_units=16", "training.threads=1", "optimizer=adam"),
    *("data.max_samples=400", "training.epochs=2"),
)
RATES = "optimizer.learning_rate=0.02,0.01,0.00001"
FIRST = ("-m", RATES, *SMALL, "sweep.name=boxed", "report.finalists=2")
WIDER = ("-m", f"{RATES},0.03", *SMALL, "sweep.name=boxed", "report.finalists=4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lockbox")


@pytest.fixture(scope="module")
def first(folder: Path, run_sweeper: Run) -> Done:
    return run_sweeper(folder, *FIRST)


@pytest.fixture(scope="module")
def again(folder: Path, first: Done, run_sweeper: Run) -> Done:
    """The same line once more, with the answers on file lost."""
    OutputPaths(folder / "mlruns").sweep("boxed").validation_answers.correct.unlink()
    return run_sweeper(folder, *FIRST)


@pytest.fixture(scope="module")
def wider(folder: Path, again: Done, run_sweeper: Run) -> Done:
    assert again.returncode == 0
    return run_sweeper(folder, *WIDER)


def board(folder: Path) -> list[dict[str, str]]:
    with (folder / "mlruns/sweeps/boxed/leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_finalists_and_only_they_have_test_figures(folder: Path, first: Done) -> None:
    assert first.returncode == 0, first.stderr
    assert "The test set is opened for 2 finalists." in first.stdout

    rows = board(folder)

    assert [row["trial"] for row in rows if row["test_accuracy"]] == [row["trial"] for row in rows[:2]]
    assert [bool(row["test_loss"]) for row in rows] == [True, True, False]
    scores = [float(row["val_accuracy"]) for row in rows]
    assert scores == sorted(scores, reverse=True)


def test_the_figures_are_those_of_the_saved_network_on_the_test_images(
    folder: Path, first: Done, tmp_path: Path
) -> None:
    best = board(folder)[0]
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    prepared = data.prepare(DataConfig(max_samples=400), tmp_path)
    labels = np.asarray(data.open_arrays(prepared).y_test)

    with np.load(client.download_artifacts(best["run_id"], "test/predictions.npz")) as saved:
        assert saved["labels"].tolist() == labels.tolist()
        assert float(best["test_accuracy"]) == pytest.approx((saved["predicted"] == labels).mean())
        known = np.take_along_axis(saved["probabilities"].astype(float), labels[:, None], axis=1)
        assert float(best["test_loss"]) == pytest.approx(-np.log(known).mean(), rel=0.01)
        right = int((saved["predicted"] == labels).sum())
    metrics = client.get_run(best["run_id"]).data.metrics
    assert metrics["test_accuracy"] == pytest.approx(float(best["test_accuracy"]))
    answers = evidence.read(OutputPaths(folder / "mlruns").sweep("boxed").test_answers)
    assert int(answers[int(best["trial"])].correct.sum()) == right


def test_the_opening_is_counted_and_dated_in_the_sweeps_tags(folder: Path, first: Done) -> None:
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    [parent] = client.search_runs(["1"], "tags.`sweeper.kind` = 'sweep'")

    assert parent.data.tags["sweeper.test_openings"] == "1"
    assert parent.data.tags["sweeper.test_opened"].startswith("20")
    assert ": trials " in parent.data.tags["sweeper.test_opened"]


def test_the_answers_on_file_are_those_of_the_predictions(folder: Path, first: Done) -> None:
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    answers = evidence.read(OutputPaths(folder / "mlruns").sweep("boxed").validation_answers)

    for row in board(folder):
        with np.load(client.download_artifacts(row["run_id"], "predictions.npz")) as saved:
            assert answers[int(row["trial"])].correct.tolist() == (saved["predicted"] == saved["labels"]).tolist()


def test_lost_answers_are_read_again_from_the_runs(folder: Path, again: Done) -> None:
    assert again.returncode == 0, again.stderr
    assert sorted(evidence.read(OutputPaths(folder / "mlruns").sweep("boxed").validation_answers)) == [0, 1, 2]
    test_the_answers_on_file_are_those_of_the_predictions(folder, again)


def test_what_can_be_said_is_printed(first: Done) -> None:
    said = " ".join(first.stdout.split("What can be said")[1].split())

    assert " leads with " in said
    assert "The test set (360 images) was opened once: the leader has " in said
    assert "not for their configurations in general" in said


def test_the_same_line_again_opens_nothing(again: Done) -> None:
    assert "Nothing is left to do" in again.stdout
    assert "is opened" not in again.stdout
    assert "was opened once" in " ".join(again.stdout.split())


def test_opening_it_again_for_others_says_what_that_costs(folder: Path, wider: Done) -> None:
    assert wider.returncode == 0, wider.stderr
    said = "The test set is opened for 2 finalists. It is opening 2 of these images: a search after the earlier figures"
    assert said in wider.stdout
    assert "The test set was opened 2 times." in " ".join(wider.stdout.split())
    assert all(row["test_accuracy"] for row in board(folder))


def test_an_opening_that_was_cut_off_is_completed_and_not_counted_again(
    folder: Path, wider: Done, run_sweeper: Run
) -> None:
    from sweeper.storage.study import SweepStudy

    paths = OutputPaths(folder / "mlruns")
    study = SweepStudy.load(paths, "boxed")
    record = study.test
    last = record.openings[-1].trials
    kept = {number: result for number, result in record.results.items() if number not in last}
    study.write_test(type(record)(record.openings, kept))  # as a driver that was killed in between leaves it

    done = run_sweeper(folder, *WIDER)

    assert done.returncode == 0, done.stderr
    found = stored_sweep.load(paths, "boxed").test
    assert len(found.openings) == 2
    assert found.elsewhere == ()
    assert found.results == record.results


FRAGILE = """
import os, pathlib
import keras

@keras.saving.register_keras_serializable("fragile")
class Fragile(keras.layers.Layer):
    def __init__(self, width, **keys):
        super().__init__(**keys)
        self.width = width

    def call(self, images):
        return images

    def get_config(self):
        return {**super().get_config(), "width": self.width}

    @classmethod
    def from_config(cls, config):
        if config["width"] == 2 and pathlib.Path("break").exists():
            os.kill(os.getpid(), 11)
        return cls(**config)

def build(input_shape, num_classes, width):
    end = [keras.layers.Flatten(), keras.layers.Dense(num_classes, activation="softmax")]
    return keras.Sequential([keras.Input(input_shape), Fragile(width), keras.layers.MaxPooling2D(2), *end])
"""


@pytest.mark.long
def test_a_crash_spoils_the_network_at_which_it_happens_and_no_other(tmp_path: Path, run_sweeper: Run) -> None:
    (tmp_path / "nets.py").write_text(FRAGILE)
    line = ["arch=custom", "arch._target_=nets.build", "+arch.width=1,2,3,4", "training.threads=1", "sweep.workers=1"]
    line += ["data.max_samples=200", "training.epochs=1", "sweep.name=fragile"]
    trained = run_sweeper(tmp_path, *line, "report.finalists=0")
    assert trained.returncode == 0, trained.stdout + trained.stderr
    (tmp_path / "break").touch()

    done = run_sweeper(tmp_path, *line, "report.finalists=4")

    assert done.returncode == 1
    assert "Trial 1 could not be evaluated on the test set: its process was killed by SIGSEGV" in done.stdout
    with (tmp_path / "mlruns/sweeps/fragile/leaderboard.csv").open(newline="") as file:
        tested = {row["trial"]: row["test_accuracy"] for row in csv.DictReader(file)}
    assert {trial for trial, accuracy in tested.items() if accuracy} == {"0", "2", "3"}

    (tmp_path / "break").unlink()

    assert run_sweeper(tmp_path, *line, "report.finalists=4").returncode == 0


def test_several_sweeps_are_ranked_together_where_they_agree(folder: Path, wider: Done, run_sweeper: Run) -> None:
    other = run_sweeper(folder, "-m", *SMALL, "optimizer.learning_rate=0.015", "sweep.name=other", "report.finalists=0")
    assert "is opened" not in other.stdout

    text = run_sweeper(folder, "report", "boxed", "other", "--csv", "-").stdout
    rows = list(csv.DictReader(text.splitlines()))

    assert len(rows) == 5
    assert sorted(row["sweep"] for row in rows) == ["boxed"] * 4 + ["other"]
    assert [int(row["rank"]) for row in rows] == sorted(int(row["rank"]) for row in rows)
    assert {row["test_accuracy"] for row in rows if row["sweep"] == "other"} == {""}


@pytest.mark.long
def test_openings_by_other_sweeps_on_the_same_images_are_counted(
    folder: Path, wider: Done, run_sweeper: Run, tmp_path: Path
) -> None:
    """Another split and a smaller part of the same data: the same test images, whatever else differs."""
    line = ("-m", *SMALL[:-2], "data.max_samples=300", "training.epochs=1", "data.split_seed=3", "sweep.name=third")
    third = run_sweeper(folder, *line, "report.finalists=1")
    assert third.returncode == 0, third.stderr

    said = " ".join(third.stdout.split())
    assert "It is opening 3 of these images, 2 of them by the sweep boxed: a search after" in said
    assert "The test set (300 images) was opened 3 times: the leader has " in said
    assert "The test set was opened 3 times, 2 of them by the sweep boxed." in said
    page = (folder / "mlruns/sweeps/third/report.html").read_text()
    assert "300 test images, opened 3 times." in page
    assert page.count(", by the sweep boxed, for its trials ") == 2
    assert "The test set was opened 2 times." in " ".join(run_sweeper(folder, "report", "boxed").stdout.split())
    two = " ".join(run_sweeper(folder, "report", "boxed", "third", "--markdown", "-").stdout.split())
    assert "was opened 3 times, 2 of them by the sweep boxed" in two

    shutil.copytree(folder / "mlruns", tmp_path / "mlruns")
    optuna.delete_study(study_name="boxed", storage=f"sqlite:///{tmp_path}/mlruns/optuna.db")
    told = run_sweeper(tmp_path, "report", "third").stdout
    assert "was opened 3 times, 2 of them by the sweep boxed." in " ".join(told.split())


@pytest.mark.long
def test_sweeps_on_other_images_are_ranked_by_themselves(folder: Path, wider: Done, run_sweeper: Run) -> None:
    run_sweeper(folder, "-m", *SMALL, "data.split_seed=1", "sweep.name=split", "report.finalists=0")

    done = run_sweeper(folder, "report", "boxed", "split")

    assert done.stderr == (
        "Each sweep is ranked separately: boxed and split were scored on different images: their split differs.\n"
    )
    assert done.stdout.count("Leaderboard of ") == 2


@pytest.mark.parametrize(
    ("minimum", "status", "text"),
    [
        ("val_accuracy_low=0.01", 0, ""),
        ("val_accuracy_low=0.999", 1, "boxed: val_accuracy_low of trial "),
        ("val_acuracy_low=0.9", 2, "Did you mean 'val_accuracy_low'?"),
        ("val_accuracy_low", 2, "'val_accuracy_low' is not COLUMN=NUMBER, e.g. val_accuracy_low=0.99"),
        ("run_id=1", 2, "Accepted: a column of numbers."),
    ],
)
def test_a_minimum_can_be_asserted(
    folder: Path, wider: Done, run_sweeper: Run, minimum: str, status: int, text: str
) -> None:
    done = run_sweeper(folder, "report", "boxed", "--json", "-", "--assert-min", minimum)

    assert done.returncode == status
    assert text in done.stderr
    if status < 2:
        assert json.loads(done.stdout)["sweeps"][0]["findings"]["group"]


def test_a_trial_trains_where_there_is_no_test_set_to_see(tmp_path: Path) -> None:
    prepared = data.prepare(DataConfig(max_samples=100), tmp_path / "data")
    for name in ("x_test", "y_test"):
        (prepared.folder / f"{name}.npy").unlink()
    config = {
        "arch": {"_target_": "models.cnn.build", "depth": 1, "filters": 2, "dense_units": 4},
        "data": {},
        "training": dataclasses.asdict(TrainingConfig(epochs=1, threads=1)),
        "optimizer": {"_target_": "keras.optimizers.SGD"},
        "seed": 0,
    }

    run_to_result(
        TrainingSpec(
            number=0,
            folder=tmp_path / "trial",
            config=config,
            overrides=(),
            data=prepared,
            metric=Objective("val_accuracy", "maximize"),
        ),
        lambda _: False,
    )

    result = read_result(TrialPaths(tmp_path / "trial"))
    assert result is not None
    assert result.state is TrialState.COMPLETE, result.error
