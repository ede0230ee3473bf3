"""The rules of a search space: keys that vary together, configurations left out, configurations that come first."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.core.errors import SpaceError
from sweeper.space.dimensions import Choice, SearchSpace
from sweeper.space.parser import check_grid
from sweeper.space.rules import partial_points, with_rules
from typed_spaces import KEYS, PARSER, parse


def grid(space: SearchSpace) -> list[tuple[Any, ...]]:
    return [tuple(choice.value for choice in choices) for choices in space.grid()]


DEPTHS, KERNELS = "arch.depth=3,5,7", "arch.kernel_size=3,5,6"


PAIR = ["arch.depth", "arch.kernel_size"]


def test_paired_keys_vary_together_and_cross_with_the_others() -> None:
    space = parse(DEPTHS, KERNELS, "seed=0,1", zip=PAIR)

    assert grid(space) == [(3, 3, 0), (3, 3, 1), (5, 5, 0), (5, 5, 1), (7, 6, 0), (7, 6, 1)]
    assert len(space) == 6


def test_a_pair_stands_at_the_place_of_its_first_key() -> None:
    space = parse(DEPTHS, "seed=0,1", KERNELS, zip=list(reversed(PAIR)))

    assert space.axes() == ((0, 2), (1,))
    assert grid(space) == [(3, 0, 3), (3, 1, 3), (5, 0, 5), (5, 1, 5), (7, 0, 6), (7, 1, 6)]


def test_several_groups_of_keys_are_paired_each_for_itself() -> None:
    space = parse(
        "arch.depth=3,5",
        "arch.kernel_size=3,5",
        "seed=0,1",
        "arch.dense_units=8,9",
        zip=[PAIR, ["seed", "arch.dense_units"]],
    )

    assert grid(space) == [(3, 3, 0, 8), (3, 3, 1, 9), (5, 5, 0, 8), (5, 5, 1, 9)]


def test_a_group_is_paired_with_a_value_under_it() -> None:
    space = parse(
        "optimizer=adam,sgd", "optimizer.learning_rate=0.001,0.1", zip=["optimizer", "optimizer.learning_rate"]
    )

    assert grid(space) == [("adam", 0.001), ("sgd", 0.1)]


def test_what_is_excluded_is_left_out_and_the_order_of_the_rest_stays() -> None:
    space = parse(
        DEPTHS,
        "arch.kernel_size=3,5",
        "seed=0,1",
        exclude=[{"arch.depth": 7, "arch.kernel_size": 5}, {"seed": 1, "arch.depth": 3}],
    )

    assert grid(space) == [(3, 3, 0), (3, 5, 0), (5, 3, 0), (5, 3, 1), (5, 5, 0), (5, 5, 1), (7, 3, 0), (7, 3, 1)]
    assert len(space) == 12, "the length counts what is excluded, as an upper limit"


def test_a_point_may_be_written_under_its_node() -> None:
    nested = parse(DEPTHS, "seed=0,1", exclude=[{"arch": {"depth": 7}, "seed": 1}])

    assert nested.excluded == ({"arch.depth": 7, "seed": 1},)


def test_pairs_and_exclusions_work_together() -> None:
    assert grid(parse(DEPTHS, KERNELS, zip=PAIR, exclude=[{"arch.kernel_size": 5}])) == [(3, 3), (7, 6)]


@pytest.mark.parametrize("value", [[8, 16], None, True, "relu", "a,b"])
def test_a_choice_of_any_kind_can_be_excluded(value: Any) -> None:
    space = parse("+arch.any=[8,16],null,true,relu,'a,b'", exclude=[{"arch.any": value}])

    assert value not in [found for (found,) in grid(space)]
    assert len(grid(space)) == 4


def test_a_value_within_an_interval_can_be_excluded() -> None:
    space = parse(
        "arch.depth=3,5", "optimizer.learning_rate=interval(0.1,1)", exclude=[{"optimizer.learning_rate": 0.5}]
    )

    assert space.excludes((Choice("3", 3), Choice("0.5", 0.5)))
    assert not space.excludes((Choice("3", 3), Choice("0.4", 0.4)))
    assert not space.excludes((Choice("3", 3), None)), "where the key does not exist, nothing is excluded"


LIST = r"Accepted: a list of swept keys with equally many choices each, or a list of such lists\.  Try: .*sweep\.zip=\["


ZIPS = [
    pytest.param("arch.depth", rf"^sweep\.zip=arch\.depth is not accepted\. {LIST}", id="a word"),
    pytest.param(["arch.depth"], rf"^sweep\.zip=\[arch\.depth\] is not accepted\. {LIST}", id="one key"),
    pytest.param(
        [PAIR, "seed"], rf"^sweep\.zip=\[\[arch\.depth,arch\.kernel_size\],seed\] is not .*{LIST}", id="mixed"
    ),
    pytest.param([["arch.depth", 3]], rf"^sweep\.zip=\[\[arch\.depth,3\]\] is not accepted\. {LIST}", id="a number"),
    pytest.param(
        ["arch.depth", "arch.depht"],
        r"names arch\.depht, which does not vary\. .*Did you mean 'arch\.depth'",
        id="misspelt",
    ),
    pytest.param(
        ["arch.depth", "training.epochs"], r"names training\.epochs, .*Try: add training\.epochs=", id="not swept"
    ),
    pytest.param(["arch.depth", "arch.depth"], rf"names arch\.depth twice\. {LIST}", id="twice"),
    pytest.param([PAIR, ["arch.depth", "seed"]], r"names arch\.depth twice", id="twice in two groups"),
    pytest.param(
        ["arch.depth", "seed"],
        r"sweep\.zip=\[arch\.depth,seed\] pairs keys of unequal length: arch\.depth has 3, seed has 2\.",
        id="lengths",
    ),
    pytest.param(["arch.depth", "arch.dropout"], r"arch\.depth has 3, arch\.dropout has an interval", id="an interval"),
]


@pytest.mark.parametrize(("paired", "message"), ZIPS)
def test_a_pairing_that_makes_no_sense_is_refused_with_what_to_type(paired: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        parse(DEPTHS, KERNELS, "seed=0,1", "arch.dropout=interval(0,0.5)", zip=paired)


POINTS = (
    r"Accepted: a list of configurations, each a mapping from swept keys to values\.  Try: 'RULE=\[\{arch\.depth:7,"
)


NOT_SWEPT = (
    r"which does not vary\. Accepted: the swept keys \(arch\.depth, arch\.kernel_size, arch\.dropout, arch\.dense"
)


NOT_TAKEN = "which it does not take"


PARTIAL = [
    pytest.param({"arch.depth": 7}, rf"^RULE=\{{arch\.depth:7\}} is not accepted\. {POINTS}", id="no list"),
    pytest.param(["arch.depth=7"], rf"^RULE=\[arch\.depth=7\] is not accepted\. {POINTS}", id="an override"),
    pytest.param([{}], rf"is not accepted\. {POINTS}", id="nothing"),
    pytest.param([{"arch.depht": 7}], rf"^RULE names arch\.depht, {NOT_SWEPT}.*mean 'arch\.depth'", id="misspelt"),
    pytest.param([{"training.epochs": 7}], rf"{NOT_SWEPT}.*Try: add training\.epochs=", id="not swept"),
    pytest.param(
        [{"arch.depth": 4}],
        rf"^RULE gives arch\.depth the value 4, {NOT_TAKEN}\. Accepted: 3,5,7\.  Try: 'RULE=\[\{{arch\.depth:3\}}\]'$",
        id="no choice",
    ),
    pytest.param([{"arch.depth": 3}, {"arch.depth": "five"}], rf"the value five, {NOT_TAKEN}", id="the second"),
    pytest.param(
        [{"arch.dropout": 0.7}],
        rf"the value 0\.7, {NOT_TAKEN}\. Accepted: interval\(0,0\.5\)\.  Try: 'RULE=\[\{{arch\.dropout:0\.0\}}\]'",
        id="outside",
    ),
    pytest.param([{"arch.dropout": "much"}], rf"the value much, {NOT_TAKEN}", id="text in an interval"),
    pytest.param([{"arch.dropout": False}], rf"the value False, {NOT_TAKEN}", id="a truth in an interval"),
    pytest.param([{"arch.dense_units": 4.5}], rf"value 4\.5, {NOT_TAKEN}\. Accepted: tag\(int,", id="half a number"),
]


@pytest.mark.parametrize("rule", ["sweep.exclude", "sweep.enqueue"])
@pytest.mark.parametrize(("points", "message"), PARTIAL)
def test_a_partial_point_that_makes_no_sense_is_refused_with_what_to_type(rule: str, points: Any, message: str) -> None:
    space = parse(DEPTHS, KERNELS, "arch.dropout=interval(0,0.5)", "arch.dense_units=int(interval(4,64))")

    with pytest.raises(SpaceError, match=message.replace("RULE", rule.replace(".", r"\."))):
        with_rules(space, None, points) if rule == "sweep.exclude" else partial_points(rule, points, space)


def test_points_that_come_first_are_given_by_full_key() -> None:
    space = parse(DEPTHS, "arch.dropout=interval(0,0.5)", "arch.dense_units=int(interval(4,64))")
    points = [{"arch": {"depth": 5, "dense_units": 64.0}}, {"arch.dropout": 0}]

    assert partial_points("sweep.enqueue", points, space) == (
        {"arch.depth": 5, "arch.dense_units": 64.0},
        {"arch.dropout": 0},
    )
    assert partial_points("sweep.enqueue", None, space) == ()


def test_a_point_that_comes_first_keeps_to_the_pairs() -> None:
    space = parse(DEPTHS, KERNELS, zip=PAIR)

    assert partial_points("sweep.enqueue", [{"arch.depth": 7, "arch.kernel_size": 6}, {"arch.depth": 5}], space)
    with pytest.raises(
        SpaceError,
        match=r"^sweep\.enqueue gives \{arch\.depth:7,arch\.kernel_size:3\}, which sweep\.zip does not pair\. "
        r"Accepted: choices at the same position of arch\.depth,.*Try: .*\{arch\.depth:3,arch\.kernel_size:3\}",
    ):
        partial_points("sweep.enqueue", [{"arch.depth": 7, "arch.kernel_size": 3}], space)


def test_the_rules_are_written_on_a_command_line_as_the_refusals_say() -> None:
    typed = "sweep.exclude=[{arch.depth:7,arch.kernel_size:5}]", "sweep.zip=[arch.depth,arch.kernel_size]"
    exclude, paired = (override.value() for override in PARSER.parse_overrides(list(typed)))

    assert grid(parse(DEPTHS, "arch.kernel_size=3,5", exclude=exclude)) == [(3, 3), (3, 5), (5, 3), (5, 5), (7, 3)]
    assert grid(parse(DEPTHS, KERNELS, zip=paired)) == [(3, 3), (5, 5), (7, 6)]


def test_the_number_of_points_of_a_paired_grid_is_that_of_its_axes() -> None:
    paired = parse("arch.depth=range(1,401)", "seed=range(0,400)", zip=["arch.depth", "seed"])

    check_grid(paired)
    assert len(paired) == 400
    with pytest.raises(SpaceError, match=r"400 x 400 = 160000 configurations"):
        check_grid(
            parse(
                "arch.depth=range(1,401)",
                "seed=range(0,400)",
                "arch.dense_units=range(0,400)",
                zip=["arch.depth", "seed"],
            )
        )


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=4, unique=True), min_size=1, max_size=4), st.data())
def test_a_grid_with_rules_is_the_product_without_what_they_take_away(
    choices: list[list[int]], data: st.DataObject
) -> None:
    keys = KEYS[: len(choices)]
    line = [f"{key}={','.join(map(str, values))}" for key, values in zip(keys, choices, strict=True)]
    excluded = data.draw(
        st.lists(
            st.fixed_dictionaries(
                {}, optional={key: st.sampled_from(values) for key, values in zip(keys, choices, strict=True)}
            ).filter(bool),
            max_size=3,
        )
    )
    couples = [
        [one, other]
        for one, other in itertools.combinations(range(len(keys)), 2)
        if len(choices[one]) == len(choices[other])
    ]
    pair = data.draw(st.sampled_from([[], *couples]))

    def is_kept(point: tuple[int, ...]) -> bool:
        places = {choices[index].index(point[index]) for index in pair}
        known = dict(zip(keys, point, strict=True))
        return len(places) < 2 and not any(partial.items() <= known.items() for partial in excluded)

    expected = [point for point in itertools.product(*choices) if is_kept(point)]
    found = grid(parse(*line, zip=[keys[index] for index in pair], exclude=excluded))

    assert sorted(found) == sorted(expected)
    if len(pair) < 2 or pair[1] == pair[0] + 1:  # otherwise the second of the pair moves to the first
        assert found == expected
