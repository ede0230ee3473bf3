"""Columns have the types of their values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweeper.api import frames
from sweeper.core.trials import Origin, TrialRow, TrialState

HISTORY = ({"loss": 2.0, "val_accuracy": 0.25}, {"loss": 1.0, "val_accuracy": 0.5})


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "int64"),
        ([1, None], "Int64"),
        ([1.0, 2], "float64"),
        ([0.5, None], "float64"),
        ([None, None], "float64"),
        ([True, False], "bool"),
        ([True, None], "boolean"),
        ([[8, 16], 8], "object"),
        ([True, 1], "object"),
        ([2**63, 1], "float64"),
    ],
)
def test_a_column_has_its_values_type_also_with_empty_cells(values: list[Any], dtype: str) -> None:
    found = frames.frame(["x"], [{"x": value} for value in values])["x"]

    assert str(found.dtype) == dtype
    assert [None if one is pd.NA else one for one in found.isna()] == [value is None for value in values]


def test_text_is_text() -> None:
    found = frames.frame(["x", "y"], [{"x": "a", "y": None}, {"x": "b"}])

    assert list(found["x"]) == ["a", "b"]
    assert found["y"].isna().all()


def test_curves_have_one_row_per_trial_and_epoch() -> None:
    rows = [
        TrialRow(0, TrialState.COMPLETE, {}, history=HISTORY),
        TrialRow(1, TrialState.FAILED, {}, error="it broke"),
        TrialRow(2, TrialState.PRUNED, {}, history=HISTORY[:1], origin=Origin("other", 7)),
    ]
    found = frames.curves(rows)

    assert list(found["trial"]) == [0, 0, 7]
    assert list(found["epoch"]) == [1, 2, 1]
    assert list(found["val_accuracy"]) == [0.25, 0.5, 0.25]
    assert list(found.loc[found["sweep"] == "other", "trial"]) == [7]


def test_without_an_epoch_curves_are_empty_and_have_their_first_columns() -> None:
    assert list(frames.curves([]).columns) == ["trial", "epoch"]


def test_predictions_name_their_classes() -> None:
    arrays = {
        "labels": np.array([0, 1]),
        "predicted": np.array([0, 0]),
        "probabilities": np.array([[0.75, 0.25], [0.5, 0.5]], dtype=np.float16),
        "losses": np.array([0.5, 1.0], dtype=np.float16),
        "class_names": np.array(["cat", "dog"]),
    }
    found = frames.predictions(arrays)

    assert list(found.columns) == ["label", "predicted", "correct", "loss", "p_cat", "p_dog"]
    assert list(found["correct"]) == [True, False]
    assert found["p_cat"].sum() == 1.25
