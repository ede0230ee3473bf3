"""`python -m sweeper report`: prints or exports the leaderboard of one or more sweeps."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from sweeper.cli.errors import say
from sweeper.core.errors import ConfigError, did_you_mean
from sweeper.core.paths import OutputPaths
from sweeper.core.text import cell_text
from sweeper.report import export, sweep_report
from sweeper.report.sweep_report import SweepReport, View, tabulate
from sweeper.tracking.store import relocate_if_moved


def parse_minimum(text: str) -> tuple[str, float]:
    """Parses `COLUMN=NUMBER` of `--assert-min`."""
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=NUMBER, e.g. val_accuracy_low=0.99") from error


def report_command(options: argparse.Namespace, paths: OutputPaths) -> int:
    """Runs `python -m sweeper report`; returns the exit status."""
    from rich.console import Console

    from sweeper.report import terminal
    from sweeper.storage import stored_sweep
    from sweeper.storage.catalogue import sweep_names

    names = dict.fromkeys(options.names) or sweep_names(paths)[:1]
    relocate_if_moved(paths)
    loaded = [stored_sweep.load(paths, name) for name in names]
    apart = stored_sweep.why_apart(loaded)
    loaded = loaded if apart or len(loaded) == 1 else [stored_sweep.together(loaded)]
    reports = [sweep_report.judged(one) for one in loaded]
    if apart:
        say(f"Each sweep is ranked separately: {apart}.")
    view = sweep_report.View(top=options.top, sort=options.sort)
    failed = [text for sweep in reports for text in below(sweep, options.assert_min)]
    writers = {"csv": export.write_csv, "json": export.write_json, "markdown": export.write_markdown}
    chosen = {kind: getattr(options, kind) for kind in writers if getattr(options, kind) is not None}
    for kind, target in chosen.items():
        writers[kind](reports, target, view)
    if options.html is not None:
        from sweeper.report import examples, page

        shown = {
            one.name: examples.of_sweep(one, paths, found.findings.leader)
            for one, found in zip(loaded, reports, strict=True)
        }
        page.write_page(reports, options.html, shown)
    if not chosen and options.html is None:
        console = Console(highlight=False)
        for sweep in reports:
            terminal.print_report(console, sweep, view=view)
    for text in failed:
        say(text)
    return 1 if failed else 0


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
                f"--assert-min {name}={minimum:g} names no column. Columns: {', '.join(names)}. "
                f"{did_you_mean(name, names)}  Try: --assert-min val_accuracy_low=0.99"
            )
        value = rows[0][name] if rows and rows[0]["rank"] == 1 else None
        if isinstance(value, str | list | bool):
            raise ConfigError(
                f"--assert-min {name}={minimum:g} compares {cell_text(value)!r} with a number. Accepted: a column of "
                "numbers.  Try: --assert-min val_accuracy_low=0.99"
            )
        if value is None:
            found.append(f"{report.name}: its best trial has no {name}, which must be at least {minimum:g}.")
        elif not value >= minimum:
            found.append(
                f"{report.name}: {name} of trial {rows[0]['trial']}, the best, is {value:g}, below {minimum:g}."
            )
    return found
