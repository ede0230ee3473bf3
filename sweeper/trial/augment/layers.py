"""The layers of an augmentation, in their order: Keras's own by their strengths, then custom ones, then what mixes.

All compute in float32 in every precision, on images in [0, 1]. Their seeds are set before each batch
(`sweeper.trial.augment.pipeline`), so those given here are never used; without one, Keras would draw it from Python's
random numbers, from which the network's weights are drawn as well.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from sweeper.config.augment import AugmentConfig
from sweeper.core.errors import ConfigError, TargetError
from sweeper.core.targets import load

_COMMON = {"dtype": "float32", "seed": 0}
_RANGE = {"value_range": (0.0, 1.0)}


def image_layers(config: AugmentConfig) -> list[Any]:
    """Layers that change images alone, (batch, height, width, channels) float32.

    Raises:
        ConfigError: a custom one cannot be made.
    """
    from keras import layers

    edges = {"fill_mode": config.fill_mode, **_COMMON}
    coloured = {**_RANGE, **_COMMON}
    made: list[Any] = []
    if config.flip != "none":
        made.append(layers.RandomFlip(config.flip, **_COMMON))
    if config.rotation:
        made.append(layers.RandomRotation(config.rotation, **edges))
    if config.translation:
        made.append(layers.RandomTranslation(config.translation, config.translation, **edges))
    if config.zoom:
        made.append(layers.RandomZoom((-config.zoom, config.zoom), **edges))
    if config.shear:
        made.append(layers.RandomShear(config.shear, config.shear, **edges))
    if config.brightness:
        made.append(layers.RandomBrightness(config.brightness, **coloured))
    if config.contrast:
        made.append(layers.RandomContrast(config.contrast, **coloured))
    if config.rand_augment:
        made.append(layers.RandAugment(num_ops=config.rand_augment_ops, factor=config.rand_augment, **coloured))
    if config.erasing:
        made.append(layers.RandomErasing((config.erasing, config.erasing), **coloured))
    return [*made, *map(_custom, config.layers)]


def mixing_layers(config: AugmentConfig) -> list[Any]:
    """Layers that change images and labels, a mapping with `images` and `labels` (batch, classes) float32."""
    from keras import layers

    made: list[Any] = []
    if config.mixup:
        made.append(layers.MixUp(config.mixup, **_COMMON))
    if config.cutmix:
        made.append(layers.CutMix((config.cutmix, config.cutmix), **_COMMON))
    return made


def _custom(node: Mapping[str, Any]) -> Any:
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    target = str(node["_target_"])
    state = random.getstate()
    try:
        load(target, "class")
        return instantiate({"dtype": "float32", **node}, _convert_="all")
    except (TargetError, InstantiationException) as error:
        reason = error if isinstance(error, TargetError) else error.__cause__ or error
        raise ConfigError(
            f"augment.layers: {target} cannot be made from {dict(node)}: {reason}. Accepted: a "
            "keras.layers.Layer from images to images, with keys that it takes."
        ) from error
    finally:
        random.setstate(state)  # Keras draws a seed where none is given
