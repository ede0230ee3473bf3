"""Ranking, compared with `sorted` and with the definition of Pareto fronts."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranked_rows import ACCURACY, NAN, SIZE, complete, failed, point, repeat
from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialRow, TrialState
from sweeper.ranking.leaderboard import pareto_fronts, rank


def pruned(number: int, *values: float) -> TrialRow:
    history = tuple({"val_accuracy": value} for value in values)
    return TrialRow(number, TrialState.PRUNED, {}, {}, history=history)


def running(number: int) -> TrialRow:
    return TrialRow(number, TrialState.RUNNING, {}, {"val_accuracy": 1.0})


def ranks(rows: list[TrialRow], objective: Objective = ACCURACY) -> list[tuple[int | None, int]]:
    return [(one.rank, one.row.number) for one in rank(rows, objective)]


RANKINGS: dict[str, tuple[list[TrialRow], list[tuple[int | None, int]]]] = {
    "no trial": ([], []),
    "one trial": ([complete(4, 0.5)], [(1, 4)]),
    "the best first": ([complete(0, 0.1), complete(1, 0.9), complete(2, 0.5)], [(1, 1), (2, 2), (3, 0)]),
    "ties share a rank and keep their order": (
        [complete(2, 0.9), complete(3, 0.1), complete(1, 0.9), complete(0, 0.5)],
        [(1, 1), (1, 2), (3, 0), (4, 3)],
    ),
    "pruned come after every complete one, by the last value they reported": (
        [pruned(0, 0.99, 0.2), pruned(1, 0.1, 0.3), complete(2, 0.1), failed(3)],
        [(1, 2), (2, 1), (3, 0), (None, 3)],
    ),
    "a pruned trial without a value is the last of them": ([pruned(0), pruned(1, 0.1)], [(1, 1), (2, 0)]),
    "failed ones come last, by number, without a rank": (
        [failed(5), failed(1), complete(3, 0.0)],
        [(1, 3), (None, 1), (None, 5)],
    ),
    "a NaN never wins and stands between pruned and failed": (
        [failed(0), complete(1, NAN), complete(2, None), complete(3, math.inf), complete(4, 0.2), pruned(5, 0.1)],
        [(1, 4), (2, 5), (None, 1), (None, 2), (None, 3), (None, 0)],
    ),
    "running ones are left out": ([running(0), complete(1, 0.1)], [(1, 1)]),
}


@pytest.mark.parametrize(("rows", "expected"), RANKINGS.values(), ids=RANKINGS.keys())
def test_trials_are_ranked(rows: list[TrialRow], expected: list[tuple[int | None, int]]) -> None:
    assert ranks(rows) == expected


@pytest.mark.parametrize("objective", [ACCURACY, Objective("val_accuracy", "minimize")], ids=["maximize", "minimize"])
def test_a_ranking_is_what_sorted_says(objective: Objective) -> None:
    chance = random.Random(3)
    rows = [complete(number, chance.randrange(30) / 30) for number in range(200)]
    chance.shuffle(rows)
    values = {row.number: row.metrics["val_accuracy"] for row in rows}
    by_hand = sorted(values, key=lambda number: (-objective.sign * values[number], number))
    best_first = [values[number] for number in by_hand]
    assert ranks(rows, objective) == [(best_first.index(values[number]) + 1, number) for number in by_hand]


def test_a_pruned_trial_is_ranked_by_the_training_metric_that_its_epochs_reported() -> None:
    rows = [
        TrialRow(number, TrialState.PRUNED, {}, history=({"loss": loss, "val_loss": 0.0},))
        for number, loss in enumerate([0.5, 0.2])
    ]
    assert ranks(rows, Objective("train_loss", "minimize")) == [(1, 1), (2, 0)]


def sized(number: int, accuracy: float, size: float, **more: Any) -> TrialRow:
    return TrialRow(number, TrialState.COMPLETE, {}, {"val_accuracy": accuracy, "num_params": size}, **more)


FRONTS: dict[str, tuple[list[tuple[float, ...]], list[int]]] = {
    "no point": ([], []),
    "one point": ([(1, 1)], [0]),
    "a front is a set of compromises": ([(1, 3), (2, 2), (3, 1)], [0, 0, 0]),
    "what is worse in both is behind": ([(2, 2), (1, 1), (3, 3)], [1, 0, 2]),
    "equal in one and worse in the other is behind": ([(1, 1), (1, 2), (2, 1)], [0, 1, 1]),
    "equal points share a front": ([(1, 2), (2, 1), (1, 2)], [0, 0, 0]),
    "three objectives": ([(1, 1, 3), (1, 2, 2), (2, 2, 3)], [0, 0, 1]),
    "infinite costs are behind": ([(0, float("inf")), (0, 1)], [1, 0]),
}


@pytest.mark.parametrize(("costs", "expected"), FRONTS.values(), ids=FRONTS.keys())
def test_points_belong_to_pareto_fronts(costs: list[tuple[float, ...]], expected: list[int]) -> None:
    assert pareto_fronts(costs) == expected


def fronts_by_definition(costs: list[tuple[int, ...]]) -> list[int]:
    """The first front is what nothing dominates, the second what nothing of the rest does, and so on."""

    def dominates(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
        return one != other and all(a <= b for a, b in zip(one, other, strict=True))

    found = [-1] * len(costs)
    left = set(range(len(costs)))
    for front in range(len(costs)):
        best = {index for index in left if not any(dominates(costs[other], costs[index]) for other in left)}
        for index in best:
            found[index] = front
        left -= best
    return found


@settings(deadline=None)
@given(st.integers(1, 4).flatmap(lambda size: st.lists(st.tuples(*[st.integers(0, 6)] * size), max_size=40)))
def test_pareto_fronts_are_those_of_the_definition(costs: list[tuple[int, ...]]) -> None:
    assert pareto_fronts(costs) == fronts_by_definition(costs)


def test_with_several_objectives_the_rank_is_the_fronts_number() -> None:
    rows = [sized(0, 0.9, 30), sized(1, 0.8, 20), sized(2, 0.7, 25), sized(3, 0.95, 40), sized(4, 0.6, 40)]

    assert [(one.rank, one.row.number) for one in rank(rows, ACCURACY, SIZE)] == [
        (1, 3),
        (1, 0),
        (1, 1),
        (2, 2),
        (3, 4),
    ]
    assert [(one.rank, one.row.number) for one in rank(rows, SIZE, ACCURACY)] == [
        (1, 1),
        (1, 0),
        (1, 3),
        (2, 2),
        (3, 4),
    ]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20))
def test_a_trial_of_the_first_front_is_beaten_by_none_and_any_other_by_one_of_the_front_before(
    figures: list[tuple[int, int]],
) -> None:
    ranked = rank([sized(n, accuracy / 10, size) for n, (accuracy, size) in enumerate(figures)], ACCURACY, SIZE)

    def beats(one: TrialRow, other: TrialRow) -> bool:
        gain = one.metrics["val_accuracy"] - other.metrics["val_accuracy"]
        saving = other.metrics["num_params"] - one.metrics["num_params"]
        return min(gain, saving) >= 0 and max(gain, saving) > 0

    for one in ranked:
        assert one.rank is not None
        better = {other.rank for other in ranked if beats(other.row, one.row)}
        assert better == set() if one.rank == 1 else max(rank or 0 for rank in better) == one.rank - 1


def test_a_trial_without_one_of_the_objectives_has_no_rank() -> None:
    rows = [sized(0, 0.9, NAN), complete(1, 0.99), sized(2, 0.1, 10)]

    assert [(one.rank, one.row.number) for one in rank(rows, ACCURACY, SIZE)] == [(1, 2), (None, 0), (None, 1)]


def test_pruned_trials_follow_the_last_front_by_the_first_objective() -> None:
    rows = [sized(0, 0.9, 10), sized(1, 0.8, 20), pruned(2, 0.3), pruned(3, 0.4), failed(4)]

    assert [(one.rank, one.row.number) for one in rank(rows, ACCURACY, SIZE)] == [
        *((1, 0), (2, 1), (3, 3), (4, 2)),
        (None, 4),
    ]


def test_a_point_is_ranked_by_the_mean_of_its_repeats() -> None:
    rows = [*point(0, 0, 0.9, 0.1, 0.5), *point(3, 1, 0.6, 0.6, 0.6), *point(6, 2, 0.4, 0.4, 0.4)]

    assert [(one.rank, one.row.number) for one in rank(rows, ACCURACY)] == [
        *((1, 3), (1, 4), (1, 5)),
        *((2, 0), (2, 1), (2, 2)),
        *((3, 6), (3, 7), (3, 8)),
    ]


def test_points_with_the_same_mean_share_a_rank() -> None:
    rows = [*point(0, 0, 0.25, 0.75), *point(2, 1, 0.5, 0.5), *point(4, 2, 0.1, 0.1)]

    assert [one.rank for one in rank(rows, ACCURACY)] == [1, 1, 1, 1, 3, 3]


def test_the_order_in_which_repeats_ran_does_not_matter() -> None:
    rows = [*point(0, 0, 0.9, 0.1, 0.5), *point(3, 1, 0.6, 0.6, 0.6)]
    mixed = [replace(row, number=number) for number, row in enumerate(rows[n] for n in (3, 0, 4, 1, 5, 2))]

    assert [(one.rank, one.row.point, one.row.repeat) for one in rank(mixed, ACCURACY)] == [
        (one.rank, one.row.point, one.row.repeat) for one in rank(rows, ACCURACY)
    ]


INCOMPLETE: dict[str, TrialRow | None] = {
    "failed": repeat(2, 0, 2, NAN, state=TrialState.FAILED, error="it broke"),
    "missing": None,
    "still running": repeat(2, 0, 2, 0.9, state=TrialState.RUNNING),
    "not finite": repeat(2, 0, 2, NAN),
}


@pytest.mark.parametrize("last", INCOMPLETE.values(), ids=INCOMPLETE.keys())
def test_a_point_of_which_a_repeat_is_not_complete_has_no_rank(last: TrialRow | None) -> None:
    rows = [
        repeat(0, 0, 0, 0.9),
        repeat(1, 0, 1, 0.9),
        *([last] if last is not None else []),
        *point(3, 1, 0.1, 0.1, 0.1),
    ]
    ranked = rank(rows, ACCURACY)

    assert [(one.rank, one.row.number) for one in ranked][:3] == [(1, 3), (1, 4), (1, 5)]
    assert {one.rank for one in ranked[3:]} == {None}
    assert {one.row.number for one in ranked[3:]} >= {0, 1}


def test_a_pruned_repeat_is_ranked_after_every_whole_point() -> None:
    stopped = repeat(0, 0, 0, 0.99, state=TrialState.PRUNED)
    ranked = rank([stopped, *point(1, 1, 0.2, 0.1, 0.3), *point(4, 2, 0.1, 0.1, 0.1)], ACCURACY)

    assert [(one.rank, one.row.number) for one in ranked] == [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (2, 6), (3, 0)]


def test_repeats_and_several_objectives_give_the_fronts_of_the_means() -> None:
    rows = [*point(0, 0, 0.5, 0.7), *point(2, 1, 0.9, 0.1), *point(4, 2, 0.8, 0.8)]

    assert [(one.rank, one.row.point) for one in rank(rows, ACCURACY, SIZE)] == [
        *((1, 2), (1, 2)),
        *((1, 0), (1, 0)),
        *((2, 1), (2, 1)),
    ]
