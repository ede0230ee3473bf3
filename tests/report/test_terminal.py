"""Reports on a console."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from reported_sweeps import HOSTILE, failed, sweep, trial
from sweeper.core.trials import TrialRow, TrialState
from sweeper.report import terminal
from sweeper.report.sweep_report import SweepReport, View

CNN = {"_target_": "models.cnn.build", "depth": 3, "kernel_size": 3, "pool_size": [1, 2, 3]}


def printed(shown: SweepReport, width: int = 160, **more: Any) -> str:
    out = io.StringIO()
    terminal.print_report(Console(file=out, width=width), shown, **more)
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))


def comparable(number: int, value: float) -> TrialRow:
    metrics = {"train_loss": 0.1, "train_accuracy": 0.9, "val_loss": 0.2, "epochs": 10}
    return trial(number, value, metrics=metrics, arch=CNN | {"kernel_size": number})


def test_a_report_says_what_it_is_about_and_where_the_csv_lies() -> None:
    path = Path("/a [red]folder/" + "x" * 200 + "/leaderboard.csv")
    text = printed(sweep(comparable(3, 0.5), comparable(5, 0.75), failed(7, "[red]it broke[/red]")), csv_path=path)
    assert "Leaderboard of first: data digits, ranked by val_accuracy (maximize)\n" in text
    assert "selected on the test set" not in text
    comparison = text[text.index("The notebook's comparison\n") :]
    assert [" ".join(line.split()) for line in comparison.split("\n")[2:4]] == [
        "3 3x3 same 2x2, 3x3 10 0.1000 90.00 % 0.2000 50.00 %",
        "3 5x5 same 2x2, 3x3 10 0.1000 90.00 % 0.2000 75.00 %",
    ]
    assert "Failed\n  trial 7: [red]it broke[/red]\n" in text
    assert f"The leaderboard as CSV: {path}\n" in text


def test_a_report_on_the_test_set_is_labelled_throughout() -> None:
    text = printed(sweep(comparable(3, 0.5), test_is_validation=True), width=200)
    assert "ranked by val_accuracy (maximize); selected on the test set" in text
    assert "test accuracy (selected on it)" in text


def test_a_reason_that_ended_several_trials_is_told_once() -> None:
    rows = [failed(number, "out of memory") for number in range(14)]
    text = printed(sweep(failed(20, "a\nb \x1b[31m"), *rows[::-1]))
    assert "  trials 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 4 more: out of memory\n  trial 20: a b \\x1b[31m\n" in text


def test_a_report_tells_what_it_does_not_show() -> None:
    running = [TrialRow(number, TrialState.RUNNING, {}) for number in (7, 8)]
    text = printed(sweep(trial(0), trial(1), failed(2, "it broke"), *running), view=View(top=1))
    hidden = "2 more finished, not shown; --top 3 shows all, --csv - has them too."
    assert f"{hidden}\n2 more are running, or interrupted.\n" in text
    assert "trial 2: it broke" in text
    assert "1 more is running, or interrupted." in printed(sweep(trial(0), running[0]))


def test_a_report_without_a_finished_trial_says_so() -> None:
    text = printed(sweep())
    assert "No trial has finished." in text
    assert "Failed" not in text


@pytest.mark.parametrize("width", [20, 40, 60, 80])
def test_no_figure_is_cut_on_a_narrow_console(width: int) -> None:
    text = printed(sweep(comparable(3, 0.5), comparable(5, 0.75)), width=width)
    assert "…" not in text
    assert text.count("90.00 %") == 2
    assert "0.7500" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_values_are_printed_as_they_are(text: str) -> None:
    shown = printed(sweep(trial(0, params={"arch.depth": text}), failed(1, f"{text} broke")))
    assert f"trial 1: {' '.join(text.split())} broke" in shown
    assert (text.replace("\n", "\\n")) in shown
