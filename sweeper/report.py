"""Interim."""
from __future__ import annotations
from dataclasses import dataclass, field
from typing import Any
@dataclass(frozen=True)
class SweepReport:
    name: str
    objective: Any
    params: Any
    rows: Any
    about: Any = field(default_factory=dict)
    test_is_validation: bool = False
@dataclass(frozen=True)
class View:
    top: Any = None
    sort: Any = None
def write_csv(reports: Any, path: Any, view: Any = None) -> None:
    open(path, "w").write("\n".join(str((r.number, r.state, r.metrics)) for s in reports for r in s.rows))
write_json = write_markdown = write_csv
def print_report(console: Any, report: Any, csv_path: Any = None, view: Any = None) -> None:
    for r in report.rows: console.print(str((r.number, str(r.state), r.params, r.metrics, r.error)))
