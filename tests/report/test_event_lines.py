"""A sweep's events as lines of JSON, and back."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

from sweeper.core.datasets import DataSummary, PreparedData
from sweeper.core.events import (
    DataPrepared,
    EpochFinished,
    Estimate,
    FilesRead,
    Note,
    SweepEvent,
    SweepStarted,
    TrialBegan,
    TrialFinished,
    TrialInterrupted,
    TrialsEnded,
)
from sweeper.core.objectives import Objective
from sweeper.core.trials import EpochReport, TakenFrom, TrialFacts, TrialRow, TrialState
from sweeper.report.event_lines import EventWriter, NoteLines, decoded

ROW = TrialRow(
    3,
    TrialState.FAILED,
    {"arch.depth": 5, "arch.filters": [8, 16]},
    {"val_loss": math.inf, "duration_s": 1.5},
    seed=4,
    error="größe 数字",
    overrides=("arch.depth=5", "arch.filters=[8,16]"),
)
SUMMARY = DataSummary("folder", (28, 28, 3), 2, 80, 20, 10, ("cat", "dog"))
EVENTS: list[SweepEvent] = [
    Note("two\nlines"),
    FilesRead("Reading", 3, 10),
    DataPrepared(PreparedData(SUMMARY, "d" * 64, "s" * 64, "pictures", False, ("w",), ("n",), folder=Path())),
    SweepStarted("mine", "python -m sweeper", Objective("val_loss", "minimize"), Estimate(2, 1, (2,), None, "-"), ()),
    TrialBegan(3, ("arch.depth=5",), 10),
    EpochFinished(3, EpochReport(2, {"loss": 0.5, "val_accuracy": 0.25}, 0)),
    TrialFinished(TrialRow(1, TrialState.COMPLETE, {"arch.depth": 3}, {"val_accuracy": 0.5})),
    TrialFinished(
        TrialRow(1, TrialState.COMPLETE, {}, facts=TrialFacts(taken_from=TakenFrom("first", 3, "ab12")))  # not trained
    ),
    TrialInterrupted(3),
    TrialsEnded("sweep.timeout_s=3 was spent"),
]


def written(event: SweepEvent) -> dict[str, Any]:
    file = io.StringIO()
    EventWriter(file)(event)
    [line] = file.getvalue().splitlines()
    return dict(json.loads(line))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_one_line_with_a_version_and_reads_back(event: SweepEvent) -> None:
    line = written(event)

    assert line["version"] == 1
    assert decoded(line) == event


def test_what_is_not_finite_is_null_and_reads_back_as_nan() -> None:
    line = written(TrialFinished(ROW))

    assert line["metrics"] == {"val_loss": None, "duration_s": 1.5}
    read = decoded(line)
    assert isinstance(read, TrialFinished)
    assert math.isnan(read.row.metrics["val_loss"])
    assert (read.row.error, read.row.params) == (ROW.error, ROW.params)


def test_an_event_of_a_later_release_is_passed_over() -> None:
    assert decoded({"event": "something_new", "version": 1}) is None


def test_printed_lines_become_notes() -> None:
    notes: list[Note] = []
    lines = NoteLines(notes.append)

    lines.write("first\nsec")
    lines.write("ond  \n\nrest")

    assert notes == [Note("first"), Note("second")]
