"""A row's validation figures are those of the saved model, whatever swaps, averages or restores its weights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper import data, executors
from sweeper.artifacts.result import read_result
from sweeper.config.trial import DataConfig
from sweeper.core.objectives import Objective
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import TrainingSpec, TrialResult, TrialState
from sweeper.executors import Event, Executor, TrialEnded, TrialEpoch

ADAM = {"_target_": "keras.optimizers.Adam", "learning_rate": 0.01}
AVERAGED = {**ADAM, "use_ema": True, "ema_momentum": 0.9}
SGD = {"_target_": "keras.optimizers.SGD", "learning_rate": 0.1, "momentum": 0.9}

#: Optimizer, further keys of `training`, further keys of `arch`, epochs at which the process is killed.
OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], tuple[int, ...]]] = {
    "plain": (SGD, {}, {}, ()),
    "batch norm": (ADAM, {}, {"batch_norm": True}, ()),
    "averaged weights": (AVERAGED, {}, {}, ()),
    "averages that overwrite": ({**AVERAGED, "ema_overwrite_frequency": 2}, {}, {}, ()),
    "best epoch": ({**SGD, "learning_rate": 0.5}, {"restore_best": True}, {}, ()),
    "best epoch of averaged weights": (AVERAGED, {"restore_best": True}, {}, ()),
    "early stopping": (
        SGD,
        {"early_stopping": {"patience": 1, "min_delta": 0.5}, "restore_best": True},
        {},
        (),
    ),
    "resumed": (ADAM, {"checkpoint": True}, {}, (2,)),
    "resumed with averaged weights": (AVERAGED, {"checkpoint": True}, {}, (1, 2)),
    "mixed precision": (ADAM, {"precision": "mixed_bfloat16"}, {}, ()),
    "mixed precision with averages": (AVERAGED, {"precision": "mixed_float16"}, {}, ()),
}

PREDICT = """
import json, sys
from pathlib import Path
import numpy as np
from sweeper.artifacts.model import load_model
from sweeper.data import as_float
images = as_float(np.load(sys.argv[1]))
models = {path: load_model(Path(path)) for path in sys.argv[2:]}
outputs = {path: np.asarray(model(images, training=False), dtype="float64") for path, model in models.items()}
print(json.dumps({path: output.tolist() for path, output in outputs.items()}))
"""


def train(executor: Executor, spec: TrainingSpec, kills: tuple[int, ...]) -> TrialResult:
    """Trains a spec; after these epochs its process is killed, and it is submitted again."""
    left, ended = list(kills), False

    def handle(event: Event) -> None:
        nonlocal ended
        if isinstance(event, TrialEpoch) and left and event.report.epoch == left[0]:
            executor.kill(spec.number, "the test kills it")
        elif isinstance(event, TrialEnded) and left:
            left.pop(0)
            executor.submit(spec)
        elif isinstance(event, TrialEnded):
            ended = True

    executor.submit(spec)
    while not ended:
        executor.poll(handle, 0.2)
    result = read_result(TrialPaths(spec.folder))
    assert result is not None
    assert result.state is TrialState.COMPLETE, result.traceback
    return result


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[TrialResult, Path]]:
    """Each option's result and the folder of its trial."""
    folder = tmp_path_factory.mktemp("saved")
    prepared = data.prepare(DataConfig(max_samples=400), folder / "data")
    executor = executors.create("processes", 1, ())
    found = {}
    try:
        for number, (name, (optimizer, training, arch, kills)) in enumerate(OPTIONS.items()):
            settings = {"epochs": 4, "batch_size": 64, "threads": 1, "early_stopping": {}, **training}
            network = {"_target_": "models.cnn.build", "depth": 2, "filters": 4, "dense_units": 16, **arch}
            config = {"arch": network, "data": {}, "training": settings, "optimizer": optimizer, "seed": 3}
            spec = TrainingSpec(
                number=number,
                folder=folder / str(number),
                config=config,
                overrides=(),
                data=prepared,
                metric=Objective("val_accuracy", "maximize"),
                awaits_verdict=False,
            )
            found[name] = (train(executor, spec, kills), spec.folder)
    finally:
        executor.close()
    return found


@pytest.fixture(scope="module")
def said(trained: dict[str, tuple[TrialResult, Path]]) -> dict[str, tuple[float, float]]:
    """What each saved model says itself, loaded in a fresh process: loss and accuracy on the validation images."""
    models = {name: str(TrialPaths(folder).model) for name, (_, folder) in trained.items()}
    images = next(iter(trained.values()))[1].parent / "data"
    labels = np.load(images / "y_validation.npy")
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, str(images / "x_validation.npy"), *models.values()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outputs = json.loads(done.stdout.splitlines()[-1])
    found = {}
    for name, path in models.items():
        probabilities = np.array(outputs[path])
        of_label = np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1)
        found[name] = (float(-np.log(of_label).mean()), float((probabilities.argmax(axis=1) == labels).mean()))
    return found


@pytest.mark.parametrize("name", OPTIONS)
def test_a_row_says_what_its_saved_model_says(
    name: str, trained: dict[str, tuple[TrialResult, Path]], said: dict[str, tuple[float, float]]
) -> None:
    metrics = trained[name][0].metrics
    loss, accuracy = said[name]
    tolerance = 2e-3 if "mixed" in name else 1e-6  # half precision rounds otherwise in another process's batches

    assert metrics["val_accuracy"] == pytest.approx(accuracy, abs=0.0 if "mixed" not in name else 0.013)
    assert metrics["val_loss"] == pytest.approx(loss, abs=tolerance)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_curve_scores_the_weights_that_would_be_saved_after_each_epoch(
    name: str, trained: dict[str, tuple[TrialResult, Path]]
) -> None:
    result, folder = trained[name]
    kept = result.history[(result.facts.best_epoch or len(result.history)) - 1]

    assert result.metrics["val_loss"] == pytest.approx(kept["val_loss"], abs=1e-12)
    assert result.metrics["val_accuracy"] == kept["val_accuracy"]
    with np.load(TrialPaths(folder).predictions) as saved:
        assert float((saved["predicted"] == saved["labels"]).mean()) == result.metrics["val_accuracy"]


@pytest.mark.parametrize("options", ["resumed", "resumed with averaged weights"])
def test_a_resumed_trial_has_the_figures_of_an_undisturbed_one(
    options: str, trained: dict[str, tuple[TrialResult, Path]], tmp_path: Path
) -> None:
    result, _ = trained[options]
    optimizer, training, arch, kills = OPTIONS[options]
    prepared = data.prepare(DataConfig(max_samples=400), tmp_path / "data")
    network = {"_target_": "models.cnn.build", "depth": 2, "filters": 4, "dense_units": 16, **arch}
    settings = {"epochs": 4, "batch_size": 64, "threads": 1, "early_stopping": {}, **training}
    spec = TrainingSpec(
        number=0,
        folder=tmp_path / "again",
        config={"arch": network, "data": {}, "training": settings, "optimizer": optimizer, "seed": 3},
        overrides=(),
        data=prepared,
        metric=Objective("val_accuracy", "maximize"),
    )
    executor = executors.create("processes", 1, ())
    try:
        undisturbed = train(executor, spec, ())
    finally:
        executor.close()

    assert result.facts.interruptions == kills
    for one, other in zip(result.history, undisturbed.history, strict=True):
        assert {**one, "duration_s": 0} == {**other, "duration_s": 0}
    assert result.metrics["val_loss"] == undisturbed.metrics["val_loss"]
