"""The part of the schema that says how training images are changed before each use.

What does not live here: the layers that do it (`sweeper.trial.augment`).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sweeper.config.checks import check, is_int, nearest

FLIPS = ("none", "horizontal", "vertical", "horizontal_and_vertical")
FILL_MODES = ("constant", "nearest", "reflect", "wrap")

#: Strengths that are 0 for none, each with the largest that makes sense.
STRENGTHS = {
    "rotation": 0.5,
    "translation": 1.0,
    "zoom": 0.9,
    "shear": 1.0,
    "brightness": 1.0,
    "contrast": 1.0,
    "erasing": 1.0,
    "rand_augment": 1.0,
    "mixup": 1.0,
    "cutmix": 1.0,
}
_GEOMETRIC = ("rotation", "translation", "zoom", "shear")
_MOST_OPS = 11  # that RandAugment chooses from


@dataclass
class AugmentConfig:
    """Random changes of training images, by Keras's layers; validation and test images are never changed."""

    rotation: float = 0.0  # largest turn either way, as a fraction of a full one, 0 to 0.5
    translation: float = 0.0  # largest shift, as a fraction of height and width, 0 to 1
    zoom: float = 0.0  # largest change of size either way, as a fraction, 0 to 0.9
    shear: float = 0.0  # largest shear, as a fraction of the image, 0 to 1
    flip: str = "none"  # none, horizontal, vertical, horizontal_and_vertical; each half of the time
    brightness: float = 0.0  # largest change of the pixels, 0 to 1
    contrast: float = 0.0  # largest relative change of the contrast, 0 to 1
    erasing: float = 0.0  # share of the images in which a rectangle becomes noise, 0 to 1
    rand_augment: float = 0.0  # strength of RandAugment, 0 to 1
    rand_augment_ops: int = 2  # changes that RandAugment makes one after the other
    mixup: float = 0.0  # alpha of MixUp: two images, and their labels, are mixed; 0 to 1
    cutmix: float = 0.0  # alpha of CutMix: a rectangle of another image is put in, and the labels are mixed; 0 to 1
    fill_mode: str = "constant"  # what turned and shifted images get at their edges: constant (black), nearest, …
    layers: list[Any] = field(default_factory=list)  # [{_target_: …}]: custom layers, after the others

    def __post_init__(self) -> None:
        for key, most in STRENGTHS.items():
            value = getattr(self, key)
            check(0 <= value <= most, f"augment.{key}", value, f"a number from 0 to {most:g}", f"{most / 10:g}")
        for key, accepted in (("flip", FLIPS), ("fill_mode", FILL_MODES)):
            value = getattr(self, key)
            near = nearest(value, accepted, accepted[1])
            check(value in accepted, f"augment.{key}", value, f"one of {', '.join(accepted)}", near)
        ops = self.rand_augment_ops
        ok = is_int(ops) and 1 <= ops <= _MOST_OPS
        check(ok, "augment.rand_augment_ops", ops, f"a whole number from 1 to {_MOST_OPS}", "2")
        for one in self.layers:
            ok = isinstance(one, Mapping) and isinstance(one.get("_target_"), str)
            check(
                ok,
                "augment.layers",
                self.layers,
                "a list of {_target_: module.Class, key: value}",
                "'[{_target_: keras.layers.RandomSharpness, factor: 0.3, value_range: [0, 1]}]'",
            )

    @property
    def changes_images(self) -> bool:
        """Whether there is anything to do."""
        return self.flip != "none" or bool(self.layers) or any(getattr(self, key) for key in STRENGTHS)

    @property
    def mixes(self) -> bool:
        """Whether images are mixed, and so their labels."""
        return self.mixup > 0 or self.cutmix > 0


def augment_config(node: Mapping[str, Any] | None) -> AugmentConfig:
    """Builds the checked schema object of a resolved `augment` node; of none, one that changes nothing."""
    return AugmentConfig(**(node or {}))


def augment_keys(node: Mapping[str, Any]) -> dict[str, Any]:
    """A resolved `augment` node without what changes nothing; empty where images stay as they are."""
    plain = _nothing()
    kept = {key: value for key, value in node.items() if key not in plain or value != plain[key]}
    if not any(kept.get(key) for key in _GEOMETRIC):
        kept.pop("fill_mode", None)
    if not kept.get("rand_augment"):
        kept.pop("rand_augment_ops", None)
    return kept


@functools.cache
def _nothing() -> Mapping[str, Any]:
    return dataclasses.asdict(AugmentConfig())
