"""The statistics beside published figures, SciPy, statsmodels, and plain loops that follow the text word for word."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest, norm, ttest_rel
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from sweeper.inference import (
    Elimination,
    discordant,
    holm,
    leading_configurations,
    leading_group,
    leading_group_by_losses,
    mcnemar_p,
    not_worse,
    rank_intervals,
    wilson_interval,
    winners_score,
)
from sweeper.inference.margin import tango_z

tables = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8))


def drawn(accuracies: list[float], num_images: int, seed: int = 0) -> NDArray[np.bool_]:
    """Trials of these accuracies on images of which some are harder than others."""
    random = np.random.default_rng(seed)
    hardness = random.beta(0.5, 4.5, num_images)  # a mean of 0.1
    wrong = np.array([(1 - accuracy) / 0.1 for accuracy in accuracies])[:, None] * hardness
    return np.asarray(random.random(wrong.shape) >= wrong)


# --- pairs ---


@pytest.mark.parametrize(
    ("first", "second", "published"),
    [
        (6, 16, 0.052479),  # Cavo and others 2012, in Fagerland, Lydersen, Laake 2017, chapter 8
        (1, 7, 0.070313),  # Bentur and others 2009, in the same chapter
        (0, 5, 0.0625),  # the notebook's 5 images, at their most telling
        (0, 0, 1.0),
        (3, 3, 1.0),
    ],
)
def test_mcnemars_p_is_the_published_one(first: int, second: int, published: float) -> None:
    assert mcnemar_p(first, second) == pytest.approx(published, abs=1e-6)
    assert mcnemar_p(second, first) == pytest.approx(published, abs=1e-6)


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemars_p_is_statsmodels(first: int, second: int) -> None:
    expected = mcnemar([[0, first], [second, 0]], exact=True).pvalue if first + second else 1.0
    assert mcnemar_p(first, second) == pytest.approx(min(1.0, expected), rel=1e-9)


def test_mcnemars_p_is_exact_far_out_in_the_tail_and_takes_arrays() -> None:
    p = mcnemar_p([0, 10], [[200], [1000]])

    assert p.shape == (2, 2)
    assert p[0, 0] == pytest.approx(2 * 0.5**200, rel=1e-9)
    assert p[1, 1] == pytest.approx(binomtest(10, 1010).pvalue, rel=1e-9)


@pytest.mark.parametrize("count", [-1, 0.5, math.nan])
def test_counts_that_are_none_are_refused(count: float) -> None:
    with pytest.raises(ValueError, match=r"numbers of images are whole and not negative; given: "):
        mcnemar_p(count, 1)


@given(tables)
def test_discordant_counts_what_one_has_right_and_the_other_wrong(correct: NDArray[np.bool_]) -> None:
    expected = [[int((first & ~second).sum()) for second in correct] for first in correct]
    assert discordant(correct).tolist() == expected


def test_holms_adjusted_values_are_those_of_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.7, 0.8]) == [1.0, 1.0]


@pytest.mark.parametrize("p_values", [[0.3], [0.02, 0.01, 0.01, 1.0, 0.0], [0.04] * 3, [k**2 / 900 for k in range(30)]])
def test_holms_adjusted_values_are_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist(), abs=1e-12)


def test_a_p_value_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"p-values lie between 0 and 1, these do not: \[1\.5\]"):
        holm([0.1, 1.5])


# --- groups ---


def eliminated_by_the_text(correct: NDArray[np.bool_], alpha: float) -> tuple[list[int], list[int]]:
    """DESIGN's elimination as it is written: members in rank order, and who left, one at a time."""
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
def test_the_leading_group_is_what_the_text_describes(seed: int, alpha: float) -> None:
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
        assert leading_group_by_losses(losses).members == members
    else:
        assert leading_group_by_losses(losses).members == (1,)  # a difference that never varies


def test_groups_by_losses_use_the_paired_t_test() -> None:
    random = np.random.default_rng(1)
    common = random.gamma(0.3, 1.0, 500)
    losses = np.stack([common + random.gamma(0.3, scale, 500) for scale in (1.0, 1.05, 1.6, 2.0)])

    group = leading_group_by_losses(losses.astype(np.float32))

    leader = int(np.argmin(losses.mean(axis=1)))
    p = {trial: ttest_rel(losses[trial], losses[leader]).pvalue for trial in range(4) if trial != leader}
    assert {left.index: left.p for left in group.left} == pytest.approx({3: p[3], 2: p[2]}, rel=1e-3)
    assert group.members == (0, 1)
    assert p[1] > 0.05


def test_losses_of_more_trials_than_a_block_are_compared_alike() -> None:
    losses = np.random.default_rng(2).gamma(0.3, 1.0, (600, 40)) + np.linspace(0, 3, 600)[:, None]

    group = leading_group_by_losses(losses)

    leader = group.members[0]
    assert leader == int(np.argmin(losses.mean(axis=1)))
    assert 100 < len(group.left) < 600
    for left in group.left[::50]:
        assert left.p == pytest.approx(ttest_rel(losses[left.index], losses[leader]).pvalue, rel=1e-9)


def test_configurations_are_compared_over_the_common_seeds() -> None:
    scores = np.array([[0.951, 0.962, 0.957], [0.911, 0.921, 0.9185], [0.949, 0.964, 0.956]])

    group = leading_configurations(scores)

    assert (group.members, group.num_seeds) == ((0, 2), 3)
    assert [left.index for left in group.left] == [1]
    assert group.left[0].p == pytest.approx(
        ttest_rel(scores[0], scores[1]).pvalue, rel=0.15
    )  # less the rounding's part


def test_the_same_few_images_under_each_of_three_seeds_are_no_proof() -> None:
    steps = np.array([[950, 955, 960], [949, 954, 959]]) / 1000

    assert leading_configurations(steps).members == (0, 1)
    assert leading_configurations(steps + np.array([[0.05], [0.0]])).members == (0,)
    assert leading_configurations(np.full((3, 4), 0.9)).members == (0, 1, 2)


def test_permuted_scores_are_a_tie() -> None:
    assert leading_configurations(np.array([[0.1, 0.2, 0.3], [0.3, 0.1, 0.2], [0.2, 0.3, 0.1]])).members == (0, 1, 2)


@pytest.mark.parametrize("rows", [1, 2, 30])
def test_a_group_needs_a_leader_alone_only_where_it_is_shown(rows: int) -> None:
    correct = drawn([0.9] * rows + [0.99], 5000)
    assert leading_group(correct).members == (rows,)
    assert leading_group(correct).left[0].threshold == pytest.approx(0.05 / (rows * (rows + 1) / 2))


# --- ranks ---


def test_rank_intervals_come_from_holm_over_all_ordered_pairs() -> None:
    correct = drawn([0.9, 0.905, 0.93, 0.95, 0.975], 2000)
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    counts = [(int((correct[i] & ~correct[j]).sum()), int((correct[j] & ~correct[i]).sum())) for i, j in pairs]
    p = [binomtest(one, one + other, alternative="greater").pvalue for one, other in counts]
    shown = [pair for pair, rejected in zip(pairs, multipletests(p, 0.05, "holm")[0], strict=True) if rejected]

    intervals = rank_intervals(correct)

    expected = [[1 + sum(j == k for _, j in shown), 5 - sum(i == k for i, _ in shown)] for k in range(5)]
    assert intervals.tolist() == expected
    assert intervals[4].tolist() == [1, 1]


@given(tables, st.permutations(range(8)))
def test_rank_intervals_follow_the_rows_and_contain_a_permutation(
    correct: NDArray[np.bool_], shuffled: list[int]
) -> None:
    order = [row for row in shuffled if row < len(correct)]

    intervals = rank_intervals(correct, alpha=0.9)

    assert rank_intervals(correct[order], alpha=0.9).tolist() == intervals[order].tolist()
    for rank, row in enumerate(np.argsort(-correct.sum(axis=1), kind="stable"), start=1):
        assert intervals[row, 0] <= rank <= intervals[row, 1]


# --- the winner's score ---


def winner_by_the_text(correct: NDArray[np.bool_], seed: int, num: int) -> float:
    """One resample after the other, without any short cut."""
    random = np.random.default_rng(seed)
    num_images = correct.shape[1]
    scores, leaders = [], []
    best = int(np.argmax(correct.sum(axis=1)))
    for _ in range(num):
        images = random.integers(0, num_images, num_images)
        out = np.setdiff1d(np.arange(num_images), images)
        if len(out):
            chosen = int(np.argmax(correct[:, images].sum(axis=1)))
            scores.append(correct[chosen, out].mean())
            leaders.append(correct[best, out].mean())
    return float(correct[best].mean() + np.mean(scores) - np.mean(leaders))


@pytest.mark.parametrize("accuracies", [[0.9] * 20, [0.9, 0.91, 0.97, 0.97, 0.5], [0.95, 0.9]])
def test_the_winners_score_is_the_out_of_bag_bootstraps(accuracies: list[float]) -> None:
    correct = drawn(accuracies, 300)

    score = winners_score(correct, seed=3, num_resamples=200)

    assert score.raw == correct.mean(axis=1).max()
    assert score.expected == pytest.approx(winner_by_the_text(correct, 3, 200), abs=1e-12)
    assert score.num_resamples == 200
    z = norm.ppf(0.975)  # the score test's z at each end of Wilson's interval
    for bound in (score.low, score.high):
        assert abs(score.expected - bound) / math.sqrt(bound * (1 - bound) / 300) == pytest.approx(z, rel=1e-9)


def test_the_winner_of_equal_trials_is_brought_down_to_what_they_are_worth() -> None:
    scores = [winners_score(drawn([0.9] * 50, 1000, seed), seed, 100) for seed in range(40)]

    assert np.mean([score.raw for score in scores]) > 0.91  # more than a point too good
    assert np.mean([score.expected for score in scores]) == pytest.approx(0.9, abs=0.003)


@pytest.mark.parametrize("right", [True, False])
def test_a_trial_alone_keeps_its_score(right: bool) -> None:
    alone = drawn([0.9], 100)

    score = winners_score(alone)
    assert score.expected == score.raw == alone.mean()
    assert (score.low, score.high) == wilson_interval(int(alone.sum()), 100)
    extreme = winners_score(np.full((2, 50), right))
    assert (extreme.raw, extreme.expected) == (float(right),) * 2
    assert (extreme.low, extreme.high) == wilson_interval(50 * right, 50)


def test_two_images_leave_one_out_or_none() -> None:
    score = winners_score(np.array([[True, False], [False, True]]), num_resamples=100)

    assert 0 < score.num_resamples < 100
    assert score.expected == 0.0  # whoever has the drawn image right has the other wrong


# --- not worse by more than a margin ---


@pytest.mark.parametrize(
    ("first", "second", "num_images", "lower_bound"),
    [(6, 16, 161, -0.1240), (1, 7, 21, -0.5174)],
    ids=["Cavo and others 2012", "Bentur and others 2009"],
)
def test_tangos_statistic_meets_the_published_lower_bound(
    first: int, second: int, num_images: int, lower_bound: float
) -> None:
    # 95 % intervals in Fagerland, Lydersen, Laake 2017, chapter 8: the bound is where the statistic is 1.96
    assert tango_z(first, second, num_images, -lower_bound) == pytest.approx(norm.ppf(0.975), abs=2e-3)


@given(st.integers(0, 40), st.integers(0, 40), st.floats(0.001, 0.3))
def test_tangos_statistic_is_the_score_at_the_likeliest_share(first: int, second: int, margin: float) -> None:
    num = 150

    def unlikelihood(share: float) -> float:
        own, same = share - margin, 1 - 2 * share + margin
        return -(
            first * math.log(max(own, 1e-300))
            + second * math.log(max(share, 1e-300))
            + (num - first - second) * math.log(max(same, 1e-300))
        )

    found = minimize_scalar(
        unlikelihood, bounds=(margin, (1 + margin) / 2), method="bounded", options={"xatol": 1e-10}
    ).x
    expected = (first - second + num * margin) / math.sqrt(num * (2 * found - margin - margin**2))
    assert tango_z(first, second, num, margin) == pytest.approx(expected, rel=1e-3, abs=1e-6)


def marked_by_the_text(correct: NDArray[np.bool_], margin: float, alpha: float) -> list[int]:
    """All pairs, then Holm with at most K - 1 hypotheses that can be true."""
    num, num_images = correct.shape
    p = []
    for trial in range(num):
        z = [
            float(tango_z((correct[trial] & ~other).sum(), (other & ~correct[trial]).sum(), num_images, margin))
            for rival, other in enumerate(correct)
            if rival != trial
        ]
        p.append(float(norm.sf(min(z))))
    marked: list[int] = []
    for place, trial in enumerate(sorted(range(num), key=lambda trial: p[trial])):
        if p[trial] > alpha / min(num - 1, num - place):
            break
        marked.append(trial)
    return marked


@pytest.mark.parametrize("margin", [0.0, 0.01, 0.02, 0.03, 0.06, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_who_is_not_worse_is_found_without_all_pairs(margin: float, seed: int) -> None:
    correct = drawn([0.95, 0.95, 0.955, 0.945, 0.94, 0.9, 0.85], 2000, seed)
    reference = int(np.argmax(correct.sum(axis=1)))

    marked = np.flatnonzero(not_worse(correct, reference, margin))

    assert set(marked) == {reference, *marked_by_the_text(correct, margin, 0.05)}


def test_more_trials_than_a_block_are_compared_alike() -> None:
    correct = drawn([0.95] * 1500 + [0.9] * 700, 3000)
    reference = int(np.argmax(correct.sum(axis=1)))

    marked = not_worse(correct, reference, 0.035)

    assert 0 < marked[:1500].sum() < 1500
    assert not marked[1500:].any()
    alone = [
        min(tango_z((correct[trial] & ~correct).sum(axis=1), (correct & ~correct[trial]).sum(axis=1), 3000, 0.035))
        for trial in np.flatnonzero(marked)[:20]
    ]
    assert min(alone) > norm.isf(0.05)


def test_with_a_wide_margin_all_pass_and_with_none_the_reference_alone() -> None:
    correct = drawn([0.9] * 4, 500)

    assert not_worse(correct, 2, 0.3).all()
    assert not_worse(correct, 2, 0.0).tolist() == [False, False, True, False]
    assert not_worse(np.ones((3, 300), np.bool_), 0, 0.01).tolist() == [True, False, False]
    assert not_worse(np.ones((3, 4000), np.bool_), 0, 0.01).all()
    assert not_worse(np.ones((1, 1), np.bool_), 0, 0.01).tolist() == [True]
    assert not_worse(np.array([[True] * 200, [False] * 200]), 0, 0.1).tolist() == [True, False]


# --- wrong input ---


@pytest.mark.parametrize(
    "function",
    [discordant, leading_group, rank_intervals, winners_score, lambda correct: not_worse(correct, 0, 0.01)],
    ids=["discordant", "leading_group", "rank_intervals", "winners_score", "not_worse"],
)
def test_a_table_that_is_none_is_refused(function) -> None:  # type: ignore[no-untyped-def]
    for shape in ((0, 5), (3, 0), (5,)):
        with pytest.raises(ValueError, match="a table of trials by images is needed"):
            function(np.zeros(shape, np.bool_))
    with pytest.raises(ValueError, match="each entry says whether an image is right, true or false; given: int64"):
        function(np.zeros((2, 3), np.int64))


@pytest.mark.parametrize("alpha", [0.0, 1.0, math.nan])
def test_an_alpha_outside_its_range_is_refused(alpha: float) -> None:
    correct = np.ones((2, 3), np.bool_)
    for call in (leading_group, rank_intervals, lambda rows, a: not_worse(rows, 0, 0.01, a)):
        with pytest.raises(ValueError, match="alpha"):
            call(correct, alpha)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: not_worse(np.ones((2, 3), np.bool_), 2, 0.01), "the reference is a row from 0 to 1; given: 2"),
        (lambda: not_worse(np.ones((2, 3), np.bool_), 0, -0.1), "margin lies from 0 to below 1"),
        (lambda: winners_score(np.ones((2, 1), np.bool_)), "two images and one resample at least are needed"),
        (lambda: winners_score(np.ones((2, 9), np.bool_), num_resamples=0), "given: 9 images, 0 resamples"),
        (lambda: leading_configurations(np.ones((4, 2))), "three common seeds at least; given: 2"),
        (lambda: leading_configurations(np.ones((0, 3))), "a table of configurations by seeds is needed"),
        (lambda: leading_configurations(np.full((2, 3), math.nan)), "every entry must be a finite float"),
        (lambda: leading_group_by_losses(np.ones((2, 3), np.int64)), "every entry must be a finite float"),
        (lambda: leading_group_by_losses(np.ones((2, 1))), "losses of two images at least are needed"),
    ],
)
def test_other_input_that_cannot_be_is_refused(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()


def test_ten_thousand_trials_take_seconds() -> None:
    correct = drawn([0.9 + 0.00001 * trial for trial in range(5000)], 1000)

    group = leading_group(correct)

    assert isinstance(group, Elimination)
    assert len(group.members) + len(group.left) == 5000
