"""From a line to the configuration of each of its points, with the project's own files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from sweeper.config import schema
from sweeper.config.identity import canonical
from sweeper.config.schema import VARYING
from sweeper.core.errors import ConfigError
from sweeper.space.composer import Point
from sweeper.space.nodes import as_earlier_releases

Compose = Callable[..., list[Point]]
CONF = Path(__file__).resolve().parents[2] / "conf"


def test_without_anything_that_varies_there_is_one_point_with_the_files_values(compose: Compose) -> None:
    [point] = compose()

    assert point.overrides == ()
    assert point.params == {}
    assert list(point.config) == [name for name in VARYING if name != "augment"]
    assert point.config["arch"]["_target_"] == "models.cnn.build"
    assert point.config["data"] == {
        "name": "digits",
        "path": None,
        "validation": 0.2,
        "split_seed": 0,
        "max_samples": None,
    }
    assert point.config["training"]["early_stopping"] == {"patience": None, "min_delta": 0.0}
    assert point.config["optimizer"] == {"_target_": "keras.optimizers.Adadelta", "learning_rate": 1.0, "rho": 0.95}
    assert point.config["seed"] == 0


def test_points_come_in_the_order_of_the_line_the_last_key_fastest(compose: Compose) -> None:
    points = compose("arch.depth=3,5", "training.epochs=2", "optimizer.learning_rate=1.0,0.3")

    assert [point.overrides for point in points] == [
        ("arch.depth=3", "optimizer.learning_rate=1.0"),
        ("arch.depth=3", "optimizer.learning_rate=0.3"),
        ("arch.depth=5", "optimizer.learning_rate=1.0"),
        ("arch.depth=5", "optimizer.learning_rate=0.3"),
    ]
    assert [(point.config["arch"]["depth"], point.config["optimizer"]["learning_rate"]) for point in points] == [
        (3, 1.0),
        (3, 0.3),
        (5, 1.0),
        (5, 0.3),
    ]
    assert {point.config["training"]["epochs"] for point in points} == {2}


def test_a_groups_choice_brings_its_file_and_is_called_by_its_name(compose: Compose) -> None:
    points = compose("arch=depth3_kernel3,depth7_kernel6")

    assert [point.params for point in points] == [{"arch": "depth3_kernel3"}, {"arch": "depth7_kernel6"}]
    assert [point.config["arch"]["filters"] for point in points] == [[48, 64, 50], [70, 80, 60, 50, 48, 36, 24]]


def test_a_group_and_a_value_under_it_vary_together(compose: Compose) -> None:
    points = compose("optimizer=adam,sgd", "optimizer.learning_rate=0.1,0.3")

    assert [point.config["optimizer"] for point in points] == [
        {"_target_": "keras.optimizers.Adam", "learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.999},
        {"_target_": "keras.optimizers.Adam", "learning_rate": 0.3, "beta_1": 0.9, "beta_2": 0.999},
        {"_target_": "keras.optimizers.SGD", "learning_rate": 0.1, "momentum": 0.9, "nesterov": False},
        {"_target_": "keras.optimizers.SGD", "learning_rate": 0.3, "momentum": 0.9, "nesterov": False},
    ]


def test_what_varies_may_stand_in_the_files_instead_of_the_line(compose: Compose) -> None:
    points = compose("optimizer=sgd", params={"arch": "depth3_kernel3,depth5_kernel5", "seed": [0, 1]})

    assert [point.overrides for point in points] == [
        ("arch=depth3_kernel3", "seed=0"),
        ("arch=depth3_kernel3", "seed=1"),
        ("arch=depth5_kernel5", "seed=0"),
        ("arch=depth5_kernel5", "seed=1"),
    ]
    assert {point.config["optimizer"]["_target_"] for point in points} == {"keras.optimizers.SGD"}


@pytest.mark.parametrize(
    ("argument", "params"),
    [
        pytest.param("arch.filters=[8,16,32],8", [[8, 16, 32], 8], id="lists and numbers"),
        pytest.param("arch.batch_norm=true,false", [True, False], id="truth values"),
        pytest.param("training.early_stopping.patience=null,3", [None, 3], id="null"),
        pytest.param("data.validation=test,0.5,300", ["test", 0.5, 300], id="text and numbers"),
        pytest.param("arch.activation='relu','a,b'", ["relu", "a,b"], id="quoted text"),
        pytest.param("+arch.label='3',3", ["3", 3], id="a quoted number is text"),
        pytest.param("arch.dense_units=${arch.depth},5", [3, 5], id="another key's value"),
        pytest.param("+arch.own={a:1},{b:2}", [{"a": 1}, {"b": 2}], id="dicts"),
        pytest.param("training.threads='2',3", [2, 3], id="a typed key makes a number of a text"),
        pytest.param("arch.depth=range(3,8,2)", [3, 5, 7], id="a range"),
        pytest.param("optimizer=glob(adam*)", ["adam", "adamw"], id="a glob"),
    ],
)
def test_params_are_the_values_that_the_configuration_has(
    compose: Compose, argument: str, params: list[object]
) -> None:
    key = argument.split("=")[0].lstrip("+")

    assert [point.params for point in compose(argument)] == [{key: value} for value in params]


LINES = [
    pytest.param(["arch.depth=3,5", "seed=0,1"], id="values"),
    pytest.param(["optimizer=adam,sgd", "optimizer.learning_rate=0.1,0.3"], id="a group and a value under it"),
    pytest.param(["optimizer.learning_rate=0.1,0.3", "optimizer=adam,sgd"], id="the value typed before its group"),
    pytest.param(["arch=cnn,depth3_kernel3", "arch.filters=[8,16,32],4"], id="a list over a list"),
    pytest.param(["arch=depth3_kernel3", "arch.filters.0=3,4", "arch.filters.2=5,6"], id="entries of a list"),
    pytest.param(["arch.filters=4,[8,16,32]", "arch.dense_units=0,[5,6]"], id="lists and numbers in turn"),
    pytest.param(["arch.dense_units=${arch.depth},7", "arch.depth=3,5"], id="one key follows another"),
    pytest.param(["training.early_stopping={patience:1},{min_delta:0.5}"], id="dicts that name different keys"),
    pytest.param(["+arch.own={a:1},{b:2}", "arch.depth=3,5"], id="dicts under an added key"),
    pytest.param(["++arch.depth=3,5", "++arch.width=1,2"], id="keys added or replaced"),
    pytest.param(["data=digits,mnist", "data.max_samples=null,100"], id="data"),
    pytest.param(["data.validation=test,0.2", "training.restore_best=1,0"], id="text, numbers, truths"),
]


@pytest.mark.parametrize("line", LINES)
def test_each_point_is_what_hydra_itself_composes_from_the_files(compose: Compose, line: list[str]) -> None:
    schema.register()
    loader = ConfigLoaderImpl(create_config_search_path(str(CONF)))
    master = loader.load_configuration("config", line, run_mode=RunMode.MULTIRUN)
    typed = OverridesParser.create().parse_overrides(line)
    fixed = [override.input_line or "" for override in typed if not override.is_sweep_override()]

    for point in compose(*line):
        alone = loader.load_sweep_config(master, [*fixed, *point.overrides])
        expected = OmegaConf.to_container(OmegaConf.masked_copy(alone, list(VARYING)), resolve=True)
        expected = as_earlier_releases(expected)
        assert point.config == expected, point.overrides


def test_keys_that_came_later_stand_in_a_configuration_where_they_are_set_alone(compose: Compose) -> None:
    [plain] = compose("seed=1")
    assert list(plain.config["data"]) == ["name", "path", "validation", "split_seed", "max_samples"]
    whole, large = compose("data=folder", "data.path=x", "data.color=rgb", "data.image_size=null,28")
    assert (whole.config["data"].get("image_size"), whole.config["data"]["color"]) == (None, "rgb")
    assert "image_size" not in whole.config["data"]
    assert (whole.params, large.params) == ({"data.image_size": None}, {"data.image_size": 28})
    assert whole.identity != large.identity


def test_a_configuration_that_asks_for_nothing_new_is_what_earlier_releases_recorded(compose: Compose) -> None:
    [plain], [same] = compose(), compose("training.decay.gamma=0.5", "arch.l2=0", "augment.fill_mode=reflect")

    assert plain.identity == same.identity
    assert list(plain.config) == ["arch", "data", "training", "optimizer", "seed"]
    assert "l2" not in plain.config["arch"]
    assert list(plain.config["training"])[-1] == "early_stopping"
    for word in (
        "arch.l2=0.01",
        "augment=light",
        "training.ema=0.9",
        "training.schedule=step",
        "training.class_weight={1:2}",
    ):
        [other] = compose(word)
        assert other.identity != plain.identity


def test_a_class_in_a_map_of_weights_is_text_and_its_weight_a_float(compose: Compose) -> None:
    first, second = compose("training.class_weight={3: 2, cat: 0.5},balanced")

    assert first.config["training"]["class_weight"] == {"3": 2.0, "cat": 0.5}
    assert second.config["training"]["class_weight"] == "balanced"


def test_a_strength_of_an_augmentation_may_vary(compose: Compose) -> None:
    none, some = compose("augment=digits,none", "augment.rotation=0")

    assert none.config["augment"] == {"translation": 0.1, "zoom": 0.1, "shear": 0.1}
    assert "augment" not in some.config
    assert [point.config.get("augment") for point in compose("augment.rotation=0,0.1")] == [None, {"rotation": 0.1}]


def test_equal_configurations_have_equal_identities_however_they_were_typed(compose: Compose) -> None:
    [plain], [typed], [other] = compose(), compose("++arch.depth=3", "seed=0"), compose("seed=1")

    assert plain.identity == typed.identity
    assert plain.identity != other.identity
    assert canonical({"b": 1, "a": [1, None]}) == canonical({"a": [1, None], "b": 1}) == '{"a":[1,null],"b":1}'


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["training.batch_size=16,abc"],
            r"^training\.batch_size=abc is not accepted: a whole number\.  Try: training\.batch_size=128$",
            id="text for a number",
        ),
        pytest.param(["training.batch_size=abc,16"], "training.batch_size=abc is not", id="text for the first number"),
        pytest.param(
            ["training.epochs=2,2.5"], r"training\.epochs=2\.5 is not accepted: a whole number", id="half an epoch"
        ),
        pytest.param(
            ["training.epochs=2,null"], r"training\.epochs=null is not accepted: a whole", id="null for a number"
        ),
        pytest.param(
            ["arch=custom"],
            r"^arch\._target_ has no value, and needs one .*Try: arch=custom arch\._target_=my_networks\.build$",
            id="no builder named",
        ),
        pytest.param(["arch=cnn,custom"], r"^arch\._target_ has no value", id="no builder named at the second point"),
        pytest.param(
            ["arch.dense_units=5,${nope}"], r"cannot be resolved: Interpolation key 'nope' not found\.", id="$"
        ),
    ],
)
def test_a_value_that_its_key_does_not_take_is_refused(compose: Compose, arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compose(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["arch.dpeth=3,5"], "Could not override 'arch.dpeth'", id="a misspelt key"),
        pytest.param(["arch=cnn,nope"], "Could not find 'arch/nope'", id="a misspelt option"),
        pytest.param(
            ["optimizer=adam,adamw", "optimizer.momentum=0.5,0.9"], "optimizer.momentum", id="of another option"
        ),
        pytest.param(["+arch.depth=3,5"], "already at 'arch.depth'", id="added although it is there"),
    ],
)
def test_what_does_not_exist_is_hydras_own_refusal(compose: Compose, arguments: list[str], message: str) -> None:
    with pytest.raises(HydraException, match=message):
        compose(*arguments)


@pytest.mark.parametrize(
    "line",
    [
        ("arch.depth=1,2", "arch.filters=8,[8,16]", "optimizer.learning_rate=1,0.5"),
        ("arch=cnn,depth3_kernel3", "arch.dropout=0,0.5", "training.early_stopping.patience=null,2"),
        ("optimizer=sgd,adam", "optimizer.momentum=0.0,0.9", "optimizer.learning_rate=0.1,1e-3"),
        ("+arch.extra=1,2", "arch=custom", "arch._target_=mine.build,mine.other", "data.validation=0.2,100"),
        ("arch.kernel_size=[3,3],[3,5]", "arch.depth=2", "arch.padding=same,valid"),
        ("arch.filters=8,16", "arch.dense_units=${arch.filters},32"),
        ("training.class_weight={1: 2.0},{2: 3.0}", "training.epochs=2,3"),
        ("training.batch_size=32,64", "training.epochs=${training.batch_size}"),
        ("augment.rotation=0,0.1", "augment.layers=[],[{_target_: keras.layers.RandomFlip}]", "seed=3,4"),
    ],
    ids=lambda line: line[0],
)
def test_a_point_among_many_is_the_point_alone(compose: Compose, line: tuple[str, ...]) -> None:
    fixed = [word for word in line if "," not in word.partition("=")[2]]
    points = compose(*line)

    assert len(points) > 1
    assert len({point.identity for point in points}) > 1
    for point in points:
        [alone] = compose(*fixed, *point.overrides)
        assert point.config == alone.config
        assert {key: point.params[key] for key in alone.params} == alone.params
        assert [type(value) for value in point.config["arch"].values()] == [
            type(value) for value in alone.config["arch"].values()
        ]


def test_points_share_nothing_that_one_of_them_may_change(compose: Compose) -> None:
    first, second = compose("arch.filters=[8,16],[16,32]", "arch.depth=2")
    before = canonical(second.config)

    first.config["arch"]["filters"].append(64)

    assert canonical(second.config) == before
