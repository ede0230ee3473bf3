"""Whose model is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ranked_rows import ACCURACY, SIZE, complete, failed
from sweeper.core.trials import TrialFacts, TrialRow, TrialState
from sweeper.ranking.findings import Confirmation, Findings
from sweeper.ranking.kept import kept_models

ROWS = [
    complete(0, 0.5),
    complete(1, 0.9),
    complete(2, 0.8),
    complete(3, 0.7),
    failed(4),
    replace(complete(5, 0.95), state=TrialState.PRUNED),
]
OPENED = Confirmation(num_images=10, openings=(), finalists=(), better_than=())
TESTED = Findings(leader=1, group=(1, 2), test=OPENED)
CLOSED = replace(TESTED, test=None)


@pytest.mark.parametrize(
    ("keep", "findings", "finalists", "kept"),
    [
        pytest.param("all", TESTED, 5, {0, 1, 2, 3, 4, 5}, id="all"),
        pytest.param("leading", TESTED, 5, {1, 2}, id="the leading group"),
        pytest.param("leading", replace(TESTED, group=()), 5, {1}, id="no group: the first"),
        pytest.param(1, TESTED, 5, {1}, id="the best one"),
        pytest.param(3, TESTED, 5, {1, 2, 3}, id="the best three"),
        pytest.param(100, TESTED, 5, {0, 1, 2, 3}, id="more than there are"),
        pytest.param("none", TESTED, 5, set(), id="none"),
        pytest.param("none", CLOSED, 2, {1, 2}, id="none, before the test set was opened"),
        pytest.param("none", CLOSED, 0, {0, 1, 2, 3}, id="none, where the test set stays closed"),
        pytest.param(1, CLOSED, 3, {1, 2, 3}, id="the best one, before the test set was opened"),
    ],
)
def test_finalists_are_kept_until_the_test_set_was_opened(
    keep: str | int, findings: Findings, finalists: int, kept: set[int]
) -> None:
    assert kept_models(ROWS, findings, [ACCURACY], keep, finalists) == kept


def test_where_the_test_set_is_the_validation_set_nothing_waits_for_it() -> None:
    rows = [replace(row, facts=TrialFacts(test_is_validation=True)) for row in ROWS]
    assert kept_models(rows, CLOSED, [ACCURACY], "none", 5) == set()


def test_a_pareto_front_is_kept_whole_and_so_is_what_runs() -> None:
    rows = [
        TrialRow(n, TrialState.COMPLETE, {}, {"val_accuracy": value, "num_params": size})
        for n, value, size in ((0, 0.9, 100.0), (1, 0.8, 10.0), (2, 0.7, 50.0))
    ]
    running = TrialRow(3, TrialState.RUNNING, {})
    found = Findings(leader=0, test=OPENED)

    assert kept_models([*rows, running], found, [ACCURACY, SIZE], "leading", 5) == {0, 1, 3}
