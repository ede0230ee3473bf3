"""`arch.freeze_epochs`: what is trained in which epoch, and at which learning rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sweeper.models import networks
from sweeper.models.builder import build_network
from sweeper.trial.fitting.freezing import backbone_of, freeze, make_freezing

pytestmark = pytest.mark.usefixtures("keras_runtime")

ARCH = {"_target_": networks.APPLICATION, "name": "MobileNetV3Small", "image_size": 32, "freeze_epochs": 1}


def fitted(arch: dict[str, Any], epochs: int = 3) -> tuple[list[dict[str, Any]], Any]:
    """What the network was after each epoch, and the network."""
    import keras

    model = build_network(arch, (28, 28, 1), 3)

    def recompile(learning_rate: float | None) -> None:
        optimizer = keras.optimizers.SGD(0.5 if learning_rate is None else learning_rate)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        optimizer.build(model.trainable_variables)

    freeze(model, arch)
    recompile(None)
    after: list[dict[str, Any]] = []

    def look(epoch: int, logs: Any) -> None:
        weights = [np.array(weight) for weight in backbone_of(model).weights]
        last = np.array(model.get_layer("probabilities").bias)
        after.append({"backbone": weights, "last": last, "rate": float(model.optimizer.learning_rate)})

    look(-1, None)
    random = np.random.default_rng(0)
    images, labels = random.random((8, 28, 28, 1), np.float32), random.integers(0, 3, 8)
    callbacks = [make_freezing(model, arch, recompile), keras.callbacks.LambdaCallback(on_epoch_end=look)]
    model.fit(images, labels, epochs=epochs, callbacks=[one for one in callbacks if one is not None], verbose=0)
    return after, model


def unchanged(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(np.array_equal(*pair) for pair in zip(one["backbone"], other["backbone"], strict=True))


def test_the_last_layer_alone_is_trained_at_first() -> None:
    after, model = fitted({**ARCH, "fine_tune_rate": 0.01})

    assert unchanged(after[0], after[1])  # averages of batch normalisation too
    assert not np.array_equal(after[0]["last"], after[1]["last"])
    assert not unchanged(after[1], after[2])
    assert [one["rate"] for one in after] == pytest.approx([0.5, 0.5, 0.01, 0.01])
    assert int(model.optimizer.iterations) == 2  # a new optimizer: it has not taken the first step


def test_without_a_rate_it_stays() -> None:
    after, _ = fitted(ARCH, epochs=2)

    assert not unchanged(after[1], after[2])
    assert [one["rate"] for one in after] == [0.5, 0.5, 0.5]


def test_all_epochs_may_be_frozen_and_none() -> None:
    frozen, _ = fitted({**ARCH, "freeze_epochs": 5}, epochs=2)
    free, _ = fitted({**ARCH, "freeze_epochs": 0}, epochs=2)

    assert unchanged(frozen[0], frozen[2])
    assert not unchanged(free[0], free[1])
