"""A model's folder: what was trained is what is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.artifacts.model import save_model

pytestmark = pytest.mark.usefixtures("keras_runtime")


@pytest.fixture(params=["float32", "mixed_bfloat16"])
def model(request: pytest.FixtureRequest) -> Any:
    import keras
    from keras.layers import BatchNormalization, Conv2D, Dense, Flatten, Input

    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    last = Dense(3, activation="softmax", dtype="float32")
    network = keras.Sequential([Input((8, 8, 1)), Conv2D(4, 3, name="first"), BatchNormalization(), Flatten(), last])
    keras.config.set_dtype_policy(former)
    network.compile("adadelta", "sparse_categorical_crossentropy")
    network.fit(np.random.default_rng(0).random((16, 8, 8, 1), np.float32), np.arange(16) % 3, verbose=0)
    return network


def test_layer_names_weights_and_precision_are_kept_to_the_bit(model: Any, tmp_path: Path) -> None:
    import mlflow.tensorflow

    save_model(model, tmp_path / "model", (8, 8, 1), 3)
    loaded = mlflow.tensorflow.load_model(str(tmp_path / "model"))
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert [layer.dtype_policy.name for layer in loaded.layers] == [layer.dtype_policy.name for layer in model.layers]
    for mine, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_signature_and_requirements_are_written_without_running_anything(model: Any, tmp_path: Path) -> None:
    import keras
    import tensorflow as tf
    from mlflow.models import Model

    save_model(model, tmp_path / "model", (8, 8, 1), 3)
    signature = Model.load(str(tmp_path / "model")).signature
    assert [(field.type.name, field.shape) for field in signature.inputs.inputs] == [("float32", (-1, 8, 8, 1))]
    assert [(field.type.name, field.shape) for field in signature.outputs.inputs] == [("float32", (-1, 3))]
    required = (tmp_path / "model" / "requirements.txt").read_text(encoding="utf-8").split()
    assert {f"tensorflow=={tf.__version__}", f"keras=={keras.__version__}", f"numpy=={np.__version__}"} <= set(required)


def test_the_names_of_the_classes_are_in_the_metadata(model: Any, tmp_path: Path) -> None:
    from mlflow.models import Model

    save_model(model, tmp_path / "named", (8, 8, 1), 3, ("cat", "dög", "a: b"))
    assert Model.load(str(tmp_path / "named")).metadata == {"class_names": ["cat", "dög", "a: b"]}
    save_model(model, tmp_path / "numbered", (8, 8, 1), 3)
    assert not Model.load(str(tmp_path / "numbered")).metadata


def test_saving_starts_no_process(model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    def refuse(*words: Any, **named: Any) -> None:
        raise AssertionError(f"a process was started: {words}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    save_model(model, tmp_path / "model", (8, 8, 1), 3)


def test_the_optimizer_is_not_saved_and_the_model_trains_on_as_before(model: Any, tmp_path: Path) -> None:
    import io
    import zipfile

    import h5py
    import mlflow.tensorflow

    slots = [np.asarray(variable) for variable in model.optimizer.variables]
    save_model(model, tmp_path / "model", (8, 8, 1), 3)

    with zipfile.ZipFile(tmp_path / "model/data/model.keras") as archive:
        saved: list[str] = []
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
            file.visit(saved.append)
    assert [name for name in saved if name.startswith("optimizer")] == []
    assert not mlflow.tensorflow.load_model(str(tmp_path / "model")).compiled
    assert model.compiled
    for before, after in zip(slots, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(before, np.asarray(after))
    model.fit(np.zeros((4, 8, 8, 1), np.float32), np.arange(4) % 3, verbose=0)
