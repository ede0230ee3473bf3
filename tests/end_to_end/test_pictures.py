"""A folder of pictures, from the command line to the promoted model."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sweeper.data import digits

Run = Callable[..., "subprocess.CompletedProcess[str]"]

NAMES_OF_SWEEPS = ("pictures", "arrays")
NAMES = ["zero", "one", "two", "3", "fo ur", "fünf", "six%20", "$even$", "<eight>", "n[i]ne"]
SMALL = ("arch.depth=1", "arch.filters=4", "training.epochs=2", "training.threads=1")


def write(folder: Path, images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> None:
    """Gray images (n, height, width, 1) as PNG, one folder per class."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / NAMES[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(place / f"{number:04d}.png")


def in_order_of_names(labels: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Where each image is when files are sorted by path, and their classes when those are sorted by name."""
    paths = [f"{NAMES[label]}/{number:04d}.png" for number, label in enumerate(labels)]
    order = np.array(sorted(range(len(labels)), key=lambda number: paths[number]))
    ranks = {name: rank for rank, name in enumerate(sorted(NAMES))}
    return order, np.array([ranks[NAMES[label]] for label in labels[order]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> Path:
    """A sweep on pictures, `pictures`, and one on the same images as arrays, `arrays`; a test picture is a copy."""
    folder = tmp_path_factory.mktemp("own")
    raw = digits.read(None)
    arrays: dict[str, Any] = {}
    for split, number in (("train", 300), ("test", 100)):
        images, labels = getattr(raw, f"x_{split}")[:number], getattr(raw, f"y_{split}")[:number]
        if split == "test":
            images[0] = raw.x_train[np.flatnonzero(raw.y_train == labels[0])[0]]
        write(folder / "pictures" / split, images, labels)
        order, arrays[f"y_{split}"] = in_order_of_names(labels)
        arrays[f"x_{split}"] = images[order]
    np.savez(folder / "my.npz", **arrays)
    for name, words in (
        ("pictures", ["data=folder", "data.path=pictures"]),
        ("arrays", ["data=npz", "data.path=my.npz"]),
    ):
        done = run_sweeper(
            folder, "-m", *words, "arch.kernel_size=3,5", "sweep.reuse=false", f"sweep.name={name}", *SMALL
        )
        assert done.returncode == 0, done.stderr
        (folder / f"{name}.txt").write_text(done.stdout, encoding="utf-8")
    return folder


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    text = (folder / "mlruns" / "sweeps" / name / "leaderboard.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_pictures_and_the_same_images_as_arrays_give_the_same_digits(folder: Path) -> None:
    own = ("duration_s", "run_id")
    known = [[{k: v for k, v in row.items() if k not in own} for row in rows(folder, name)] for name in NAMES_OF_SWEEPS]
    assert known[0] == known[1]
    assert len(known[0]) == 2
    assert float(known[0][0]["val_accuracy"]) > 0.2


def test_the_data_is_said_with_its_classes_and_its_copies(folder: Path) -> None:
    printed = (folder / "pictures.txt").read_text(encoding="utf-8")
    assert (
        "Data: folder, 240 training, 60 validation and 100 test images of 28x28x1, from 400 pictures of 10 classes in "
        f"{folder}/pictures (as gray)." in printed
    )
    assert "Data: The classes are $even$, 3, <eight>, fo ur, fünf, n[i]ne, one, six%20, two and zero." in printed
    assert "Warning: 1 of 100 test images is an exact copy of " in printed
    assert "(test/" in printed


def test_the_classes_are_named_in_predictions_artifacts_and_page(folder: Path) -> None:
    run_id = rows(folder, "pictures")[0]["run_id"]
    artifacts = next(folder.glob(f"mlruns/artifacts/**/{run_id}/artifacts"))
    assert json.loads((artifacts / "class_names.json").read_text(encoding="utf-8")) == sorted(NAMES)
    for name in ("predictions.npz", "test/predictions.npz"):
        with np.load(artifacts / name, allow_pickle=False) as predictions:
            assert predictions["class_names"].tolist() == sorted(NAMES)
            named = [sorted(NAMES).index(file.split("/")[1]) for file in predictions["files"]]
            assert named == predictions["labels"].tolist()
    page = (folder / "mlruns/sweeps/pictures/report.html").read_text(encoding="utf-8")
    assert '<th scope="col">&lt;eight&gt;</th>' in page
    assert "<b>class " in page
    other = next(folder.glob(f"mlruns/artifacts/**/{rows(folder, 'arrays')[0]['run_id']}/artifacts"))
    assert not (other / "class_names.json").exists()


def test_a_promoted_model_knows_its_classes(folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, "promote", "pictures")
    assert "Its outputs are the classes $even$, 3, <eight>, " in done.stdout, done.stderr

    import yaml
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")  # for this client alone, not for later tests
    version = client.get_model_version_by_alias("folder", "champion")
    assert json.loads(version.tags["sweeper.class_names"]) == sorted(NAMES)
    place = Path(client.get_logged_model(version.source.removeprefix("models:/")).artifact_location[len("file://") :])
    described = yaml.safe_load((place / "MLmodel").read_text(encoding="utf-8"))
    assert described["metadata"]["class_names"] == sorted(NAMES)


@pytest.mark.long
def test_a_longer_line_resumes_and_reads_no_picture_again(folder: Path, run_sweeper: Run) -> None:
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("mlruns/pictures/*/*")}
    words = ["-m", "data=folder", "data.path=pictures", "arch.kernel_size=3,5,4", "sweep.name=pictures", *SMALL]
    done = run_sweeper(folder, *words)
    assert done.returncode == 0, done.stderr
    assert "trial 2 complete" in done.stdout
    assert "trial 0 starts" not in done.stdout
    assert kept == {path: path.stat().st_mtime_ns for path in folder.glob("mlruns/pictures/*/*")}


@pytest.mark.long
def test_a_row_is_trained_again_to_the_bit(folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, "verify", "pictures:0")
    assert done.returncode == 0, done.stdout + done.stderr


def test_other_pictures_under_the_same_name_are_refused(folder: Path, run_sweeper: Run) -> None:
    shutil.copytree(folder / "pictures", folder / "others")
    next((folder / "others" / "train" / "one").iterdir()).unlink()
    words = ["-m", "data=folder", "data.path=others", "arch.kernel_size=3,5,4", "sweep.name=pictures", *SMALL]
    done = run_sweeper(folder, *words)
    assert done.returncode == 2
    assert "data.digest: " in done.stderr


@pytest.mark.long
def test_sizes_may_be_swept_and_each_trial_is_tested_on_its_own(folder: Path, run_sweeper: Run) -> None:
    words = ["-m", "data=folder", "data.path=pictures", "data.image_size=8,[10,12]", "sweep.name=sizes", *SMALL]
    done = run_sweeper(folder, *words)
    assert done.returncode == 0, done.stderr
    assert "images of 8x8x1" in done.stdout
    assert "images of 10x12x1" in done.stdout
    assert [float(row["test_accuracy"]) > 0.1 for row in rows(folder, "sizes")] == [True, True]


@pytest.mark.long
def test_standardized_pictures_train_and_are_trained_again_to_the_bit(folder: Path, run_sweeper: Run) -> None:
    words = ["-m", "data=folder", "data.path=pictures", "data.normalize=none,standardize", "sweep.name=norm", *SMALL]
    done = run_sweeper(folder, *words)
    assert done.returncode == 0, done.stderr
    plain, standard = sorted(rows(folder, "norm"), key=lambda row: row["data.normalize"])
    assert (plain["data.normalize"], standard["data.normalize"]) == ("none", "standardize")
    assert plain["num_params"] == standard["num_params"]
    assert abs(float(standard["test_loss"]) - float(standard["val_loss"])) < 0.5  # of the loaded model, on plain images
    assert plain["val_loss"] != standard["val_loss"]
    again = run_sweeper(folder, "verify", f"norm:{standard['trial']}")
    assert again.returncode == 0, again.stdout + again.stderr


def test_broken_pictures_are_refused_before_anything_trains(folder: Path, run_sweeper: Run) -> None:
    shutil.copytree(folder / "pictures", folder / "broken")
    first = next((folder / "broken" / "train" / "one").iterdir())
    first.write_bytes(first.read_bytes()[:100])
    done = run_sweeper(folder, "data=folder", "data.path=broken", "sweep.name=broken", *SMALL)
    assert done.returncode == 2
    assert f"1 of 400 pictures in {folder}/broken cannot be read: train/one/{first.name} (" in done.stderr
    assert done.stderr.strip().endswith("Try: data=folder data.path=broken data.skip_broken=true")
    again = run_sweeper(folder, "data=folder", "data.path=broken", "data.skip_broken=true", "sweep.dry_run=true")
    assert f"Data: 1 broken picture is left out: train/one/{first.name} (" in again.stdout
