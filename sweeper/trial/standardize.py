"""`data.normalize=standardize`: the first layer of a network, so that the saved model takes images as they are.

What does not live here: the mean and variance of the training images (`sweeper.data.pixel_statistics`).
"""

from __future__ import annotations

from typing import Any

from sweeper.core.datasets import PixelStatistics


def standardized(model: Any, statistics: PixelStatistics, input_shape: tuple[int, int, int]) -> Any:
    """The network behind a layer that gives each channel of the training images mean 0 and variance 1.

    The layer has no weights, and computes in float32 in every precision. A Sequential stays one, with one layer more;
    another network is called as a whole.

    Input shape: (batch, *input_shape), float32 in [0, 1].
    Output shape: as the network's.
    """
    import keras

    layer = keras.layers.Normalization(
        axis=-1, mean=list(statistics.mean), variance=list(statistics.variance), dtype="float32", name="standardize"
    )
    inputs = keras.Input(input_shape, name="image")
    if type(model) is keras.Sequential:
        return keras.Sequential([inputs, layer, *model.layers], name=model.name)
    return keras.Model(inputs, model(layer(inputs)), name=f"standardized_{model.name}")
