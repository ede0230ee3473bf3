"""A parameter is said to set the best apart where it explains the scores better than chance does."""

from __future__ import annotations

import numpy as np

from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialRow, TrialState
from sweeper.report.plots.importances import importances

ACCURACY = Objective("val_accuracy", "maximize")


def searched(num: int, gain: float, seed: int = 0) -> list[TrialRow]:
    """Random points of four parameters, of which `dropout` alone has an effect, in deviations of the noise."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(num):
        params = {"rate": float(10 ** random.uniform(-4, 0)), "dropout": float(random.random())}
        params |= {"depth": int(random.integers(1, 9)), "optimizer": str(random.choice(["sgd", "adam"]))}
        score = float(random.normal() + 3.46 * gain * params["dropout"])
        rows.append(TrialRow(number, TrialState.COMPLETE, params, {"val_accuracy": score}))
    return rows


def test_of_noise_no_parameter_is_named() -> None:
    reason = "no parameter has more to do with the scores than with 200 permutations of them"
    assert [importances(searched(30, 0.0, seed), [ACCURACY]) for seed in range(8)] == [({}, reason)] * 8


def test_a_parameter_with_an_effect_comes_first() -> None:
    shares, why = importances(searched(60, 1.5), [ACCURACY])

    assert why == ""
    assert next(iter(shares)) == "dropout"
    assert sum(shares.values()) > 0.99


def test_points_without_a_parameter_have_a_level_of_their_own() -> None:
    rows = searched(60, 1.5)
    for one in rows[::2]:
        del one.params["depth"]

    assert next(iter(importances(rows, [ACCURACY])[0])) == "dropout"
