"""The effects of a grid's levels: where they are found, which numbers they have, and the sentence."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from ranked_rows import ACCURACY
from sweeper.artifacts.answers import Answers
from sweeper.core.trials import TrialFacts, TrialRow, TrialState
from sweeper.ranking.case import Case
from sweeper.ranking.findings import Difference, Findings, LevelEffect
from sweeper.ranking.judge import judge
from sweeper.ranking.seeds.levels import about_levels
from sweeper.ranking.sentences import sentences

IMAGES, SEEDS = 2000, 3
GRID = [{"arch.depth": depth, "arch.width": width} for depth, width in itertools.product((3, 5), (8, 16))]


def case(points: Sequence[Mapping[str, int]], accuracies: Sequence[float], baseline: int | None = None) -> Case:
    """Configurations of known accuracy, three seeds each; `baseline` is the number of the default configuration."""
    random = np.random.default_rng(0)
    rows, answers = [], {}
    for point, (params, accuracy) in enumerate(zip(points, accuracies, strict=True)):
        overrides = ("the defaults",) if point == baseline else tuple(f"{key}={value}" for key, value in params.items())
        for repeat in range(SEEDS):
            number = point * SEEDS + repeat
            answers[number] = Answers(random.random(IMAGES) < accuracy)
            rows.append(
                TrialRow(
                    number,
                    TrialState.COMPLETE,
                    dict(params),
                    {"val_accuracy": float(answers[number].correct.mean())},
                    overrides=overrides,
                    facts=TrialFacts(num_validation=IMAGES),
                    split_digest="one",
                    point=point,
                    repeat=repeat,
                    num_repeats=SEEDS,
                )
            )
    return Case(rows, (ACCURACY,), answers, 0.005, baseline=None if baseline is None else ("the defaults",))


def test_each_level_is_compared_with_the_first_over_all_others() -> None:
    one = case(GRID, [0.80, 0.80, 0.90, 0.90])
    means = [
        np.mean([one.rows[SEEDS * point + seed].metrics["val_accuracy"] for seed in range(3)]) for point in range(4)
    ]

    depth, width = judge(one).effects

    assert (depth.param, depth.level, depth.base) == ("arch.depth", "5", "3")
    assert (width.param, width.level, width.base) == ("arch.width", "16", "8")
    assert depth.difference.value == pytest.approx((means[2] + means[3] - means[0] - means[1]) / 2)
    assert width.difference.value == pytest.approx((means[1] + means[3] - means[0] - means[2]) / 2)
    assert 0 < depth.difference.low < 0.1 < depth.difference.high
    assert width.difference.low < 0 < width.difference.high


def test_where_not_all_effects_find_room_those_that_are_told_from_none_come_first() -> None:
    ends = [(-0.02, -0.05, 0.01), *[(0.001 * place, -0.1, 0.1) for place in range(7)], (0.01, 0.005, 0.015)]
    found = [LevelEffect("rate", str(place), "low", Difference(*end)) for place, end in enumerate(ends)]

    [said] = about_levels(found)

    assert "hold all at once): rate=8 less rate=low +1.00 (+0.50 to +1.50), rate=0 less rate=low -2.00 (-5.00 " in said
    assert said.endswith("rate=2 less rate=low +0.10 (-10.00 to +10.00) and 1 more.")


def test_the_default_configuration_beside_the_grid_takes_no_part() -> None:
    alone = judge(case(GRID, [0.80, 0.80, 0.90, 0.90])).effects
    beside = judge(case([*GRID, {}], [0.80, 0.80, 0.90, 0.90, 0.85], baseline=4)).effects

    assert [one.difference.value for one in beside] == [one.difference.value for one in alone]


@pytest.mark.parametrize(
    "points",
    [GRID[:3], [*GRID, {"arch.depth": 7, "arch.width": 8}], [{"a": 1, "b": 1}, {"a": 2, "b": 2}]],
    ids=["one is missing", "one too many", "in parallel"],
)
def test_without_a_complete_grid_there_are_no_effects(points: Sequence[Mapping[str, int]]) -> None:
    found = judge(case(points, [0.9] * len(points)))

    assert found.effects == ()
    assert found.differences, "the configurations themselves are compared all the same"


def test_the_effects_are_one_sentence() -> None:
    one = case(GRID, [0.80, 0.80, 0.90, 0.90])
    found = judge(one)

    said = [sentence for sentence in sentences(one, found) if sentence.startswith("Effects")]

    assert len(said) == 1
    assert said[0].startswith(
        "Effects in points of accuracy, over the grid's other values (95 % intervals that hold all at once): "
        "arch.depth=5 less arch.depth=3 +"
    )
    assert said[0].count(" less ") == 2


def test_of_many_effects_the_first_are_named() -> None:
    effects = [LevelEffect("seed_rate", str(level), "0", Difference(0.006, -0.002, 0.014)) for level in range(1, 12)]

    [said] = about_levels(effects)

    assert "seed_rate=1 less seed_rate=0 +0.60 (-0.20 to +1.40)" in said
    assert said.endswith(" and 3 more.")
    assert "other values" not in said, "there is no other parameter"


def test_of_each_trial_there_is_a_verdict() -> None:
    found = Findings(leader=4, group=(4, 1, 2), equal=(2,), left_out=(9,))

    assert [found.verdict(number) for number in (4, 1, 2, 3, 9)] == ["leads", "undecided", "equal", "worse", None]
    assert Findings(leader=4).verdict(4) is None, "nothing was compared"
