"""Keys that exist under one choice of a group alone: they vary there, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hydra.errors import HydraException

from sweeper.preflight import check
from sweeper.space.composer import Composer, Point
from sweeper.space.dimensions import Choice, Choices, SearchSpace

Compose = Callable[..., list[Point]]
Make = Callable[..., tuple[SearchSpace, Composer]]


def test_a_key_of_one_option_varies_under_that_option_alone(compose: Compose) -> None:
    points = compose("optimizer=adam,sgd", "optimizer.momentum=0.5,0.9")

    assert [point.overrides for point in points] == [
        ("optimizer=adam",),
        ("optimizer=adam",),
        ("optimizer=sgd", "optimizer.momentum=0.5"),
        ("optimizer=sgd", "optimizer.momentum=0.9"),
    ]
    assert [point.params for point in points][1:3] == [
        {"optimizer": "adam"},
        {"optimizer": "sgd", "optimizer.momentum": 0.5},
    ]
    assert [point.config["optimizer"].get("momentum") for point in points] == [None, None, 0.5, 0.9]


def test_a_grid_trains_the_option_without_the_key_once(compose: Compose) -> None:
    checked = check.check(compose("optimizer=adam,sgd", "optimizer.momentum=0.5,0.9"), skip_infeasible=False)

    assert len(checked.trials) == 3
    assert checked.num_equal == 1


def test_the_key_may_be_typed_before_its_group(compose: Compose) -> None:
    points = compose("optimizer.momentum=0.5,0.9", "optimizer=sgd,adam")

    assert [point.overrides for point in points] == [
        ("optimizer.momentum=0.5", "optimizer=sgd"),
        ("optimizer=adam",),
        ("optimizer.momentum=0.9", "optimizer=sgd"),
        ("optimizer=adam",),
    ]


def test_two_options_may_have_the_key(compose: Compose) -> None:
    single = compose("optimizer=adam,sgd,rmsprop", "optimizer.momentum=choice(0.5)")
    swept = compose("optimizer=adam,sgd,rmsprop", "optimizer.momentum=0.5,0.9")

    assert [point.config["optimizer"].get("momentum") for point in swept] == [None, None, 0.5, 0.9, 0.5, 0.9]
    assert [point.config["optimizer"].get("momentum") for point in single] == [None, 0.5, 0.5]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(["optimizer=adam,adamw", "optimizer.momentum=0.5,0.9"], id="under none of the options"),
        pytest.param(["optimizer.momentum=0.5,0.9"], id="under the one option"),
        pytest.param(["optimizer=adam,sgd", "optimizer.momentun=0.5,0.9"], id="misspelt"),
        pytest.param(["optimizer=adam,sgd", "optimizer.momentum.more=0.5,0.9"], id="below a number"),
    ],
)
def test_a_key_that_exists_nowhere_is_refused_by_grid_and_sampler(make_composer: Make, line: list[str]) -> None:
    key = line[-1].partition("=")[0]
    with pytest.raises(HydraException, match=f"'{key}'"):
        list(make_composer(*line)[1].points())
    with pytest.raises(HydraException, match=f"'{key}'"):
        list(make_composer(*line)[1].probes())


def test_a_key_that_is_added_exists_under_every_option(compose: Compose) -> None:
    points = compose("optimizer=adam,sgd", "++optimizer.momentum=0.5,0.9")

    assert [point.config["optimizer"]["momentum"] for point in points] == [0.5, 0.9, 0.5, 0.9]


def test_whether_a_key_exists_is_told_for_each_option(make_composer: Make) -> None:
    space, composer = make_composer("optimizer=adam,sgd", "optimizer.momentum=interval(0,0.99)")
    momentum = space.dimensions[1]

    under: dict[str, Choices] = {name: (Choice(name, name), None) for name in ("adam", "sgd")}
    assert not composer.exists(momentum, under["adam"])
    assert composer.exists(momentum, under["sgd"])


def test_the_probes_show_each_choice_under_each_option_that_has_it(make_composer: Make) -> None:
    _, composer = make_composer(
        "optimizer=adam,sgd", "optimizer.momentum=interval(0,0.99)", "arch.depth=3,5,7", "seed=0,1"
    )
    found = [" ".join(point.overrides) for point in composer.probes()]

    assert found == [
        "optimizer=adam arch.depth=3 seed=0",
        "optimizer=adam arch.depth=3 seed=0",
        "optimizer=adam arch.depth=5 seed=0",
        "optimizer=adam arch.depth=7 seed=0",
        "optimizer=adam arch.depth=3 seed=1",
        "optimizer=sgd optimizer.momentum=0.0 arch.depth=3 seed=0",
        "optimizer=sgd optimizer.momentum=0.99 arch.depth=3 seed=0",
        "optimizer=sgd optimizer.momentum=0.0 arch.depth=5 seed=0",
        "optimizer=sgd optimizer.momentum=0.0 arch.depth=7 seed=0",
        "optimizer=sgd optimizer.momentum=0.0 arch.depth=3 seed=1",
    ]


def test_an_exclusion_of_the_key_leaves_the_other_options_alone(compose: Compose) -> None:
    points = compose(
        "optimizer=adam,sgd", "optimizer.momentum=0.5,0.9", exclude=[{"optimizer": "sgd", "optimizer.momentum": 0.9}]
    )

    assert [point.overrides for point in points][-1] == ("optimizer=sgd", "optimizer.momentum=0.5")
    assert len(points) == 3


def test_points_in_turn_keep_nothing_of_one_another(make_composer: Make) -> None:
    space, composer = make_composer("optimizer=adam,sgd", "optimizer.momentum=0.5,0.9", "arch.depth=3,5")
    choices = list(space.grid())

    forth = [composer.point(one).config for one in choices]
    back = [composer.point(one).config for one in reversed(choices)]

    assert forth == back[::-1]
