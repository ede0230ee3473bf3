"""Sweeps ranked and pruned by macro F1 on an uneven colour set: against scikit-learn, and with a `kill -9`."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient
from sklearn import metrics as oracle

from sweeper.core.objectives import FURTHER_METRICS
from sweeper.data import digits

Run = Callable[..., subprocess.CompletedProcess[str]]

COST = "{name:val_cost,_target_:my_costs.mean_cost,direction:minimize,missed:3}"
CUSTOM = (
    "import numpy as np\n\n\n"
    "def mean_cost(labels, probabilities, missed=1.0):\n"
    "    wrong = probabilities.argmax(axis=1) != labels\n"
    "    return float(np.mean(np.where(labels == 0, missed, 1.0) * wrong))\n"
)
WORDS = [
    *("-m", "data=npz", "data.path=colour.npz", "data.validation=0.3", "objective.metric=val_macro_f1"),
    f"metrics=[{','.join(FURTHER_METRICS)},{COST}]",
    *("arch.depth=1", "arch.dense_units=16", "arch.filters=4,8,12", "optimizer=adam", "optimizer.learning_rate=0.01"),
    *("+optimizer.use_ema=false,true", "+optimizer.ema_momentum=0.9", "training.restore_best=true"),
    *("training.epochs=4", "training.batch_size=32", "training.threads=1", "pruner=asha", "sweep.workers=1"),
    "sweep.name=uneven",
]


def colour_set(path: Path) -> None:
    """32x32x3, ten classes, the largest with ten times as many images as the smallest; from the digits."""
    random, raw = np.random.default_rng(0), digits.read(None)

    def some(images: Any, labels: Any, largest: int) -> tuple[Any, Any]:
        sizes = np.linspace(largest, largest / 10, 10).round().astype(int)
        chosen = np.concatenate([np.flatnonzero(labels == label)[:size] for label, size in enumerate(sizes)])
        shade = np.pad(images[chosen, ..., 0] / 255, ((0, 0), (2, 2), (2, 2)))[..., None]
        tints = random.uniform(0.3, 1, (len(chosen), 1, 1, 3))
        noise = random.normal(0, 0.1, (*shade.shape[:3], 3))
        return (np.clip(shade * tints + noise, 0, 1) * 255).astype(np.uint8), labels[chosen]

    x_train, y_train = some(raw.x_train, raw.y_train, 100)
    x_test, y_test = some(raw.x_test, raw.y_test, 30)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def prepared_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    colour_set(folder / "colour.npz")
    (folder / "my_costs.py").write_text(CUSTOM)
    return folder


def board(folder: Path, name: str = "uneven") -> list[dict[str, str]]:
    with (folder / f"mlruns/sweeps/{name}/leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> Path:
    """A folder with an undisturbed sweep."""
    folder = prepared_folder(tmp_path_factory.mktemp("swept"))
    done = run_sweeper(folder, *WORDS)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "printed.txt").write_text(done.stdout)
    return folder


def by_scikit_learn(labels: Any, given: Any) -> dict[str, float]:
    predicted, classes = given.argmax(axis=1), range(10)
    wide = given.astype(np.float64) / given.astype(np.float64).sum(axis=1, keepdims=True)
    return {
        "accuracy": oracle.accuracy_score(labels, predicted),
        "balanced_accuracy": oracle.balanced_accuracy_score(labels, predicted),
        "macro_f1": oracle.f1_score(labels, predicted, average="macro", zero_division=0),
        "auc": oracle.roc_auc_score(labels, wide, multi_class="ovr", average="macro", labels=classes),
        "top5_accuracy": oracle.top_k_accuracy_score(labels, wide, k=5, labels=classes),
        "brier": oracle.brier_score_loss(labels, wide, labels=classes),
        "cost": float(np.mean(np.where(labels == 0, 3, 1) * (predicted != labels))),
    }


def client(folder: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")


def saved(folder: Path, run_id: str, under: str = "") -> tuple[Any, Any, Any]:
    """Labels, probabilities and predicted classes that a run recorded."""
    with np.load(client(folder).download_artifacts(run_id, f"{under}predictions.npz")) as arrays:
        return arrays["labels"], arrays["probabilities"], arrays["predicted"]


@pytest.mark.parametrize(("kind", "under"), [("val", ""), ("test", "test/")])
def test_a_rows_figures_are_scikit_learns(swept: Path, kind: str, under: str) -> None:
    rows = [row for row in board(swept) if row["state"] == "complete"]
    assert rows

    for row in rows:
        labels, given, predicted = saved(swept, row["run_id"], under)
        expected = by_scikit_learn(labels, given)
        expected["macro_f1"] = oracle.f1_score(labels, predicted, average="macro", zero_division=0)
        expected["balanced_accuracy"] = oracle.balanced_accuracy_score(labels, predicted)
        for name, value in expected.items():
            rounded = name in ("auc", "brier", "top5_accuracy", "cost", "accuracy")  # the file has float16
            assert float(row[f"{kind}_{name}"]) == pytest.approx(value, abs=0.02 if rounded else 1e-12), (kind, name)
        assert 0 <= float(row[f"{kind}_ece"]) <= 1


def test_the_rows_are_ranked_and_pruned_by_the_metric(swept: Path) -> None:
    rows = board(swept)

    complete = [float(row["val_macro_f1"]) for row in rows if row["state"] == "complete"]
    assert complete == sorted(complete, reverse=True)
    pruned = [row for row in rows if row["state"] == "pruned"]
    assert pruned
    assert len(complete) + len(pruned) == 6
    for row in pruned:
        curve = client(swept).get_metric_history(row["run_id"], "val_macro_f1")
        assert 0 < len(curve) < 4
        assert min(complete) >= 0


def test_mlflow_has_each_metrics_curve_and_the_figures_of_the_saved_weights(swept: Path) -> None:
    row = board(swept)[0]
    run = client(swept).get_run(row["run_id"])
    names = [*FURTHER_METRICS, "val_cost"]

    for name in names:
        curve = [point.value for point in client(swept).get_metric_history(row["run_id"], name)]
        assert len(curve) == 4
        assert run.data.metrics[f"saved_{name}"] == pytest.approx(float(row[name]))
        assert run.data.metrics[f"test_{name.removeprefix('val_')}"] == pytest.approx(
            float(row[f"test_{name.removeprefix('val_')}"])
        )
    best = max(point.value for point in client(swept).get_metric_history(row["run_id"], "val_macro_f1"))
    assert float(row["val_macro_f1"]) == best, "training.restore_best keeps the objective's best epoch"


def test_the_leaders_table_by_class_is_scikit_learns_in_json_page_and_mlflow(swept: Path, run_sweeper: Run) -> None:
    done = run_sweeper(swept, "report", "--json", "-")
    [sweep] = json.loads(done.stdout)["sweeps"]
    leader = board(swept)[0]
    labels, _, predicted = saved(swept, leader["run_id"])
    expected = oracle.precision_recall_fscore_support(labels, predicted, labels=range(10), zero_division=0)

    assert str(sweep["per_class"]["trial"]) == leader["trial"]
    for place, one in enumerate(sweep["per_class"]["classes"]):
        assert one["class"] == str(place)
        found = [one["precision"], one["recall"], one["f1"], one["support"]]
        assert found == pytest.approx([column[place] for column in expected])
    with open(client(swept).download_artifacts(leader["run_id"], "per_class.csv"), newline="") as file:
        written = list(csv.DictReader(file))
    assert [float(line["f1"]) for line in written] == pytest.approx(expected[2])
    page = (swept / "mlruns/sweeps/uneven/report.html").read_text(encoding="utf-8")
    assert f"The classes, by trial {leader['trial']}" in page
    assert f"<td>{expected[2][9]:.4f}</td><td>{expected[3][9]}</td>" in page


def test_the_report_says_what_the_images_show_by_the_metric(swept: Path, run_sweeper: Run) -> None:
    printed = " ".join((swept / "printed.txt").read_text().split())
    leader = board(swept)[0]

    assert f"val_macro_f1 {float(leader['val_macro_f1']):.4g}" in printed
    assert "val_cost" in printed.split("What can be said")[0], "metrics that were asked for are shown"
    assert "test_macro_f1" in printed
    enough, too_few = (
        run_sweeper(swept, "report", "--assert-min", f"val_macro_f1={least}") for least in ("0.1", "1.1")
    )
    assert enough.returncode == 0
    assert too_few.returncode == 1
    assert f"val_macro_f1 of trial {leader['trial']}, the best, is" in too_few.stderr


def test_a_sweep_keeps_its_metrics(swept: Path, run_sweeper: Run) -> None:
    words = [word for word in WORDS if not word.startswith("metrics=")]

    done = run_sweeper(swept, *words, "metrics=[val_ece]")

    assert done.returncode == 2
    assert "SweepChangedError: sweep.name=uneven was started with another configuration" in done.stderr
    assert (
        "{name:val_cost,_target_:my_costs.mean_cost,direction:minimize,missed:3}] -> [val_ece,val_macro_f1]"
        in done.stderr
    )


@pytest.mark.long
def test_a_row_is_repeated_to_the_bit_and_the_users_function_only_where_it_is_trusted(
    swept: Path, run_sweeper: Run
) -> None:
    number = board(swept)[-1]["trial"]

    refused = run_sweeper(swept, "verify", f"uneven:{number}")
    done = run_sweeper(swept, "verify", f"uneven:{number}", "--trust")

    assert refused.returncode == 2
    assert "was scored by my_costs.mean_cost, which would be imported and called" in refused.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Same, to the bit: " in done.stdout
    assert "val_macro_f1" in done.stdout


@pytest.mark.long
def test_a_sweep_that_is_killed_and_resumed_has_the_undisturbed_figures(
    swept: Path, tmp_path: Path, run_sweeper: Run
) -> None:
    folder = prepared_folder(tmp_path / "killed")
    with subprocess.Popen(
        [sys.executable, "-m", "sweeper", *WORDS],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as driver:
        assert driver.stdout is not None
        assert any(line.startswith("trial 2 starts") for line in driver.stdout)
        driver.send_signal(signal.SIGKILL)

    done = run_sweeper(folder, *WORDS)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "sweeps/uneven/leaderboard.csv" in done.stdout
    differing = ("run_id", "duration_s")
    assert [_without(row, differing) for row in board(folder)] == [_without(row, differing) for row in board(swept)]


def _without(row: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name not in names}
