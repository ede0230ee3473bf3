"""The residual network in Keras (He, Zhang, Ren and Sun 2016); its arithmetic is in `sweeper.models.resnet_plan`."""

from __future__ import annotations

from typing import Any

import keras

from sweeper.models.resnet_plan import Block, ResNetConfig, convolutions

#: Of the averages that batch normalisation keeps for prediction. With Keras's 0.99 they need some 500 steps to be those
#: of the images; before that, a network that has learned predicts by chance.
_MOMENTUM = 0.9


def build(input_shape: tuple[int, int, int], num_classes: int, **arch: Any) -> keras.Model:
    """Residual classifier; `arch` has the keys of `sweeper.models.resnet_plan.ResNetConfig`.

    Each convolution is followed by batch normalisation; a block's input is added to its output before the last
    activation, through a 1x1 convolution where their shapes differ.

    Input shape: (batch, height, width, channels), float32 in [0, 1], channels last.
    Output shape: (batch, num_classes), softmax probabilities, float32 in every precision.

    Returns:
        The model, not compiled.

    Raises:
        ArchitectureError: a value out of range.
    """
    config = ResNetConfig.from_mapping(arch)
    large = config.has_large_stem(input_shape)
    image = keras.Input(shape=input_shape, name="image")
    x = _convolution(config, image, "stem", config.stem_width, 7 if large else 3, 2 if large else 1)
    if large:
        x = keras.layers.MaxPooling2D(3, 2, padding="same", data_format="channels_last", name="stem_pool")(x)
    for block in config.block_list():
        x = _block(config, block, x)
    x = keras.layers.GlobalAveragePooling2D(data_format="channels_last", name="global_pool")(x)
    if config.dropout:
        x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    # float32 also in mixed precision: a softmax in half precision loses the small probabilities.
    x = keras.layers.Dense(num_classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(image, x, name="resnet")


def _block(config: ResNetConfig, block: Block, before: Any) -> Any:
    x = before
    layers = convolutions(config, block)
    for place, (filters, kernel, strides) in enumerate(layers, start=1):
        is_last = place == len(layers)
        x = _convolution(config, x, f"{block.name}_conv{place}", filters, kernel, strides, activated=not is_last)
    if block.projects:
        before = _convolution(config, before, f"{block.name}_shortcut", x.shape[-1], 1, block.strides, activated=False)
    x = keras.layers.Add(name=f"{block.name}_sum")([x, before])
    return keras.layers.Activation(config.activation, name=f"{block.name}_out")(x)


def _convolution(
    config: ResNetConfig, x: Any, name: str, filters: int, kernel: int, strides: int, *, activated: bool = True
) -> Any:
    x = keras.layers.Conv2D(
        filters,
        kernel,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        data_format="channels_last",
        name=name,
    )(x)
    x = keras.layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_bn")(x)
    return keras.layers.Activation(config.activation, name=f"{name}_act")(x) if activated else x
