"""A network of keras.applications as a classifier of one's own images: its top is replaced, its input adapted."""

from __future__ import annotations

from typing import Any

import keras

from sweeper.models.application_config import BACKBONE, BGR, BYTES, SIGNED, STANDARDIZED, TAKES, ApplicationConfig

#: ImageNet's mean and deviation of red, green and blue, of pixels in [0, 1] (those of `keras.applications`).
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: The mean of blue, green and red, of pixels from 0 to 255, that the networks brought from Caffe subtract.
_BGR_MEAN = (103.939, 116.779, 123.68)


def build(input_shape: tuple[int, int, int], num_classes: int, **arch: Any) -> keras.Model:
    """Classifier over a network of keras.applications; `arch` has the keys of `ApplicationConfig`.

    Its layers bring pixels to what that network takes, so that the saved model takes the images as they are; one
    channel becomes three that are the same.

    Input shape: (batch, height, width, channels), float32 in [0, 1], channels last, one or three channels.
    Output shape: (batch, num_classes), softmax probabilities, float32 in every precision.

    Returns:
        The model, not compiled; its layer `backbone` is the network without its top.

    Raises:
        ArchitectureError: a value out of range, or images that the network does not take.
        Exception: whatever Keras raises where the weights do not fit, or cannot be downloaded.
    """
    config = ApplicationConfig.from_mapping(arch)
    config.check_images(input_shape)
    image = keras.Input(shape=input_shape, name="image")
    x = image
    if config.image_size is not None:
        x = keras.layers.Resizing(config.image_size, config.image_size, name="resized", dtype="float32")(x)
    if input_shape[2] == 1:
        x = keras.layers.Concatenate(name="three_channels", dtype="float32")([x, x, x])
    x = as_taken(TAKES[config.name], x)
    side = (config.image_size,) * 2 if config.image_size is not None else input_shape[:2]
    network = getattr(keras.applications, config.name)
    backbone = network(include_top=False, weights=config.weights, input_shape=(*side, 3), pooling="avg")
    backbone.name = BACKBONE
    x = backbone(x)
    if config.dropout:
        x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    # float32 also in mixed precision: a softmax in half precision loses the small probabilities.
    x = keras.layers.Dense(num_classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(image, x, name="application")


def as_taken(kind: str, x: Any) -> Any:
    """From [0, 1] to what a network was trained on, by a layer."""
    if kind == BYTES:
        return keras.layers.Rescaling(255.0, name="pixels", dtype="float32")(x)
    if kind == SIGNED:
        return keras.layers.Rescaling(2.0, -1.0, name="pixels", dtype="float32")(x)
    if kind == STANDARDIZED:
        variance = [value**2 for value in _DEVIATION]
        return keras.layers.Normalization(mean=list(_MEAN), variance=variance, name="pixels", dtype="float32")(x)
    assert kind == BGR
    x = keras.ops.flip(keras.layers.Rescaling(255.0, name="bytes", dtype="float32")(x), axis=-1)
    return keras.layers.Normalization(mean=list(_BGR_MEAN), variance=[1.0] * 3, name="pixels", dtype="float32")(x)
