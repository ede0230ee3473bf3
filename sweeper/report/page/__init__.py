"""The report as one page: `report.html`, which needs no network and no other file.

    texts, words, roles     what is written, and who stands out
    board, charts           the table's cells, the charts' specifications
    pictures, library       images as PNG, the chart library
    page.html, .css, .js    what it looks like, and what the browser does

What does not live here: the order of the rows (`sweeper.ranking.leaderboard`) and what can be said of it
(`sweeper.ranking.findings`).
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.core.text import listed
from sweeper.report.examples import Exhibits
from sweeper.report.export import write_text
from sweeper.report.page import sections
from sweeper.report.page.vega_bundle import bundle
from sweeper.report.sweep_report import SweepReport
from sweeper.report.text import plain

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent


def write_page(reports: Sequence[SweepReport], target: str, exhibits: Mapping[str, Exhibits] | None = None) -> None:
    """Writes the page to a file, or to standard output for `-`.

    Args:
        reports: one sweep or several, in their order on the page.
        target: where it goes.
        exhibits: images and confusion matrix, by the sweep's name.

    Raises:
        StoreError: the file cannot be written.
    """
    write_text(target, page(reports, exhibits), "html")


def page(reports: Sequence[SweepReport], exhibits: Mapping[str, Exhibits] | None = None) -> str:
    """The page's HTML. Arguments as for `write_page`."""
    shown = [
        sections.sweep_section(f"s{place}", report, (exhibits or {}).get(report.name, Exhibits()))
        for place, report in enumerate(reports)
    ]
    style, script, library = _file("page.css"), _file("page.js"), bundle()
    text = (
        _environment()
        .get_template("page.html")
        .render(
            sweeps=shown,
            title=listed(plain(report.name) for report in reports) or "No sweep",
            style=style,
            script=script,
            library=library,
            policy=_policy(script, library),
            data=_json({one.key: one.data for one in shown}),
            written=datetime.now(UTC),
        )
    )
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _policy(*scripts: str) -> str:
    """A Content-Security-Policy that lets nothing be fetched, and no script run but these."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def _json(value: Any) -> str:
    """JSON that may stand within a script element, whatever texts are in it (HTML, 4.12.1.3)."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for sign in "<>\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


@functools.cache
def _file(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> Environment:
    """Templates whose every value is escaped, unless it is marked as HTML of our own."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


__all__ = ["page", "write_page"]
