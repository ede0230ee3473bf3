"""A trial's result: what is written is read, and one of the first version too."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from sweeper.artifacts.result import VERSION, parse_result, read_result, write_result
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import TrialFacts, TrialResult, TrialState

FIRST_VERSION = {
    "state": "pruned",
    "metrics": {"val_accuracy": 0.5, "num_params": 218460, "duration_s": 1.5},
    "details": {
        "num_validation": 287,
        "train_images": 1150,
        "test_is_validation": False,
        "best_epoch": 2,
        "resumed_after_epoch": 3,
        "cuts": [1, 3],
        "versions": {"keras": "3.12"},
    },
    "error": "",
    "traceback": "",
    "history": [{"loss": 1.0, "val_loss": 0.5}],
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    facts = TrialFacts(1150, 287, None, False, 2, (1, 3), {"keras": "3.15"})
    result = TrialResult(TrialState.COMPLETE, {"val_loss": 0.1 + 0.2}, ({"loss": 1 / 3}, {"loss": 0.25}), facts)
    write_result(TrialPaths(tmp_path), result)

    assert read_result(TrialPaths(tmp_path)) == result
    assert json.loads((tmp_path / "result.json").read_text())["version"] == VERSION


def test_a_metric_that_is_not_a_number_comes_back_as_it_was(tmp_path: Path) -> None:
    write_result(TrialPaths(tmp_path), TrialResult(TrialState.FAILED, {"val_loss": math.nan}, error="NaN"))

    found = read_result(TrialPaths(tmp_path))
    assert found is not None
    assert math.isnan(found.metrics["val_loss"])


def test_a_trial_that_has_not_finished_has_no_result(tmp_path: Path) -> None:
    assert read_result(TrialPaths(tmp_path)) is None


def test_a_result_of_the_first_version_is_read() -> None:
    found = parse_result(FIRST_VERSION)

    assert found.state is TrialState.PRUNED
    assert found.metrics == {"val_accuracy": 0.5, "num_params": 218460, "duration_s": 1.5}
    assert found.history == ({"loss": 1.0, "val_loss": 0.5},)
    assert found.facts == TrialFacts(1150, 287, None, False, 2, (1, 3), {"keras": "3.12"})


def test_the_oldest_results_name_only_the_last_interruption() -> None:
    details = {"resumed_after_epoch": 3, "num_validation": 287}
    assert parse_result({**FIRST_VERSION, "details": details}).facts.interruptions == (3,)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"version": VERSION + 1, "state": "complete"}, "this release reads versions 1 to", id="later"),
        pytest.param({"version": "two", "state": "complete"}, "has version two", id="no number"),
        pytest.param({"state": "running"}, "complete, pruned or failed", id="running"),
        pytest.param({"state": "failed"}, "failed without a reason", id="failed without a reason"),
        pytest.param({"state": "complete", "metrics": {"val_loss": "low"}}, "val_loss", id="a word for a number"),
        pytest.param({}, "state", id="empty"),
    ],
)
def test_what_is_no_result_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises((ValueError, ValidationError), match=message):
        parse_result(values)
