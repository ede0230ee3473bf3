"""The networks of this project by their names: what their keys are, and the arithmetic of each. Imports no Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sweeper.models import resnet_plan, shapes
from sweeper.models.application_config import ApplicationConfig
from sweeper.models.config import CnnConfig
from sweeper.models.resnet_plan import ResNetConfig
from sweeper.models.shapes import NetworkPlan

#: The plain network's name in every configuration, recorded ones included; its module is `sweeper.models.cnn`.
CNN = "models.cnn.build"
RESNET = "sweeper.models.resnet.build"
APPLICATION = "sweeper.models.application.build"


def _checked(config: ApplicationConfig, input_shape: tuple[int, int, int], num_classes: int) -> None:
    config.check_images(input_shape)


#: Each network's keys and arithmetic, by its builder's name.
_NETWORKS: dict[str, tuple[type[Any], Callable[[Any, tuple[int, int, int], int], NetworkPlan | None]]] = {
    CNN: (CnnConfig, shapes.plan),
    RESNET: (ResNetConfig, resnet_plan.plan),
    APPLICATION: (ApplicationConfig, _checked),
}

#: Keys that came after the first sweeps were recorded, with their defaults: there they change nothing.
_LATER = {CNN: {"l2": 0, "strides": 1, "final_pooling": "flatten", "squeeze_excite": 0}}


def is_builtin(arch: Mapping[str, Any]) -> bool:
    """Whether the node names a network of this project, whose keys are known before Keras is loaded."""
    return arch.get("_target_") in _NETWORKS


def is_cnn(arch: Mapping[str, Any]) -> bool:
    """Whether the node names the plain network, of which the notebook's are examples."""
    return arch.get("_target_") == CNN


def without_later_defaults(arch: Mapping[str, Any]) -> dict[str, Any]:
    """A node as earlier releases knew it, where it asks for nothing else."""
    later = _LATER.get(str(arch.get("_target_")), {})
    return {key: value for key, value in arch.items() if key not in later or value != later[key]}


def is_application(arch: Mapping[str, Any]) -> bool:
    """Whether the node names a network of keras.applications."""
    return arch.get("_target_") == APPLICATION


def config_class(arch: Mapping[str, Any]) -> type[Any]:
    """The dataclass of a built-in network's keys."""
    return _NETWORKS[arch["_target_"]][0]


def plan(arch: Mapping[str, Any], input_shape: tuple[int, int, int], num_classes: int) -> NetworkPlan | None:
    """Computes every layer of a built-in network; None of one whose layers only Keras knows, which is checked.

    Args:
        arch: the node of the configuration.
        input_shape: (height, width, channels) of one image.
        num_classes: units of the last layer.

    Raises:
        ArchitectureError: a key or a value that the network does not take, or a map that would shrink below 1x1.
    """
    config, planned = _NETWORKS[arch["_target_"]]
    return planned(config.from_mapping(arch), input_shape, num_classes)
