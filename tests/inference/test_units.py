"""Who is equal, what it takes, and levels' effects: where images come in groups, and over folds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweeper.inference import (
    close_by_clusters,
    configurations_from_leader,
    equal_configurations,
    equal_over_folds,
    equal_trials,
    folds_from_leader,
    leading_over_folds,
    level_effects,
    level_effects_over_folds,
    needed_for_configurations,
    needed_for_trials,
    needed_over_folds,
)

Table = NDArray[np.bool_]


def alike(num: int, groups: NDArray[np.int64], random: np.random.Generator, own: float = 0.3) -> Table:
    """(num, images): groups are easy or hard for all, and a little for each."""
    size = groups.max() + 1
    ease = 2 + random.normal(0, 1, size)[groups] + own * random.normal(0, 1, (num, size))[:, groups]
    answers: Table = ease + random.normal(0, 0.5, (num, len(groups))) > 0
    return answers


def over_folds(accuracies: list[float], images: int, random: np.random.Generator, sd: float = 0.0) -> list[list[Table]]:
    """For each configuration, for each of five folds (1, images)."""
    luck = random.normal(0, sd, (len(accuracies), 5, 1)) if sd else np.zeros((len(accuracies), 5, 1))
    hard = random.random((5, images))
    return [
        [np.atleast_2d(fold) for fold in hard < one + by + random.normal(0, 0.01, (5, images))]
        for one, by in zip(accuracies, luck, strict=True)
    ]


def test_equal_trials_need_many_groups() -> None:
    groups = np.arange(40_000) // 10
    correct = alike(3, groups, np.random.default_rng(1), own=0.1)
    correct[2, groups % 20 == 0] = False

    marked = close_by_clusters(correct, groups, 0.02)

    assert marked.tolist() == [True, True, False]
    assert equal_trials(correct, 0, 0.02, groups=groups).tolist() == [True, True, False]
    few = slice(0, 500)
    assert equal_trials(correct[:, few], 0, 0.02, groups=groups[few]).tolist() == [True, False, False]


def test_trials_that_fail_on_whole_groups_are_seldom_called_equal() -> None:
    """One is worse by exactly the margin: where images are taken as independent, it is called equal far too often."""
    random, margin = np.random.default_rng(2), 0.02
    groups = np.repeat(np.arange(400), 1 + np.arange(400) % 19)
    wrong = {True: 0, False: 0}
    for _ in range(300):
        correct = np.repeat(alike(1, groups, random), 2, axis=0)
        correct[1] &= (random.random(400) > margin / correct[0].mean())[groups]
        wrong[True] += bool(equal_trials(correct, 0, margin, groups=groups)[1])
        wrong[False] += bool(equal_trials(correct, 0, margin)[1])

    assert wrong[True] <= 300 * 0.05 + 2 * np.sqrt(300 * 0.05 * 0.95)
    assert wrong[False] > 2 * wrong[True]


@pytest.mark.parametrize("num_groups", [1, 3])
def test_few_groups_are_no_proof_of_equality(num_groups: int) -> None:
    same = np.ones((2, 9000), np.bool_)

    assert equal_trials(same, 0, 0.05, groups=np.arange(9000) % num_groups).tolist() == [True, False]


def test_groups_of_one_image_change_nothing() -> None:
    random = np.random.default_rng(3)
    answers = [alike(3, np.arange(600), random) for _ in range(4)]
    each = random.permutation(600)

    assert needed_for_trials(answers[0], 0.02, groups=each) == needed_for_trials(answers[0], 0.02)
    plain, grouped = (needed_for_configurations(answers, [0, 1, 2], 0.02, groups=one) for one in (None, each))
    assert (plain.shown, plain.images_dominate) == (grouped.shown, grouped.images_dominate)
    assert grouped.seeds is None, "which number of seeds it takes held too seldom"
    for found, alone in (
        (
            level_effects(answers, [[0, 0, 1, 1], [0, 1, 0, 1]], groups=each),
            level_effects(answers, [[0, 0, 1, 1], [0, 1, 0, 1]]),
        ),
        ([configurations_from_leader(answers, groups=each)], [configurations_from_leader(answers)]),
    ):
        for one, other in zip(found, alone, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-12)
    assert equal_configurations(answers, 0.04, groups=each).tolist() == equal_configurations(answers, 0.04).tolist()


def test_images_that_fail_together_take_more_of_them() -> None:
    groups = np.arange(5000) // 10
    correct = alike(3, groups, np.random.default_rng(4))

    alone, together = needed_for_trials(correct, 0.01), needed_for_trials(correct, 0.01, groups=groups)

    assert alone is not None
    assert together is not None
    assert together.images is not None
    assert alone.images is not None
    assert 1.5 * alone.images < together.images < 10 * alone.images
    assert together.shown is not None
    assert alone.shown is not None
    assert together.shown > alone.shown


def test_effects_are_less_certain_where_images_come_in_groups() -> None:
    groups = np.arange(2000) // 10
    random = np.random.default_rng(5)
    answers = [alike(3, groups, random) for _ in range(4)]

    (alone,), (together,) = (level_effects(answers, [[0, 1, 2, 3]], groups=one) for one in (None, groups))

    np.testing.assert_allclose(alone[:, 0], together[:, 0], atol=1e-12)
    assert ((together[:, 2] - together[:, 1]) > 1.2 * (alone[:, 2] - alone[:, 1])).all()


def test_equal_configurations_over_folds_need_many_images() -> None:
    random = np.random.default_rng(6)
    answers = over_folds([0.95, 0.95, 0.85], 4000, random)
    leader = int(np.argmax([np.mean(one) for one in answers[:2]]))

    marked = equal_over_folds(answers, 0.02)

    assert marked.tolist() == [True, True, False]
    few = [[fold[:, :30] for fold in one] for one in answers]
    assert equal_over_folds(few, 0.02).sum() == 1
    assert equal_over_folds([few[0], few[0]], 0.02).tolist() == [True, False], "nothing differs on 150 images"
    assert equal_over_folds(answers, 0.0).tolist() == [index == leader for index in range(3)]


def test_networks_that_vary_from_fold_to_fold_hide_an_equality() -> None:
    random = np.random.default_rng(7)

    assert equal_over_folds(over_folds([0.9, 0.9], 4000, random, sd=0.0), 0.01).all()
    assert equal_over_folds(over_folds([0.9, 0.9], 4000, random, sd=0.04), 0.01).sum() == 1


def test_folds_say_which_difference_they_show() -> None:
    random = np.random.default_rng(8)
    steady, varied = (over_folds([0.9, 0.9, 0.9], 2000, random, sd=sd) for sd in (0.0, 0.03))

    few, many, lucky = (
        needed_over_folds(answers, [0, 1, 2], 0.004)
        for answers in ([[fold[:, :200] for fold in one] for one in steady], steady, varied)
    )

    assert few is not None
    assert few.shown is not None
    assert many is not None
    assert many.shown is not None
    assert lucky is not None
    assert lucky.shown is not None
    assert needed_over_folds([steady[0], steady[0]], [0, 1], 0.004) is None, "nothing differs, so nothing is known"
    assert 2 < few.shown / many.shown < 5, "a tenth of the images: about the root of ten"
    assert lucky.shown > 3 * many.shown
    assert few.images_dominate
    assert not lucky.images_dominate, "more seeds would do"
    assert (few.images, few.seeds) == (None, None)


def test_what_is_uncertain_over_folds_is_the_images_or_the_networks() -> None:
    random = np.random.default_rng(12)

    steady, varied = (leading_over_folds(over_folds([0.9, 0.9], 400, random, sd=sd)) for sd in (0.0, 0.05))

    assert steady.image_share is not None
    assert varied.image_share is not None
    assert varied.image_share < 0.3 < steady.image_share <= 1
    assert leading_over_folds(over_folds([0.99, 0.5], 400, random)).image_share is None


def test_the_effect_of_a_level_over_folds_is_the_difference_of_means() -> None:
    answers = over_folds([0.90, 0.92, 0.94, 0.95], 2000, np.random.default_rng(10))

    depth, width = level_effects_over_folds(answers, [[0, 0, 1, 1], [0, 1, 0, 1]])

    means = np.array([np.mean(one) for one in answers])
    assert depth[0, 0] == pytest.approx(means[2:].mean() - means[:2].mean())
    assert width[0, 0] == pytest.approx(means[[1, 3]].mean() - means[[0, 2]].mean())
    assert 0 < depth[0, 1] < depth[0, 0] < depth[0, 2]
    with pytest.raises(ValueError, match="a complete grid is needed"):
        level_effects_over_folds(answers, [[0, 0, 0, 0]])


def test_equal_answers_over_folds_have_an_effect_of_about_an_image() -> None:
    one = [np.ones((1, 20), np.bool_)] * 5

    [effect] = level_effects_over_folds([one, one], [[0, 1]])

    assert effect[0, 0] == 0
    assert effect[0, 2] == -effect[0, 1]
    assert 1 / 100 < effect[0, 2] < 5 / 100


def test_over_folds_groups_take_the_images_place() -> None:
    random, groups = np.random.default_rng(11), np.arange(1000) // 20
    tables = [alike(2, groups, random)[:, None] for _ in range(5)]
    answers = [[fold[index] for fold in tables] for index in range(2)]

    alone, together = (folds_from_leader(answers, groups=one) for one in (None, [groups] * 5))

    np.testing.assert_allclose(alone[:, 0], together[:, 0], atol=1e-12)
    whole, single = (needed_over_folds(answers, [0, 1], 0.012, groups=one) for one in ([groups] * 5, None))
    assert whole is not None
    assert whole.images_dominate
    assert single is not None
    assert not single.images_dominate
