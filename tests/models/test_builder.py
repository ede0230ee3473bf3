"""Custom builders, from real modules on the import path."""

from __future__ import annotations

import importlib
import itertools
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.core.errors import ArchitectureError
from sweeper.models import cnn
from sweeper.models.builder import build_network, check_signature, other_file, resolve_builder
from sweeper.models.networks import CNN, is_builtin

pytestmark = pytest.mark.usefixtures("keras_runtime")

SHAPE = (6, 5, 1)
NUMBERS = itertools.count()

NETWORKS = """
import keras
from keras.layers import Dense, Flatten, Input

WIDTH = 8

def build(input_shape, num_classes, width=WIDTH):
    return keras.Sequential([Input(input_shape), Flatten(), Dense(width), Dense(num_classes, activation="softmax")])

def wide(input_shape, num_classes):
    return build(input_shape, num_classes + 1)

def flat(input_shape, num_classes):
    return keras.Sequential([Input(input_shape), Dense(num_classes)])

def two(input_shape, num_classes):
    image = Input(input_shape)
    outputs = [Dense(num_classes)(Flatten()(image)) for _ in range(2)]
    return keras.Model(image, outputs)

def unbuilt(input_shape, num_classes):
    return keras.Sequential([Flatten(), Dense(num_classes)])

class Doubled(keras.layers.Layer):
    def call(self, images):
        return images * 2

class Net(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.flatten, self.dense = Flatten(), Dense(classes, activation="softmax")

    def call(self, images):
        return self.dense(self.flatten(images))

@keras.saving.register_keras_serializable("own")
class Registered(Net):
    def __init__(self, classes, **kwargs):
        super().__init__(classes)
        self.classes = classes

    def get_config(self):
        return {"classes": self.classes}

class Broken(Net):
    def call(self, images):
        raise RuntimeError("no images, please")

def with_layer(layer, input_shape, num_classes):
    return keras.Sequential([Input(input_shape), layer, Flatten(), Dense(num_classes, activation="softmax")])

def python_lambda(input_shape, num_classes):
    return with_layer(keras.layers.Lambda(lambda images: images * 2), input_shape, num_classes)

def own_layer(input_shape, num_classes):
    return with_layer(Doubled(), input_shape, num_classes)

def own_model(input_shape, num_classes):
    return Net(num_classes)

def registered_model(input_shape, num_classes):
    return Registered(num_classes)

def cannot_call(input_shape, num_classes):
    return Broken(num_classes)

def nothing(input_shape, num_classes):
    build(input_shape, num_classes)

def text(input_shape, num_classes):
    return "a network"

def no_classes(input_shape):
    return build(input_shape, 2)

def needs(input_shape, num_classes, width):
    return build(input_shape, num_classes, width)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a module into a folder on the import path, under a name of its own; returns the name."""

    def write(source: str) -> str:
        name = f"own_networks_{next(NUMBERS)}"
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        importlib.invalidate_caches()
        return name

    monkeypatch.syspath_prepend(tmp_path)
    return write


def test_the_projects_own_network_is_known_by_its_path() -> None:
    assert is_builtin({"_target_": "models.cnn.build", "depth": 3})
    assert not is_builtin({"_target_": "my_networks.build"})
    assert not is_builtin({})
    assert resolve_builder(CNN) is cnn.build


def test_the_projects_own_network_is_found_although_a_user_has_one_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/__init__.py").touch()
    (tmp_path / "models/cnn.py").write_text("def build(): ...\ndef mine(): ...\n", encoding="utf-8")
    monkeypatch.delitem(sys.modules, "models", raising=False)
    monkeypatch.delitem(sys.modules, "models.cnn", raising=False)
    monkeypatch.syspath_prepend(tmp_path)

    assert resolve_builder("models.cnn.build") is cnn.build
    assert resolve_builder("models.cnn.mine").__module__ == "models.cnn"
    assert other_file() == tmp_path / "models/cnn.py"
    with pytest.raises(ArchitectureError, match=r"models\.shapes has no function build"):  # a file of ours, not theirs
        resolve_builder("models.shapes.build")


def test_a_right_builder_is_called_with_the_shape_the_classes_and_its_keys(module: Callable[[str], str]) -> None:
    name = module(NETWORKS)

    assert resolve_builder(f"{name}.build").__module__ == name
    model = build_network({"_target_": f"{name}.build", "width": 7}, SHAPE, 4)
    assert [tuple(layer.output.shape) for layer in model.layers] == [(None, 30), (None, 7), (None, 4)]
    assert build_network({"_target_": f"{name}.build"}, SHAPE, 4).layers[1].units == 8


def test_the_projects_own_network_is_built_by_the_same_door() -> None:
    model = build_network({"_target_": CNN, "depth": 1, "filters": 2, "dense_units": 0}, SHAPE, 4)

    assert [layer.name for layer in model.layers] == ["conv1", "flatten", "probabilities"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param(
            "build", r"arch\._target_=build is not a dotted path\. .*Try: arch\._target_=models\.cnn\.build$", id="1"
        ),
        pytest.param(".build", r"is not a dotted path", id="nothing before the dot"),
        pytest.param("", r"is not a dotted path", id="empty"),
        pytest.param(
            "no_such_module_at_all.build",
            r"cannot be imported: ModuleNotFoundError: No module named 'no_such_module_at_all'\. .*PYTHONPATH",
            id="a missing module",
        ),
        pytest.param("..models.cnn.build", r"cannot be imported: TypeError", id="a relative path"),
        pytest.param(
            "models.cnn.biuld", r"models\.cnn has no function biuld\. Accepted: a function build", id="misspelt"
        ),
        pytest.param("models.cnn.", r"models\.cnn has no function \.", id="nothing after the dot"),
        pytest.param("models.config.PADDINGS", r"models\.config has no function PADDINGS", id="not callable"),
    ],
)
def test_a_path_that_leads_to_no_builder_is_refused(target: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        resolve_builder(target)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("1 / 0", r"cannot be imported: ZeroDivisionError: division by zero", id="raises"),
        pytest.param("def build(:", r"cannot be imported: SyntaxError", id="is no Python"),
        pytest.param(
            "import not_installed_here", r"No module named 'not_installed_here'", id="imports what is missing"
        ),
        pytest.param("def construct(): ...", r"has no function build", id="has another function"),
        pytest.param("build = 3", r"has no function build", id="has a number of that name"),
    ],
)
def test_a_module_that_is_no_use_is_refused_with_its_reason(
    module: Callable[[str], str], source: str, message: str
) -> None:
    name = module(source)

    with pytest.raises(ArchitectureError, match=message) as info:
        resolve_builder(f"{name}.build")
    assert f"arch._target_={name}.build" in str(info.value)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        pytest.param("wide", r"gives an output of shape \(None, 5\)\. Accepted: \(None, 4\)", id="a class too many"),
        pytest.param("flat", r"an output of shape \(None, 6, 5, 4\)", id="a map instead of a vector"),
        pytest.param("two", r"an output of shape \[\(None, 4\), \(None, 4\)\]", id="two outputs"),
        pytest.param("python_lambda", r"loaded again .*: the Lambda layer \S+ holds a Python function", id="a Lambda"),
        pytest.param("own_layer", r"Its own classes: Doubled\. .*\(\) above class Doubled", id="an unknown class"),
        pytest.param("own_model", r"could not be loaded again.* above class Net", id="a model without get_config"),
        pytest.param("cannot_call", r"cannot be called with one image of shape \(6, 5, 1\)", id="a call that raises"),
        pytest.param("nothing", r"returned NoneType, not a keras\.Model\.", id="returns nothing"),
        pytest.param("text", r"returned str, not a keras\.Model\.", id="returns text"),
        pytest.param("no_classes", r"does not take the keys under arch \(none\): .*'num_classes'", id="no num_classes"),
        pytest.param("needs", r"\(none\): missing a required argument: 'width'", id="a key that is not given"),
    ],
)
def test_what_is_built_must_be_a_model_that_ends_in_the_classes(
    module: Callable[[str], str], function: str, message: str
) -> None:
    target = f"{module(NETWORKS)}.{function}"

    with pytest.raises(ArchitectureError, match=message) as info:
        build_network({"_target_": target}, SHAPE, 4)
    assert f"arch._target_={target}" in str(info.value)


@pytest.mark.parametrize("function", ["unbuilt", "registered_model"])
def test_a_network_that_knows_no_input_yet_is_built_for_the_images(module: Callable[[str], str], function: str) -> None:
    model = build_network({"_target_": f"{module(NETWORKS)}.{function}"}, SHAPE, 4)

    assert model.count_params() == 6 * 5 * 4 + 4


def test_looking_whether_a_network_can_be_loaded_leaves_the_random_numbers_alone(module: Callable[[str], str]) -> None:
    target = f"{module(NETWORKS)}.build"
    random.seed(5)
    build_network({"_target_": target}, SHAPE, 4)
    after = random.random()
    random.seed(5)
    resolve_builder(target)(input_shape=SHAPE, num_classes=4)

    assert random.random() == after


def _plain(input_shape: Any, num_classes: Any, width: int = 8) -> None: ...


def _open(input_shape: Any, num_classes: Any, **keys: Any) -> None: ...


def _positional(input_shape: Any, num_classes: Any, width: int, /) -> None: ...


@pytest.mark.parametrize(
    ("builder", "keys", "message"),
    [
        pytest.param(
            _plain,
            {"wdith": 8, "depth": 3},
            r"own\.build does not take the keys under arch \(wdith, depth\): got an unexpected keyword argument "
            r"'wdith'\. .*Try: arch=custom arch\._target_=own\.build \+arch\.width=8,16$",
            id="a misspelt key",
        ),
        pytest.param(
            _plain, {"num_classes": 3}, "multiple values for keyword argument 'num_classes'", id="our own key"
        ),
        pytest.param(_positional, {"width": 8}, "does not take the keys under arch", id="positional only"),
        pytest.param(dict.fromkeys, {}, "does not take the keys under arch", id="another callable altogether"),
        pytest.param(dict, {}, "no signature found", id="a callable without a signature"),
    ],
)
def test_keys_that_a_builder_does_not_take_are_refused(
    builder: Callable[..., Any], keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArchitectureError, match=message):
        check_signature(builder, {"_target_": "own.build", **keys})


@pytest.mark.parametrize(
    ("builder", "keys"),
    [
        pytest.param(_plain, {}, id="none"),
        pytest.param(_plain, {"width": 3}, id="one that it names"),
        pytest.param(_open, {"anything": 3, "else_": [1, 2]}, id="any, where it takes any"),
        pytest.param(cnn.build, {"depth": 3}, id="the project's own"),
    ],
)
def test_keys_that_a_builder_takes_pass(builder: Callable[..., Any], keys: dict[str, Any]) -> None:
    check_signature(builder, {"_target_": "own.build", **keys})
