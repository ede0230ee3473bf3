"""Rows trained again: the same to the bit, also pruned ones and those that were interrupted; and what is refused."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sweeper.cli import commands
from sweeper.core.errors import RefusedError
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import TrialRow, TrialState
from sweeper.report.command_lines import repeat_line
from sweeper.verify.lookup import find_row

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def paths(own_sweep: Path) -> OutputPaths:
    return OutputPaths(own_sweep / "mlruns")


def table(text: str) -> dict[str, str]:
    """The last column of the comparison by the first."""
    lines = text.partition("recorded  ")[2].splitlines()[1:]
    return dict(re.findall(r"^(\w+) .*  (yes|no\b.*|nearly\b.*?) *$", "\n".join(lines), re.M))


def digests(root: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*") if path.is_file()}


@pytest.mark.long
def test_a_row_with_restored_weights_comes_to_the_same_and_nothing_is_recorded(
    own_sweep: Path, paths: OutputPaths, run_sweeper: Run, tmp_path: Path
) -> None:
    shutil.copy(own_sweep / "nets.py", tmp_path / "nets.py")  # another folder, where data.path=images.npz is not
    run_id = find_row(paths, "mine:2").trial.run_id
    before = digests(paths.root)
    temporary = Path(tempfile.mkdtemp())  # not under tmp_path, which is too long for a socket's address

    words = [run_id[:9], "--data-path", str(own_sweep / "images.npz"), "--output-dir", str(paths.root)]
    done = run_sweeper(tmp_path, "verify", *words, "--trust", env={"TMPDIR": str(temporary)})

    assert done.returncode == 0, done.stdout + done.stderr
    metrics = ["train_loss", "train_accuracy", "val_loss", "val_accuracy", "num_params", "epochs"]
    assert table(done.stdout) == dict.fromkeys([*metrics, "curves", "predictions", "probabilities", "weights"], "yes")
    assert "\nSame, to the bit: 6 metrics, the curves of " in done.stdout
    assert done.stderr == ""
    assert digests(paths.root) == before
    assert list(temporary.glob("sweeper-*")) == []
    shutil.rmtree(temporary)
    line = done.stdout.splitlines()[-1].strip()
    words = shlex.split(line)[3:]
    assert {"+arch.width=12", "seed=3", f"data.path={own_sweep / 'images.npz'}", "optimizer=adam"} < set(words)
    plan = run_sweeper(tmp_path, *words, "sweep.dry_run=true")
    assert "Trials: 1, " in plan.stdout, plan.stderr


def test_a_pruned_row_is_ended_where_it_was_ended(own_sweep: Path, run_sweeper: Run) -> None:
    done = run_sweeper(own_sweep, "verify", "mine:1", "--trust")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "A pruner ended it after epoch 2; so is this training." in done.stdout
    assert "the curves of 2 epochs" in done.stdout
    assert set(table(done.stdout).values()) == {"yes"}
    assert "in a sweep of its own" not in done.stdout


def test_a_builder_that_changed_is_found_out(
    own_sweep: Path, paths: OutputPaths, run_sweeper: Run, tmp_path: Path
) -> None:
    text = (own_sweep / "nets.py").read_text(encoding="utf-8")
    (tmp_path / "nets.py").write_text(text.replace("glorot_uniform", "he_uniform"), encoding="utf-8")
    shutil.copy(own_sweep / "images.npz", tmp_path)

    done = run_sweeper(tmp_path, "verify", "mine:0", "--trust", "--output-dir", str(paths.root))

    assert done.returncode == 1, done.stdout + done.stderr
    found = table(done.stdout)
    assert found["num_params"] == "yes"
    assert found["weights"].startswith("no: ")
    [verdict] = [line for line in done.stdout.splitlines() if line.startswith("Not the same: ")]
    assert re.search(r"weights; .*(the code of arch\._target_=nets\.build|inputs that differ: code)", verdict)


def test_other_images_are_found_out_before_anything_trains(
    own_sweep: Path, paths: OutputPaths, run_sweeper: Run, tmp_path: Path
) -> None:
    shutil.copy(own_sweep / "nets.py", tmp_path)
    with np.load(own_sweep / "images.npz") as images:
        arrays = dict(images)
    arrays["x_train"][0, 0, 0] += 1
    np.savez(tmp_path / "other.npz", **arrays)

    done = run_sweeper(
        tmp_path, "verify", "mine:0", "--trust", "--data-path", "other.npz", "--output-dir", str(paths.root)
    )

    assert done.returncode == 1
    assert "Not the same: these are other images than those that the row was trained on (digest " in done.stdout
    assert "Nothing was trained; --data-path FILE names another place." in done.stdout
    assert "starts" not in done.stdout


def test_images_that_are_gone_are_refused_with_the_line_that_gives_their_place(
    own_sweep: Path, paths: OutputPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(own_sweep)
    message = r"The images of mine:0 \(data=npz, data\.path=images\.npz\) are not available: .*" + (
        r"Try: python -m sweeper verify mine:0 --data-path FILE"
    )
    with pytest.raises(RefusedError, match=message):
        commands.run(["verify", "mine:0", "--trust", "--output-dir", str(paths.root)])


def test_a_key_that_varies_only_since_a_later_line_is_in_a_rows_own_line() -> None:
    params = {"arch.depth": 3, "arch.filters": [8, 16], "optimizer.nesterov": True, "seed": 2}
    row = TrialRow(0, TrialState.COMPLETE, params, overrides=("arch.depth=3", "seed=2"), seed=2)
    expected = "python -m sweeper arch.depth=3 'arch.filters=[8,16]' optimizer.nesterov=true seed=2 sweep.reuse=false"
    assert repeat_line(row, "sweep.name=mine") == expected
