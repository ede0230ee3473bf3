"""What a training asks for is checked against images, optimizer and the classes that it names, without Keras."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

from sweeper.config import keras_sources
from sweeper.config.augment import AugmentConfig
from sweeper.config.training import TrainingConfig
from sweeper.core.datasets import DataSummary
from sweeper.core.errors import ConfigError
from sweeper.preflight.training import check_averages, check_callbacks, check_class_weight, check_layers

OWN = """
import keras

class Remembers(keras.callbacks.Callback):
    def __init__(self, patience=3):
        super().__init__()

class Keeps(Remembers):
    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass

class Noise(keras.layers.Layer):
    def __init__(self, strength, **more):
        super().__init__(**more)

number = 3
"""


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "preflight_classes.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)


def callbacks(*nodes: dict[str, Any], **training: Any) -> None:
    check_callbacks(TrainingConfig(callbacks=list(nodes), **training))


@pytest.mark.parametrize(
    ("node", "message"),
    [
        pytest.param(
            {"_target_": "keras.callbacks.CSVLoger", "filename": "x"},
            r"does not exist\. .*Did you mean 'CSVLogger'",
            id="typo",
        ),
        pytest.param(
            {"_target_": "keras.callbacks.CSVLogger"},
            r"keras\.callbacks\.CSVLogger needs filename\. Accepted: filename, separator, append\. .*Try: '",
            id="a key too few",
        ),
        pytest.param(
            {"_target_": "keras.callbacks.EarlyStopping", "patients": 3},
            r"does not take patients\. Accepted: monitor, min_delta, patience.* Did you mean 'patience'\?",
            id="a key too many",
        ),
        pytest.param(
            {"_target_": "preflight_classes.Forgets"}, r"has no class Forgets\. .* by its dotted path", id="none"
        ),
        pytest.param(
            {"_target_": "preflight_nowhere.Mine"}, r"cannot be imported: ModuleNotFoundError", id="no module"
        ),
        pytest.param({"_target_": "preflight_classes.number"}, r"is neither a class nor a function", id="a number"),
        pytest.param(
            {"_target_": "preflight_classes.Noise"}, r"is not made from keras\.callbacks\.Callback", id="a layer"
        ),
        pytest.param(
            {"_target_": "preflight_classes.Remembers", "patients": 3},
            r"does not take the keys patients: ",
            id="its keys",
        ),
    ],
)
def test_a_callback_that_cannot_be_made_is_refused(node: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^training\.callbacks: .*{message}"):
        callbacks(node)


def test_a_callback_that_can_be_made_passes() -> None:
    callbacks(
        {"_target_": "keras.callbacks.CSVLogger", "filename": "epochs.csv"},
        {"_target_": "keras.callbacks.TerminateOnNaN"},
        {"_target_": "preflight_classes.Remembers", "patience": 5},
    )


@pytest.mark.parametrize("target", ["keras.callbacks.CSVLogger", "preflight_classes.Remembers"])
def test_a_checkpoint_is_refused_with_a_callback_whose_memory_it_cannot_keep(target: str) -> None:
    keys = {"filename": "x"} if "CSV" in target else {}

    with pytest.raises(ConfigError, match=rf"the callback {target} remembers .* state_dict\(\).*checkpoint=false$"):
        callbacks({"_target_": target, **keys}, checkpoint=True)


def test_a_checkpoint_goes_together_with_callbacks_that_remember_nothing_or_say_what() -> None:
    callbacks({"_target_": "keras.callbacks.TerminateOnNaN"}, {"_target_": "preflight_classes.Keeps"}, checkpoint=True)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        pytest.param({"_target_": "keras.layers.RandomHeu", "factor": 0.1}, r"Did you mean 'RandomHue'", id="typo"),
        pytest.param({"_target_": "keras.layers.RandomHue"}, r"RandomHue needs factor", id="a key too few"),
        pytest.param(
            {"_target_": "keras.layers.RandomHue", "factor": 0.1, "faktor": 1}, r"does not take faktor", id="more"
        ),
        pytest.param(
            {"_target_": "preflight_classes.Keeps"}, r"is not made from keras\.layers\.Layer", id="a callback"
        ),
    ],
)
def test_a_layer_that_cannot_be_made_is_refused(node: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^augment\.layers: .*{message}"):
        check_layers(AugmentConfig(layers=[node]))


def test_a_layer_that_can_be_made_passes() -> None:
    hue = {"_target_": "keras.layers.RandomHue", "factor": 0.1, "value_range": [0, 1], "dtype": "float32"}
    check_layers(AugmentConfig(layers=[hue, {"_target_": "preflight_classes.Noise", "strength": 0.1}]))


@pytest.mark.parametrize("package", ["keras.callbacks", "keras.layers", "keras.optimizers"])
def test_keras_sources_say_what_keras_says(package: str) -> None:
    exported = vars(importlib.import_module(package))
    found = keras_sources.classes(package)  # with one function, without second names

    assert {value.__name__ for value in exported.values() if inspect.isclass(value)} == set(found) - {"Input"}
    for name in ("CSVLogger", "RandomZoom", "MixUp", "Muon"):
        if name in found:
            named = set(inspect.signature(exported[name]).parameters)
            assert set(keras_sources.arguments(package, name)) == named


def test_a_weight_of_a_class_that_there_is_not_is_refused() -> None:
    summary = DataSummary("folder", (8, 8, 3), 2, 10, 4, 4, ("cat", "dog"))
    check_class_weight(TrainingConfig(class_weight={"cat": 2.0}), summary)
    check_class_weight(TrainingConfig(class_weight="balanced"), summary)

    with pytest.raises(ConfigError, match=r"names the class cow, .* cat and dog, .*\{cat: 2\.0\}'$"):
        check_class_weight(TrainingConfig(class_weight={"cow": 2.0}), summary)


@pytest.mark.parametrize(
    ("training", "optimizer", "message"),
    [
        pytest.param(
            {"ema": 0.9}, {"_target_": "keras.optimizers.Adam", "use_ema": True}, r"the same average", id="twice"
        ),
        pytest.param(
            {"ema": 0.9}, {"_target_": "keras.optimizers.ScheduleFreeAdamW"}, r"training\.ema=0\.9 .* twice", id="ema"
        ),
        pytest.param(
            {}, {"_target_": "keras.optimizers.ScheduleFreeAdamW", "use_ema": True}, r"use_ema=true .* tw", id="use_ema"
        ),
    ],
)
def test_two_averages_of_the_weights_are_refused(
    training: dict[str, Any], optimizer: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_averages(TrainingConfig(**training), optimizer)


def test_one_average_passes() -> None:
    check_averages(TrainingConfig(ema=0.9), {"_target_": "keras.optimizers.Adam", "use_ema": False})
    check_averages(TrainingConfig(), {"_target_": "keras.optimizers.ScheduleFreeAdamW"})
