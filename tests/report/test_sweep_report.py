"""Which rows a report shows, and their order."""

from __future__ import annotations

import pytest

from reported_sweeps import sweep, trial
from sweeper.report import sweep_report
from sweeper.report.sweep_report import View

VIEWS: dict[str, tuple[View, list[int]]] = {
    "as ranked": (View(), [2, 1, 0]),
    "the first two": (View(top=2), [2, 1]),
    "sorted": (View(sort="trial"), [0, 1, 2]),
    "sorted, descending": (View(sort="-arch.depth"), [2, 1, 0]),
    "sorted, then the first": (View(top=1, sort="val_accuracy"), [0]),
    "more than there are": (View(top=9), [2, 1, 0]),
}


@pytest.mark.parametrize(("view", "expected"), VIEWS.values(), ids=VIEWS.keys())
def test_a_view_chooses_and_orders_the_rows(view: View, expected: list[int]) -> None:
    rows = [trial(number, 0.1 + number / 10) for number in range(3)]
    _, cells = sweep_report.tabulate(sweep(*rows), view)
    assert [row["trial"] for row in cells] == expected
