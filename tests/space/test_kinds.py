"""Values are cast to what their keys take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sweeper.space.composer import Point
from sweeper.space.kinds import cast, kinds

Compose = Callable[..., list[Point]]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        pytest.param(0, float, 0.0, id="a whole number for a float"),
        pytest.param("3", int, 3, id="text for a whole number"),
        pytest.param("-3", float, -3.0, id="text for a float"),
        pytest.param("1e-3", float, 0.001, id="an exponent"),
        pytest.param("True", bool, True, id="text for a truth value"),
        pytest.param([0, "1", 0.5], float, [0.0, 1.0, 0.5], id="each entry of a list"),
        pytest.param("3.5", int, "3.5", id="a fraction for a whole number"),
        pytest.param(3.0, int, 3.0, id="a float for a whole number"),
        pytest.param("many", int, "many", id="a word"),
        pytest.param("nan", float, "nan", id="no number"),
        pytest.param(True, float, True, id="a truth value for a float"),
        pytest.param(1, bool, 1, id="a number for a truth value"),
        pytest.param(2**60 + 1, float, 2**60 + 1, id="a number that no float has"),
        pytest.param("3", str, "3", id="text for text"),
        pytest.param("3", None, "3", id="an unknown kind"),
        pytest.param(None, float, None, id="null"),
    ],
)
def test_a_value_is_cast_where_nothing_is_lost(value: object, kind: type | None, expected: object) -> None:
    found = cast(value, kind)

    assert found == expected
    assert type(found) is type(expected)


def test_the_arguments_of_a_builder_have_the_kinds_of_their_annotations_or_defaults(module: str) -> None:
    assert kinds("arch", {"_target_": f"{module}.build"}) == {
        "width": int,
        "widths": int,
        "rate": float,
        "depth": int,
        "dropout": float,
        "sizes": int,
        "flag": bool,
        "label": str,
    }


@pytest.mark.parametrize("target", ["{}.Own", "nowhere.Own", "math.Own", "Own", "keras.optimizers.Nothing"])
def test_the_arguments_of_an_optimizer_likewise_and_none_where_it_cannot_be_had(module: str, target: str) -> None:
    known = {"learning_rate": float, "warmup": int, "nesterov": bool, "power": float}

    assert kinds("optimizer", {"_target_": target.format(module)}) == (known if module in target.format(module) else {})


@pytest.mark.parametrize(
    ("words", "values"),
    [
        pytest.param(["arch.dropout=0,0.0"], [0.0], id="a key of the network"),
        pytest.param(["arch.dense_dropout=0,0.0,-0.0"], [0.0], id="zero with a sign"),
        pytest.param(["optimizer.learning_rate=1,1.0"], [1.0], id="a key of the optimizer"),
        pytest.param(["+optimizer.clipnorm=1,1.0"], [1.0], id="one that the file does not set"),
        pytest.param(["training.early_stopping.min_delta=0,0.0"], [0.0], id="one that the schema types"),
        pytest.param(["arch.dropout=[0,0,0],[0.0,0.0,0.0]"], [[0.0, 0.0, 0.0]], id="lists"),
        pytest.param(["data.validation='0.2',0.2"], [0.2], id="text and a number"),
        pytest.param(["arch.filters=8,'8'"], [8], id="a whole number and text"),
    ],
)
def test_equal_values_make_one_configuration(compose: Compose, words: list[str], values: list[Any]) -> None:
    points = compose(*words)
    key = words[-1].partition("=")[0].lstrip("+")

    assert len(points) > 1
    assert len({point.identity for point in points}) == len(values)
    for point in points:
        assert point.params[key] == values[0]
        assert type(point.params[key]) is type(values[0])


def test_numbers_of_an_unknown_kind_are_equal_but_as_typed(compose: Compose) -> None:
    eight, eight_too, nine = compose("+arch.own=8,8.0,9")

    assert eight.identity == eight_too.identity != nine.identity
    assert [type(point.params["arch.own"]) for point in (eight, eight_too)] == [int, float]


def test_a_variable_of_the_environment_is_a_number_where_one_is_taken(
    compose: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIVEN", "3")
    words = ["arch.filters", "optimizer.learning_rate", "training.epochs", "data.validation"]
    [point] = compose(*(f"{key}=${{oc.env:GIVEN}}" for key in words))

    assert point.config["arch"]["filters"] == 3
    assert repr(point.config["optimizer"]["learning_rate"]) == "3.0"
    assert point.config["training"]["epochs"] == 3
    assert point.config["data"]["validation"] == 3
