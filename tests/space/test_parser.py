"""Intervals; the grid compared with Hydra's own expansion of random lines."""

from __future__ import annotations

import re

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.core.errors import SpaceError
from sweeper.space.dimensions import Choice, Interval
from typed_spaces import KEYS, PARSER, parse

INTERVALS = [
    pytest.param("interval(0.1,1)", Interval(0.1, 1.0), id="two ends"),
    pytest.param("interval(0,1)", Interval(0.0, 1.0), id="whole ends are real numbers too"),
    pytest.param("tag(log,interval(1e-4,1))", Interval(0.0001, 1.0, log=True), id="logarithmic"),
    pytest.param("tag(int,interval(4,64))", Interval(4.0, 64.0, is_int=True), id="whole numbers by a tag"),
    pytest.param("int(interval(4,64))", Interval(4, 64, is_int=True), id="whole numbers by a cast"),
    pytest.param("tag(log,int(interval(4,64)))", Interval(4, 64, log=True, is_int=True), id="both"),
    pytest.param("tag(int,log,interval(4,64))", Interval(4.0, 64.0, log=True, is_int=True), id="both by tags"),
    pytest.param("interval(-1,1)", Interval(-1.0, 1.0), id="a negative end"),
]


@pytest.mark.parametrize(("typed", "interval"), INTERVALS)
def test_an_interval_is_a_dimension_without_choices(typed: str, interval: Interval) -> None:
    space = parse(f"optimizer.learning_rate={typed}")

    assert space.dimensions[0].interval == interval
    assert space.dimensions[0].choices == ()
    assert not space.is_discrete


@pytest.mark.parametrize(("typed", "interval"), INTERVALS)
def test_an_interval_is_shown_as_it_could_be_typed(typed: str, interval: Interval) -> None:
    shown = parse(f"optimizer.learning_rate={typed}").dimensions[0].text

    assert parse(f"optimizer.learning_rate={shown}").dimensions[0].interval == interval


def test_an_interval_in_the_files_is_one_on_the_command_line() -> None:
    typed = parse("optimizer.learning_rate=tag(log,interval(1e-4,1))", "arch.depth=3,5")
    written = {"optimizer": {"learning_rate": "tag(log,interval(1e-4,1))"}, "arch.depth": [3, 5]}

    assert parse(params=written).dimensions == typed.dimensions
    assert parse("optimizer.learning_rate=0.1", params=written).keys == ("arch.depth",)


def test_the_probes_of_an_interval_are_its_ends_and_of_choices_all_of_them() -> None:
    space = parse("arch.depth=3,5,7", "optimizer.learning_rate=interval(0.1,1)", "arch.dense_units=int(interval(4,64))")

    assert [[probe.value for probe in dimension.probes()] for dimension in space.dimensions] == [
        [3, 5, 7],
        [0.1, 1.0],
        [4, 64],
    ]


def test_a_value_of_an_interval_is_typed_with_every_digit() -> None:
    assert Interval(0.0, 1.0).choice(1 / 3) == Choice("0.3333333333333333", 1 / 3)
    assert Interval(1, 9, is_int=True).choice(3.0) == Choice("3", 3)


REFUSED = [
    pytest.param(
        "interval(1,0.1)", r"is empty: its lower end must be below its upper end\. Accepted: interval", id="turned"
    ),
    pytest.param("interval(1,1)", r"is empty", id="a point"),
    pytest.param("interval(0,inf)", r"is empty", id="without an end"),
    pytest.param("interval(nan,1)", r"is empty", id="from nowhere"),
    pytest.param("tag(log,interval(0,1))", r"cannot be logarithmic: its lower end must be above 0", id="log of 0"),
    pytest.param("tag(log,interval(-1,1))", r"cannot be logarithmic", id="log of less"),
    pytest.param("tag(int,interval(0.5,4))", r"takes whole numbers, and its ends are not whole", id="half an end"),
    pytest.param(
        "tag(lgo,interval(0.1,1))",
        r"has the tag lgo, which is not known here\. Accepted: log and int, of an interval\.",
        id="a misspelt tag",
    ),
    pytest.param(
        "tag(log,choice(0.1,1))",
        r"has the tag log, .* Accepted: log and int, of an interval alone",
        id="log of choices",
    ),
    pytest.param("tag(int,range(1,5))", r"has the tag int", id="int of a range"),
    pytest.param(
        "tag(log,tag(int,interval(1,64)))",
        r"has a tag inside a tag, and Hydra would drop the inner one\. Accepted: one tag with all words\.",
        id="a tag within a tag",
    ),
]


@pytest.mark.parametrize(("typed", "message"), REFUSED)
def test_an_interval_that_makes_no_sense_is_refused_with_what_to_type(typed: str, message: str) -> None:
    with pytest.raises(SpaceError, match=rf"^optimizer\.learning_rate={re.escape(typed)} {message}.*  Try: "):
        parse(f"optimizer.learning_rate={typed}")


@pytest.mark.parametrize(
    ("typed", "mended"),
    [
        ("tag(log,tag(int,interval(1,64)))", "tag(log,int,interval(1,64))"),
        ("tag(int, tag(log, interval(1, 64)))", "tag(int,log,interval(1, 64))"),
        ("tag(log,tag(log,interval(1e-4,1)))", "tag(log,interval(1e-4,1))"),
        ("tag(log,tag(log,int(interval(2,64))))", "tag(log,int,interval(2,64))"),
    ],
)
def test_a_tag_within_a_tag_is_mended_with_all_words_in_one(typed: str, mended: str) -> None:
    with pytest.raises(SpaceError, match=rf"  Try: 'arch\.filters={re.escape(mended)}'$"):
        parse(f"arch.filters={typed}")

    assert parse(f"arch.filters={mended}").dimensions[0].interval is not None


@pytest.mark.parametrize("key", ["sweep.workers", "objective.metric", "output_dir"])
def test_a_key_that_belongs_to_no_trial_has_no_interval_either(key: str) -> None:
    with pytest.raises(SpaceError, match=r"cannot vary: it does not belong to a trial"):
        parse(f"{key}=interval(1,2)")


NUMBERS = st.one_of(st.integers(-9, 9), st.floats(-9, 9, allow_nan=False).map(lambda value: round(value, 3)))


WORDS = st.sampled_from(["relu", "null", "true", "false", "'3'", "'a,b'", "[8,16]", "[]", "{a:1}", "1e-3", "inf"])


VALUES = st.one_of(NUMBERS.map(str), WORDS)


STEPS = st.sampled_from([1, 2, 3, 0.5, 0.25])


@st.composite
def _ranges(draw: st.DrawFn) -> str:
    start, length, step = draw(st.integers(-5, 5)), draw(st.integers(1, 5)), draw(STEPS)
    sign = draw(st.sampled_from([1, -1]))
    return f"range({start},{start + sign * length},{sign * step})"


SWEEPS = st.one_of(
    st.lists(VALUES, min_size=2, max_size=4).map(",".join),
    st.lists(VALUES.filter(lambda value: value != "null"), min_size=1, max_size=4).map(
        lambda values: f"choice({','.join(values)})"  # which takes no null
    ),
    st.lists(st.integers(-9, 9).map(str), min_size=1, max_size=4).map(lambda values: f"sort({','.join(values)})"),
    st.lists(st.integers(-9, 9).map(str), min_size=2, max_size=4).map(lambda values: f"float({','.join(values)})"),
    _ranges(),
)


LINES = st.dictionaries(st.sampled_from(KEYS), st.one_of(SWEEPS, VALUES), max_size=4).map(
    lambda line: [f"{key}={value}" for key, value in line.items()]
)


@settings(max_examples=200, deadline=None)
@given(LINES)
def test_the_grid_of_any_line_is_hydras_own_expansion_in_its_order(line: list[str]) -> None:
    overrides = PARSER.parse_overrides(line)
    swept = [override for override in overrides if override.is_sweep_override()]
    [expected] = BasicSweeper.split_arguments(swept, max_batch_size=None)
    space = parse(*line)

    found = [
        tuple(dimension.override(choice) for dimension, choice in zip(space.dimensions, choices, strict=True))
        for choices in space.grid()
    ]

    assert found == [tuple(point) for point in expected]
    assert len(found) == len(space)
    assert space.fixed == tuple(one for one, override in zip(line, overrides, strict=True) if override not in swept)
