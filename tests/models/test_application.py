"""Networks of keras.applications: what they take, and what the built model does with the images that it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.core.errors import ArchitectureError, ArchitectureValueError
from sweeper.models import counting, networks
from sweeper.models.application_config import BGR, BYTES, NAMES, SIGNED, STANDARDIZED, TAKES
from sweeper.models.builder import build_network

ARCH = {"_target_": networks.APPLICATION}


def images(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(0).random(shape, np.float32)


@pytest.mark.usefixtures("keras_runtime")
def test_every_network_of_keras_is_known() -> None:
    import keras

    ours = {name for name in vars(keras.applications) if callable(getattr(keras.applications, name))}

    assert ours == set(NAMES)


@pytest.mark.usefixtures("keras_runtime")
@pytest.mark.parametrize(
    ("name", "module", "kind"),
    [
        ("VGG16", "vgg16", BGR),
        ("DenseNet121", "densenet", STANDARDIZED),
        ("MobileNetV2", "mobilenet_v2", SIGNED),
        ("EfficientNetB0", "efficientnet", BYTES),
        ("MobileNetV3Small", "mobilenet_v3", BYTES),
    ],
)
def test_pixels_are_those_of_keras_own_preprocessing(name: str, module: str, kind: str) -> None:
    """Of each kind of input; what the model gives its backbone is `preprocess_input` of the same pixels as bytes."""
    import keras

    from sweeper.models.application import as_taken

    pixels = images(2, 4, 4, 3)
    expected = getattr(keras.applications, module).preprocess_input(pixels * 255)

    assert TAKES[name] == kind
    np.testing.assert_allclose(np.asarray(as_taken(kind, pixels)), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.usefixtures("keras_runtime")
@pytest.mark.parametrize(
    ("arch", "shape"),
    [
        ({"name": "MobileNetV3Small", "image_size": 32}, (28, 28, 1)),
        ({"name": "VGG16", "dropout": 0.1}, (32, 33, 3)),
    ],
    ids=["one channel, resized", "three channels, as they are"],
)
def test_the_saved_network_predicts_the_same(arch: dict[str, Any], shape: tuple[int, int, int], tmp_path: Path) -> None:
    import keras

    model = build_network({**ARCH, **arch}, shape, 5)
    given = images(3, *shape)
    before = np.asarray(model(given))
    model.save(tmp_path / "model.keras")

    after = np.asarray(keras.saving.load_model(tmp_path / "model.keras")(given))

    assert before.shape == (3, 5)
    np.testing.assert_allclose(before.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(after, before)
    counted = counting.count(model, shape)
    assert counted.num_params == model.count_params()
    assert (
        len(counted.layers) > len(model.layers) + len(model.get_layer("backbone").layers) - 4
    )  # its layers one by one
    assert counting.flops(model, shape) > 1_000_000


@pytest.mark.usefixtures("keras_runtime")
def test_weights_of_a_file_are_taken(tmp_path: Path) -> None:
    arch = {**ARCH, "name": "MobileNetV3Small", "image_size": 32}
    first = build_network(arch, (28, 28, 1), 3)
    path = tmp_path / "backbone.weights.h5"
    first.get_layer("backbone").save_weights(path)

    second = build_network({**arch, "weights": str(path)}, (28, 28, 1), 7)

    for one, other in zip(first.get_layer("backbone").weights, second.get_layer("backbone").weights, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize(
    ("arch", "shape", "kind", "message"),
    [
        ({"name": "MobileNet2"}, (32, 32, 3), ArchitectureValueError, r"Try: arch\.name=MobileNet"),
        ({"weights": "none.h5"}, (32, 32, 3), ArchitectureValueError, r"arch\.weights=none\.h5 .* path of a weights"),
        ({}, (28, 28, 1), ArchitectureError, r"these have 28x28\.  Try: arch\.image_size=56"),
        ({"name": "Xception", "image_size": 64}, (99, 99, 3), ArchitectureError, r"to 64\.  Try: arch\.image_size=128"),
        ({}, (32, 32, 2), ArchitectureError, r"one or three channels, and these have 2"),
        ({"freeze_epochs": -1}, (32, 32, 3), ArchitectureValueError, r"arch\.freeze_epochs=-1"),
        ({"fine_tune_rate": 0.1}, (32, 32, 3), ArchitectureValueError, r"no use.*Try: arch\.freeze_epochs=2"),
        ({"width": 3}, (32, 32, 3), ArchitectureError, r"arch\.width is not a key of arch=application"),
    ],
)  # fmt: skip
def test_what_is_not_accepted_is_named(
    arch: dict[str, Any], shape: tuple[int, int, int], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        networks.plan({**ARCH, **arch}, shape, 3)
