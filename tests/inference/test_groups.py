"""The leading group, compared with a plain loop that follows the text and with SciPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy.stats import binomtest, ttest_1samp, ttest_rel

from sweeper.inference import (
    Elimination,
    leading_group,
    leading_group_by_losses,
    loss_differences_from_leader,
)

tables = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8))

#: Draws trials of these accuracies (tests/inference/conftest.py).
Drawn = Callable[..., NDArray[np.bool_]]


def eliminated_by_the_text(correct: NDArray[np.bool_], alpha: float) -> tuple[list[int], list[int]]:
    """The elimination in plain steps: members in rank order, and who left, one at a time."""
    inside, out = list(range(len(correct))), []
    while len(inside) > 1:
        leader = max(inside, key=lambda trial: (correct[trial].sum(), -trial))
        p = {}
        for trial in inside:
            one, other = int((correct[leader] & ~correct[trial]).sum()), int((correct[trial] & ~correct[leader]).sum())
            p[trial] = binomtest(one, one + other).pvalue if one + other and trial != leader else 1.0
        worst = min(inside, key=lambda trial: (round(p[trial], 13), correct[trial].sum(), -trial))
        if worst == leader or p[worst] > alpha / (len(inside) * (len(inside) - 1) / 2):
            break
        inside.remove(worst)
        out.append(worst)
    return sorted(inside, key=lambda trial: (-correct[trial].sum(), trial)), out


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("alpha", [0.05, 0.5])
def test_the_leading_group_is_what_the_text_describes(seed: int, alpha: float, drawn: Drawn) -> None:
    correct = drawn([0.9, 0.9, 0.93, 0.95, 0.97, 0.97], 400, seed)

    group = leading_group(correct, alpha)

    members, out = eliminated_by_the_text(correct, alpha)
    assert list(group.members) == members
    assert sorted(left.index for left in group.left) == sorted(out)
    assert all(left.p <= left.threshold for left in group.left)


@given(tables)
def test_members_and_those_who_left_are_all_trials_once(correct: NDArray[np.bool_]) -> None:
    group = leading_group(correct, alpha=0.9)

    assert sorted([*group.members, *(left.index for left in group.left)]) == list(range(len(correct)))
    assert group.members[0] == int(np.argmax(correct.sum(axis=1)))
    num = len(correct)
    assert [left.threshold for left in group.left] == pytest.approx(
        [0.9 / ((num - place) * (num - place - 1) / 2) for place in range(len(group.left))]
    )


@pytest.mark.parametrize(
    ("correct", "members"),
    [
        (np.ones((1, 5), np.bool_), (0,)),
        (np.ones((3, 5), np.bool_), (0, 1, 2)),
        (np.zeros((2, 5), np.bool_), (0, 1)),
        (np.array([[False] * 9, [True] * 9]), (1,)),
        (np.array([[False] * 5, [True] * 5]), (1, 0)),
    ],
    ids=["one trial", "identical", "all wrong", "all right and all wrong", "too few images to tell"],
)
def test_the_group_of_an_extreme_table(correct: NDArray[np.bool_], members: tuple[int, ...]) -> None:
    assert leading_group(correct).members == members
    losses = np.where(correct, 0.0, 1.0)
    if len(correct) == 1 or correct.all() or not correct.any():
        assert leading_group_by_losses(losses, bounded=True).members == members
    else:
        assert leading_group_by_losses(losses, bounded=True).members == (1,)  # a difference that never varies


def test_groups_by_losses_use_the_paired_t_test() -> None:
    random = np.random.default_rng(1)
    common = random.gamma(0.3, 1.0, 500)
    losses = np.stack([common + random.gamma(0.3, scale, 500) for scale in (1.0, 1.05, 1.6, 2.0)])

    group = leading_group_by_losses(losses.astype(np.float32), bounded=True)

    leader = int(np.argmin(losses.mean(axis=1)))
    p = {trial: ttest_rel(losses[trial], losses[leader]).pvalue for trial in range(4) if trial != leader}
    assert {left.index: left.p for left in group.left} == pytest.approx({3: p[3], 2: p[2]}, rel=1e-3)
    assert group.members == (0, 1)
    assert p[1] > 0.05


def test_losses_of_more_trials_than_a_block_are_compared_alike() -> None:
    losses = np.random.default_rng(2).gamma(0.3, 1.0, (600, 40)) + np.linspace(0, 3, 600)[:, None]

    group = leading_group_by_losses(losses, bounded=True)

    leader = group.members[0]
    assert leader == int(np.argmin(losses.mean(axis=1)))
    assert 100 < len(group.left) < 600
    for left in group.left[::50]:
        assert left.p == pytest.approx(ttest_rel(losses[left.index], losses[leader]).pvalue, rel=1e-9)


@pytest.mark.parametrize("rows", [1, 2, 30])
def test_a_group_needs_a_leader_alone_only_where_it_is_shown(rows: int, drawn: Drawn) -> None:
    correct = drawn([0.9] * rows + [0.99], 5000)
    assert leading_group(correct).members == (rows,)
    assert leading_group(correct).left[0].threshold == pytest.approx(0.05 / (rows * (rows + 1) / 2))


def test_ten_thousand_trials_take_seconds(drawn: Drawn) -> None:
    correct = drawn([0.9 + 0.00001 * trial for trial in range(5000)], 1000)

    group = leading_group(correct)

    assert isinstance(group, Elimination)
    assert len(group.members) + len(group.left) == 5000


def test_a_loss_has_one_image_more_on_which_the_other_trial_is_better() -> None:
    random = np.random.default_rng(5)
    losses = random.gamma(0.3, 1.0, (3, 200)) + np.array([[0.0], [0.1], [0.5]])
    leader = int(np.argmin(losses.mean(axis=1)))
    largest = np.abs(losses - losses[leader]).max()

    group = leading_group_by_losses(losses, alpha=0.9999)

    for left in group.left:
        with_one_more = np.append(losses[left.index] - losses[leader], -largest)
        assert left.p == pytest.approx(ttest_1samp(with_one_more, 0).pvalue, rel=1e-9)
    assert group.left
    assert len(leading_group_by_losses(losses).members) >= len(leading_group_by_losses(losses, bounded=True).members)


def test_one_loss_less_than_the_largest_difference_shows_nothing() -> None:
    losses = np.zeros((2, 50))
    losses[1, 0] = 10.0

    assert leading_group_by_losses(losses, alpha=0.9999).members == (0, 1)


def test_intervals_of_differences_by_loss_are_the_paired_t_test_turned_around() -> None:
    from scipy.stats import ttest_rel

    random = np.random.default_rng(3)
    losses = random.exponential(0.3, (4, 500)) + np.array([[0.0], [0.02], [0.1], [0.4]])
    leader = int(losses.mean(axis=1).argmin())

    plain = loss_differences_from_leader(losses, bounded=True)
    whole = loss_differences_from_leader(losses)

    for row in range(4):
        if row == leader:
            assert plain[row].tolist() == whole[row].tolist() == [0, 0, 0]
            continue
        known = ttest_rel(losses[row], losses[leader]).confidence_interval(1 - 0.05 / 6)
        assert plain[row] == pytest.approx([losses[row].mean() - losses[leader].mean(), known.low, known.high])
        assert whole[row, 1] < plain[row, 1] < plain[row, 0] == whole[row, 0] < plain[row, 2] < whole[row, 2]


@pytest.mark.parametrize("bounded", [True, False])
def test_an_interval_by_loss_holds_no_zero_where_the_elimination_needs_all_of_alpha(bounded: bool) -> None:
    random, named = np.random.default_rng(4), []
    for _ in range(50):
        losses = random.exponential(0.3, (2, 300)) + np.array([[0.0], [random.uniform(0, 0.15)]])
        alone = len(leading_group_by_losses(losses, bounded=bounded).members) == 1
        low = loss_differences_from_leader(losses, bounded=bounded)[:, 1].max()
        assert (low > 0) == alone
        named.append(alone)
    assert 5 < sum(named) < 45
