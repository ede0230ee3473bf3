"""A trial as JSON in the study, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweeper.core.trials import StudyTrial, TrialRow, TrialState

POINT = "sweeper.point"  # user attribute of a trial: what it is, written when it begins


ROW = "sweeper.row"  # user attribute of a trial: what came of it, written just before it is told


SKIPPED = "sweeper.skipped"  # user attribute of a trial that did not train: a repeated or impossible proposal


def study_trial(attributes: Mapping[str, Any], *, is_finished: bool) -> StudyTrial:
    """A trial from its attributes in the study."""
    point = attributes[POINT]
    row = attributes.get(ROW)
    return StudyTrial(
        number=int(point["number"]),
        state=TrialState(row["state"]) if is_finished and row else TrialState.RUNNING,
        hash=point["hash"],
        identity=point["identity"],
        params=point["params"],
        overrides=tuple(point["overrides"]),
        run_id=point["run_id"],
        point=int(point.get("point", point["number"])),
        repeat=int(point.get("repeat", 0)),
        row=_row_from_json(row) if is_finished and row else None,
    )


def row_to_json(row: TrialRow) -> dict[str, Any]:
    """A trial's row as plain JSON values."""
    return {
        "number": row.number,
        "state": str(row.state),
        "params": row.params,
        "metrics": row.metrics,
        "seed": row.seed,
        "run_id": row.run_id,
        "error": row.error,
        "history": list(row.history),
        "overrides": list(row.overrides),
        "details": row.details,
    }


def _row_from_json(fields: Mapping[str, Any]) -> TrialRow:
    return TrialRow(
        **{
            **fields,
            "state": TrialState(fields["state"]),
            "history": tuple(fields["history"]),
            "overrides": tuple(fields["overrides"]),
        }
    )
