"""Which intervals are of whole numbers: of the builder's and the optimizer's arguments."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sweeper.core.errors import SpaceError
from sweeper.space.composer import Composer
from sweeper.space.dimensions import SearchSpace
from sweeper.space.intervals import with_whole_intervals

Make = Callable[..., tuple[SearchSpace, Composer]]


@pytest.mark.parametrize(
    ("words", "is_int"),
    [
        pytest.param(["+arch.width=interval(4,8)"], True, id="an annotation of whole numbers"),
        pytest.param(["+arch.rate=interval(0,1)"], False, id="an annotation of fractions"),
        pytest.param(["+arch.depth=interval(3,8)"], True, id="a whole default"),
        pytest.param(["+arch.dropout=interval(0,1)"], False, id="a fraction as default"),
        pytest.param(["+arch.plain=interval(4.0,8.0)"], False, id="ends with a point"),
        pytest.param(["+arch.plain=tag(int,interval(4,8))"], True, id="a tag"),
    ],
)
def test_an_interval_is_of_what_the_builder_takes(
    make_composer: Make, module: str, words: list[str], is_int: bool
) -> None:
    space, composer = make_composer("arch=custom", f"arch._target_={module}.build", *words)
    found = with_whole_intervals(space, composer).dimensions[0].interval

    assert found is not None
    assert found.is_int is is_int


@pytest.mark.parametrize(
    ("words", "is_int"),
    [
        pytest.param(["arch.filters=interval(4,8)"], True, id="filters"),
        pytest.param(["arch.dropout=interval(0,1)"], False, id="a rate"),
        pytest.param(["optimizer.learning_rate=interval(1,2)"], False, id="a learning rate"),
        pytest.param(["+optimizer.gradient_accumulation_steps=interval(2,8)"], True, id="a count"),
        pytest.param(["optimizer=adam,sgd", "+optimizer.ema_overwrite_frequency=interval(2,8)"], True, id="two groups"),
    ],
)
def test_an_interval_is_of_what_keras_takes(make_composer: Make, words: list[str], is_int: bool) -> None:
    space, composer = make_composer(*words)
    found = with_whole_intervals(space, composer).dimensions[-1].interval

    assert found is not None
    assert found.is_int is is_int


@pytest.mark.parametrize(
    ("word", "suggested"),
    [
        ("+arch.plain=interval(4,8)", r"Try: '\+arch\.plain=tag\(int,interval\(4,8\)\)'$"),
        ("+arch.either=tag(log,interval(4,8))", r"Try: '\+arch\.either=tag\(log,int,interval\(4,8\)\)'$"),
        ("+arch.other=interval(4,8)", r"Accepted: tag\(int,interval\(4,8\)\), interval\(4\.0,8\.0\), or an annotation"),
    ],
)
def test_an_interval_of_an_unknown_kind_is_refused_with_both_ways(
    make_composer: Make, module: str, word: str, suggested: str
) -> None:
    space, composer = make_composer("arch=custom", f"arch._target_={module}.build", word)

    with pytest.raises(SpaceError, match=suggested):
        with_whole_intervals(space, composer)
