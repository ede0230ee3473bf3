"""A trial's `result.json`: where it lies, the trial has finished."""

from __future__ import annotations

import json
from typing import Any

from sweeper.core.paths import SweepPaths, TrialPaths
from sweeper.core.trials import TrialState

NO_RESULT = "its process ended without a result"


def read_result(paths: SweepPaths, number: int) -> dict[str, Any] | None:
    """A trial's result, or None where it has not finished."""
    return result_of(paths.trial(number))


def result_of(paths: TrialPaths) -> dict[str, Any] | None:
    """What was left in a trial's folder, or None where it has not finished."""
    if not paths.result.is_file():
        return None
    result: dict[str, Any] = json.loads(paths.result.read_text(encoding="utf-8"))
    return result


def failure(error: str, trace: str = "") -> dict[str, Any]:
    """The result of a failed trial."""
    return {"state": TrialState.FAILED, "metrics": {}, "details": {}, "error": error, "traceback": trace}
