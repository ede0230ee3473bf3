"""A row's validation figures are those of the saved model, whatever swaps, averages or restores its weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as oracle

from sweeper import data, executors
from sweeper.artifacts.model import read_weights
from sweeper.artifacts.result import read_result
from sweeper.config.trial import DataConfig
from sweeper.core.datasets import PreparedData
from sweeper.core.objectives import FURTHER_METRICS, Metric, Objective
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import TrainingSpec, TrialResult, TrialState
from sweeper.executors import Event, Executor, TrialEnded, TrialEpoch
from sweeper.models import networks

ADAM = {"_target_": "keras.optimizers.Adam", "learning_rate": 0.01}
AVERAGED = {**ADAM, "use_ema": True, "ema_momentum": 0.9}
SCHEDULE_FREE = {"_target_": "keras.optimizers.ScheduleFreeAdamW", "learning_rate": 0.01}
SGD = {"_target_": "keras.optimizers.SGD", "learning_rate": 0.1, "momentum": 0.9}

MOBILE = {"_target_": networks.APPLICATION, "name": "MobileNetV3Small", "image_size": 32}

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
    "early stopping resumed": (
        SGD,
        {"early_stopping": {"patience": 2}, "restore_best": True, "checkpoint": True},
        {},
        (1, 3),
    ),
    "stopped before it was interrupted": (
        SGD,
        {"early_stopping": {"patience": 1, "min_delta": 0.5}, "restore_best": True, "checkpoint": True},
        {},
        (2,),
    ),
    "cosine": (SGD, {"schedule": "cosine", "warmup_epochs": 1.0, "checkpoint": True}, {}, (2,)),
    "step": (SGD, {"schedule": "step", "decay": {"step_size": 1}, "checkpoint": True}, {}, (1,)),
    "exponential": (ADAM, {"schedule": "exponential", "checkpoint": True}, {}, (2,)),
    "one cycle": (ADAM, {"schedule": "one_cycle", "checkpoint": True}, {}, (1,)),
    "plateau": (
        {**SGD, "learning_rate": 1.0},
        {"schedule": "plateau", "decay": {"patience": 1}, "checkpoint": True},
        {},
        (2,),
    ),
    "ema": (ADAM, {"ema": 0.9, "checkpoint": True}, {}, (2,)),
    "mixed precision with ema": (ADAM, {"ema": 0.9, "precision": "mixed_float16"}, {}, ()),
    "best epoch of ema": (SGD, {"ema": 0.8, "restore_best": True, "checkpoint": True}, {}, (3,)),
    "muon": (
        {"_target_": "keras.optimizers.Muon", "learning_rate": 0.01, "exclude_layers": ["probabilities"]},
        {"checkpoint": True},
        {},
        (2,),
    ),
    "lion": ({"_target_": "keras.optimizers.Lion", "learning_rate": 0.003}, {"checkpoint": True}, {}, (2,)),
    "nadam": ({"_target_": "keras.optimizers.Nadam", "learning_rate": 0.01}, {"checkpoint": True}, {}, (2,)),
    "schedule-free": (SCHEDULE_FREE, {"checkpoint": True}, {}, (2,)),
    "best epoch of schedule-free": (SCHEDULE_FREE, {"restore_best": True, "checkpoint": True}, {}, (3,)),
    "schedule-free in mixed precision": (SCHEDULE_FREE, {"precision": "mixed_float16"}, {}, ()),
    "label smoothing": (ADAM, {"label_smoothing": 0.2, "checkpoint": True}, {}, (2,)),
    "class weights": (ADAM, {"class_weight": {"3": 5.0, "4": 0.5}, "checkpoint": True}, {}, (2,)),
    "balanced and smoothed": (
        ADAM,
        {"class_weight": "balanced", "label_smoothing": 0.1, "checkpoint": True},
        {"l2": 0.01},
        (2,),
    ),
    "a callback that sets weights": (ADAM, {"callbacks": [{"_target_": "fit_callbacks.Shrink"}]}, {}, ()),
    "a callback that sets weights at the end": (
        ADAM,
        {"callbacks": [{"_target_": "fit_callbacks.Shrink", "hook": "train_end"}]},
        {},
        (),
    ),
    "a callback that sets averaged weights": (
        SCHEDULE_FREE,
        {"callbacks": [{"_target_": "fit_callbacks.Shrink"}]},
        {},
        (),
    ),
    "a callback with a memory": (
        ADAM,
        {"callbacks": [{"_target_": "fit_callbacks.Fading"}], "checkpoint": True},
        {},
        (2,),
    ),
    "Keras's own early stopping": (
        ADAM,
        {
            "callbacks": [
                {
                    "_target_": "keras.callbacks.EarlyStopping",
                    "patience": 1,
                    "min_delta": 5.0,
                    "restore_best_weights": True,
                }
            ]
        },
        {},
        (),
    ),
    "augmented": (ADAM, {"checkpoint": True}, {}, (1, 2)),
    "mixed images": (ADAM, {"checkpoint": True, "class_weight": {"3": 2.0}}, {}, (2,)),
    "everything": (
        SCHEDULE_FREE,
        {
            "schedule": "cosine",
            "label_smoothing": 0.1,
            "class_weight": "balanced",
            "restore_best": True,
            "early_stopping": {"patience": 3},
            "callbacks": [{"_target_": "fit_callbacks.Fading"}],
            "checkpoint": True,
        },
        {"batch_norm": True, "l2": 0.001},
        (1, 3),
    ),
    "at first frozen": (
        AVERAGED,
        {"restore_best": True, "checkpoint": True},
        {**MOBILE, "freeze_epochs": 2, "fine_tune_rate": 0.001},
        (1, 3),
    ),
    "mixed precision": (ADAM, {"precision": "mixed_bfloat16"}, {}, ()),
    "mixed precision with averages": (AVERAGED, {"precision": "mixed_float16"}, {}, ()),
}

#: Options that together touch every part; the others take minutes, and run with `make test-long`.
USUAL = {
    "plain", "averaged weights", "best epoch of averaged weights", "early stopping resumed", "cosine", "plateau",
    "ema", "best epoch of schedule-free", "balanced and smoothed", "a callback that sets weights at the end",
    "a callback with a memory", "Keras's own early stopping", "mixed images", "everything",
    "mixed precision with averages",
}  # fmt: skip


def marked(names: Iterable[str]) -> list[Any]:
    return [pytest.param(name, marks=() if name in USUAL else pytest.mark.long) for name in names]


CHANGED_AT_THE_END = ("a callback that sets weights at the end", "Keras's own early stopping")

METRICS = tuple(Metric(name, direction) for name, direction in FURTHER_METRICS.items())

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


#: Custom callbacks that change the network, or remember earlier epochs.
CALLBACKS = """
import keras

class Shrink(keras.callbacks.Callback):
    def __init__(self, hook="epoch_end"):
        super().__init__()
        self.hook = hook

    def shrink(self, hook, logs):
        logs.clear()
        if hook == self.hook:
            self.model.set_weights([0.5 * weights for weights in self.model.get_weights()])

    def on_epoch_end(self, epoch, logs):
        assert {"loss", "accuracy", "val_loss", "val_accuracy", "val_macro_f1"} <= set(logs)
        self.shrink("epoch_end", logs)

    def on_train_end(self, logs):
        self.shrink("train_end", logs)

class Fading(keras.callbacks.Callback):
    def on_train_begin(self, logs):
        self.share = 1.0

    def on_epoch_end(self, epoch, logs):
        self.share *= 0.9
        self.model.set_weights([self.share * weights for weights in self.model.get_weights()])

    def state_dict(self):
        return {"share": self.share}

    def load_state_dict(self, state):
        self.share = state["share"]
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


#: The augmentation of some options.
AUGMENT: dict[str, dict[str, Any]] = {
    "augmented": {"rotation": 0.05, "translation": 0.1, "contrast": 0.3, "erasing": 0.3},
    "mixed images": {"mixup": 0.3, "cutmix": 1.0},
    "everything": {"zoom": 0.1, "flip": "horizontal", "mixup": 0.2},
}


def spec_of(name: str, number: int, folder: Path, prepared: PreparedData) -> TrainingSpec:
    optimizer, training, arch, _ = OPTIONS[name]
    settings = {"epochs": 4, "batch_size": 64, "threads": 1, "early_stopping": {}, **training}
    small = {"_target_": networks.CNN, "depth": 2, "filters": 4, "dense_units": 16}
    network = arch if "_target_" in arch else {**small, **arch}
    return TrainingSpec(
        number=number,
        folder=folder,
        config={
            "arch": network,
            "data": {},
            "training": settings,
            "optimizer": optimizer,
            "seed": 3,
            **({"augment": AUGMENT[name]} if name in AUGMENT else {}),
        },
        overrides=(),
        data=prepared,
        metric=Objective("val_macro_f1", "maximize"),
        metrics=METRICS,
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return data.prepare(DataConfig(max_samples=400), tmp_path_factory.mktemp("saved") / "data")


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Executor]:
    folder = tmp_path_factory.mktemp("modules")
    (folder / "fit_callbacks.py").write_text(CALLBACKS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        patch.syspath_prepend(folder)
        made = executors.create("processes", 1, ())
        yield made
        made.close()


@pytest.fixture(scope="module")
def trained(
    request: pytest.FixtureRequest, prepared: PreparedData, executor: Executor
) -> dict[str, tuple[TrialResult, Path]]:
    """The result and the folder of the trial, of each option that a test asks for."""
    found = {}
    asked_for = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    for number, (name, (*_, kills)) in enumerate(OPTIONS.items()):
        if name not in asked_for:
            continue
        spec = spec_of(name, number, prepared.folder.parent / str(number), prepared)
        found[name] = (train(executor, spec, kills), spec.folder)
    return found


@pytest.fixture(scope="module")
def said(trained: dict[str, tuple[TrialResult, Path]]) -> dict[str, dict[str, float]]:
    """What each saved model says itself, loaded in a fresh process: its figures on the validation images."""
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
        wide, predicted = probabilities / probabilities.sum(axis=1, keepdims=True), probabilities.argmax(axis=1)
        found[name] = {
            "val_loss": float(-np.log(of_label).mean()),
            "val_accuracy": float((predicted == labels).mean()),
            "val_balanced_accuracy": oracle.balanced_accuracy_score(labels, predicted),
            "val_macro_f1": oracle.f1_score(labels, predicted, average="macro", zero_division=0),
            "val_auc": oracle.roc_auc_score(labels, wide, multi_class="ovr", average="macro"),
            "val_top5_accuracy": oracle.top_k_accuracy_score(labels, wide, k=5),
            "val_brier": oracle.brier_score_loss(labels, wide),
        }
    return found


@pytest.mark.parametrize("name", marked(OPTIONS))
def test_a_row_says_what_its_saved_model_says(
    name: str, trained: dict[str, tuple[TrialResult, Path]], said: dict[str, dict[str, float]]
) -> None:
    metrics = trained[name][0].metrics
    tolerance = 2e-3 if "mixed" in name else 1e-6  # half precision rounds otherwise in another process's batches

    by_class = 0.013 if "mixed" in name else 1e-12

    for figure, value in said[name].items():
        is_by_class = figure.endswith(("accuracy", "f1"))
        is_by_ties = figure == "val_auc" and "frozen" in name  # outputs hardly differ there: rounding makes the order
        allowed = by_class if is_by_class else 0.02 if is_by_ties else tolerance
        assert metrics[figure] == pytest.approx(value, abs=allowed), figure
    assert set(said[name]) | {"val_ece"} == {figure for figure in metrics if figure.startswith("val_")}


@pytest.mark.parametrize("name", marked(OPTIONS))
def test_a_curve_scores_the_weights_that_would_be_saved_after_each_epoch(
    name: str, trained: dict[str, tuple[TrialResult, Path]]
) -> None:
    result, folder = trained[name]
    kept = result.history[(result.facts.best_epoch or len(result.history)) - 1]

    if name in CHANGED_AT_THE_END:  # no epoch had these weights
        assert result.metrics["val_loss"] != kept["val_loss"]
    else:
        assert result.metrics["val_loss"] == pytest.approx(kept["val_loss"], abs=1e-12)
        assert result.metrics["val_accuracy"] == kept["val_accuracy"]
        assert result.metrics["val_macro_f1"] == pytest.approx(kept["val_macro_f1"], abs=1e-12)
        if result.facts.best_epoch:
            best = max(epoch["val_macro_f1"] for epoch in result.history)
            assert kept["val_macro_f1"] == best, "the objective chose it"
    with np.load(TrialPaths(folder).predictions) as saved:
        assert float((saved["predicted"] == saved["labels"]).mean()) == result.metrics["val_accuracy"]


RESUMED = [name for name, (*_, kills) in OPTIONS.items() if kills]


@pytest.mark.parametrize("name", marked(RESUMED))
def test_a_resumed_trial_has_the_figures_of_an_undisturbed_one(
    name: str, trained: dict[str, tuple[TrialResult, Path]], prepared: PreparedData, executor: Executor, tmp_path: Path
) -> None:
    result, folder = trained[name]
    undisturbed = train(executor, spec_of(name, 0, tmp_path / "again", prepared), ())

    assert result.facts.interruptions == OPTIONS[name][3]
    assert len(result.history) == len(undisturbed.history)
    for one, other in zip(result.history, undisturbed.history, strict=True):
        assert {**one, "duration_s": 0} == {**other, "duration_s": 0}
    assert {**result.metrics, "duration_s": 0} == {**undisturbed.metrics, "duration_s": 0}
    assert result.facts.best_epoch == undisturbed.facts.best_epoch
    saved, again = (read_weights(TrialPaths(one).model) for one in (folder, tmp_path / "again"))
    assert saved.keys() == again.keys()
    assert all(np.array_equal(saved[place], again[place]) for place in saved)
