"""The keys of `arch=cnn`: what each accepts, and what a list for each convolution means."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sweeper.core.errors import ArchitectureError, ArchitectureValueError
from sweeper.models.checks import ACTIVATIONS
from sweeper.models.config import CnnConfig, ConvLayer


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(
            {"depth": 0},
            r"^arch\.depth=0 is not accepted: a whole number from 1 to 1000\.  Try: arch\.depth=3$",
            id="depth 0",
        ),
        pytest.param({"depth": 1001}, r"arch\.depth=1001 is not accepted", id="deeper than anybody trains"),
        pytest.param({"depth": -1}, r"arch\.depth=-1 is not accepted", id="negative depth"),
        pytest.param({"depth": 2.5}, r"arch\.depth=2\.5 is not accepted", id="half a convolution"),
        pytest.param({"depth": True}, r"arch\.depth=true is not accepted", id="a truth value for a number"),
        pytest.param({"depth": "3"}, r"arch\.depth='3' is not accepted: a whole number", id="a number as text"),
        pytest.param({"depth": [3]}, r"arch\.depth=\[3\] is not accepted", id="a list for the depth"),
        pytest.param(
            {"kernel_size": 0},
            r"arch\.kernel_size=0 is not accepted: a whole number from 1, or a list with one for each convolution\.",
            id="kernel 0",
        ),
        pytest.param(
            {"kernel_size": [3, 0, 5]},
            r"arch\.kernel_size=\[3,0,5\] is not accepted: each entry a whole number from 1",
            id="one kernel of several is 0",
        ),
        pytest.param({"filters": 1.0}, r"arch\.filters=1\.0 is not accepted", id="a fraction of filters"),
        pytest.param({"pool_size": 0}, r"arch\.pool_size=0 .*\(1: no pooling\)", id="pool 0"),
        pytest.param(
            {"pool_every": 0}, r"arch\.pool_every=0 is not accepted: a whole number from 1", id="pool every 0"
        ),
        pytest.param({"pool_every": [1, 2, 3]}, r"arch\.pool_every=\[1,2,3\] is not", id="a list for pool_every"),
        pytest.param({"batch_norm": 1}, r"arch\.batch_norm=1 is not accepted: true or false", id="1 for true"),
        pytest.param({"batch_norm": [True, "no", False]}, r"batch_norm=\[true,no,false\]", id="a text among truths"),
        pytest.param({"dropout": 1}, r"arch\.dropout=1 is not accepted: a rate from 0 to below 1", id="all dropped"),
        pytest.param({"dropout": -0.1}, r"arch\.dropout=-0\.1 is not accepted", id="negative rate"),
        pytest.param({"dropout": float("nan")}, r"arch\.dropout=nan is not accepted", id="no number"),
        pytest.param({"dropout": [0.1, 0.2, 1.5]}, r"arch\.dropout=\[0\.1,0\.2,1\.5\]", id="one rate of several"),
        pytest.param({"dense_dropout": 1.0}, r"arch\.dense_dropout=1\.0 is not accepted", id="dense dropout 1"),
        pytest.param({"dense_dropout": [0.5]}, r"arch\.dense_dropout=\[0\.5\] is not", id="a list for dense_dropout"),
        pytest.param({"dense_units": -1}, r"arch\.dense_units=-1 .* or 0 for none", id="negative units"),
        pytest.param({"dense_units": [64, 0]}, r"arch\.dense_units=\[64,0\] is not", id="0 among several"),
        pytest.param({"dense_units": None}, r"arch\.dense_units=null is not accepted", id="null units"),
        pytest.param({"padding": "full"}, r"arch\.padding=full is not accepted: one of same, valid\.", id="padding"),
        pytest.param(
            {"padding": ["same", "full", "same"]}, r"padding=\[same,full,same\] is not .* same or valid", id="paddings"
        ),
        pytest.param({"pooling": "maximum"}, r"one of max, average\. .*Try: arch\.pooling=max", id="pooling"),
        pytest.param({"pool_padding": None}, r"arch\.pool_padding=null is not accepted", id="null padding"),
        pytest.param({"activation": "rellu"}, r"arch\.activation=rellu .*Did you mean 'relu'\?", id="activation"),
        pytest.param({"activation": ["relu"]}, r"arch\.activation=\[relu\] is not", id="a list for the activation"),
    ],
)
def test_a_value_out_of_range_is_refused_with_what_is_accepted(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ArchitectureValueError, match=message):
        CnnConfig(**given)


@pytest.mark.parametrize("key", ["kernel_size", "filters", "strides", "padding", "pool_size", "batch_norm", "dropout"])
def test_a_list_of_the_wrong_length_is_refused_with_one_of_the_right_length(key: str) -> None:
    entry = CnnConfig(depth=1, dropout=0.5).__getattribute__(key)

    with pytest.raises(
        ArchitectureError, match=rf"arch\.{key} has 2 entries for arch\.depth=3: give one value"
    ) as info:
        CnnConfig(depth=3, **{key: [entry, entry]})
    assert type(info.value) is ArchitectureError  # another depth would mend it
    suggested = re.search(r"Try: arch\.\w+=\[([^\]]*)\]$", str(info.value))
    assert suggested is not None
    assert len(suggested.group(1).split(",")) == 3


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(
        ArchitectureValueError, match=r"arch\.kernel_size=0 .*arch\.filters has 1 .*arch\.dropout=2 "
    ) as info:
        CnnConfig(kernel_size=0, filters=[8], dropout=2, padding="smae", activation="gelu")
    assert "arch.padding=smae is not accepted: one of same, valid. Did you mean 'same'?" in str(info.value)
    assert "arch.activation" not in str(info.value)


def test_a_wrong_depth_is_named_alone_since_lists_are_measured_by_it() -> None:
    with pytest.raises(ArchitectureValueError, match=r"^arch\.depth=0 is not accepted[^=]*Try: arch\.depth=3$"):
        CnnConfig(depth=0, filters=[8, 16])


def test_an_unknown_key_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ArchitectureError, match=r"arch\.kernel is not a key .* Did you mean 'kernel_size'\?  Try: "):
        CnnConfig.from_mapping({"_target_": "models.cnn.build", "kernel": 3})
    with pytest.raises(ArchitectureError, match=r"Accepted: depth, kernel_size, filters, .*, squeeze_excite\."):
        CnnConfig.from_mapping({"xyz": 3})


def test_a_node_becomes_a_configuration_without_its_target() -> None:
    node = {"_target_": "models.cnn.build", "depth": 2, "filters": [8, 16]}

    assert CnnConfig.from_mapping(node) == CnnConfig(depth=2, filters=[8, 16])


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"depth": 1}, id="one convolution"),
        pytest.param({"depth": 50, "pool_every": 60}, id="fifty, never pooled"),
        pytest.param({"dropout": 0}, id="no dropout"),
        pytest.param({"dropout": 0.999}, id="nearly all dropped"),
        pytest.param({"dense_units": []}, id="no hidden layer by an empty list"),
        pytest.param({"filters": (1, 2, 3)}, id="a tuple is a list"),
        *[pytest.param({"activation": name}, id=name) for name in ACTIVATIONS],
    ],
)
def test_the_ends_of_the_ranges_are_accepted(given: dict[str, Any]) -> None:
    assert CnnConfig(**given).layers()


def test_one_value_holds_for_every_convolution_and_pooling_comes_every_so_many() -> None:
    config = CnnConfig(depth=5, kernel_size=4, filters=8, pool_size=3, pool_every=2, dropout=0.5, batch_norm=True)

    plain = ConvLayer(filters=8, kernel_size=4, batch_norm=True, pool_size=1, dropout=0.0)
    pooled = ConvLayer(filters=8, kernel_size=4, batch_norm=True, pool_size=3, dropout=0.5)
    assert config.layers() == (plain, pooled, plain, pooled, plain)


def test_a_list_gives_each_convolution_its_own() -> None:
    config = CnnConfig(
        depth=2,
        kernel_size=[3, 5],
        filters=[8, 16],
        pool_size=[1, 2],
        pool_every=1,
        batch_norm=[True, False],
        dropout=[0.1, 0.0],
    )

    assert config.layers() == (ConvLayer(8, 3, True, 1, 0.1), ConvLayer(16, 5, False, 2, 0.0))


def test_a_list_of_poolings_does_not_ask_pool_every() -> None:
    config = CnnConfig(depth=3, pool_size=[2, 1, 2], pool_every=2, dropout=0.25)

    assert [layer.pool_size for layer in config.layers()] == [2, 1, 2]
    assert [layer.dropout for layer in config.layers()] == [0.25, 0.0, 0.25]


@pytest.mark.parametrize(
    ("dense_units", "expected"),
    [
        pytest.param(128, (128,), id="one number"),
        pytest.param([64, 32], (64, 32), id="a list"),
        pytest.param(0, (), id="0 is none"),
        pytest.param([], (), id="an empty list is none"),
    ],
)
def test_hidden_units_are_those_of_each_hidden_layer(dense_units: Any, expected: tuple[int, ...]) -> None:
    assert CnnConfig(dense_units=dense_units).hidden_units() == expected


@pytest.mark.parametrize(
    ("depth", "filters", "pools"),
    [
        pytest.param(1, [8], [1], id="cut to one"),
        pytest.param(2, [8, 16], [1, 2], id="cut"),
        pytest.param(3, [8, 16, 32], [1, 2, 3], id="as it was"),
        pytest.param(5, [8, 16, 32, 32, 32], [1, 2, 3, 3, 3], id="the last one repeated"),
    ],
)
def test_another_depth_cuts_the_lists_or_repeats_their_last_entry(
    depth: int, filters: list[int], pools: list[int]
) -> None:
    config = CnnConfig(depth=3, kernel_size=5, filters=[8, 16, 32], pool_size=[1, 2, 3], dense_units=[7, 8, 9])

    other = config.with_depth(depth)
    assert (other.depth, other.filters, other.pool_size) == (depth, filters, pools)
    assert (other.kernel_size, other.dense_units) == (5, [7, 8, 9])
