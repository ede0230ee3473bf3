"""The notebook's way, early stopping, restored weights, precisions and optimizers, each by a real sweep."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from sweeper.trial.train import build_optimizer

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]

SMALL = ["arch.filters=8", "arch.dense_units=32", "arch.depth=2", "data.max_samples=800"]


def board(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"mlruns/sweeps/{name}/leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def sweep(run: Run, folder: Path, name: str, *words: str) -> tuple[Done, list[dict[str, str]]]:
    done = run(folder, "-m", *words, f"sweep.name={name}")
    assert done.returncode == 0, done.stdout + done.stderr
    return done, board(folder, name)


def curve(folder: Path, run_id: str, name: str) -> list[float]:
    history = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db").get_metric_history(run_id, name)
    return [point.value for point in sorted(history, key=lambda point: point.step)]


@pytest.mark.long
def test_the_notebooks_three_networks_train_on_every_image_and_say_that_they_are_optimistic(
    tmp_path: Path, run_sweeper: Run
) -> None:
    done, rows = sweep(run_sweeper, tmp_path, "nb", "experiment=notebook", "data.max_samples=300", "training.epochs=1")

    assert {row["arch"]: row["num_params"] for row in rows} == {
        "depth3_kernel3": "218460",
        "depth5_kernel5": "326398",
        "depth7_kernel6": "717042",
    }
    for row in rows:
        assert (row["test_loss"], row["test_accuracy"]) == (row["val_loss"], row["val_accuracy"])
    assert "300 training, 300 validation and 300 test images" in done.stdout
    assert "selected on the test set" in done.stdout
    assert "3x3" in done.stdout.split("The notebook's comparison")[1]  # the second network's true pooling
    for row in rows:
        summary = MlflowClient(f"sqlite:///{tmp_path}/mlruns/mlflow.db").download_artifacts(
            row["run_id"], "model_summary.txt"
        )
        assert f"{int(row['num_params']):,}" in Path(summary).read_text()


def test_restored_weights_are_the_best_epochs_and_marked_as_chosen(tmp_path: Path, run_sweeper: Run) -> None:
    # A learning rate that is far too high: after an epoch or two the network dies, and guesses.
    network = ["arch.filters=8", "arch.dense_units=32", "arch.depth=1", "arch.dense_dropout=0", "data.max_samples=400"]
    words = [*network, "optimizer=adam", "optimizer.learning_rate=0.03", "training.epochs=6"]
    _, [row] = sweep(run_sweeper, tmp_path, "best", *words, "training.restore_best=true")

    accuracies = curve(tmp_path, row["run_id"], "val_accuracy")
    assert len(accuracies) == 6
    assert float(row["val_accuracy"]) == max(accuracies)
    assert float(row["val_accuracy"]) > accuracies[-1]
    assert row["best_epoch"] == str(accuracies.index(max(accuracies)) + 1)
    local = MlflowClient(f"sqlite:///{tmp_path}/mlruns/mlflow.db").download_artifacts(row["run_id"], "predictions.npz")
    with np.load(local) as saved:
        assert float((saved["predicted"] == saved["labels"]).mean()) == pytest.approx(max(accuracies), abs=1e-6)


def test_early_stopping_ends_a_trial_that_no_longer_improves(tmp_path: Path, run_sweeper: Run) -> None:
    words = ["training.epochs=30", "training.early_stopping.patience=2", "training.early_stopping.min_delta=0.9"]
    _, [row] = sweep(run_sweeper, tmp_path, "stopped", *SMALL, *words)

    assert row["epochs"] == "3"
    assert row["state"] == "complete"


@pytest.mark.long
def test_each_optimizer_and_precision_trains(tmp_path: Path, run_sweeper: Run) -> None:
    settings = [
        *(("adadelta", "float32"), ("adadelta", "mixed_bfloat16"), ("adadelta", "mixed_float16")),
        *(("adam", "float32"), ("adamw", "float32"), ("sgd", "float32"), ("rmsprop", "float32")),
    ]
    optimizers, precisions = (",".join(column) for column in zip(*settings, strict=True))
    pairs = [f"optimizer={optimizers}", f"training.precision={precisions}", "sweep.zip=[optimizer,training.precision]"]
    _, rows = sweep(run_sweeper, tmp_path, "all", *SMALL, *pairs, "training.epochs=6")

    assert sorted((row["optimizer"], row["training.precision"]) for row in rows) == sorted(settings)
    assert all(row["state"] == "complete" for row in rows)
    assert all(float(row["val_accuracy"]) > 0.25 for row in rows)
    assert len({row["val_loss"] for row in rows}) == len(settings)


@pytest.mark.long
def test_whole_numbers_train_where_keras_wants_fractions(tmp_path: Path, run_sweeper: Run) -> None:
    words = ["optimizer=sgd", "optimizer.momentum=0,0.9,0.0", "+optimizer.clipnorm=1", "training.epochs=1"]
    done, rows = sweep(run_sweeper, tmp_path, "sgd", *SMALL, *words)

    assert "1 configuration equals an earlier one and was dropped" in done.stdout
    assert {row["optimizer.momentum"]: row["state"] for row in rows} == {"0.0": "complete", "0.9": "complete"}

    again, rows = sweep(run_sweeper, tmp_path, "sgd", *SMALL, "optimizer.momentum=0.0,0.9", *words[:1], *words[2:])

    assert len(rows) == 2
    assert "every trial of sweep sgd has finished" in again.stdout


@pytest.mark.usefixtures("keras_runtime")
@pytest.mark.parametrize("name", ["Adadelta", "Adam", "AdamW", "RMSprop", "SGD"])
def test_a_whole_number_is_a_learning_rate(name: str) -> None:
    optimizer = build_optimizer({"_target_": f"keras.optimizers.{name}", "learning_rate": 1})

    assert float(optimizer.learning_rate) == 1.0
