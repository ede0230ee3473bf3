"""A sweep as a notebook shows it: its board and its sentences, as HTML without a script.

What does not live here: the report as a page (`sweeper.report.page`).
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from sweeper.core.text import printable
from sweeper.report import tables
from sweeper.report.sweep_report import SweepReport, View, headline, tabulate

_MOST = 20  # rows


def board(report: SweepReport) -> str:
    """The leaderboard's first rows, what can be said of it, and warnings."""
    names, rows = tabulate(report, View())
    heads, cells = tables.plain_cells(names, rows[:_MOST], report.params, report.objectives)
    head = "".join(f"<th>{_text(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in line)}</tr>" for line in cells)
    more = f"<p>{len(rows) - _MOST} more trials: <code>sweep.leaderboard</code></p>" if len(rows) > _MOST else ""
    marks = f"<p>* {tables.leading_group_note(rows)}</p>"
    group = marks if any(row.get("leading_group") for row in rows) else ""
    return (
        f"<div><p><b>{_text(report.name)}</b>: {_text(headline(report))}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{group}{more}"
        f"{sentences([*report.sentences, *report.warnings])}</div>"
    )


def sentences(said: Iterable[str]) -> str:
    """Sentences as a list."""
    items = "".join(f"<li>{_text(sentence)}</li>" for sentence in said)
    return f"<ul>{items}</ul>" if items else ""


def _text(text: str) -> str:
    return escape(printable(text))
