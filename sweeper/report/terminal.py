"""A sweep's report: on the terminal, and as CSV, JSON or Markdown. Reading the rows from a store is done elsewhere."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeper.core.errors import ConfigError, StoreError, did_you_mean
from sweeper.core.paths import write_atomically
from sweeper.core.trials import Objective, TrialRow, TrialState
from sweeper.ranking import leaderboard
from sweeper.ranking.findings import Findings
from sweeper.ranking.leaderboard import OPTIMISTIC, cell_text
from sweeper.report import tables

#: A trial as a leaderboard's cells name it: its sweep, where there are several, and its number there.
_Shown = tuple[str | None, int]
#: Rows of a leaderboard on a terminal, where nothing else is asked for.
MOST_PRINTED = 200
_NUMBERS = 10  # trials named that failed for one reason


@dataclass(frozen=True)
class SweepReport:
    """One sweep as it is reported.

    Attributes:
        name: the sweep's name.
        objective: what it is ranked by.
        params: the swept keys, in the order of the sweep.
        rows: its trials, running ones among them.
        about: what else is known: data, started.
        test_is_validation: with `data.validation=test`, the notebook's way; every figure is then optimistic.
        further: objectives beside the first; the rank is then the number of the Pareto front.
        findings: what can be said of the ranking.
    """

    name: str
    objective: Objective
    params: tuple[str, ...]
    rows: tuple[TrialRow, ...]
    about: dict[str, str] = field(default_factory=dict)
    test_is_validation: bool = False
    further: tuple[Objective, ...] = ()
    findings: Findings = field(default_factory=Findings)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All of them, the first first."""
        return (self.objective, *self.further)


@dataclass(frozen=True)
class View:
    """Which rows are shown: the first `top`, ordered by the column `sort` (descending with a leading `-`)."""

    top: int | None = None
    sort: str | None = None


def tabulate(report: SweepReport, view: View) -> tuple[list[str], list[dict[str, Any]]]:
    """The leaderboard's column names and rows as the view has them."""
    ranked = leaderboard.rank(report.rows, *report.objectives)
    names, rows = leaderboard.table(ranked, report.params, *report.objectives)
    if view.sort is not None:
        rows = leaderboard.sort_rows(names, rows, view.sort)
    return names, rows[: view.top]


def write_csv(reports: Sequence[SweepReport], target: str, view: View | None = None) -> None:
    """Writes the leaderboard to a file, or to standard output for `-`; several sweeps get a column `sweep`.

    Raises:
        ConfigError: no such column to sort by.
        StoreError: the file cannot be written.
    """
    several = [tabulate(report, view or View()) for report in reports]
    names = leaderboard.merged([names for names, _ in several])
    rows = [
        {**dict.fromkeys(names), **row, **({"sweep": report.name} if len(reports) > 1 else {})}
        for report, (_, own) in zip(reports, several, strict=True)
        for row in own
    ]
    if len(reports) > 1:
        names.append("sweep")
    write_text(target, leaderboard.to_csv(names, rows), "csv")


def below(report: SweepReport, minima: Sequence[tuple[str, float]]) -> list[str]:
    """Says of each column and number in which the best trial is lower, or has nothing.

    Raises:
        ConfigError: no such column, or one without numbers.
    """
    names, rows = tabulate(report, View(top=1))
    found = []
    for name, minimum in minima:
        if name not in names:
            raise ConfigError(
                f"--assert-min {name}={minimum:g} names no column. There are: {', '.join(names)}. "
                f"{did_you_mean(name, names)}  Try: --assert-min val_accuracy_low=0.99"
            )
        value = rows[0][name] if rows and rows[0]["rank"] == 1 else None
        if isinstance(value, str | list | bool):
            raise ConfigError(
                f"--assert-min {name}={minimum:g} compares {cell_text(value)!r} with a number. Accepted: a column of "
                "numbers.  Try: --assert-min val_accuracy_low=0.99"
            )
        if value is None:
            found.append(f"{report.name}: its best trial has no {name}, which was to be at least {minimum:g}.")
        elif not value >= minimum:
            found.append(
                f"{report.name}: {name} of trial {rows[0]['trial']}, the best, is {value:g}, below {minimum:g}."
            )
    return found


def write_json(reports: Sequence[SweepReport], target: str, view: View | None = None) -> None:
    """Writes strict JSON: what is not a finite number is null. Targets and errors as for `write_csv`."""
    sweeps = []
    for report in reports:
        names, rows = tabulate(report, view or View())
        sweeps.append(
            {
                "name": report.name,
                **report.about,
                "objective": {"metric": report.objective.metric, "direction": report.objective.direction},
                "objectives": [{"metric": o.metric, "direction": o.direction} for o in report.objectives],
                "optimistic": report.test_is_validation,
                "columns": names,
                "findings": _json_value(dataclasses.asdict(report.findings)),
                "trials": [{name: _json_value(row[name]) for name in names} for row in rows],
            }
        )
    write_text(target, json.dumps({"sweeps": sweeps}, indent=2, allow_nan=False, default=str) + "\n", "json")


def _json_value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_json_value(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _json_value(one) for key, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_markdown(reports: Sequence[SweepReport], target: str, view: View | None = None) -> None:
    """Writes one section with a table a sweep, as GitHub reads it. Targets and errors as for `write_csv`."""
    write_text(target, "\n".join(_markdown(report, view or View()) for report in reports), "markdown")


def _markdown(report: SweepReport, view: View) -> str:
    names, rows = tabulate(report, view)
    lines = [f"## {_markdown_cell(report.name)}", "", _markdown_cell(_headline(report)), ""]
    lines += [f"| {' | '.join(map(_markdown_cell, names))} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_markdown_cell(cell_text(row[name])) for name in names)} |" for row in rows]
    said = [*report.findings.sentences, *report.findings.warnings]
    lines += ["", *(f"- {_markdown_cell(sentence)}" for sentence in said)] if said else []
    return "\n".join(lines) + "\n"


def _markdown_cell(text: str) -> str:
    """Text that Markdown shows as it is; an underscore within a word means nothing there."""
    escaped = text.replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = re.sub(r"[|`*~$\[\]]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", escaped)
    return " ".join(escaped.split())


def write_text(target: str, text: str, option: str) -> None:
    """Writes to standard output for `-`; to a file all or nothing; to a pipe or device as it comes.

    Raises:
        StoreError: it cannot be written.
    """
    if target in ("-", "/dev/stdout"):
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    path = Path(target).expanduser()
    try:
        if path.is_file() or not path.exists():
            write_atomically(path.resolve(), text)  # through a link, not in its place
        else:
            path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise StoreError(
            f"{target} cannot be written: {error.strerror or error}. Accepted: a file in a folder that you may write, "
            f"or - for standard output.  Try: --{option} -"
        ) from error


def _headline(report: SweepReport) -> str:
    objective = ", ".join(f"{objective.metric} ({objective.direction})" for objective in report.objectives)
    objective = f"the Pareto front of {objective}" if report.further else objective
    data = f"data {report.about['data']}, " if "data" in report.about else ""
    label = f"; {OPTIMISTIC}" if report.test_is_validation else ""
    return f"{data}ranked by {objective}{label}"


def print_report(console: Console, report: SweepReport, csv_path: Path | None = None, view: View | None = None) -> None:
    """Prints the leaderboard, what can be said of it, the notebook's table, why trials failed, where the CSV lies.

    Of a large sweep the first `MOST_PRINTED` rows, unless the view asks for more.
    """
    view = view or View()
    names, rows = tabulate(report, replace(view, top=MOST_PRINTED) if view.top is None else view)
    console.print()
    _print(console, f"Leaderboard of {report.name}: {_headline(report)}", style="bold")
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
        console.print(f"{running} more {'is' if running == 1 else 'are'} running, or cut off.")


def _print_findings(console: Console, report: SweepReport) -> None:
    """What can be said of the ranking, one sentence a paragraph, wrapped as text."""
    findings = report.findings
    if findings.sentences:
        _print(console, "\nWhat can be said", style="bold")
    for sentence in findings.sentences:
        console.print(Text(f"- {tables.printable(sentence)}"), width=min(console.width, 120))
    for warning in findings.warnings:
        console.print(Text(f"- {tables.printable(warning)}", style="yellow"), width=min(console.width, 120))


def _print_notebook_table(console: Console, report: SweepReport, shown: set[_Shown]) -> None:
    rows = [row for row in report.rows if (row.details.get("sweep"), row.details.get("trial", row.number)) in shown]
    table = tables.notebook_table(rows, test_is_validation=report.test_is_validation, width=console.width)
    if table is None:
        return
    _print(console, "\nThe notebook's comparison", style="bold")
    _print_table(console, table)


def _print_failures(console: Console, report: SweepReport) -> None:
    """Each reason once, with the trials that it ended."""
    reasons: dict[str, list[int]] = {}
    for row in sorted(report.rows, key=lambda row: row.number):
        if row.state is TrialState.FAILED:
            reasons.setdefault(tables.printable(" ".join(row.error.split())), []).append(row.number)
    if reasons:
        _print(console, "\nFailed", style="bold")
    for reason, numbers in reasons.items():
        more = f" and {len(numbers) - _NUMBERS} more" if len(numbers) > _NUMBERS else ""
        trials = f"trial{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers[:_NUMBERS]))}{more}"
        _print(console, f"  {trials}: {reason}")
