"""What a user sees while many files are read: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from sweeper.core.events import FilesRead
from sweeper.core.text import duration

_PAUSE_S = 10.0  # between two lines
_LONG_S = 1.0  # what took less is not said


def can_redraw(console: Console) -> bool:
    """Whether lines that were printed can be drawn again; a terminal with TERM=dumb cannot."""
    return console.is_terminal and not console.is_dumb_terminal


class FilesProgress:
    """Shows how far each look at the files has come. What takes less than a second leaves no line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._verb = ""
        self._started = self._last = time.monotonic()
        self._bar: Progress | None = None

    def show(self, event: FilesRead) -> None:
        """Shows one step; the last one of a long look leaves a line."""
        now = time.monotonic()
        if event.verb != self._verb:
            self._verb, self._started, self._last = event.verb, now, now
        if can_redraw(self._console):
            self._draw(event)
        elif event.done < event.total and now - self._last >= _PAUSE_S:
            self._last = now
            left = (now - self._started) / event.done * (event.total - event.done)
            self._line(f"{event.verb} pictures: {event.done:,} of {event.total:,}; about {duration(left)} left")
        if event.done == event.total:
            self.close()
            if now - self._started >= _LONG_S:
                self._line(f"{event.verb} {event.total:,} pictures took {duration(now - self._started)}.")

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _draw(self, event: FilesRead) -> None:
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.add_task(f"{event.verb} pictures", total=event.total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=event.done)

    def _line(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)
