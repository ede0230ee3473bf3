from __future__ import annotations

import io

import pytest
from rich.console import Console

from sweeper.core.events import FilesRead, Note
from sweeper.report import files_progress
from sweeper.report.files_progress import FilesProgress
from sweeper.report.progress import ConsoleListener


class Clock:
    """Seconds, as the test says."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(files_progress, "time", clock)
    return clock


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_short_look_is_not_mentioned(clock: Clock) -> None:
    console = Console(file=io.StringIO(), width=100)
    shown = FilesProgress(console)
    for done in (1, 50, 100):
        clock.now += 0.2
        shown.show(FilesRead("Reading", done, 100))
    assert printed(console) == []


def test_a_long_look_is_a_line_every_ten_seconds_and_one_at_its_end(clock: Clock) -> None:
    console = Console(file=io.StringIO(), width=100)
    shown = FilesProgress(console)
    for done in range(0, 3001, 100):
        shown.show(FilesRead("Reading", done, 3000))
        clock.now += 1
    assert printed(console) == [
        "Reading pictures: 1,000 of 3,000; about 20.0 s left",
        "Reading pictures: 2,000 of 3,000; about 10.0 s left",
        "Reading 3,000 pictures took 30.0 s.",
    ]


def test_each_kind_of_look_has_its_own_time(clock: Clock) -> None:
    console = Console(file=io.StringIO(), width=100)
    shown = FilesProgress(console)
    for verb in ("Looking at", "Checking"):
        for done in (1, 2):
            shown.show(FilesRead(verb, done, 2))
            clock.now += 1.5
    assert printed(console) == ["Looking at 2 pictures took 1.5 s.", "Checking 2 pictures took 1.5 s."]


def test_on_a_terminal_a_bar_is_drawn_and_taken_away_before_the_next_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with ConsoleListener(console) as listener:
        for done in (1, 20, 40):
            listener(FilesRead("Reading", done, 60))
        listener(Note("The data is whole."))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "Reading pictures" in text
    assert "/60" in text
    assert text.rstrip().endswith("The data is whole.")


def test_on_a_terminal_that_cannot_move_its_cursor_lines_are_written(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    progress = FilesProgress(console)
    for done in (1, 30, 60):
        progress.show(FilesRead("Reading", done, 60))
        clock.now += 11
    assert isinstance(console.file, io.StringIO)
    assert "Reading pictures: 30 of 60" in console.file.getvalue()
