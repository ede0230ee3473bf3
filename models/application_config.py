"""The configuration of `arch=application`: its keys and ranges, and what each network needs. Imports no Keras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.core.errors import ArchitectureError, ArchitectureValueError
from sweeper.models.checks import fault, from_keys, is_count, is_number, is_rate, one_of

#: What a network of keras.applications takes for a pixel: 0 to 255 as it is; -1 to 1; standardized by the mean and
#: deviation of ImageNet; blue, green, red without ImageNet's mean.
BYTES, SIGNED, STANDARDIZED, BGR = "bytes", "signed", "standardized", "bgr"

_TAKES = {
    BYTES: (
        *("MobileNetV3Small", "MobileNetV3Large", *(f"EfficientNetB{size}" for size in range(8))),
        *(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")),
        *(f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")),
    ),
    SIGNED: (
        *("MobileNet", "MobileNetV2", "InceptionV3", "InceptionResNetV2", "Xception", "NASNetMobile", "NASNetLarge"),
        *("ResNet50V2", "ResNet101V2", "ResNet152V2"),
    ),
    STANDARDIZED: ("DenseNet121", "DenseNet169", "DenseNet201"),
    BGR: ("VGG16", "VGG19", "ResNet50", "ResNet101", "ResNet152"),
}
TAKES = {name: kind for kind, names in _TAKES.items() for name in names}
NAMES = tuple(sorted(TAKES))

#: The smallest side of an image, in pixels; 32 for those that are not named.
_MIN_SIDE = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}

IMAGENET = "imagenet"

#: The layer that `arch.freeze_epochs` freezes: the network without its top.
BACKBONE = "backbone"


@dataclass(frozen=True)
class ApplicationConfig:
    """A network of keras.applications with a new last layer.

    Attributes:
        name: one of `NAMES`.
        weights: null: random; `imagenet`: those that Keras downloads; else the path of a weights file (.h5, .keras) of
            the network without its top.
        image_size: images become so large, in pixels a side, by the network's first layer; null: as they are.
        dropout: rate before the last layer, from 0 up to, but not, 1.
        freeze_epochs: epochs in which the last layer alone is trained.
        fine_tune_rate: learning rate of the epochs after them; null: the optimizer's.

    Raises:
        ArchitectureValueError: values out of range, all at once.
    """

    name: str = "MobileNetV2"
    weights: str | None = None
    image_size: Any = None
    dropout: float = 0.0
    freeze_epochs: int = 0
    fine_tune_rate: Any = None

    @classmethod
    def from_mapping(cls, node: Mapping[str, Any]) -> ApplicationConfig:
        """Builds it from the keys of an `arch` node (`_target_` is left out).

        Raises:
            ArchitectureError: an unknown key, or a value that is not accepted.
        """
        return from_keys(cls, node, "application", "arch.name=MobileNetV2")

    def __post_init__(self) -> None:
        frozen, rate = self.freeze_epochs, self.fine_tune_rate
        faults = [
            *one_of("name", self.name, NAMES),
            *fault(
                "weights",
                self.weights,
                self.weights in (None, IMAGENET) or (isinstance(self.weights, str) and Path(self.weights).is_file()),
                "null, imagenet, or the path of a weights file",
                "imagenet",
            ),
            *fault("image_size", self.image_size, self.image_size is None or is_count(self.image_size),
                   "a number of pixels from 1, or null", "96"),
            *fault("dropout", self.dropout, is_rate(self.dropout), "a rate from 0 to below 1", "0.2"),
            *fault("freeze_epochs", frozen, frozen == 0 or is_count(frozen), "a whole number from 0", "2"),
            *fault("fine_tune_rate", rate, rate is None or (is_number(rate) and rate > 0),
                   "a learning rate above 0, or null", "1e-4"),
        ]  # fmt: skip
        if faults:
            raise ArchitectureValueError(" ".join(faults))
        if rate is not None and not frozen:
            raise ArchitectureValueError(
                f"arch.fine_tune_rate={rate} has no use: it begins after arch.freeze_epochs, which is 0. Accepted: "
                "both, or neither.  Try: arch.freeze_epochs=2"
            )

    def check_images(self, input_shape: tuple[int, int, int]) -> None:
        """Raises ArchitectureError for images that the network does not take: too small, or of two or four channels."""
        height, width, channels = input_shape
        side, least = min(height, width) if self.image_size is None else self.image_size, _MIN_SIDE.get(self.name, 32)
        if side < least:
            raise ArchitectureError(
                f"arch.name={self.name} takes images from {least} pixels a side, and these have {height}x{width}"
                + ("" if self.image_size is None else f", which arch.image_size={self.image_size} brings to {side}")
                + f".  Try: arch.image_size={max(least, 2 * side)}"
            )
        if channels not in (1, 3):
            raise ArchitectureError(
                f"arch.name={self.name} takes images of one or three channels, and these have {channels}."
                "  Try: arch=resnet"
            )
