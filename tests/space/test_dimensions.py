"""The override grammar: every form gives the choices that Hydra's own expansion gives."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from sweeper.core.errors import SpaceError
from sweeper.space.dimensions import SearchSpace
from sweeper.space.parser import check_grid, parse_space

GROUPS = {"arch": ["cnn", "depth3_kernel3", "depth5_kernel5"], "optimizer": ["adam", "sgd"]}


class _Groups:
    """Answers for Hydra's config loader: the options of a group."""

    def get_group_options(self, group_name: str, **_: Any) -> list[str]:
        return GROUPS.get(group_name, [])


PARSER = OverridesParser.create(config_loader=_Groups())  # type: ignore[arg-type]


def parse(*arguments: str, params: dict[str, Any] | None = None) -> SearchSpace:
    return parse_space(arguments, params or {}, PARSER, lambda key: GROUPS.get(key, []))


def grid(space: SearchSpace) -> list[tuple[str, ...]]:
    return [
        tuple(dimension.override(choice) for dimension, choice in zip(space.dimensions, choices, strict=True))
        for choices in space.grid()
    ]


LINES = [
    pytest.param(["arch.depth=3,5,7"], id="choices"),
    pytest.param(["arch.depth=range(3,8,2)"], id="range with its last point"),
    pytest.param(["arch.depth=range(1,3)"], id="range excludes its stop"),
    pytest.param(["arch.depth=range(8,3,-2)"], id="falling range"),
    pytest.param(["arch.dropout=range(0,1,0.25)"], id="range of floats"),
    pytest.param(["arch=glob(depth*)"], id="glob over a group"),
    pytest.param(["arch=glob(*,exclude=cnn)"], id="glob with an exclusion"),
    pytest.param(["arch.depth=choice(3,5)"], id="choice()"),
    pytest.param(["arch.depth=sort(7,3,5)"], id="sort()"),
    pytest.param(["arch.depth=sort(7,3,5,reverse=true)"], id="sort() reversed"),
    pytest.param(["arch.filters=[8,16],[16,32]"], id="lists"),
    pytest.param(["+arch.extra={a:1},{a:2}"], id="dicts under an added key"),
    pytest.param(["arch.activation='relu','a,b'"], id="quoted text"),
    pytest.param(["arch.batch_norm=true,false"], id="booleans"),
    pytest.param(["training.early_stopping.patience=null,3"], id="null"),
    pytest.param(["optimizer.learning_rate=1e-3,0.1,1"], id="numbers of several kinds"),
    pytest.param(["arch.depth=3,5", "arch.kernel_size=3,5", "optimizer.learning_rate=1.0,0.3"], id="a grid of eight"),
    pytest.param(["arch.depth=3,5", "training.epochs=2", "seed=range(0,3)"], id="a fixed key between"),
]


@pytest.mark.parametrize("arguments", LINES)
def test_the_grid_is_hydras_own_expansion_in_its_order(arguments: list[str]) -> None:
    swept = [override for override in PARSER.parse_overrides(arguments) if override.is_sweep_override()]
    [expected] = BasicSweeper.split_arguments(swept, max_batch_size=None)

    assert grid(parse(*arguments)) == [tuple(point) for point in expected]


def test_the_last_key_varies_fastest() -> None:
    space = parse("arch.depth=3,5", "arch.kernel_size=3,5")

    assert grid(space) == [
        tuple(f"arch.{name}={value}" for name, value in zip(("depth", "kernel_size"), pair, strict=True))
        for pair in itertools.product((3, 5), (3, 5))
    ]
    assert len(space) == 4


def test_without_anything_that_varies_there_is_one_point() -> None:
    space = parse("arch.depth=5")

    assert grid(space) == [()]
    assert space.fixed == ("arch.depth=5",)


def test_values_are_python_values_and_groups_are_names() -> None:
    space = parse("arch=cnn,depth3_kernel3", "arch.filters=[8,16],32", "arch.activation='relu',elu")

    assert [choice.value for choice in space.dimensions[0].choices] == ["cnn", "depth3_kernel3"]
    assert space.dimensions[0].is_group
    assert [choice.value for choice in space.dimensions[1].choices] == [[8, 16], 32]
    assert [choice.value for choice in space.dimensions[2].choices] == ["relu", "elu"]
    assert not space.dimensions[1].is_group


def test_shuffled_choices_keep_text_and_value_together() -> None:
    space = parse("arch.depth=shuffle(range(1,40))")

    assert all(choice.text == str(choice.value) for choice in space.dimensions[0].choices)
    assert sorted(choice.value for choice in space.dimensions[0].choices) == list(range(1, 40))


def test_a_key_on_the_command_line_replaces_the_same_key_of_params() -> None:
    params = {"arch": "depth3_kernel3,depth5_kernel5", "seed": [0, 1]}

    assert parse("arch=cnn", params=params).fixed == ("arch=cnn",)
    assert parse("arch=cnn", params=params).keys == ("seed",)
    assert parse(params=params).keys == ("arch", "seed")


REFUSED = [
    pytest.param("arch.depth=range(5,5)", r"range\(5,5\) is empty.*excludes its stop", id="empty range"),
    pytest.param("arch=glob(nothing*)", "is empty.*No option of that config group", id="glob without a match"),
    pytest.param("arch.depth=range(3,8,0)", "has a step of 0.*step not 0", id="range with step 0"),
    pytest.param("sweep.workers=1,2", "cannot vary.*Try: sweep.workers=1", id="a key of the sweep"),
    pytest.param("objective.metric=val_loss,val_accuracy", "cannot vary", id="a key of the objective"),
    pytest.param("output_dir=a,b", "cannot vary", id="the output folder"),
    pytest.param(
        "metrics=val_auc,val_ece", r"cannot vary.*Try: .metrics=\[val_auc,val_ece\].,", id="a list without brackets"
    ),
    pytest.param("achr.depth=3,5", "Did you mean 'arch.depth'.*Try: arch.depth=3,5$", id="a misspelt node"),
    pytest.param("arch.depth=range(1,100000000)", "has 99999999 values.*at most 100000", id="a range too long"),
    pytest.param("arch.depth=range(1,inf)", "has a bound that is not a number", id="a range without an end"),
    pytest.param("arch.depth=glob(*)", "this key is not one.*Try: arch.depth=3,5,7", id="glob over no group"),
    pytest.param("~arch.depth=3,5", "deletes and varies", id="a deletion that varies"),
]


@pytest.mark.parametrize(("argument", "message"), REFUSED)
def test_a_space_that_makes_no_sense_is_refused_with_what_to_type(argument: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        parse(argument)


def test_a_grid_beyond_what_can_be_checked_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"400 x 400 = 160000 configurations\. Accepted: at most 100000"):
        check_grid(parse("arch.depth=range(1,401)", "seed=range(0,400)"))
    check_grid(parse("arch.depth=range(1,401)", "seed=range(0,250)"))


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        pytest.param(
            "optimizer.learning_rate=interval(0.1,1)",
            r"^optimizer\.learning_rate=interval\(0\.1,1\) is an interval, .*Accepted by sampler=grid: choices"
            r".*Try: sampler=tpe, or optimizer\.learning_rate=",
            id="interval",
        ),
        pytest.param(
            "optimizer.learning_rate=tag(log,interval(0.1,1))",
            r"^optimizer\.learning_rate=tag\(log,interval\(0\.1,1\)\) is an interval",
            id="tagged interval",
        ),
    ],
)
def test_a_grid_cannot_go_through_an_interval(argument: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        check_grid(parse(argument))


def test_params_may_be_written_under_their_node() -> None:
    assert parse(params={"arch": {"depth": "3,5"}}).keys == ("arch.depth",)


def test_a_key_that_is_swept_twice_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"arch\.depth is swept twice"):
        parse("arch.depth=3,5", "arch.depth=7,9")
