"""What Keras's optimizers take, read from its sources, against Keras itself."""

from __future__ import annotations

import inspect

import pytest

from sweeper.config import keras_optimizers


@pytest.mark.parametrize("name", sorted(keras_optimizers.classes()))
def test_the_arguments_are_those_of_the_class(name: str) -> None:
    import keras

    signature = inspect.signature(getattr(keras.optimizers, name))
    own = {key: one for key, one in signature.parameters.items() if one.kind is not one.VAR_KEYWORD}
    read = keras_optimizers.arguments(name)

    assert list(read) == list(own)
    for key, default in read.items():
        required = own[key].default is inspect.Parameter.empty
        assert required if default == keras_optimizers.REQUIRED else default in (None, own[key].default)


def test_numbers_are_floats_but_for_counts() -> None:
    kinds = keras_optimizers.kinds("SGD")

    assert kinds["momentum"] is kinds["learning_rate"] is kinds["clipnorm"] is kinds["weight_decay"] is float
    assert kinds["gradient_accumulation_steps"] is kinds["ema_overwrite_frequency"] is int
    assert kinds["nesterov"] is kinds["use_ema"] is bool
    assert "name" not in kinds
    assert keras_optimizers.kinds("Ftrl")["learning_rate_power"] is float
    assert keras_optimizers.kinds("Muon")["adam_lr_ratio"] is float
