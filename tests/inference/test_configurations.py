"""Configurations over seeds and images: what makes one leave, and what does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from sweeper.inference import leading_configurations, winning_configuration
from sweeper.inference.contrasts.parts import usual_variance


def drawn(accuracies: list[float], seeds: int, images: int, seed: int = 0) -> list[NDArray[np.bool_]]:
    """Networks whose errors are independent of each other: images play no part that seeds do not."""
    random = np.random.default_rng(seed)
    return [random.random((seeds, images)) < accuracy for accuracy in accuracies]


def test_a_clear_difference_is_found_and_ties_are_not() -> None:
    found = leading_configurations(drawn([0.95, 0.80, 0.95], 3, 2000))

    assert set(found.members) == {0, 2}
    assert [left.index for left in found.left] == [1]
    assert found.num_seeds == 3


def test_the_p_is_welchs_with_a_pseudo_seed_and_the_images_part() -> None:
    """Two configurations, by the formula as it stands in the module's docstring, with loops."""
    random = np.random.default_rng(4)
    easy = random.random(50)
    tables = [easy + 0.1 * random.standard_normal((4, 50)) + shift for shift in (0.0, 0.4)]

    found = leading_configurations(tables)

    variances = [np.var([row.mean() for row in table], ddof=1) for table in tables]
    seeds = [(3 * one + np.mean(variances)) / 4 / 4 for one in variances]
    noise = sum(np.mean([np.var(table[:, image], ddof=1) for image in range(50)]) / 4 for table in tables)
    images = max(0.0, float(np.var(tables[1].mean(axis=0) - tables[0].mean(axis=0), ddof=1) - noise)) / 50
    whole = sum(seeds) + images
    degrees = whole**2 / (sum(one**2 for one in seeds) / 3 + images**2 / 49)
    difference = tables[1].mean() - tables[0].mean()
    assert found.left[0].p == pytest.approx(2 * student.sf(difference / math.sqrt(whole), degrees), rel=1e-9)


def test_what_all_seeds_of_a_configuration_owe_to_these_images_is_no_proof() -> None:
    """Two configurations differ on the same three of 60 images under each of eight seeds: images decide, not seeds."""
    one = np.ones((8, 60), np.bool_)
    other = one.copy()
    other[:, :3] = False
    one[:, 3] = False

    found = leading_configurations([one, other])

    assert found.members == (0, 1)
    assert found.image_share == pytest.approx(1.0)


def test_seeds_that_vary_are_no_proof_either() -> None:
    found = leading_configurations([np.array([[1.0] * 500, [0.0] * 500, [1.0] * 500]), np.full((3, 500), 0.5)])

    assert found.members == (0, 1)
    assert found.image_share == pytest.approx(0.0)


def test_one_configuration_whose_seeds_fail_does_not_decide_how_far_all_others_vary() -> None:
    random = np.random.default_rng(0)
    tables = [random.random((5, 2000)) < accuracy for accuracy in (0.95, 0.90, 0.95)]
    tables[2][:2] = random.random((2, 2000)) < 0.1  # two of its five seeds learn nothing

    found = leading_configurations(tables)

    assert set(found.members) == {0, 2}, "the second one is worse; of the third nothing is known"


@pytest.mark.parametrize(
    ("variances", "usual"),
    [
        ([1.0, 1.0, 4.0], 2.0),
        ([1.0, 1.0, 1.0, 1000.0], (3 + 8 * 2 / 1.386294) / 4),
        ([0.0, 0.0, 0.0, 2.0], 0.5),
        ([0.0, 0.0], 0.0),
    ],
    ids=["ordinary", "one far from usual", "three of which few images show nothing", "nothing varies"],
)
def test_the_usual_variance_is_a_mean_in_which_none_counts_without_limit(variances: list[float], usual: float) -> None:
    assert usual_variance(np.array(variances), 2) == pytest.approx(usual, rel=1e-6)


def test_equal_scores_stay_together_and_nothing_varies() -> None:
    assert leading_configurations([np.full((3, 9), 0.5)] * 3).members == (0, 1, 2)
    assert leading_configurations([np.full((3, 9), 0.5), np.full((3, 9), 0.4)]).members == (0,)


@pytest.mark.parametrize("name", ["equal configurations", "a better one"])
def test_what_is_promised_holds(name: str) -> None:
    """A short run of `benchmarks/configurations.py`: at most 5 % lost (with the run's own error), and power."""
    random = np.random.default_rng(1)
    lost = found = 0
    for _ in range(300):
        difficulty = random.normal(-1.5, 1.0, 400)
        better = 0.0 if name == "equal configurations" else 0.6
        tables = [
            random.normal(0, 0.5, 400) + 0.2 * random.normal(size=(5, 1)) + random.normal(0, 0.7, (5, 400)) + shift
            > difficulty
            for shift in (better, 0.0, 0.0)
        ]
        members = leading_configurations(tables).members
        lost += len(members) < 3 if name == "equal configurations" else 0 not in members
        found += members == (0,)
    assert lost <= 0.05 * 300 + 2.6 * math.sqrt(300 * 0.05 * 0.95)
    if name == "a better one":
        assert found > 240


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ([np.ones((2, 9))] * 2, "three seeds at least; given: 2"),
        ([np.ones((3, 1))] * 2, "two images at least"),
        ([np.ones((3, 9)), np.ones((3, 8))], "a table of seeds by images is needed"),
        ([np.ones(9)] * 2, "a table of seeds by images is needed"),
        ([], "a table of seeds by images is needed"),
        ([np.full((3, 9), math.nan)] * 2, "every score must be finite"),
    ],
)
def test_what_is_no_table_is_refused(tables: list[NDArray[np.float64]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        leading_configurations(tables)


def test_the_mean_of_one_configuration_is_expected_as_it_is() -> None:
    [table] = drawn([0.9], 4, 500)

    found = winning_configuration([table])

    assert found.expected == found.raw == pytest.approx(table.mean())
    assert found.low < found.expected < found.high


def test_of_many_equal_configurations_the_best_mean_is_too_high() -> None:
    found = winning_configuration(drawn([0.9] * 20, 3, 300))

    assert found.raw > 0.9
    assert abs(found.expected - 0.9) < abs(found.raw - 0.9)
    assert found.low < 0.9 < found.high
    assert found == winning_configuration(drawn([0.9] * 20, 3, 300))


def test_seeds_that_differ_widen_the_interval() -> None:
    random = np.random.default_rng(0)
    alike, unlike = (np.stack([random.random(400) < p for p in ps]) for ps in ((0.9, 0.9, 0.9), (0.8, 0.9, 1.0)))

    widths = [found.high - found.low for found in map(winning_configuration, ([alike], [unlike]))]

    assert widths[1] > 3 * widths[0]


def test_where_nothing_is_wrong_the_interval_is_that_of_the_images() -> None:
    found = winning_configuration([np.ones((3, 100), bool)])

    assert found.expected == 1
    assert 0.95 < found.low < 0.97
    assert found.high == 1
