"""The key `metrics`: what it takes, what is refused, and which metric was meant."""

from __future__ import annotations

from typing import Any

import pytest

from sweeper.config.metrics import asked_metrics, meant_metric
from sweeper.config.sweep import ObjectiveConfig, PrunerConfig
from sweeper.core.errors import ConfigError, ObjectiveError
from sweeper.core.objectives import FURTHER_METRICS, METRIC_DIRECTIONS, Metric, Objective, wanted_metrics

COST = {"name": "val_cost", "_target_": "costs.mean", "direction": "minimize"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ()),
        ([], ()),
        ("val_macro_f1", (Metric("val_macro_f1", "maximize"),)),
        (["val_ece", "val_auc"], (Metric("val_ece", "minimize"), Metric("val_auc", "maximize"))),
        (["val_accuracy", "val_brier", "val_brier"], (Metric("val_brier", "minimize"),)),
        ([COST], (Metric("val_cost", "minimize", "costs.mean"),)),
        ([{"_target_": "a.b.F2", "direction": "maximize"}], (Metric("val_f2", "maximize", "a.b.F2"),)),
        ([{**COST, "beta": 2.0}], (Metric("val_cost", "minimize", "costs.mean", {"beta": 2.0}),)),
    ],
)
def test_metrics_are_named_or_given_by_a_function(given: Any, expected: tuple[Metric, ...]) -> None:
    assert asked_metrics(given) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("val_f1", r"^metrics: val_f1 is not a metric\. .*'val_macro_f1'\?  Try: metrics=\[val_macro_f1\]$"),
        (["roc_auc"], r"Did you mean 'val_auc'\?  Try: metrics=\[val_auc\]$"),
        ([3], r"^metrics: 3 is not a metric\. .*direction:maximize\|minimize}\.  Try: metrics=\[val_macro_f1\]$"),
        (["num_params"], r"num_params is not a metric"),
        ([{"direction": "minimize"}], r"names no function\. Accepted: _target_, .*Try: 'metrics=\[{name:val_cost,"),
        ([{"_target_": "mean", "direction": "minimize"}], r"names no function"),
        ([{"_target_": "a.b"}], r"say in which direction a\.b is better.*_target_:a\.b,direction:maximize}\]'$"),
        ([{"_target_": "a.b", "direction": "up"}], r"does not say in which direction"),
        ([{**COST, "name": "cost"}], r"cost is not a name of a metric\. Accepted: val_ and .*name:val_custom"),
        ([{**COST, "name": "val_accuracy"}], r"val_accuracy is taken"),
        ([{**COST, "name": "val_accuracy_low"}], r"val_accuracy_low is taken"),
        ([{**COST, "name": "val_cost_mean"}], r"val_cost_mean is taken"),
        ([{**COST, "name": "val_macro_f1"}], r"val_macro_f1 is taken"),
        ([COST, COST], r"has two entries named val_cost\. Accepted: a different name for each\."),
    ],
)  # fmt: skip
def test_what_is_no_metric_is_refused_with_what_to_type(given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        asked_metrics(given)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("val_f1", "val_macro_f1"),
        ("f1_macro", "val_macro_f1"),
        ("val_balanced_acc", "val_balanced_accuracy"),
        ("val_auroc", "val_auc"),
        ("top_5_accuracy", "val_top5_accuracy"),
        ("brier", "val_brier"),
        ("val_acc", "val_accuracy"),
        ("flosp", "flops"),
        ("nothing like it", "?"),
    ],
)
def test_the_metric_that_was_meant_is_found(given: str, meant: str) -> None:
    assert meant_metric(given, list(METRIC_DIRECTIONS), "?") == meant


def test_an_objective_that_is_nearly_a_metric_is_answered_with_it() -> None:
    with pytest.raises(ObjectiveError, match=r"mean 'val_macro_f1'\?  Try: objective\.metric=val_macro_f1$") as refused:
        ObjectiveConfig("val_f1").resolve()
    for name in FURTHER_METRICS:
        assert name in str(refused.value)


def test_a_metric_of_the_test_set_is_answered_with_that_of_the_validation_set() -> None:
    with pytest.raises(ObjectiveError, match=r"select on the test set.*Try: objective\.metric=val_macro_f1$"):
        ObjectiveConfig("test_macro_f1").resolve()


def test_a_custom_metric_is_an_objective_with_its_own_direction() -> None:
    custom = asked_metrics([COST])

    assert ObjectiveConfig("val_cost").resolve(custom) == (Objective("val_cost", "minimize"),)
    PrunerConfig(metric="val_cost").check_metric(custom)
    with pytest.raises(
        ObjectiveError, match=r"objective\.metric=val_cost is not logged by a trial.*given by metrics\."
    ):
        ObjectiveConfig("val_cost").resolve()
    with pytest.raises(
        ObjectiveError, match=r"val_cost is not known after an epoch\. Accepted: loss, .*val_ece, or null"
    ):
        PrunerConfig(metric="val_cost").check_metric()


def test_what_objective_and_pruner_name_is_computed_without_being_asked_for_again() -> None:
    asked = asked_metrics(["val_ece"])

    found = wanted_metrics(asked, ["val_macro_f1", "num_params", "val_ece", None, "val_accuracy"])

    assert [metric.name for metric in found] == ["val_ece", "val_macro_f1"]
    assert wanted_metrics((), ["val_accuracy", "val_loss", "num_params", None]) == (), "nothing by default"
