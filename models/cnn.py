"""The general CNN in Keras: any legal depth, kernel and width; the notebook's three networks are YAML over it."""

from __future__ import annotations

from typing import Any

import keras

from sweeper.models.config import CnnConfig
from sweeper.models.shapes import plan


def build(input_shape: tuple[int, int, int], num_classes: int, **arch: Any) -> keras.Model:
    """Plain convolutional classifier; `arch` has the keys of `sweeper.models.config.CnnConfig`.

    Each convolution is followed by batch normalisation, squeeze and excitation, pooling and dropout where the
    configuration has them; then come the hidden dense layers and the probabilities.

    Input shape: (batch, height, width, channels), float32 in [0, 1], channels last.
    Output shape: (batch, num_classes), softmax probabilities, float32 in every precision.

    Returns:
        The model, not compiled.

    Raises:
        ArchitectureError: a value out of range, or a map that would shrink below 1x1.
    """
    config = CnnConfig.from_mapping(arch)
    plan(config, input_shape, num_classes)
    penalty = keras.regularizers.L2(config.l2) if config.l2 else None
    model = keras.Sequential([keras.Input(shape=input_shape, name="image")], name="cnn")
    for number, layer in enumerate(config.layers(), start=1):
        model.add(
            keras.layers.Conv2D(
                layer.filters,
                layer.kernel_size,
                layer.strides,
                padding=layer.padding,
                activation=config.activation,
                kernel_regularizer=penalty,
                data_format="channels_last",
                name=f"conv{number}",
            )
        )
        if layer.batch_norm:
            model.add(keras.layers.BatchNormalization(name=f"conv{number}_bn"))
        if layer.squeezed:
            model.add(_squeeze_excite(model.output_shape[1:], layer.squeezed, penalty, f"conv{number}_se"))
        if layer.pool_size > 1:
            model.add(_pooling(config, layer.pool_size, f"pool{number}"))
        if layer.dropout:
            model.add(keras.layers.Dropout(layer.dropout, name=f"dropout{number}"))
    model.add(_features(config, model.output_shape[1:]))
    for number, units in enumerate(config.hidden_units(), start=1):
        model.add(
            keras.layers.Dense(units, activation=config.activation, kernel_regularizer=penalty, name=f"dense{number}")
        )
        if config.dense_dropout:
            model.add(keras.layers.Dropout(config.dense_dropout, name=f"dense{number}_dropout"))
    # float32 also in mixed precision: a softmax in half precision loses the small probabilities.
    model.add(
        keras.layers.Dense(
            num_classes, activation="softmax", dtype="float32", kernel_regularizer=penalty, name="probabilities"
        )
    )
    return model


def _squeeze_excite(shape: tuple[int, int, int], squeezed: int, penalty: Any, name: str) -> keras.Model:
    """Multiplies each map by a factor between 0 and 1 (Hu and others 2018, section 3), as one layer.

    It is a model of Keras's own layers, so that a saved network is loaded without this project.
    """
    maps = keras.Input(shape=shape, name=f"{name}_maps")
    averages = keras.layers.GlobalAveragePooling2D(data_format="channels_last", keepdims=True, name=f"{name}_averages")(
        maps
    )
    hidden = keras.layers.Dense(squeezed, "relu", kernel_regularizer=penalty, name=f"{name}_squeeze")(averages)
    factors = keras.layers.Dense(shape[2], "sigmoid", kernel_regularizer=penalty, name=f"{name}_excite")(hidden)
    return keras.Model(maps, keras.layers.Multiply(name=f"{name}_scale")([maps, factors]), name=name)


def _features(config: CnnConfig, shape: tuple[int, int, int]) -> Any:
    """The layer after the last map."""
    if config.final_pooling == "flatten":
        return keras.layers.Flatten(name="flatten")
    if config.final_pooling == "global_average_max":
        maps = keras.Input(shape=shape, name="maps")
        both = [_global_pooling(kind, kind)(maps) for kind in ("average", "max")]
        return keras.Model(maps, keras.layers.Concatenate(name="both")(both), name="global_pool")
    return _global_pooling(config.final_pooling.removeprefix("global_"), "global_pool")


def _global_pooling(kind: str, name: str) -> Any:
    layer = keras.layers.GlobalAveragePooling2D if kind == "average" else keras.layers.GlobalMaxPooling2D
    return layer(data_format="channels_last", name=name)


def _pooling(config: CnnConfig, size: int, name: str) -> Any:
    kind = keras.layers.MaxPooling2D if config.pooling == "max" else keras.layers.AveragePooling2D
    return kind(size, padding=config.pool_padding, data_format="channels_last", name=name)
