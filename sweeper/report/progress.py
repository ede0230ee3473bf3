"""What a user sees while a sweep runs: its events as a live table on a terminal, as plain lines elsewhere.

It shows; it decides nothing. Everything user-given is printed as it is, never as markup.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sweeper.core.datasets import CheckedData
from sweeper.core.events import (
    DataPrepared,
    EpochFinished,
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
from sweeper.core.text import duration, figure, printable
from sweeper.core.trials import EpochReport, TrialRow, TrialState
from sweeper.report.files_progress import FilesProgress, can_redraw

_QUIET_S = 20.0  # seconds without a line after which an epoch is worth one


class Display(Protocol):
    """Shows running trials."""

    def note(self, text: str) -> None: ...
    def started(self, number: int, overrides: tuple[str, ...], epochs: int) -> None: ...
    def epoch(self, number: int, report: EpochReport) -> None: ...
    def finished(self, row: TrialRow) -> None: ...
    def interrupted(self, number: int) -> None: ...
    def close(self) -> None: ...


@dataclass
class Progress:
    """Counts and the best trial so far; from it the time that is left."""

    total: int
    workers: int
    objective: Objective
    num_finished: int = 0
    num_here: int = 0
    best: TrialRow | None = None
    started: float = field(default_factory=time.monotonic)

    def add(self, row: TrialRow, *, here: bool = True) -> None:
        """Counts a finished trial; `here` where this driver trained it."""
        self.num_finished += 1
        if here:
            self.num_here += 1
        if row.state is not TrialState.COMPLETE:
            return
        value = row.metrics[self.objective.metric]
        if self.best is None or self.objective.sign * (value - self.best.metrics[self.objective.metric]) > 0:
            self.best = row

    def left_s(self) -> float | None:
        """Seconds left by the pace so far; None before the first trial finished here."""
        if self.num_here == 0:
            return None
        pace = (time.monotonic() - self.started) / self.num_here
        return pace * (self.total - self.num_finished)

    def best_text(self) -> str:
        if self.best is None:
            return "none yet"
        value = figure(self.best.metrics[self.objective.metric])
        return f"trial {self.best.number}, {self.objective.metric} {value}"


def _called(number: int) -> str:
    """`trial 3`; the refit, which `verify` trains again, has a number below 0."""
    return "refit" if number < 0 else f"trial {number}"


def _label(overrides: tuple[str, ...]) -> str:
    return " ".join(overrides) or "(as configured)"


def _outcome(row: TrialRow, objective: Objective) -> str:
    if row.state is TrialState.FAILED:
        return f"failed: {row.error}"
    value = row.metrics.get(objective.metric)
    if row.state is TrialState.PRUNED and value is None:
        return "does not begin: its configuration is behind after its other folds"
    shown = f"{objective.metric} {figure(value)}" if value is not None else ""
    if (origin := row.facts.taken_from) is not None:
        return f"taken over from trial {origin.trial} of {origin.sweep}: {shown}"
    return f"{row.state}: {shown} in {duration(row.metrics.get('duration_s', 0.0))}"


class LineDisplay:
    """One plain line an event, for logs and pipes."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._epochs: dict[int, int] = {}
        self._last_line = time.monotonic()

    def _line(self, text: str) -> None:
        self._last_line = time.monotonic()
        self._console.print(Text(text), soft_wrap=True)

    def note(self, text: str) -> None:
        self._line(text)

    def started(self, number: int, overrides: tuple[str, ...], epochs: int) -> None:
        self._epochs[number] = epochs
        self._line(f"{_called(number)} starts: {_label(overrides)}")

    def epoch(self, number: int, report: EpochReport) -> None:
        """Says so of long epochs only: a log is not to grow by a line a second."""
        if time.monotonic() - self._last_line < _QUIET_S:
            return
        shown = ("loss", "val_loss", "val_accuracy")  # a refit has the first alone
        scores = ", ".join(f"{name} {report.metrics[name]:.4f}" for name in shown if name in report.metrics)
        self._line(f"{_called(number)} epoch {report.epoch} of {self._epochs[number]}: {scores}")

    def finished(self, row: TrialRow) -> None:
        self._progress.add(row, here=row.facts.taken_from is None)
        progress = self._progress
        left = progress.left_s()
        time_left = f"; about {duration(left)} left" if left else ""
        self._line(
            f"trial {row.number} {_outcome(row, progress.objective)} "
            f"({progress.num_finished} of {progress.total}; best: {progress.best_text()}{time_left})"
        )

    def interrupted(self, number: int) -> None:
        self._line(f"trial {number} was interrupted")

    def close(self) -> None:
        pass


@dataclass
class _Row:
    overrides: tuple[str, ...]
    epochs: int
    started: float
    epoch: int = 0
    val_accuracy: float | None = None
    val_loss: float | None = None


class LiveDisplay:
    """A table of the running trials that is redrawn four times a second, finished trials above it."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._rows: dict[int, _Row] = {}
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=4, transient=True)
        self._live.start()

    def note(self, text: str) -> None:
        self._console.print(Text(text))

    def started(self, number: int, overrides: tuple[str, ...], epochs: int) -> None:
        self._rows[number] = _Row(overrides, epochs, time.monotonic())

    def epoch(self, number: int, report: EpochReport) -> None:
        row = self._rows[number]
        row.epoch = report.epoch
        row.val_accuracy = report.metrics.get("val_accuracy")
        row.val_loss = report.metrics.get("val_loss")

    def finished(self, row: TrialRow) -> None:
        running = self._rows.pop(row.number, None)
        self._progress.add(row, here=row.facts.taken_from is None)
        style = {TrialState.FAILED: "red", TrialState.PRUNED: "yellow"}.get(row.state, "")
        label = _label(running.overrides if running else row.overrides)
        self._console.print(
            Text(f"trial {row.number}  {label}  {_outcome(row, self._progress.objective)}", style=style)
        )

    def interrupted(self, number: int) -> None:
        self._rows.pop(number, None)
        self._console.print(Text(f"trial {number} was interrupted", style="yellow"))

    def close(self) -> None:
        self._live.stop()

    def _draw(self) -> RenderableType:
        progress = self._progress
        left = progress.left_s()
        head = Text(
            f"{progress.num_finished} of {progress.total} trials; best so far: {progress.best_text()}; "
            f"time left: {'about ' + duration(left) if left is not None else 'not known yet'}"
        )
        table = Table(box=None, pad_edge=False)
        for column in ("trial", "configuration", "epoch", "val_accuracy", "val_loss", "running"):
            table.add_column(column, justify="left" if column == "configuration" else "right")
        for number, row in self._rows.items():
            table.add_row(
                "refit" if number < 0 else str(number),
                Text(_label(row.overrides)),
                f"{row.epoch}/{row.epochs}",
                "" if row.val_accuracy is None else f"{row.val_accuracy:.4f}",
                "" if row.val_loss is None else f"{row.val_loss:.4f}",
                duration(time.monotonic() - row.started),
            )
        return Group(table, head)


class ConsoleListener:
    """Prints a sweep's events. Use it as a context manager, so that a live table is closed whatever happens."""

    def __init__(
        self,
        console: Console,
        display: Display | None = None,
        make: Callable[[Console, Progress], Display] | None = None,
    ) -> None:
        """Takes where it prints, and what shows running trials: a display, or what makes one when a sweep starts."""
        self._console = console
        self._display = display
        self._make = create if make is None else make
        self._files: FilesProgress | None = None
        self._progress: Progress | None = None

    def __enter__(self) -> ConsoleListener:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()

    def __call__(self, event: SweepEvent) -> None:
        """Prints one event."""
        match event:
            case Note(text):
                self._print(text)
            case FilesRead():
                self._files = self._files or FilesProgress(self._console)
                self._files.show(event)
            case DataPrepared(prepared):
                for line in data_lines(prepared):
                    self._print(line)
            case SweepStarted():
                self._print(f"Sweep: {event.name}. If it is interrupted, resume it with: {event.resume_command}")
                self._open(event)
            case TrialsAdded(num_trials) if self._progress is not None:
                self._progress.total += num_trials
            case TrialBegan() | EpochFinished() | TrialFinished() | TrialInterrupted() if self._display is not None:
                self._show(self._display, event)
            case TrialsEnded(reason):
                self._close()
                if reason:
                    self._print(f"Ended: {reason}.")

    def _open(self, event: SweepStarted) -> None:
        total = event.estimate.num_trials + event.num_taken + len(event.finished)
        progress = Progress(total, event.estimate.workers, event.objective)
        for row in event.finished:
            progress.add(row, here=False)
        self._progress = progress
        self._display = self._make(self._console, progress)

    @staticmethod
    def _show(display: Display, event: TrialBegan | EpochFinished | TrialFinished | TrialInterrupted) -> None:
        match event:
            case TrialBegan():
                display.started(event.number, event.overrides, event.num_epochs)
            case EpochFinished():
                display.epoch(event.number, event.report)
            case TrialFinished():
                display.finished(event.row)
            case TrialInterrupted():
                display.interrupted(event.number)

    def _print(self, text: str) -> None:
        self._close_files()
        if self._display is None:
            self._console.print(Text(text), soft_wrap=True)
        else:
            self._display.note(text)

    def _close_files(self) -> None:
        if self._files is not None:
            self._files.close()
            self._files = None

    def _close(self) -> None:
        self._close_files()
        if self._display is not None:
            self._display.close()
            self._display = None


def data_lines(checked: CheckedData) -> list[str]:
    """`Data: digits, 1,150 training, … images of 28x28x1, from …`, then what there is to know of the images."""
    summary = checked.summary
    in_folds = f" ({checked.folds} folds: each image validates once)" if checked.folds > 1 else ""
    note = " (the test set is the validation set: figures are selected on the test set)"
    return [
        f"Data: {summary.name}, {summary.num_train:,} training, {summary.num_validation:,} validation and "
        f"{summary.num_test:,} test images of {'x'.join(map(str, summary.input_shape))}, "
        f"from {printable(checked.source)}{in_folds}{note if checked.test_is_validation else ''}.",
        *(f"Data: {sentence}" for sentence in checked.notes),
        *(f"Warning: {sentence}" for sentence in checked.warnings),
    ]


def create(console: Console, progress: Progress) -> Display:
    """The live table on a terminal, lines elsewhere."""
    return LiveDisplay(console, progress) if can_redraw(console) else LineDisplay(console, progress)


def trial_listener(console: Console, objective: Objective) -> ConsoleListener:
    """A listener for the events of a single trial, outside any sweep."""
    return ConsoleListener(console, create(console, Progress(1, 1, objective)))
