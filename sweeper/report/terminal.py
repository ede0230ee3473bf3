"""A sweep's report: on the terminal, and as CSV, JSON or Markdown. Reading the rows from a store is done elsewhere."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeper.core.text import listed, printable
from sweeper.core.trials import TrialRow, TrialState
from sweeper.ranking import leaderboard
from sweeper.report import notebook, tables
from sweeper.report.sweep_report import SweepReport, View, headline, tabulate

#: A trial as a leaderboard's cells name it: its sweep, where there are several, and its number there.
_Shown = tuple[str | None, int]
#: Rows of a leaderboard on a terminal, where nothing else is asked for.
MOST_PRINTED = 200
_NUMBERS = 10  # trials named that failed for one reason


def print_report(console: Console, report: SweepReport, csv_path: Path | None = None, view: View | None = None) -> None:
    """Prints the leaderboard, what can be said of it, the notebook's table, why trials failed, where the CSV lies.

    Of a large sweep the first `MOST_PRINTED` rows, unless the view asks for more.
    """
    view = view or View()
    names, rows = tabulate(report, replace(view, top=MOST_PRINTED) if view.top is None else view)
    console.print()
    _print(console, f"Leaderboard of {report.name}: {headline(report)}", style="bold")
    if rows:
        _print_table(
            console,
            tables.leaderboard_table(names, rows, report.params, report.objective, console.width, report.further),
        )
    else:
        console.print("No trial has finished.")
    shown = {(row.get("sweep"), row["trial"]) for row in rows}
    _print_counts(console, report, shown)
    _print_findings(console, report)
    _print_notebook_table(console, report, shown)
    _print_failures(console, report)
    if csv_path is not None:
        _print(console, f"\nThe leaderboard as CSV: {csv_path}")


def _print(console: Console, text: str, style: str = "") -> None:
    """One line as it is: no markup, no highlighting, not broken."""
    console.print(Text(text, style=style), soft_wrap=True)


def _print_table(console: Console, table: Table) -> None:
    """A table; where it is wider than the console its lines are too, so that no figure is cut."""
    if (table.min_width or 0) <= console.width:
        console.print(table)
        return
    text = io.StringIO()
    Console(file=text, width=table.min_width).print(table)
    _print(console, text.getvalue().rstrip("\n"))


def _print_counts(console: Console, report: SweepReport, shown: set[_Shown]) -> None:
    """What the table does not show."""
    running = sum(row.state is TrialState.RUNNING for row in report.rows)
    hidden = len(report.rows) - running - len(shown)
    if hidden:
        console.print(
            f"{hidden} more finished, not shown; --top {hidden + len(shown)} shows all, --csv - has them too."
        )
    if running:
        console.print(f"{running} more {'is' if running == 1 else 'are'} running, or interrupted.")


def _print_findings(console: Console, report: SweepReport) -> None:
    """What can be said of the ranking, one sentence a paragraph, wrapped as text."""
    if report.sentences:
        _print(console, "\nWhat can be said", style="bold")
    for sentence in report.sentences:
        console.print(Text(f"- {printable(sentence)}"), width=min(console.width, 120))
    for warning in report.warnings:
        console.print(Text(f"- {printable(warning)}", style="yellow"), width=min(console.width, 120))


def _shown_as(row: TrialRow) -> _Shown:
    return (None, row.number) if row.origin is None else (row.origin.sweep, row.origin.trial)


def _print_notebook_table(console: Console, report: SweepReport, shown: set[_Shown]) -> None:
    rows = [row for row in report.rows if _shown_as(row) in shown]
    table = notebook.notebook_table(rows, test_is_validation=report.test_is_validation, width=console.width)
    if table is None:
        return
    _print(console, "\nThe notebook's comparison", style="bold")
    _print_table(console, table)


def _print_failures(console: Console, report: SweepReport) -> None:
    """Each reason once, with the trials that it ended."""
    reasons = leaderboard.failures_by_reason(report.rows)
    if reasons:
        _print(console, "\nFailed", style="bold")
    for reason, rows in reasons.items():
        names = listed([row.name for row in rows], _NUMBERS)
        _print(console, f"  trial{'s' if len(rows) > 1 else ''} {names}: {printable(reason)}")
