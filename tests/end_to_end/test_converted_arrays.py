"""The same images in several forms of arrays: the same digits, and what was done is recorded everywhere."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sweeper.data import digits

Run = Callable[..., "subprocess.CompletedProcess[str]"]

NAMES = np.array(["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"])
SMALL = ("arch.depth=1", "arch.filters=4", "training.epochs=2", "training.threads=1", "arch.kernel_size=3,5")
SAID = (
    "By their names, train_images is x_train, train_labels is y_train, test_images is x_test and test_labels is "
    "y_test.",
    "train_images and test_images have their channels first, as in PyTorch: they are put last.",
    "train_labels and test_labels are text: the classes, in alphabetical order, are "
    "n0, n1, n2, n3, n4, n5, n6, n7, n8 and n9.",
    "train_images and test_images are float32 from 0 to 255: read as bytes.",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> Path:
    """A sweep `plain` on arrays as they are taken, and one, `other`, on the same images in other forms."""
    folder, raw = tmp_path_factory.mktemp("own"), digits.read(None)
    images = {"train": raw.x_train[:300], "test": raw.x_test[:100]}
    labels = {"train": raw.y_train[:300], "test": raw.y_test[:100]}
    plain = {f"x_{split}": images[split][..., 0] for split in images}
    np.savez(folder / "plain.npz", **plain, **{f"y_{split}": labels[split] for split in labels})
    scaled = {key: array.astype(np.float64) for key, array in plain.items()}
    np.savez(folder / "scaled.npz", **scaled, **{f"y_{split}": np.eye(10)[labels[split]] for split in labels})
    first = {f"{split}_images": images[split].transpose(0, 3, 1, 2).astype(np.float32) for split in images}
    np.savez(folder / "other.npz", **first, **{f"{split}_labels": NAMES[labels[split]] for split in labels})
    for name in ("plain", "other"):
        done = run_sweeper(
            folder, "-m", "data=npz", f"data.path={name}.npz", "sweep.reuse=false", f"sweep.name={name}", *SMALL
        )
        assert done.returncode == 0, done.stderr
        (folder / f"{name}.txt").write_text(done.stdout, encoding="utf-8")
    return folder


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    text = (folder / "mlruns" / "sweeps" / name / "leaderboard.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_other_forms_of_the_same_images_give_the_same_digits(folder: Path) -> None:
    own = ("duration_s", "run_id")
    known = [
        [{k: v for k, v in row.items() if k not in own} for row in rows(folder, name)] for name in ("plain", "other")
    ]
    assert known[0] == known[1]
    assert len(known[0]) == 2


def test_each_conversion_is_said_where_the_data_is(folder: Path, run_sweeper: Run) -> None:
    printed = (folder / "other.txt").read_text(encoding="utf-8")
    page = (folder / "mlruns/sweeps/other/report.html").read_text(encoding="utf-8")
    run_sweeper(folder, "report", "other", "--json", "other.json")
    [written] = json.loads((folder / "other.json").read_text(encoding="utf-8"))["sweeps"]
    for sentence in SAID:
        assert f"Data: {sentence}\n" in printed
        assert sentence in page
        assert sentence in written["data_notes"]
    assert "read as bytes" not in (folder / "plain.txt").read_text(encoding="utf-8")


def test_runs_and_the_promoted_model_have_the_conversions(folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, "promote", "other")
    assert f"were converted, and images to predict need the same: {' '.join(SAID)}" in done.stdout, done.stderr

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")  # for this client alone, not for later tests
    version = client.get_model_version_by_alias("npz", "champion")
    runs = [client.get_run(row["run_id"]) for row in rows(folder, "other")]
    for known in (version.tags, *(run.data.tags for run in runs)):
        assert known["sweeper.data_conversions"].splitlines() == list(SAID)
    assert json.loads(version.tags["sweeper.class_names"]) == NAMES.tolist()
    for row in rows(folder, "plain"):
        assert "sweeper.data_conversions" not in client.get_run(row["run_id"]).data.tags


@pytest.mark.long
def test_a_row_on_converted_arrays_is_trained_again_to_the_bit(folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, "verify", "other:0")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_a_sweep_resumes_with_the_same_images_in_another_form(folder: Path, run_sweeper: Run) -> None:
    words = [*SMALL[:-1], "arch.kernel_size=3,5,4", "sweep.name=plain"]
    done = run_sweeper(folder, "-m", "data=npz", "data.path=scaled.npz", *words)
    assert done.returncode == 0, done.stderr
    assert "trial 2 complete" in done.stdout
    assert "trial 0 starts" not in done.stdout
