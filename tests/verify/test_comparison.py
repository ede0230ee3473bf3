"""Two trainings compared, what they were given, and the verdict: pure tables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sweeper.tracking import provenance
from sweeper.tracking.tags import GIT_CHANGED, GIT_COMMIT
from sweeper.verify.comparison import Compared, Tolerance, Training, compare, judge, same_bits
from sweeper.verify.inputs import NOT_RECORDED, Difference, Kind, code_difference, version_differences

EPOCH = {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.4, "val_accuracy": 0.9, "duration_s": 1.0}


def training(**changed: Any) -> Training:
    """A training of two epochs on four images; what is named is changed."""
    asked = {"val_macro_f1": 0.7, "val_brier": 0.2, "val_cost": math.nan}
    metrics = {"val_loss": 0.4, "val_accuracy": 0.9, **asked, "epochs": 2, "duration_s": 3.0}
    metrics |= changed.pop("metrics", {})
    history = [EPOCH, {**EPOCH, **changed.pop("last", {})}]
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], np.float16)
    predicted = changed.pop("predicted", [0, 1, 0, 1])
    weights = {"layers/dense/vars/0": np.array(changed.pop("weights", [3.0, 4.0]), np.float32)}
    labels = changed.pop("labels", [0, 1, 0, 0])
    assert not changed
    predictions = {"probabilities": probabilities, "predicted": np.array(predicted), "labels": np.array(labels)}
    return Training(metrics, history, predictions, weights)


def unequal(**changed: Any) -> dict[str, Compared]:
    found = compare(training(), training(**changed), Tolerance())
    return {one.name: one for one in found if not one.is_equal}


def test_equal_trainings_are_equal_in_everything_that_is_not_measured_on_a_clock() -> None:
    found = compare(training(), training(metrics={"duration_s": 9.0}), Tolerance())
    names = ["val_loss", "val_accuracy", "val_macro_f1", "val_brier", "val_cost", "epochs"]
    names += ["curves", "predictions", "probabilities", "weights"]
    assert [one.name for one in found] == names
    assert all(one.is_equal and one.is_near for one in found)


def test_the_smallest_difference_of_a_metric_is_seen_and_shown() -> None:
    one = unequal(metrics={"val_loss": math.nextafter(0.4, 1)})["val_loss"]
    assert (one.recorded, one.again, one.is_near) == ("0.4", "0.4000000000000001", True)


@pytest.mark.parametrize(
    ("metrics", "is_near"),
    [
        pytest.param({"val_accuracy": 0.885}, True, id="accuracy-within"),
        pytest.param({"val_accuracy": 0.87}, False, id="accuracy-beyond"),
        pytest.param({"val_loss": 0.5}, True, id="loss-within-a-quarter"),
        pytest.param({"val_loss": 0.6}, False, id="loss-beyond"),
        pytest.param({"val_macro_f1": 0.71}, True, id="f1-within"),
        pytest.param({"val_macro_f1": 0.73}, False, id="f1-beyond"),
        pytest.param({"val_brier": 0.24}, True, id="brier-within"),
        pytest.param({"val_brier": 0.3}, False, id="brier-beyond"),
        pytest.param({"epochs": 3}, False, id="a-count"),
        pytest.param({"flops": 7}, False, id="one-more"),
    ],
)
def test_what_is_near_depends_on_the_metric(metrics: dict[str, float], is_near: bool) -> None:
    [one] = unequal(metrics=metrics).values()
    assert one.is_near is is_near


def test_a_small_loss_may_differ_by_the_floor() -> None:
    assert Tolerance().is_near("val_loss", 0.01, 0.05)
    assert not Tolerance().is_near("val_loss", 0.01, 0.07)


def test_test_figures_that_were_added_after_the_training_are_not_compared() -> None:
    recorded = training(metrics={"test_accuracy": 0.9})
    assert all(one.is_equal for one in compare(recorded, training(), Tolerance()))
    assert "test_accuracy" in {one.name for one in compare(training(), recorded, Tolerance()) if not one.is_equal}


def test_a_curve_that_differs_is_named_at_its_first_epoch() -> None:
    one = unequal(last={"val_loss": 0.45})["curves"]
    assert (one.note, one.is_near) == ("first in epoch 2: val_loss 0.4, 0.45", True)


def test_a_curve_of_a_metric_that_was_asked_for_is_compared_and_nan_equals_itself() -> None:
    def asked(value: float) -> Training:
        return training(last={"val_macro_f1": value, "duration_s": 5.0})

    [same] = [one for one in compare(asked(math.nan), asked(math.nan), Tolerance()) if one.name == "curves"]
    [other] = [one for one in compare(asked(0.5), asked(0.6), Tolerance()) if one.name == "curves"]

    assert same.is_equal
    assert other.note == "first in epoch 2: val_macro_f1 0.5, 0.6"


def test_a_shorter_curve_is_another_one() -> None:
    again = training()
    found = compare(
        training(), Training(again.metrics, again.history[:1], again.predictions, again.weights), Tolerance()
    )
    [curves] = [one for one in found if one.name == "curves"]
    assert (curves.recorded, curves.again, curves.is_equal, curves.is_near) == ("2 epochs", "1 epoch", False, False)


def test_images_that_get_another_class_are_counted_and_other_images_are_seen() -> None:
    assert unequal(predicted=[0, 1, 0, 0])["predictions"].note == "1 of 4 get another class"
    assert unequal(labels=[1, 1, 0, 0])["predictions"].note == "of other images"


@pytest.mark.parametrize(
    ("weights", "note", "is_near"),
    [
        pytest.param([3.0, 5.0], "20 % apart", True, id="near"),
        pytest.param([-4.0, 3.0], "1.4e+02 % apart", False, id="unrelated"),
        pytest.param([3.0, 4.0, 0.0], "other shapes", False, id="another-shape"),
        pytest.param([3.0, np.nan], "nan % apart", False, id="not-a-number"),
    ],
)
def test_weights_are_compared_as_one_vector(weights: list[float], note: str, is_near: bool) -> None:
    one = unequal(weights=weights)["weights"]
    assert (one.note, one.is_near) == (note, is_near)


def test_bits_tell_zeros_apart_and_not_numbers_alike() -> None:
    nan, zero = np.array([np.nan]), np.array([0.0])
    assert same_bits(nan, nan.copy())
    assert not same_bits(zero, -zero)
    assert not same_bits(zero, zero.astype(np.float32))


COMMIT = {GIT_COMMIT: "a" * 40, GIT_CHANGED: "false"}
OTHER = {GIT_COMMIT: "b" * 40, GIT_CHANGED: "false"}


@pytest.mark.parametrize(
    ("recorded", "now", "changed", "shown"),
    [
        pytest.param(COMMIT, COMMIT, [], None, id="the-same-commit"),
        pytest.param(COMMIT, OTHER, [], None, id="another-commit-of-the-same-code"),
        pytest.param(COMMIT, OTHER, None, "commit bbbbbbbbbb", id="a-commit-that-is-not-here"),
        pytest.param(COMMIT, OTHER, ["models/cnn.py"], "commit bbbbbbbbbb: models/cnn.py differs", id="another-file"),
        pytest.param(
            COMMIT,
            {**COMMIT, GIT_CHANGED: "true"},
            ["a", "b", "c", "d", "e"],
            "commit aaaaaaaaaa with uncommitted changes: a, b, c, d and 1 more differ",
            id="changes-now",
        ),
        pytest.param({**COMMIT, GIT_CHANGED: "true"}, COMMIT, [], "commit aaaaaaaaaa", id="changes-then"),
        pytest.param({GIT_COMMIT: "unknown"}, {GIT_COMMIT: "unknown"}, None, "unknown", id="no-git"),
        pytest.param(COMMIT, COMMIT, None, None, id="no-git-now-but-the-same-commit"),
    ],
)
def test_code_differs_by_its_files_not_by_its_commit(
    recorded: dict[str, str], now: dict[str, str], changed: list[str] | None, shown: str | None
) -> None:
    found = code_difference(recorded, now, changed)
    assert (None if found is None else found.now) == shown


def test_a_tag_that_is_no_commit_reaches_no_command_line() -> None:
    assert provenance.changed_since("--output=stolen") is None
    assert provenance.changed_since("unknown") is None


VERSIONS = {"tensorflow": "2.21.0", "keras-sweeper": "0.1.0", "optuna": "5.0.0", "variables": "", "device": "CPU"}


def test_versions_that_round_otherwise_are_told_from_those_that_change_no_figure() -> None:
    now = {**VERSIONS, "tensorflow": "2.22.0", "keras-sweeper": "0.2.0", "optuna": "5.1.0", "variables": "X=1"}
    assert version_differences(VERSIONS, VERSIONS) == []
    assert version_differences(VERSIONS, now) == [
        Difference("tensorflow", "2.21.0", "2.22.0", Kind.ROUNDING),
        Difference("keras-sweeper", "0.1.0", "0.2.0", Kind.CODE),
        Difference("optuna", "5.0.0", "5.1.0", Kind.NONE),
        Difference("environment", "(none set)", "X=1", Kind.ROUNDING),
    ]


def test_what_was_not_recorded_may_differ() -> None:
    [cpu] = version_differences(VERSIONS, {**VERSIONS, "cpu": "a CPU"})
    assert cpu == Difference("CPU", NOT_RECORDED, "a CPU", Kind.ROUNDING)


def test_a_gpu_is_never_the_same_to_the_bit() -> None:
    [gpu] = version_differences({**VERSIONS, "device": "GPU"}, {**VERSIONS, "device": "GPU"})
    assert gpu.kind is Kind.ROUNDING


CODE = Difference("code", "commit a", "commit b", Kind.CODE)
CPU = Difference("CPU", "one", "another", Kind.ROUNDING)
LIBRARY = Difference("optuna", "5.0.0", "5.1.0", Kind.NONE)
NEAR = {"metrics": {"val_loss": 0.41}}
FAR = {"weights": [-4.0, 3.0]}


@pytest.mark.parametrize(
    ("changed", "differences", "is_same", "text"),
    [
        pytest.param(
            {},
            [],
            True,
            "Same, to the bit: 6 metrics, the curves of 2 epochs, the predictions of 4 images, and weights of 2 "
            "numbers.",
            id="same",
        ),
        pytest.param(
            {}, [CODE, LIBRARY], True, "2 numbers; inputs that differ: code, optuna.", id="same-by-other-code"
        ),
        pytest.param(
            NEAR,
            [],
            False,
            "Not the same: val_loss; no recorded input explains it, so one that was not recorded does (the code of x).",
            id="unexplained",
        ),
        pytest.param(
            NEAR,
            [LIBRARY],
            False,
            "so one that was not recorded does (the code of x).",
            id="a-library-explains-nothing",
        ),
        pytest.param(NEAR, [CODE], False, "Not the same: val_loss; inputs that differ: code.", id="other-code"),
        pytest.param(NEAR, [CPU], True, "weights within 30 %), not to the bit; inputs that differ: CPU.", id="rounded"),
        pytest.param(FAR, [CPU], False, "Not the same, beyond the tolerance (accuracies within 0.02", id="too-far"),
        pytest.param(
            NEAR,
            [Difference("CPU", NOT_RECORDED, "a CPU", Kind.ROUNDING)],
            True,
            "not to the bit; inputs that differ or are not recorded: CPU.",
            id="unknown-then",
        ),
    ],
)
def test_the_verdict_is_one_sentence(
    changed: dict[str, Any], differences: list[Difference], is_same: bool, text: str
) -> None:
    compared = compare(training(), training(**changed), Tolerance())
    verdict = judge(compared, differences, Tolerance(), ["the code of x"])
    assert verdict.is_same is is_same
    assert text in verdict.text
    assert verdict.text.endswith(".")
