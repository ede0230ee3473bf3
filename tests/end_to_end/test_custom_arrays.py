"""A sweep on a user's own file: what is found in it is said where the data is read, in the report, and when resumed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

LINE = ["-m", "data=npz", "data.path=my.npz", "arch.filters=2", "training.epochs=1", "sweep.name=mine"]
COPY = "1 of 4 validation images is an exact copy of training images (x_val[2] of x_train[5])"
NOTES = (
    "Arrays of my.npz that are not used: ids.",
    "The validation images are those of x_val and y_val, not a part of the training images.",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file whose validation set has an image of the training set."""
    folder, random = tmp_path_factory.mktemp("own"), np.random.RandomState(0)
    arrays: dict[str, Any] = {"ids": np.arange(3)}
    for split, number in (("train", 16), ("val", 4), ("test", 8)):
        arrays[f"x_{split}"] = random.randint(0, 256, (number, 8, 8)).astype(np.uint8)
        arrays[f"y_{split}"] = np.arange(number) % 2
    arrays["x_val"][2] = arrays["x_train"][5]
    arrays["y_val"][2] = arrays["y_train"][5]
    np.savez(folder / "my.npz", **arrays)
    return folder


def test_copies_and_the_files_validation_set_are_said_and_recorded(folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, *LINE, "arch.depth=2,3")

    assert done.returncode == 0, done.stderr
    assert "Data: npz, 16 training, 4 validation and 8 test images of 8x8x1, from custom arrays, " in done.stdout
    assert f"Warning: {COPY}: " in done.stdout
    for note in NOTES:
        assert f"Data: {note}" in done.stdout
    assert COPY in " ".join(done.stdout.partition("What can be said")[2].split())
    page = (folder / "mlruns/sweeps/mine/report.html").read_text(encoding="utf-8")
    for sentence in (COPY, *NOTES):
        assert sentence in page


def test_the_report_that_is_written_later_says_it_too(folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, "report", "mine")
    assert COPY in " ".join(done.stdout.split()), done.stderr

    run_sweeper(folder, "report", "mine", "--json", "mine.json")
    [written] = json.loads((folder / "mine.json").read_text(encoding="utf-8"))["sweeps"]
    assert COPY in " ".join(written["findings"]["warnings"])
    assert written["data_notes"] == " ".join(NOTES)


@pytest.mark.long
def test_a_sweep_with_a_validation_set_in_the_file_is_resumed(folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, *LINE, "arch.depth=2,3,4")

    assert done.returncode == 0, done.stderr
    assert "trial 2 complete" in done.stdout
    assert "trial 0 starts" not in done.stdout
