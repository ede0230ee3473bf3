"""What is printed at a sweep's end: the report, where its files are, and what to type next."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console

from sweeper.config.schema import Config
from sweeper.report import terminal
from sweeper.sweep.finish import SweepOutcome
from sweeper.sweep.plan import SweepPlan
from sweeper.tracking.ui import plain_command


def print_outcome(console: Console, plan: SweepPlan, outcome: SweepOutcome) -> None:
    """Prints the leaderboard, what can be said, the files, and the next command."""
    folder, paths = plan.folder, plan.paths
    terminal.print_report(console, outcome.report, csv_path=folder.leaderboard)
    lines = [f"The report as a page: {folder.page}"]
    if outcome.interrupted:
        lines += ["Interrupted. Finished trials are kept; to resume:", f"  {plan.resume_command}"]
    else:
        lines.append("To browse the runs:")
        if plan.settings.tracking.uri is None:
            lines += [f"  {ui_command(paths.root)}", f"  {plain_command(paths.root)}"]
        else:
            lines.append(f"  {outcome.tracking_uri}")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def ui_command(root: Path) -> str:
    """What shows the runs of an output folder, typed in the current folder."""
    is_usual = root == Path(Config.output_dir).resolve()
    return "python -m sweeper ui" if is_usual else f"python -m sweeper ui --output-dir {shlex.quote(str(root))}"
