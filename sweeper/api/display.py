"""How `sweeper.run` shows a sweep: as on the command line, or in place in a notebook's cell.

What does not live here: the lines and the live table themselves (`sweeper.report.progress`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sweeper.core.events import SweepEvent, SweepStarted
from sweeper.core.text import duration, figure
from sweeper.core.trials import EpochReport, TrialRow, TrialState
from sweeper.report import progress
from sweeper.report.progress import ConsoleListener, Progress

if TYPE_CHECKING:
    from sweeper.api.sweep import Sweep

_REDRAWN_S = 0.5  # between two drawings of a cell
_WIDTH = 120  # of a notebook's cell


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class Shown:
    """Shows one run. Use it as a context manager, so that a live table is closed whatever happens."""

    def __init__(self, *, quiet: bool, call: Callable[[str], str]) -> None:
        """Takes whether nothing is shown, and what writes the call that resumes a sweep by its name."""
        self._quiet = quiet
        self._call = call
        self._name = ""
        self._is_notebook = in_notebook()
        self._cell: NotebookDisplay | None = None
        width = {"width": _WIDTH} if self._is_notebook else {}
        self._console = Console(highlight=False, force_jupyter=False, **width)  # type: ignore[arg-type]
        self._listener = ConsoleListener(self._console, make=self._display)

    def _display(self, console: Console, counts: Progress) -> progress.Display:
        if not self._is_notebook:
            return progress.create(console, counts)
        self._cell = NotebookDisplay(console, counts)
        return self._cell

    def __enter__(self) -> Shown:
        return self

    def __exit__(self, *exception: object) -> None:
        self._listener.__exit__(*exception)

    def __call__(self, event: SweepEvent) -> None:
        """Shows one event."""
        if isinstance(event, SweepStarted):
            self._name = event.name
            event = replace(event, resume_command=self._call(event.name))
        if not self._quiet:
            self._listener(event)

    def tick(self) -> None:
        """Lets time pass in a notebook's table."""
        if self._cell is not None:
            self._cell.draw()

    def text(self, line: str) -> None:
        """A line that is no event: what something in the process printed."""
        if not self._quiet:
            print(line)  # noqa: T201  as it was printed there

    def complaint(self, line: str) -> None:
        """A line of the process's standard error."""
        print(line, file=sys.stderr)  # noqa: T201

    def say_interrupted(self) -> None:
        """Says how to resume."""
        if self._name and not self._quiet:
            print(f"Interrupted. Finished trials are kept; to resume: {self._call(self._name)}")  # noqa: T201

    def say_ended(self, sweep: Sweep) -> None:
        """Prints the report; in a notebook the sweep shows itself where it is a cell's value."""
        if self._quiet or self._is_notebook:
            return
        from sweeper.report import terminal

        terminal.print_report(self._console, sweep.judged, csv_path=sweep.folder / "leaderboard.csv")
        self._console.print(f"The report as a page: {sweep.folder / 'report.html'}", markup=False, soft_wrap=True)


class NotebookDisplay:
    """The running trials in one output of a cell, which is replaced."""

    def __init__(self, console: Console, counts: Progress) -> None:
        from IPython import display

        made: Any = display.HTML
        self._made = made
        self._console = console
        self._counts = counts
        self._rows: dict[int, dict[str, Any]] = {}
        self._failed: list[str] = []
        self._drawn = 0.0
        show: Any = display.display
        self._handle: Any = show(made("<p>The first trial starts.</p>"), display_id=True)

    def note(self, text: str) -> None:
        print(text)  # noqa: T201  into the cell's text

    def started(self, number: int, overrides: tuple[str, ...], epochs: int) -> None:
        self._rows[number] = {
            "trial": number,
            "configuration": " ".join(overrides) or "(as configured)",
            "epoch": f"0/{epochs}",
            "val_accuracy": "",
            "val_loss": "",
            "started": time.monotonic(),
            "epochs": epochs,
        }
        self.draw()

    def epoch(self, number: int, report: EpochReport) -> None:
        row = self._rows[number]
        row["epoch"] = f"{report.epoch}/{row['epochs']}"
        row |= {name: figure(report.metrics[name]) for name in ("val_accuracy", "val_loss")}
        self.draw()

    def finished(self, row: TrialRow) -> None:
        self._rows.pop(row.number, None)
        self._counts.add(row)
        if row.state is TrialState.FAILED:
            self._failed.append(f"trial {row.number} failed: {row.error}")
        self.draw()

    def interrupted(self, number: int) -> None:
        self._rows.pop(number, None)
        self._failed.append(f"trial {number} was interrupted")

    def close(self) -> None:
        self._rows.clear()
        self.draw(now=True)

    def draw(self, *, now: bool = False) -> None:
        """Draws the table again, if some time has passed."""
        if not now and time.monotonic() - self._drawn < _REDRAWN_S:
            return
        self._drawn = time.monotonic()
        self._handle.update(self._made(self._page()))

    def _page(self) -> str:
        counts = self._counts
        left = counts.left_s()
        time_left = f"; about {duration(left)} left" if left and self._rows else ""
        head = f"{counts.num_finished} of {counts.total} trials; best: {counts.best_text()}{time_left}"
        names = ("trial", "configuration", "epoch", "val_accuracy", "val_loss")
        lines = [
            [*(str(row[name]) for name in names), duration(time.monotonic() - row["started"])]
            for row in self._rows.values()
        ]
        table = ""
        if lines:
            heads = "".join(f"<th>{name}</th>" for name in (*names, "running"))
            cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
            table = f"<table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>"
        failed = "".join(f"<p>{escape(line)}</p>" for line in self._failed[-10:])
        return f"<p>{escape(head)}</p>{table}{failed}"
