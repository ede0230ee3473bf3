"""A sweep's events as lines of JSON, for programs (`sweep.progress=json`), and read back from them.

The form has a version; `docs/events.schema.json` describes it. What does not live here: events as people see them
(`sweeper.report.progress`).
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

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
    TrialsAdded,
    TrialsEnded,
)
from sweeper.core.objectives import Objective
from sweeper.core.trials import EpochReport, TakenFrom, TrialFacts, TrialRow, TrialState

VERSION = 1

#: Names of events that no `SweepEvent` has: a plan, the end, an error.
PLAN, ENDED, ERROR = "plan", "sweep_ended", "error"


class EventWriter:
    """Writes events to a file, one line each."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, event: SweepEvent) -> None:
        """Writes one event of a sweep."""
        self.write(*encoded(event))

    def write(self, name: str, fields: Mapping[str, Any]) -> None:
        """Writes one event by its name and fields."""
        head = {"version": VERSION, "event": name, "time": datetime.now(UTC).isoformat(timespec="milliseconds")}
        line = json.dumps(plain_json({**head, **fields}), allow_nan=False, ensure_ascii=False, default=str)
        self._file.write(f"{line}\n")
        self._file.flush()


_channel: EventWriter | None = None


def channel() -> EventWriter | None:
    """Where events go in this process; None as long as nobody has opened it."""
    return _channel


def open_channel() -> EventWriter:
    """Makes standard output the events' own: what libraries and a user's code print goes to standard error instead."""
    global _channel
    if _channel is None:
        sys.stdout.flush()
        own = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        _channel = EventWriter(open(own, "w", encoding="utf-8", errors="backslashreplace"))  # noqa: SIM115  to the end
    return _channel


class NoteLines(io.TextIOBase):
    """A file whose lines become notes: what is printed for people, on its way to a program."""

    def __init__(self, listener: Callable[[Note], None]) -> None:
        self._listener = listener
        self._begun = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        *lines, self._begun = f"{self._begun}{text}".split("\n")
        for line in lines:
            if line.strip():
                self._listener(Note(line.rstrip()))
        return len(text)


def plain_json(value: Any) -> Any:
    """Lists, dicts and finite numbers only: what is not a finite number is null."""
    if isinstance(value, list | tuple):
        return [plain_json(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain_json(one) for key, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def encoded(event: SweepEvent) -> tuple[str, dict[str, Any]]:
    """An event's name and fields."""
    match event:
        case Note(text):
            return "note", {"text": text}
        case FilesRead():
            return "files", dataclasses.asdict(event)
        case DataPrepared(prepared):
            return "data", {
                **dataclasses.asdict(prepared.summary),
                "source": prepared.source,
                "test_is_validation": prepared.test_is_validation,
                "data_digest": prepared.data_digest,
                "split_digest": prepared.split_digest,
                "notes": prepared.notes,
                "warnings": prepared.warnings,
            }
        case SweepStarted():
            return "sweep_started", {
                "name": event.name,
                "resume_command": event.resume_command,
                "objective": dataclasses.asdict(event.objective),
                "estimate": dataclasses.asdict(event.estimate),
                "finished": [trial_fields(row) for row in event.finished],
                "num_taken": event.num_taken,
            }
        case TrialsAdded(num_trials):
            return "trials_added", {"num_trials": num_trials}
        case TrialBegan():
            return "trial_started", {
                "trial": event.number,
                "overrides": event.overrides,
                "num_epochs": event.num_epochs,
            }
        case EpochFinished():
            report = event.report
            return "epoch", {"trial": event.number, "epoch": report.epoch, "metrics": report.metrics}
        case TrialFinished(row):
            return "trial_finished", trial_fields(row)
        case TrialInterrupted():
            return "trial_interrupted", {"trial": event.number}
        case TrialsEnded(reason):
            return "trials_ended", {"reason": reason}


def trial_fields(row: TrialRow) -> dict[str, Any]:
    """What is reported of a finished trial."""
    return {
        "trial": row.number,
        "state": str(row.state),
        "overrides": row.overrides,
        "params": row.params,
        "metrics": row.metrics,
        "seed": row.seed,
        "error": row.error,
        "taken_from": None if row.facts.taken_from is None else dataclasses.asdict(row.facts.taken_from),
    }


def decoded(line: Mapping[str, Any]) -> SweepEvent | None:
    """The event that a line describes, as far as it is shown; None for a name that is no event of a running sweep."""
    reader = _READERS.get(str(line["event"]))
    return None if reader is None else reader(line)


def _data(line: Mapping[str, Any]) -> DataPrepared:
    names = [field.name for field in dataclasses.fields(DataSummary)]
    known: dict[str, Any] = {name: tuple(line[name]) if isinstance(line[name], list) else line[name] for name in names}
    return DataPrepared(
        PreparedData(
            summary=DataSummary(**known),
            data_digest=line["data_digest"],
            split_digest=line["split_digest"],
            source=line["source"],
            test_is_validation=line["test_is_validation"],
            warnings=tuple(line["warnings"]),
            notes=tuple(line["notes"]),
            folder=Path(),
        )
    )


def _started(line: Mapping[str, Any]) -> SweepStarted:
    estimate = {**line["estimate"], "threads": tuple(line["estimate"]["threads"])}
    return SweepStarted(
        name=line["name"],
        resume_command=line["resume_command"],
        objective=Objective(**line["objective"]),
        estimate=Estimate(**estimate),
        finished=tuple(_row(trial) for trial in line["finished"]),
        num_taken=line.get("num_taken", 0),
    )


def _row(line: Mapping[str, Any]) -> TrialRow:
    return TrialRow(
        number=line["trial"],
        state=TrialState(line["state"]),
        params=line["params"],
        metrics=_numbers(line["metrics"]),
        seed=line["seed"],
        error=line["error"],
        overrides=tuple(line["overrides"]),
        facts=TrialFacts(taken_from=None if line.get("taken_from") is None else TakenFrom(**line["taken_from"])),
    )


def _numbers(metrics: Mapping[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in metrics.items()}


_READERS: dict[str, Callable[[Mapping[str, Any]], SweepEvent]] = {
    "note": lambda line: Note(line["text"]),
    "files": lambda line: FilesRead(line["verb"], line["done"], line["total"]),
    "data": _data,
    "sweep_started": _started,
    "trials_added": lambda line: TrialsAdded(line["num_trials"]),
    "trial_started": lambda line: TrialBegan(line["trial"], tuple(line["overrides"]), line["num_epochs"]),
    "epoch": lambda line: EpochFinished(line["trial"], EpochReport(line["epoch"], _numbers(line["metrics"]), 0)),
    "trial_finished": lambda line: TrialFinished(_row(line)),
    "trial_interrupted": lambda line: TrialInterrupted(line["trial"]),
    "trials_ended": lambda line: TrialsEnded(line["reason"]),
}
