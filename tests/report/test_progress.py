"""What a user sees of a running sweep."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest
from rich.console import Console

from sweeper.core.objectives import Objective
from sweeper.core.text import duration, figure
from sweeper.core.trials import EpochReport, TrialRow, TrialState
from sweeper.report import progress as display
from sweeper.report.progress import LineDisplay, LiveDisplay, Progress

ACCURACY = Objective("val_accuracy", "maximize")
LOSS = Objective("val_loss", "minimize")
EPOCH = EpochReport(2, {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.25, "val_accuracy": 0.9, "duration_s": 1.0}, 0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0.0 s"),
        (3.24, "3.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (60, "1 min 00 s"),
        (245.4, "4 min 05 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (7620, "2 h 07 min"),
        (360_000, "100 h 00 min"),
    ],
)
def test_seconds_are_written_for_people(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.98765, "0.9877"),
        (1.0, "1.0000"),
        (0.0, "0.0000"),
        (12.5, "12.5000"),
        (10.0, "10"),
        (218460, "218,460"),
        (-1234.0, "-1,234"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_figures_have_four_decimals_or_are_whole(value: float, expected: str) -> None:
    assert figure(value) == expected


def row(number: int, state: TrialState = TrialState.COMPLETE, *, error: str = "", **metrics: float) -> TrialRow:
    return TrialRow(number, state, {}, {"duration_s": 65.0, **metrics}, error=error)


@pytest.mark.parametrize(
    ("objective", "values", "best"),
    [
        pytest.param(ACCURACY, [0.7, 0.9, 0.8], 1, id="the highest accuracy"),
        pytest.param(LOSS, [0.7, 0.9, 0.8], 0, id="the lowest loss"),
        pytest.param(ACCURACY, [0.9, 0.9], 0, id="the first of equals"),
        pytest.param(LOSS, [0.5, 0.2, 0.2], 1, id="the first of equally low ones"),
        pytest.param(Objective("val_loss", "maximize"), [0.5, 0.2], 0, id="the direction decides, not the name"),
    ],
)
def test_the_best_so_far_follows_the_direction(objective: Objective, values: list[float], best: int) -> None:
    progress = Progress(len(values), 1, objective)
    for number, value in enumerate(values):
        progress.add(row(number, **{objective.metric: value}))

    assert progress.best is not None
    assert progress.best.number == best
    assert progress.best_text() == f"trial {best}, {objective.metric} {values[best]:.4f}"


@pytest.mark.parametrize("state", [TrialState.FAILED, TrialState.PRUNED])
def test_a_trial_that_is_not_complete_counts_and_is_never_the_best(state: TrialState) -> None:
    progress = Progress(2, 1, ACCURACY)
    progress.add(row(0, state, error="it broke", val_accuracy=0.99))

    assert (progress.num_finished, progress.best, progress.best_text()) == (1, None, "none yet")
    progress.add(row(1, val_accuracy=0.1))
    assert progress.best_text() == "trial 1, val_accuracy 0.1000"


def test_the_time_left_is_by_the_pace_of_the_trials_that_finished_here() -> None:
    progress = Progress(10, 2, ACCURACY, started=time.monotonic() - 60)
    assert progress.left_s() is None

    for number in range(4):  # of an earlier driver: they are done, and say nothing of the pace
        progress.add(row(number, val_accuracy=0.5), here=False)
    assert progress.left_s() is None

    progress.add(row(4, val_accuracy=0.5))
    progress.add(row(5, TrialState.FAILED, error="it broke"))
    assert progress.left_s() == pytest.approx(60 / 2 * 4, rel=0.02)


class Shown:
    """A display on a console that writes to memory."""

    def __init__(self, kind: Any = LineDisplay, *, terminal: bool = False, started: float | None = None) -> None:
        self.out = io.StringIO()
        # narrow on purpose: a log's line is not to be wrapped
        console = Console(file=self.out, width=200 if terminal else 40, force_terminal=terminal, color_system=None)
        self.progress = Progress(3, 1, ACCURACY, started=time.monotonic() if started is None else started)
        self.display = kind(console, self.progress)

    @property
    def lines(self) -> list[str]:
        return self.out.getvalue().splitlines()


def test_each_event_is_one_line() -> None:
    shown = Shown()
    shown.display.note("2 trials are finished already")
    shown.display.started(1, ("arch.depth=3", "seed=0"), 10)
    shown.display.started(2, (), 10)
    shown.display.interrupted(2)
    shown.display.close()

    assert shown.lines == [
        "2 trials are finished already",
        "trial 1 starts: arch.depth=3 seed=0",
        "trial 2 starts: (as configured)",
        "trial 2 was interrupted",
    ]


def test_the_end_of_a_trial_is_told_with_its_outcome_the_best_and_the_time_left() -> None:
    shown = Shown(started=time.monotonic() - 100)
    shown.display.finished(row(0, val_accuracy=0.9))
    shown.display.finished(row(1, TrialState.FAILED, error="the loss became nan"))
    shown.display.finished(row(2, TrialState.PRUNED, val_accuracy=0.5))

    assert shown.lines == [
        "trial 0 complete: val_accuracy 0.9000 in 1 min 05 s "
        "(1 of 3; best: trial 0, val_accuracy 0.9000; about 3 min 20 s left)",
        "trial 1 failed: the loss became nan (2 of 3; best: trial 0, val_accuracy 0.9000; about 50.0 s left)",
        "trial 2 pruned: val_accuracy 0.5000 in 1 min 05 s (3 of 3; best: trial 0, val_accuracy 0.9000)",
    ]


def test_before_any_trial_is_complete_there_is_no_best() -> None:
    shown = Shown(started=time.monotonic() - 100)
    shown.display.finished(row(0, TrialState.FAILED, error="it broke"))

    assert shown.lines == ["trial 0 failed: it broke (1 of 3; best: none yet; about 3 min 20 s left)"]


def test_an_epoch_is_told_only_where_nothing_was_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Shown()
    shown.display.started(1, (), 10)
    shown.display.epoch(1, EPOCH)
    assert len(shown.lines) == 1

    monkeypatch.setattr(display, "_QUIET_S", 0.0)
    shown.display.epoch(1, EPOCH)
    assert shown.lines[1:] == ["trial 1 epoch 2 of 10: loss 0.5000, val_loss 0.2500, val_accuracy 0.9000"]


HOSTILE = "[bold]x[/bold] [/] :smile: [link=http://a]"


@pytest.fixture(autouse=True)
def _a_terminal_that_can_redraw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(("kind", "terminal"), [(LineDisplay, False), (LiveDisplay, True)])
def test_what_a_user_gave_is_printed_as_it_is(kind: type, terminal: bool) -> None:
    shown = Shown(kind, terminal=terminal)
    shown.display.note(f"note {HOSTILE}")
    shown.display.started(1, (f"arch._target_={HOSTILE}",), 10)
    shown.display.finished(row(1, TrialState.FAILED, error=f"error {HOSTILE}"))
    shown.display.close()

    for text in (f"note {HOSTILE}", f"arch._target_={HOSTILE}", f"failed: error {HOSTILE}"):
        assert text in shown.out.getvalue()


def test_on_a_terminal_the_running_trials_are_a_table_and_elsewhere_lines() -> None:
    progress = Progress(3, 1, ACCURACY)
    terminal = display.create(Console(file=io.StringIO(), force_terminal=True), progress)
    terminal.close()

    assert isinstance(terminal, LiveDisplay)
    assert isinstance(display.create(Console(file=io.StringIO(), force_terminal=False), progress), LineDisplay)


def test_the_table_has_a_row_for_each_running_trial_with_its_latest_epoch() -> None:
    shown = Shown(LiveDisplay, terminal=True)
    shown.display.started(1, ("arch.depth=3",), 10)
    shown.display.started(2, ("arch.depth=5",), 10)
    shown.display.epoch(1, EPOCH)
    shown.display.interrupted(2)
    table = io.StringIO()
    Console(file=table, width=200).print(shown.display._draw())
    shown.display.close()

    head, trial, foot = (" ".join(line.split()) for line in table.getvalue().splitlines())
    assert head == "trial configuration epoch val_accuracy val_loss running"
    assert trial.startswith("1 arch.depth=3 2/10 0.9000 0.2500 0.")
    assert foot == "0 of 3 trials; best so far: none yet; time left: not known yet"
    assert "trial 2 was interrupted" in shown.out.getvalue()
