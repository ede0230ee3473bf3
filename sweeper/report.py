"""A sweep's report: on the terminal, and as CSV, JSON or Markdown. Reading the rows from a store is done elsewhere."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from sweeper import leaderboard, tables
from sweeper.errors import StoreError
from sweeper.leaderboard import OPTIMISTIC, cell_text
from sweeper.paths import write_atomically
from sweeper.records import Objective, TrialRow, TrialState


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
    """

    name: str
    objective: Objective
    params: tuple[str, ...]
    rows: tuple[TrialRow, ...]
    about: dict[str, str] = field(default_factory=dict)
    test_is_validation: bool = False


@dataclass(frozen=True)
class View:
    """Which rows are shown: the first `top`, ordered by the column `sort` (descending with a leading `-`)."""

    top: int | None = None
    sort: str | None = None


def tabulate(report: SweepReport, view: View) -> tuple[list[str], list[dict[str, Any]]]:
    """The leaderboard's column names and rows as the view has them."""
    ranked = leaderboard.rank(report.rows, report.objective)
    names, rows = leaderboard.table(ranked, report.params, report.objective)
    if view.sort is not None:
        rows = leaderboard.sort_rows(names, rows, view.sort)
    return names, rows[: view.top]


def write_csv(reports: Sequence[SweepReport], target: str, view: View | None = None) -> None:
    """Writes the leaderboard to a file, or to standard output for `-`; several sweeps get a column `sweep`."""
    names: list[str] = []
    rows: list[dict[str, Any]] = []
    for report in reports:
        own_names, own_rows = tabulate(report, view or View())
        names += [name for name in own_names if name not in names]
        rows += [{**row, "sweep": report.name} for row in own_rows]
    if len(reports) > 1:
        names.append("sweep")
    _write(target, leaderboard.to_csv(names, [{name: row.get(name) for name in names} for row in rows]))


def write_json(reports: Sequence[SweepReport], target: str, view: View | None = None) -> None:
    """Writes strict JSON: what is not a finite number is null."""
    sweeps = []
    for report in reports:
        names, rows = tabulate(report, view or View())
        sweeps.append(
            {
                "name": report.name,
                **report.about,
                "objective": {"metric": report.objective.metric, "direction": report.objective.direction},
                "optimistic": report.test_is_validation,
                "columns": names,
                "trials": [{name: _json_value(row[name]) for name in names} for row in rows],
            }
        )
    _write(target, json.dumps({"sweeps": sweeps}, indent=2, allow_nan=False) + "\n")


def _json_value(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_markdown(reports: Sequence[SweepReport], target: str, view: View | None = None) -> None:
    """Writes one section with a table a sweep."""
    _write(target, "\n".join(_markdown(report, view or View()) for report in reports))


def _markdown(report: SweepReport, view: View) -> str:
    names, rows = tabulate(report, view)
    lines = [f"## {_markdown_cell(report.name)}", "", _markdown_cell(_headline(report)), ""]
    lines += [f"| {' | '.join(map(_markdown_cell, names))} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_markdown_cell(cell_text(row[name])) for name in names)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _markdown_cell(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in "|`*_[]":
        escaped = escaped.replace(mark, f"\\{mark}")
    return " ".join(escaped.split())


def _write(target: str, text: str) -> None:
    """Raises StoreError where the file cannot be written."""
    if target == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        write_atomically(Path(target), text)
    except OSError as error:
        raise StoreError(
            f"{target} cannot be written: {error.strerror or error}. Accepted: a file in a folder that you may write, "
            "or - for standard output.  Try: --csv leaderboard.csv"
        ) from error


def _headline(report: SweepReport) -> str:
    objective = f"{report.objective.metric} ({report.objective.direction})"
    data = f"data {report.about['data']}, " if "data" in report.about else ""
    label = f"; {OPTIMISTIC}" if report.test_is_validation else ""
    return f"{data}ranked by {objective}{label}"


def print_report(console: Console, report: SweepReport, csv_path: Path | None = None, view: View | None = None) -> None:
    """Prints the leaderboard, the notebook's table, and why trials failed."""
    view = view or View()
    names, rows = tabulate(report, view)
    console.print()
    console.print(Text(f"Leaderboard of {report.name}: {_headline(report)}", style="bold"), soft_wrap=True)
    running = [row for row in report.rows if row.state is TrialState.RUNNING]
    if rows:
        console.print(tables.leaderboard_table(names, rows, report.params, report.objective, console.width))
    else:
        console.print("No trial has finished.")
    if running:
        console.print(f"{len(running)} more are running, or were cut off.")
    _print_notebook_table(console, report, {row["trial"] for row in rows})
    _print_failures(console, rows)
    if csv_path is not None:
        console.print(Text(f"\nThe leaderboard as CSV: {csv_path}"), soft_wrap=True)


def _print_notebook_table(console: Console, report: SweepReport, shown: set[int]) -> None:
    rows = [row for row in report.rows if row.number in shown]
    table = tables.notebook_table(rows, test_is_validation=report.test_is_validation)
    if table is None:
        return
    label = f" ({OPTIMISTIC})" if report.test_is_validation else ""
    console.print(Text(f"\nThe notebook's comparison{label}", style="bold"))
    console.print(table)


def _print_failures(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    failed = [row for row in rows if row["error"]]
    if failed:
        console.print(Text("\nFailed", style="bold"))
    for row in failed:
        console.print(Text(f"  trial {row['trial']}: {row['error']}"), soft_wrap=True)
