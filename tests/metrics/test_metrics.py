"""Metrics against scikit-learn's, which is the oracle; where it has none, against a plain loop."""

from __future__ import annotations

import csv
import math
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as oracle

from sweeper.core.errors import ConfigError, MetricError, NonFiniteError
from sweeper.core.objectives import FURTHER_METRICS, Metric, Objective
from sweeper.metrics import (
    by_class,
    check_custom,
    compute,
    confusion_matrix,
    image_scores,
    per_class_csv,
    scores_by_image,
)
from sweeper.metrics.classification import balanced_accuracy, macro_f1
from sweeper.trial.callbacks import check_finite

ALL = [Metric(name, direction) for name, direction in FURTHER_METRICS.items()]


def made_up(
    seed: int, num_images: int = 300, num_classes: int = 10, coarse: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Labels with classes of very different sizes, and probabilities that know something about them."""
    random = np.random.default_rng(seed)
    sizes = np.linspace(10, 1, num_classes)
    labels = np.concatenate([np.arange(num_classes), random.choice(num_classes, num_images, p=sizes / sizes.sum())])
    scores = random.normal(size=(len(labels), num_classes)) + 2 * np.eye(num_classes)[labels]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    if coarse:  # many equal probabilities
        probabilities = np.round(probabilities, 1) + 0.01
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    return labels.astype(np.int64), probabilities.astype(np.float32)


def by_scikit_learn(labels: Any, probabilities: Any) -> dict[str, float]:
    classes, predicted = range(probabilities.shape[1]), probabilities.argmax(axis=1)
    wide = probabilities.astype(np.float64)
    wide /= wide.sum(axis=1, keepdims=True)
    return {
        "val_balanced_accuracy": oracle.balanced_accuracy_score(labels, predicted),
        "val_macro_f1": oracle.f1_score(labels, predicted, average="macro", zero_division=0),
        "val_auc": oracle.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro", labels=classes),
        "val_top5_accuracy": oracle.top_k_accuracy_score(labels, probabilities, k=5, labels=classes),
        "val_brier": oracle.brier_score_loss(labels, wide, labels=classes),
    }


def plain_ece(labels: Any, probabilities: Any, bins: int = 15) -> float:
    confidence, total = probabilities.max(axis=1).astype(np.float64), 0.0
    for place in range(bins):
        inside = (confidence > place / bins) & (confidence <= (place + 1) / bins)
        if inside.any():
            right = (probabilities[inside].argmax(axis=1) == labels[inside]).mean()
            total += inside.mean() * abs(right - confidence[inside].mean())
    return total


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("coarse", [False, True], ids=["all different", "many equal probabilities"])
def test_each_metric_is_scikit_learns(seed: int, coarse: bool) -> None:
    labels, probabilities = made_up(seed, coarse=coarse)

    found = compute(ALL, labels, probabilities)

    expected = by_scikit_learn(labels, probabilities)
    tolerance = 1e-6 if coarse else 1e-7  # float32 probabilities do not add up to 1 exactly, the oracle's do
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=tolerance if name == "val_brier" else 1e-12), name
    assert found["val_ece"] == pytest.approx(plain_ece(labels, probabilities), abs=1e-12)
    assert set(found) == {*expected, "val_ece"}


@pytest.mark.parametrize("name", ["val_macro_f1", "val_balanced_accuracy"])
@pytest.mark.parametrize("missing", [False, True], ids=["all classes", "a class without an image that is predicted"])
def test_an_images_score_is_what_the_metric_gains_by_its_weight(name: str, missing: bool) -> None:
    labels, probabilities = made_up(1)
    predicted = probabilities.argmax(axis=1)
    if missing:
        labels = np.where(labels == 9, 8, labels)
        assert (predicted == 9).any()

    def weighted(weights: NDArray[np.float64]) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the class that has no image
            if name == "val_balanced_accuracy":
                return float(oracle.balanced_accuracy_score(labels, predicted, sample_weight=weights))
            return float(oracle.f1_score(labels, predicted, average="macro", zero_division=0, sample_weight=weights))

    scores = scores_by_image(name, labels, predicted)

    ones, step = np.ones(len(labels)), 1e-5
    gained = [(weighted(ones + step * one) - weighted(ones - step * one)) / (2 * step) for one in np.eye(len(labels))]
    assert scores.mean() == pytest.approx(weighted(ones), abs=1e-12)
    assert scores - weighted(ones) == pytest.approx(len(labels) * np.array(gained), abs=1e-5)


def test_two_classes_are_scikit_learns_too() -> None:
    labels, probabilities = made_up(3, num_classes=2)

    found = compute([one for one in ALL if one.name != "val_top5_accuracy"], labels, probabilities)

    wide = probabilities[:, 1].astype(np.float64)
    assert found["val_auc"] == pytest.approx(oracle.roc_auc_score(labels, probabilities[:, 1]), abs=1e-6)
    assert found["val_brier"] == pytest.approx(oracle.brier_score_loss(labels, wide), abs=1e-6)
    predicted = probabilities.argmax(axis=1)
    assert found["val_macro_f1"] == pytest.approx(oracle.f1_score(labels, predicted, average="macro"), abs=1e-12)


def test_absent_classes_count_as_in_scikit_learn() -> None:
    labels, probabilities = made_up(1)
    present = labels < 8
    labels, probabilities = labels[present], probabilities[present]
    predicted = probabilities.argmax(axis=1)
    assert {8, 9} & set(predicted.tolist()), "an absent class is predicted"

    found = compute(ALL, labels, probabilities)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's, about classes that are predicted and not there
        assert found["val_balanced_accuracy"] == pytest.approx(oracle.balanced_accuracy_score(labels, predicted))
        assert found["val_macro_f1"] == pytest.approx(
            oracle.f1_score(labels, predicted, average="macro", zero_division=0)
        )
        whole = oracle.roc_auc_score(labels, probabilities, multi_class="ovr", labels=range(10), average="macro")
        assert math.isnan(whole), "scikit-learn gives nothing"
    areas = [oracle.roc_auc_score(labels == label, probabilities[:, label]) for label in range(8)]
    assert found["val_auc"] == pytest.approx(np.mean(areas), abs=1e-12), "the mean over the classes that are there"


def test_a_class_that_is_neither_there_nor_predicted_does_not_count() -> None:
    labels, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    matrix = confusion_matrix(labels, predicted, 5)

    f1 = macro_f1(matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0))
    recall = balanced_accuracy(matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0))

    assert float(f1) == pytest.approx(oracle.f1_score(labels, predicted, average="macro"))
    assert float(recall) == pytest.approx(0.75)


def test_the_area_of_one_class_alone_is_not_defined() -> None:
    assert math.isnan(compute([Metric("val_auc", "maximize")], np.zeros(3, int), np.full((3, 2), 0.5))["val_auc"])


def test_the_table_by_class_is_scikit_learns() -> None:
    labels, probabilities = made_up(2)
    labels = np.where(labels == 9, 0, labels)  # one class without an image
    predicted = np.where(probabilities.argmax(axis=1) == 3, 4, probabilities.argmax(axis=1))  # one never predicted

    found = by_class(confusion_matrix(labels, predicted, 10))

    expected = oracle.precision_recall_fscore_support(labels, predicted, labels=range(10), zero_division=0)
    for place, one in enumerate(found):
        assert (one.precision, one.recall, one.f1) == pytest.approx([column[place] for column in expected[:3]])
        assert one.support == expected[3][place]


def test_the_table_by_class_is_written_with_names_that_no_spreadsheet_computes() -> None:
    text = per_class_csv(np.array([[3, 1], [0, 4]]), ["cat, small", "=1+1"])

    rows = list(csv.DictReader(text.splitlines()))
    assert [row["class"] for row in rows] == ["cat, small", "'=1+1"]
    assert float(rows[0]["recall"]) == 0.75
    assert float(rows[1]["precision"]) == 0.8
    assert [row["support"] for row in rows] == ["4", "4"]


def test_the_scores_of_the_images_have_the_metric_as_their_mean() -> None:
    labels, probabilities = made_up(4)

    scores, values = image_scores(ALL, labels, probabilities), compute(ALL, labels, probabilities)

    assert set(scores) == {"val_top5_accuracy", "val_brier"}
    for name, each in scores.items():
        assert each.astype(np.float64).mean() == pytest.approx(values[name], abs=1e-6)


@pytest.fixture
def costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of the user's."""
    (tmp_path / "my_costs.py").write_text(
        "import numpy as np\n"
        "def mean_cost(labels, probabilities, weight=1.0):\n"
        "    labels[:] = 0\n"
        "    probabilities[:] = 0\n"
        "    return weight * len(labels)\n"
        "def checked(labels, probabilities):\n"
        "    assert labels.dtype == np.int64 and probabilities.dtype == np.float64\n"
        "    assert probabilities.shape == (len(labels), 3)\n"
        "    return np.float32(0.5)\n"
        "def broken(labels, probabilities):\n    raise ValueError('no\\nluck')\n"
        "def array(labels, probabilities):\n    return labels\n"
        "def nan(labels, probabilities):\n    return float('nan')\n"
        "def wrong(labels):\n    return 1.0\n"
        "NUMBER = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("my_costs", None)


def test_a_custom_metric_gets_its_options_and_cannot_change_what_others_read(costs: Path) -> None:
    labels, probabilities = made_up(0)
    before = labels.copy(), probabilities.copy()
    custom = Metric("val_cost", "minimize", "my_costs.mean_cost", {"weight": 0.5})

    found = compute([custom, *ALL], labels, probabilities)

    assert found["val_cost"] == len(labels) / 2
    assert np.array_equal(labels, before[0])
    assert np.array_equal(probabilities, before[1])


def test_a_custom_metric_is_called_once_before_anything_trains(costs: Path) -> None:
    check_custom(Metric("val_checked", "maximize", "my_costs.checked"), 3)


@pytest.mark.parametrize(
    ("target", "options", "said"),
    [
        ("my_costs.broken", {}, r"val_x: my_costs\.broken raised ValueError: no luck\. Accepted: a function"),
        ("my_costs.array", {}, r"returned ndarray array\(\[0, 1, 2.*, not a number"),
        ("my_costs.nan", {}, r"my_costs\.nan returned nan, and no trial can be ranked by that"),
        ("my_costs.wrong", {}, r"raised TypeError: wrong\(\) takes 1 positional argument but 2 were given"),
        ("my_costs.mean_cost", {"wieght": 2}, r"got an unexpected keyword argument 'wieght'"),
        ("my_costs.NUMBER", {}, r"names nothing that can be called: my_costs\.NUMBER"),
        ("my_costs.cost", {}, r"names nothing: my_costs has no function cost"),
        (
            "no_such_module.cost",
            {},
            r"cannot be imported: ModuleNotFoundError: .*Try: python -c 'import no_such_module;",
        ),
    ],
)
def test_a_wrong_custom_metric_is_refused(costs: Path, target: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_custom(Metric("val_x", "maximize", target, options), 3)


def test_a_custom_metric_that_fails_later_names_itself(costs: Path) -> None:
    with pytest.raises(MetricError, match=r"^val_x: my_costs\.broken raised ValueError: no luck$"):
        compute([Metric("val_x", "maximize", "my_costs.broken")], *made_up(0))


def test_a_trial_whose_objective_is_not_finite_fails() -> None:
    check_finite(Objective("val_cost", "minimize"), {"val_cost": 1.0})
    with pytest.raises(NonFiniteError, match="val_cost of the saved weights is nan"):
        check_finite(Objective("val_cost", "minimize"), {"val_cost": math.nan})
