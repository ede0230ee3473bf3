"""Copies and groups of images in a whole sweep: kept on one side, said, recorded, resumed and verified."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sweeper.core.paths import OutputPaths
from sweeper.data import digits
from sweeper.storage import stored_sweep
from sweeper.storage.places import Place

Run = Callable[..., "subprocess.CompletedProcess[str]"]

LINE = (
    "-m",
    "data=npz",
    "data.path=my.npz",
    "arch.depth=1",
    "arch.filters=4",
    "training.epochs=1",
    "training.threads=1",
)

#: Splits as earlier releases made them, with copies on both sides.
EARLIER = """
import sweeper.data.splits.apart as apart

apart.reunited = lambda kept, held_out, *rest: (kept, held_out)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> Path:
    """Arrays of 200 digits, forty of them twice, by 25 writers, and a sweep as earlier releases ran it."""
    folder, raw = tmp_path_factory.mktemp("own"), digits.read(None)
    images, labels = raw.x_train[:200], raw.y_train[:200]
    np.savez(
        folder / "my.npz",
        x_train=np.concatenate([images, images[:40]]),
        y_train=np.concatenate([labels, labels[:40]]),
        x_test=raw.x_test[:60],
        y_test=raw.y_test[:60],
        writer=np.concatenate([np.arange(200) % 25, np.arange(40) % 25]),
        writer_test=np.arange(60),
    )
    (folder / "earlier").mkdir()
    (folder / "earlier" / "sitecustomize.py").write_text(EARLIER, encoding="utf-8")
    paths = os.pathsep.join([str(folder / "earlier"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = run_sweeper(folder, *LINE, "arch.kernel_size=3", "sweep.name=earlier", env={"PYTHONPATH": paths})
    assert done.returncode == 0, done.stderr
    assert "validation images are exact copies of training images" in done.stdout
    return folder


def splits(folder: Path, name: str) -> set[str]:
    trials = stored_sweep.load(OutputPaths(folder / "mlruns"), name).trials.values()
    return {trial.identity["data"]["split_digest"] for trial in trials}


@pytest.mark.long
def test_a_sweep_of_an_earlier_release_resumes_with_its_split_and_its_rows_verify(
    folder: Path, run_sweeper: Run
) -> None:
    done = run_sweeper(folder, *LINE, "arch.kernel_size=3,5", "sweep.name=earlier")
    assert done.returncode == 0, done.stderr
    assert "trial 1 complete" in done.stdout
    assert "trial 0 starts" not in done.stdout
    assert "Data: The split is the one that this sweep was recorded with: copies of images are on both" in done.stdout
    assert len(splits(folder, "earlier")) == 1
    for trial in (0, 1):
        again = run_sweeper(folder, "verify", f"earlier:{trial}")
        assert again.returncode == 0, again.stdout + again.stderr


def test_what_was_recorded_of_a_sweep_is_known_by_its_digests(folder: Path) -> None:
    paths = OutputPaths(folder / "mlruns")
    assert splits(folder, "earlier") < stored_sweep.recorded_digests(Place(paths), "earlier")
    assert len(stored_sweep.recorded_digests(Place(paths), "earlier")) == 2
    assert not stored_sweep.recorded_digests(Place(paths), "another")
    assert not stored_sweep.recorded_digests(Place(OutputPaths(folder / "nowhere")), "earlier")


def test_a_new_sweep_has_no_copy_on_both_sides_and_says_so(folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, *LINE, "arch.kernel_size=3", "sweep.name=new")
    assert done.returncode == 0, done.stderr
    assert "of training images: they stay in training, and " in done.stdout
    assert "validation images are exact copies of training images" not in done.stdout
    assert not splits(folder, "new") & splits(folder, "earlier")
    page = (folder / "mlruns/sweeps/new/report.html").read_text(encoding="utf-8")
    assert "of training images: they stay in training, and " in page


@pytest.mark.long
def test_groups_are_said_in_the_report_and_kept_with_the_predictions(folder: Path, run_sweeper: Run) -> None:
    words = ("arch.kernel_size=3", "sweep.name=groups", "data.groups=writer")
    done = run_sweeper(folder, *LINE, "arch.kernel_size=3,4", *words[1:])
    assert done.returncode == 0, done.stderr
    said = "Images of a group (data.groups=writer) stay on one side: "
    assert f"Data: {said}" in done.stdout
    assert said in (folder / "mlruns/sweeps/groups/report.html").read_text(encoding="utf-8")
    printed = " ".join(done.stdout.split())
    assert re.search(
        r"Groups of images \(data\.groups=writer, \d+ of them\) are taken as independent of each other", printed
    )
    assert "no trial was validated on groups that it was trained on" in printed
    assert "Images are taken as independent" not in printed
    run_sweeper(folder, "report", "groups", "--json", "groups.json")
    [written] = json.loads((folder / "groups.json").read_text(encoding="utf-8"))["sweeps"]
    assert said in written["data_notes"]
    assert any("of the 60 groups of test images (data.groups=writer)" in one for one in written["findings"]["warnings"])

    loaded = stored_sweep.load(OutputPaths(folder / "mlruns"), "groups")
    artifacts = next(folder.glob(f"mlruns/artifacts/**/{loaded.trials[0].run_id}/artifacts"))
    with np.load(artifacts / "predictions.npz", allow_pickle=False) as predictions:
        assert len(predictions["groups"]) == len(predictions["labels"])
        assert set(predictions["groups"].tolist()) < set(map(str, range(25)))
    with np.load(artifacts / "test/predictions.npz", allow_pickle=False) as predictions:
        assert predictions["groups"].tolist() == list(map(str, range(60)))

    again = run_sweeper(folder, "verify", "groups:0")
    assert again.returncode == 0, again.stdout + again.stderr
    more = run_sweeper(folder, *LINE, "arch.kernel_size=3,4,5", *words[1:])
    assert "trial 2 complete" in more.stdout, more.stderr
    assert "trial 0 starts" not in more.stdout
