"""Built-in networks besides the plain one: swept, recorded and repeated like it."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.models import networks

Run = Callable[..., "subprocess.CompletedProcess[str]"]

SMALL = ["training.epochs=2", "training.threads=1", "data.max_samples=200", "report.finalists=0", "sweep.name=nets"]
RESNET = ["arch=resnet", "arch.stages=1,2", "arch.width=2", "arch.blocks=1"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> Path:
    folder = tmp_path_factory.mktemp("nets")
    done = run_sweeper(folder, "-m", *RESNET, *SMALL)
    assert done.returncode == 0, done.stderr
    return folder


def test_its_rows_have_the_counts_of_its_arithmetic(swept: Path) -> None:
    with (swept / "mlruns/sweeps/nets/leaderboard.csv").open(newline="") as file:
        rows = {row["arch.stages"]: row for row in csv.DictReader(file)}

    assert {row["state"] for row in rows.values()} == {"complete"}
    for stages in (1, 2):
        arch = {"_target_": networks.RESNET, "stages": stages, "width": 2, "blocks": 1}
        planned = networks.plan(arch, (28, 28, 1), 10)
        assert int(rows[str(stages)]["num_params"]) == planned.num_params
        assert float(rows[str(stages)]["flops"]) == planned.flops


def test_a_row_is_repeated_to_the_bit(swept: Path, run_sweeper: Run) -> None:
    done = run_sweeper(swept, "verify", "nets:1")

    assert done.returncode == 0, done.stderr
    assert "Same, to the bit" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["arch=resnet", "arch.depth=3"], "arch.depth"),
        (["arch=resnet", "arch.stages=11"], "arch.stages=11 is not accepted: a whole number from 1 to 10."),
        (["arch=resnet", "arch.width=many"], "arch.width=many is not accepted"),
        (["arch=resnet", "arch.blocks=[1,2]"], "arch.blocks has 2 entries for arch.stages=3"),
        (
            ["arch=application", "arch.image_size=32", "arch.freeze_epochs=2", "training.schedule=cosine"],
            "arch.freeze_epochs=2 has one learning rate until then and another one afterwards",
        ),
        (["arch=application"], "takes images from 32 pixels a side, and these have 28x28."),
        (["arch.strides=0"], "arch.strides=0 is not accepted: a whole number from 1"),
        (["arch.final_pooling=global_avg"], "Try: arch.final_pooling=global_average"),
    ],
)
def test_what_is_not_accepted_is_refused(words: list[str], said: str, type_line: Run, tmp_path: Path) -> None:
    done = type_line(tmp_path, *words)

    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.long
def test_a_network_of_keras_is_swept_and_planned(run_sweeper: Run, tmp_path: Path) -> None:
    words = ["-m", "arch=application", "arch.name=MobileNetV3Small", "arch.image_size=32"]

    plan = run_sweeper(tmp_path, *words, "sweep.dry_run=true")
    done = run_sweeper(tmp_path, *words, *SMALL, "training.epochs=1")

    assert plan.returncode == done.returncode == 0, plan.stderr + done.stderr
    with (tmp_path / "mlruns/sweeps/nets/leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["state"] for row in rows} == {"complete"}
    assert all(f"{int(row['num_params']):,}" in plan.stdout for row in rows)


@pytest.mark.long
def test_weights_that_cannot_be_had_are_refused_before_anything_is_written(
    run_sweeper: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["arch=application", "arch.image_size=32", "arch.weights=imagenet"]
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing listens there

    done = run_sweeper(tmp_path, *words)

    assert done.returncode == 2
    assert "the weights cannot be had" in done.stderr
    assert "mobilenet_v2_weights" in done.stderr
    assert f"in {tmp_path / 'keras'}/models: copy it there" in done.stderr
    assert not (tmp_path / "mlruns").exists()
