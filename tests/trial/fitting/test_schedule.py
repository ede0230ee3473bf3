"""The learning rate of each step, against Keras's schedules and the published formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sweeper.config.training import DecayConfig, TrainingConfig
from sweeper.trial.fitting.schedule import learning_rate_factor, make_schedule

STEPS = 7  # of an epoch


def rates(epochs: int = 6, **training: Any) -> list[float]:
    config = TrainingConfig(epochs=epochs, **training)
    factor = learning_rate_factor(config, STEPS)
    return [factor(step) for step in range(epochs * STEPS)]


def test_without_a_schedule_every_step_has_the_rate_of_the_optimizer() -> None:
    assert set(rates()) == {1.0}


def test_warm_up_rises_linearly_to_the_whole_rate() -> None:
    assert rates(warmup_epochs=2.0)[:14] == pytest.approx([(step + 1) / 14 for step in range(14)])
    assert set(rates(warmup_epochs=2.0)[13:]) == {1.0}
    assert rates(warmup_epochs=0.5)[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])  # 3.5 steps, rounded to even


@pytest.mark.usefixtures("keras_runtime")
def test_cosine_is_keras_cosine_decay() -> None:
    import keras

    own = keras.optimizers.schedules.CosineDecay(1.0, decay_steps=5 * STEPS, alpha=0.1)
    found = rates(schedule="cosine", warmup_epochs=1.0, decay=DecayConfig(alpha=0.1))

    assert found[STEPS:] == pytest.approx([float(own(step)) for step in range(5 * STEPS)], abs=1e-6)
    assert 0.1 < found[-1] < 0.102


@pytest.mark.usefixtures("keras_runtime")
def test_exponential_is_keras_exponential_decay() -> None:
    import keras

    own = keras.optimizers.schedules.ExponentialDecay(1.0, decay_steps=STEPS, decay_rate=0.8)
    found = rates(schedule="exponential", decay=DecayConfig(gamma=0.8))

    assert found == pytest.approx([float(own(step)) for step in range(6 * STEPS)], rel=1e-5)


def test_step_decays_after_every_step_size_epochs() -> None:
    by_epoch = rates(schedule="step", decay=DecayConfig(gamma=0.5, step_size=2))[::STEPS]

    assert by_epoch == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    assert rates(schedule="step")[::STEPS] == pytest.approx([1.0, 1.0, 0.1, 0.1, 0.01, 0.01])  # a third of six


def test_step_decays_after_each_milestone() -> None:
    by_epoch = rates(schedule="step", decay=DecayConfig(milestones=[1, 4]))

    assert by_epoch[::STEPS] == pytest.approx([1.0, 0.1, 0.1, 0.1, 0.01, 0.01])
    assert by_epoch[STEPS - 1] == 1.0  # the last step of the first epoch
    assert by_epoch[STEPS] == pytest.approx(0.1)


def test_one_cycle_rises_and_falls_by_cosines_as_pytorchs() -> None:
    found, total = rates(schedule="one_cycle"), 6 * STEPS
    peak = round(0.3 * total) - 1
    rising = [1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * step / peak)) / 2 for step in range(peak + 1)]

    assert found[: peak + 1] == pytest.approx(rising)
    assert max(found) == found[peak] == 1.0
    assert found[-1] == pytest.approx(1 / 25 / 1e4)
    assert np.all(np.diff(found[peak:]) < 0)
    assert np.argmax(rates(schedule="one_cycle", warmup_epochs=2.0)) == 2 * STEPS - 1


@pytest.mark.usefixtures("keras_runtime")
@pytest.mark.parametrize(
    ("values", "lowered"),
    [
        pytest.param([0.1, 0.2, 0.3, 0.4], [1.0, 1.0, 1.0, 1.0], id="always better"),
        pytest.param([0.2, 0.2, 0.1, 0.1, 0.1], [1.0, 1.0, 0.5, 0.5, 0.25], id="never better"),
        pytest.param([0.2, 0.1, 0.3, 0.1, 0.1, 0.1, 0.1], [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.3], id="down to the lowest"),
    ],
)
def test_plateau_lowers_the_rate_as_keras_reduce_lr_on_plateau(values: list[float], lowered: list[float]) -> None:
    import keras

    def after_each_epoch(callback: Any) -> list[float]:
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(1.0), "mse")
        made = callback(model)
        made.set_model(model)
        made.on_train_begin()
        found = []
        for epoch, value in enumerate(values):
            made.on_epoch_end(epoch, {"val_accuracy": value})
            made.on_epoch_begin(epoch + 1)
            made.on_train_batch_begin(0)
            found.append(float(model.optimizer.learning_rate))
        return found

    config = TrainingConfig(
        epochs=50, schedule="plateau", decay=DecayConfig(gamma=0.5, patience=2, alpha=0.3 if 0.3 in lowered else 0.0)
    )
    own = after_each_epoch(lambda model: make_schedule(config, model, STEPS, "val_accuracy", 1))
    keras_own = after_each_epoch(
        lambda model: keras.callbacks.ReduceLROnPlateau(
            "val_accuracy", factor=0.5, patience=2, mode="max", min_delta=0.0, min_lr=config.decay.alpha
        )
    )

    assert own == pytest.approx(lowered)
    assert own == pytest.approx(keras_own)
