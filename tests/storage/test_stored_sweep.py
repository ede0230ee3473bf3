"""Sweeps that are read back, and whether they can be ranked together."""

from __future__ import annotations

from sweeper.core.objectives import Metric, Objective
from sweeper.core.sweeps import SweepInfo
from sweeper.core.test_set import RecordedTestSet
from sweeper.storage.stored_sweep import Loaded, why_apart

COST = Objective("val_cost", "minimize")


def loaded(name: str, *metrics: Metric, objective: Objective = COST) -> Loaded:
    info = SweepInfo("2026-01-01", (objective,), (), "npz", False, metrics=metrics)
    return Loaded(name, info, {}, {name: {}}, (), {}, RecordedTestSet(), {})


def test_sweeps_that_are_ranked_by_different_functions_of_one_name_are_shown_apart() -> None:
    one = loaded("one", Metric("val_cost", "minimize", "costs.mean"))
    other = loaded("other", Metric("val_cost", "minimize", "costs.worst"))

    assert why_apart([one, other]) == "one and other are ranked by different functions of the same name"
    assert why_apart([one, loaded("same", Metric("val_cost", "minimize", "costs.mean"))]) == ""


def test_metrics_that_are_not_ranked_by_may_differ() -> None:
    by_f1 = Objective("val_macro_f1", "maximize")
    one = loaded("one", Metric("val_cost", "minimize", "costs.mean"), objective=by_f1)

    assert why_apart([one, loaded("other", objective=by_f1)]) == ""
