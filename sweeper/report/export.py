"""The leaderboard as a file: CSV, JSON, Markdown."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.core.errors import StoreError
from sweeper.core.paths import write_atomically
from sweeper.core.text import cell_text
from sweeper.ranking import columns
from sweeper.report.sweep_report import SweepReport, View, headline, tabulate

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


#: Of the form that `docs/report.schema.json` describes; it grows where a reader of an earlier form would misread.
JSON_VERSION = 1


def to_csv(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Comma-separated values (RFC 4180, lines end in \\n); text that a spreadsheet would compute gets an apostrophe."""
    cells: list[Sequence[Any]] = [names, *([row[name] for name in names] for row in rows)]
    return "".join(f"{_csv_line(line)}\n" for line in cells)


def _csv_line(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    # With this ending, and no other, csv of Python 3.11 also quotes a carriage return.
    csv.writer(out, lineterminator="\r\n").writerow([_csv_cell(cell) for cell in cells])
    return out.getvalue().removesuffix("\r\n")


def _csv_cell(value: Any) -> str:
    text = cell_text(value)
    return f"'{text}" if text.startswith(_FORMULA) and not isinstance(value, int | float) else text


def write_csv(reports: Sequence[SweepReport], target: str, view: View | None = None) -> None:
    """Writes the leaderboard to a file, or to standard output for `-`; several sweeps get a column `sweep`.

    Raises:
        ConfigError: no such column to sort by.
        StoreError: the file cannot be written.
    """
    several = [tabulate(report, view or View()) for report in reports]
    names = columns.merged([names for names, _ in several])
    rows = [
        {**dict.fromkeys(names), **row, **({"sweep": report.name} if len(reports) > 1 else {})}
        for report, (_, own) in zip(reports, several, strict=True)
        for row in own
    ]
    if len(reports) > 1:
        names.append("sweep")
    write_text(target, to_csv(names, rows), "csv")


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
                "selected_on_test_set": report.test_is_validation,
                **_about_classes(report),
                **_about_refit(report),
                "columns": names,
                "findings": _json_value(
                    {"sentences": report.sentences, "warnings": report.warnings, **dataclasses.asdict(report.findings)}
                ),
                "trials": [{name: _json_value(row[name]) for name in names} for row in rows],
            }
        )
    write_text(
        target,
        json.dumps({"version": JSON_VERSION, "sweeps": sweeps}, indent=2, allow_nan=False, default=str) + "\n",
        "json",
    )


def _about_classes(report: SweepReport) -> dict[str, Any]:
    """The leader's figures of each class, where metrics were asked for."""
    lines = [{"class": name, **dataclasses.asdict(one)} for name, one in report.by_class.items()]
    return {"per_class": {"trial": report.findings.leader, "classes": lines}} if lines else {}


def _about_refit(report: SweepReport) -> dict[str, Any]:
    """The first configuration's training on all images, where there is one."""
    refit = report.refit
    if refit is None or refit.trial.row is None:
        return {}
    row = refit.trial.row
    return {
        "refit": {
            "overrides": list(refit.trial.overrides),
            "params": _json_value(refit.trial.params),
            "trials": list(refit.trials),
            "epochs": refit.epochs,
            "seed": row.seed,
            "num_train": row.facts.num_train,
            "num_test": row.facts.num_test,
            "run_id": refit.trial.run_id,
            "metrics": _json_value(row.metrics),
        }
    }


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
    lines = [f"## {_markdown_cell(report.name)}", "", _markdown_cell(headline(report)), ""]
    lines += [f"| {' | '.join(map(_markdown_cell, names))} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_markdown_cell(cell_text(row[name])) for name in names)} |" for row in rows]
    said = [*report.sentences, *report.warnings]
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
