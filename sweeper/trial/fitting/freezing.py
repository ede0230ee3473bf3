"""`arch.freeze_epochs`: at first the new last layer alone is trained, then the whole network, at another learning rate.

The optimizer is a new one then, since its slots are those of the last layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sweeper.models import networks
from sweeper.models.application_config import BACKBONE, ApplicationConfig


def freeze(model: Any, arch: Mapping[str, Any]) -> None:
    """Freezes the network under the last layer where the configuration asks for it; before the model is compiled."""
    if _frozen_epochs(arch):
        backbone_of(model).trainable = False


def make_freezing(model: Any, arch: Mapping[str, Any], recompile: Callable[[float | None], None]) -> Any:
    """A Keras callback that lets the whole network be trained after `arch.freeze_epochs`; None where that is 0.

    Args:
        model: compiled, its backbone frozen.
        arch: the node of the configuration.
        recompile: gives the model a new optimizer with this learning rate (None: its own), whose variables exist.
    """
    import keras

    epochs = _frozen_epochs(arch)
    if not epochs:
        return None
    rate = ApplicationConfig.from_mapping(arch).fine_tune_rate

    class Freezing(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == epochs and not backbone_of(model).trainable:
                self._thaw()
                model.make_train_function()  # `Model.fit` made one before the first epoch

        def resume_after(self, epoch: int) -> None:
            """Makes the model what it was after so many epochs, before its variables are restored."""
            if epoch > epochs:
                self._thaw()

        def _thaw(self) -> None:
            backbone_of(model).trainable = True
            recompile(rate)

    return Freezing()


def backbone_of(model: Any) -> Any:
    """The layer that is frozen, at any depth of the model."""
    found = next((layer for layer in model.layers if layer.name == BACKBONE), None)
    return (
        found if found is not None else next(backbone_of(layer) for layer in model.layers if hasattr(layer, "layers"))
    )


def _frozen_epochs(arch: Mapping[str, Any]) -> int:
    return ApplicationConfig.from_mapping(arch).freeze_epochs if networks.is_application(arch) else 0
