"""What a dotted path names."""

from __future__ import annotations

import importlib
import itertools
import json
from pathlib import Path
from types import ModuleType

import pytest

from sweeper.core.errors import TargetError
from sweeper.core.targets import foreign, load

NUMBERS = itertools.count()


def test_a_path_names_a_function_or_class() -> None:
    assert load("json.dumps", "function") is json.dumps
    assert load("json.decoder.JSONDecoder", "class") is json.JSONDecoder


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("json", r"^is not a dotted path$"),
        ("", r"^is not a dotted path$"),
        (".json", r"^is not a dotted path$"),
        ("nowhere.Own", r"^cannot be imported: ModuleNotFoundError: No module named 'nowhere'$"),
        ("json.nowhere.Own", r"^cannot be imported: ModuleNotFoundError: No module named 'json\.nowhere'$"),
        ("json.Own", r"^names nothing: json has no class Own$"),
        ("json.", r"^names nothing: json has no class $"),
    ],
)
def test_a_path_that_names_nothing_is_refused_with_the_reason(target: str, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        load(target, "class")


@pytest.mark.parametrize(
    ("content", "reason"),
    [("raise SystemExit(3)", "SystemExit: 3"), ("import nowhere", "No module named 'nowhere'"), ("1 +", "SyntaxError")],
)
def test_whatever_a_users_module_raises_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, reason: str
) -> None:
    name = f"targets_of_a_user_{next(NUMBERS)}"
    (tmp_path / f"{name}.py").write_text(content, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(TargetError, match=rf"^cannot be imported: .*{reason}"):
        load(f"{name}.build", "function")


def test_a_module_may_be_imported_in_another_way() -> None:
    asked: list[str] = []

    def other(name: str) -> ModuleType:
        asked.append(name)
        return importlib.import_module("json")

    assert load("networks.dumps", "function", other) is json.dumps
    assert asked == ["networks"]


@pytest.mark.parametrize(
    ("node", "found"),
    [
        pytest.param({"arch": {"_target_": "models.cnn.build"}, "seed": 0}, [], id="this project's network"),
        pytest.param({"_target_": "keras.optimizers.Muon"}, [], id="an optimizer"),
        pytest.param({"_target_": "keras.optimizers.deserialize"}, ["keras.optimizers.deserialize"], id="a function"),
        pytest.param({"_target_": "keras.saving.load_model"}, ["keras.saving.load_model"], id="loads code"),
        pytest.param(
            {"callbacks": [{"_target_": "keras.callbacks.EarlyStopping"}, {"_target_": "keras.callbacks.CSVLogger"}]},
            ["keras.callbacks.CSVLogger"],
            id="writes a file",
        ),
        pytest.param({"layers": [{"_target_": "keras.layers.RandomHue"}]}, [], id="a layer"),
        pytest.param(
            {"layers": [{"_target_": "keras.layers.TFSMLayer"}]}, ["keras.layers.TFSMLayer"], id="reads a file"
        ),
        pytest.param(
            {"callbacks": [{"_target_": "keras.callbacks.TerminateOnNaN", "more": {"x": [{"_target_": "os.system"}]}}]},
            ["os.system"],
            id="hidden below a list",
        ),
        pytest.param({"_target_": "keras.optimizers.Adam.x"}, ["keras.optimizers.Adam.x"], id="below a class"),
    ],
)
def test_code_that_a_configuration_of_unknown_origin_may_not_call(node: object, found: list[str]) -> None:
    assert foreign(node) == found
