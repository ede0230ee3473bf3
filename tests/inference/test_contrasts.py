"""Who is equal to the leader within a margin, what would tell the others apart, and what each level of a grid does."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from sweeper.inference import (
    configurations_from_leader,
    equal_configurations,
    equal_trials,
    leading_configurations,
    leading_group,
    level_effects,
    needed_for_configurations,
    needed_for_trials,
)


def trials(accuracies: list[float], images: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Answers to images of one common difficulty: rightly, where it is below what a trial can do, give or take."""
    hard = random.normal(0, 1, images)
    strength = norm.ppf(accuracies)[:, None] * np.sqrt(2)
    answers: NDArray[np.bool_] = strength + random.normal(0, 1, (len(accuracies), images)) > hard
    return answers


def seeds(
    accuracies: list[float], num_seeds: int, images: int, random: np.random.Generator, spread: float = 0.05
) -> list[NDArray[np.bool_]]:
    hard = random.normal(0, 1, images)
    strength = norm.ppf(accuracies) * np.sqrt(2 + spread**2)
    return [
        one + random.normal(0, spread, (num_seeds, 1)) + random.normal(0, 1, (num_seeds, images)) > hard
        for one in strength
    ]


def test_equal_trials_are_called_so_on_many_images_and_worse_ones_are_not() -> None:
    correct = trials([0.95, 0.95, 0.90], 20_000, np.random.default_rng(1))
    leader = int(correct.sum(axis=1).argmax())

    assert equal_trials(correct, leader, 0.01).tolist() == [True, True, False]
    assert equal_trials(correct[:, :200], leader, 0.01).sum() == 1


def test_a_trial_that_differs_by_the_margin_is_seldom_called_equal() -> None:
    random, wrong = np.random.default_rng(2), 0
    for _ in range(300):
        correct = trials([0.96, 0.95, 0.95, 0.95], 3000, random)
        leader = int(correct.sum(axis=1).argmax())
        marked = equal_trials(correct, leader, 0.01)
        wrong += bool(marked[1:].any()) if leader == 0 else bool(marked[0])

    assert wrong <= 300 * 0.05 + 2 * np.sqrt(300 * 0.05 * 0.95)


def test_equal_configurations_need_images_and_seeds() -> None:
    random = np.random.default_rng(3)
    many = seeds([0.95, 0.95, 0.90], 5, 20_000, random, spread=0.01)

    marked = equal_configurations(many, 0.01)

    assert marked[2] == np.False_
    assert marked[:2].all()
    assert equal_configurations([one[:, :100] for one in many], 0.01).sum() == 1


def test_no_difference_on_few_images_is_no_proof_of_equality() -> None:
    same = np.ones((3, 100), np.bool_)

    assert equal_configurations([same, same.copy()], 0.005).tolist() == [True, False]


def test_the_intervals_of_configurations_hold_all_at_once() -> None:
    random, wrong = np.random.default_rng(4), 0
    true = np.array([0.95, 0.95, 0.94, 0.93])
    for _ in range(200):
        answers = seeds(true.tolist(), 3, 500, random)
        found = configurations_from_leader(answers)
        leader = leading_configurations(answers).members[0]
        lead = true[leader] - true
        wrong += bool(((found[:, 1] > lead + 1e-12) | (found[:, 2] < lead - 1e-12)).any())

    assert wrong <= 200 * 0.05 + 2 * np.sqrt(200 * 0.05 * 0.95)


def test_as_many_images_as_are_said_to_be_needed_tell_trials_apart() -> None:
    random = np.random.default_rng(5)
    pilot = trials([0.95, 0.95, 0.95], 1000, random)

    needed = needed_for_trials(pilot, 0.01)

    assert needed is not None
    assert needed.images is not None
    assert needed.shown is not None
    assert 0.01 < needed.shown < 0.05  # of 1,000 images, which are fewer than are needed
    shown = [0.0, 0.0]
    for place, images in enumerate((needed.images // 3, 2 * needed.images)):
        for _ in range(40):
            members = leading_group(trials([0.96, 0.95, 0.95], images, random)).members
            shown[place] += (1 not in members) / 40
    assert shown[0] < 0.8 < shown[1]


def test_nothing_is_said_where_trials_hardly_differ() -> None:
    assert needed_for_trials(np.ones((3, 100), np.bool_), 0.01) is None


def test_more_seeds_cannot_tell_where_the_images_decide() -> None:
    random = np.random.default_rng(6)
    few = needed_for_configurations(seeds([0.95] * 5, 5, 300, random, spread=0.01), range(5), 0.002)
    many = needed_for_configurations(seeds([0.95] * 5, 5, 20_000, random, spread=0.2), range(5), 0.02)

    assert few.images_dominate
    assert few.seeds is None
    assert not many.images_dominate
    assert many.seeds is not None
    assert 3 <= many.seeds <= 12


def test_the_effect_of_a_level_is_the_difference_of_means_over_the_grid() -> None:
    random = np.random.default_rng(7)
    answers = seeds([0.90, 0.92, 0.94, 0.95], 3, 5000, random)  # two depths by two widths

    depth, width = level_effects(answers, [[0, 0, 1, 1], [0, 1, 0, 1]])

    means = np.array([one.mean() for one in answers])
    assert depth[0, 0] == pytest.approx(means[2:].mean() - means[:2].mean())
    assert width[0, 0] == pytest.approx(means[[1, 3]].mean() - means[[0, 2]].mean())
    assert depth[0, 1] > 0
    assert depth[0, 1] < depth[0, 0] < depth[0, 2]


@pytest.mark.parametrize(
    "levels",
    [[[0, 0, 1, 1], [0, 1, 0, 0]], [[0, 0, 0, 0]], [[0, 1, 2, 2]], []],
    ids=["a point twice", "one level", "one level more often", "no parameter"],
)
def test_an_incomplete_grid_is_refused(levels: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="a complete grid is needed"):
        level_effects(seeds([0.9] * 4, 3, 50, np.random.default_rng(8)), levels)
