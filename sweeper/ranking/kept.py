"""Whose model is kept when disk space is given back. Pure.

What does not live here: deleting a model (`sweeper.tracking.logged_model`).
"""

from __future__ import annotations

from collections.abc import Sequence

from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialRow, TrialState
from sweeper.ranking import judge, leaderboard
from sweeper.ranking.findings import Findings

#: What `tracking.keep_models` takes besides a number.
ALL, LEADING, NONE = "all", "leading", "none"

_FINALISTS = 5  # of a sweep whose test set stays closed (`report.finalists=0`), and may be opened later


def kept_models(
    rows: Sequence[TrialRow], findings: Findings, objectives: Sequence[Objective], keep: str | int, finalists: int
) -> set[int]:
    """The numbers of the trials whose models are kept.

    Args:
        rows: of one sweep.
        findings: about them.
        objectives: the first first.
        keep: `all`, `leading` (the leading group, and every trial of rank 1), `none`, or the best so many.
        finalists: trials that the test set is opened for; kept as long as it was not opened.
    """
    if keep == ALL:
        return {row.number for row in rows}
    ranked = [one for one in leaderboard.rank(rows, *objectives) if one.row.state is TrialState.COMPLETE]
    kept: set[int] = set()
    if keep == LEADING:
        kept = {*findings.group, *(one.row.number for one in ranked if one.rank == 1)}
    elif isinstance(keep, int):
        kept = {one.row.number for one in ranked[:keep]}
    needs_test = findings.test is None and not any(row.facts.test_is_validation for row in rows)
    if needs_test:
        kept |= set(judge.finalists(findings, rows, objectives, finalists or _FINALISTS))
    return kept | {row.number for row in rows if row.state is TrialState.RUNNING}
