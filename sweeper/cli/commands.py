"""The commands besides a sweep (`report`, `verify`, …)."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sweeper.cli.report import parse_minimum, report_command
from sweeper.config.schema import check_output_dir
from sweeper.core.errors import ConfigError, SweeperError, did_you_mean
from sweeper.core.paths import OutputPaths
from sweeper.tracking.store import relocate_if_moved

COMMANDS = ("report", "verify", "promote", "replay", "ui", "clean")

_FOLDER = "mlruns"  # where sweeps are, if no other folder is named
_TRIES_COMMAND = re.compile(rf"Try: python -m sweeper ({'|'.join(COMMANDS)})( [^ ;,]+)*$")


def run(arguments: Sequence[str]) -> int:
    """Runs a command.

    Raises:
        SweeperError: it is refused, or something broke; a command to type instead names the given output folder.
    """
    options, rest = _parser().parse_known_args(arguments)
    if options.command == "replay":  # key=value words may follow an option
        options.words += [word for word in rest if not word.startswith("-")]
        rest = [word for word in rest if word.startswith("-")]
    if rest:
        command = f"python -m sweeper {options.command}"
        given = " ".join(rest)
        raise ConfigError(f"{command} does not take {given}. Accepted: what its help lists.  Try: {command} --help")
    named = [*getattr(options, "names", []), getattr(options, "name", None) or ""]
    if names := [name for name in named if name.startswith("output_dir=")]:
        raise ConfigError(
            f"{names[0]} is not the name of a sweep. Accepted by this command: --output-dir DIR."
            f"  Try: python -m sweeper {options.command} --output-dir {names[0].partition('=')[2] or 'mlruns'}"
        )
    paths = OutputPaths(Path(check_output_dir(options.output_dir)).expanduser().resolve())
    command_of = {
        "report": report_command,
        "verify": _verify,
        "promote": _promote,
        "replay": _replay,
        "ui": _ui,
        "clean": _clean,
    }
    try:
        return command_of[options.command](options, paths)
    except SweeperError as error:
        text = str(error)
        if options.output_dir != _FOLDER and _TRIES_COMMAND.search(text) and "--output-dir" not in text:
            error.args = (f"{text} --output-dir {shlex.quote(options.output_dir)}",)
        raise


def _ui(options: argparse.Namespace, paths: OutputPaths) -> int:
    from sweeper.tracking import ui

    return ui.serve(paths.root, options.port)


def refuse(word: str) -> int:
    """Raises ConfigError for a first word that is neither a command nor an override."""
    raise ConfigError(
        f"{word} is neither a command nor an override. Accepted: {', '.join(COMMANDS)}, or key=value words. "
        f"{did_you_mean(word, COMMANDS)}  Try: python -m sweeper --help"
    )


class _Parser(argparse.ArgumentParser):
    """Raises its errors as one paragraph instead of printing a usage."""

    def error(self, message: str) -> NoReturn:
        options = ", ".join(action.option_strings[-1] for action in self._actions if action.option_strings)
        raise ConfigError(f"{self.prog}: {message}. Accepted: {options}.  Try: {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m sweeper", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="print or write the leaderboard", allow_abbrev=False)
    report.add_argument("names", nargs="*", metavar="NAME", help="sweeps; the newest if none is named")
    for kind in ("csv", "json", "markdown"):
        report.add_argument(f"--{kind}", metavar="FILE", help=f"write the leaderboard as {kind}; - is standard output")
    report.add_argument("--html", metavar="FILE", help="write the report as one page; - is standard output")
    report.add_argument("--top", type=_positive, metavar="N", help="only the first N trials")
    report.add_argument(
        "--assert-min",
        type=parse_minimum,
        action="append",
        default=[],
        metavar="COLUMN=NUMBER",
        help="exit with status 1 where the best trial's figure is lower, e.g. val_accuracy_low=0.99",
    )
    report.add_argument("--sort", metavar="COLUMN", help="order the rows by a column; -COLUMN: descending")
    verify = commands.add_parser("verify", help="train a row again and compare", allow_abbrev=False)
    verify.add_argument("row", metavar="RUN", help="a trial's run id, its first 6 or more letters, or SWEEP:NUMBER")
    verify.add_argument("--data-path", metavar="PATH", help="where the images are now, if they were moved")
    promote = commands.add_parser("promote", help="register a trial's model as champion", allow_abbrev=False)
    promote.add_argument("name", nargs="?", metavar="NAME", help="the sweep; the newest if none is named")
    promote.add_argument("--trial", type=_number, metavar="N", help="the trial; the one of rank 1 if not given")
    promote.add_argument("--model", metavar="NAME", help="the registered model; named after the data set if not given")
    replay = commands.add_parser("replay", help="search a finished grid again, untrained", allow_abbrev=False)
    replay.add_argument("name", metavar="NAME", help="the sweep, a finished grid; or a table's file")
    replay.add_argument("words", nargs="*", metavar="KEY=VALUE", help="sampler=tpe pruner=asha, and their keys")
    replay.add_argument("--repeats", type=_positive, default=1000, metavar="N", help="searches (1000)")
    replay.add_argument("--workers", type=_positive, default=1, metavar="N", help="trials at a time in a search (1)")
    replay.add_argument(
        "--max-epochs", type=_positive, metavar="N", help="of a search (a 20th of the grid's, or 10 trainings)"
    )
    replay.add_argument("--csv", metavar="FILE", help="write the regrets as CSV")
    replay.add_argument("--png", metavar="FILE", help="draw them")
    ui = commands.add_parser("ui", help="serve MLflow's pages on 127.0.0.1", allow_abbrev=False)
    ui.add_argument("--port", type=_port, metavar="N", help="the port; the first free one from 5000 if not given")
    clean = commands.add_parser("clean", help="give disk space back", allow_abbrev=False)
    clean.add_argument("names", nargs="*", metavar="NAME", help="sweeps; all of them if none is named")
    clean.add_argument(
        "--keep", type=_positive, metavar="N", help="keep the models of the N best; the leading group's if not given"
    )
    clean.add_argument("--dry-run", action="store_true", help="say what would be deleted, and delete nothing")
    for command in (verify, promote):
        command.add_argument("--trust", action="store_true", help="use code and servers that the output folder names")
    for command in (report, verify, promote, replay, ui, clean):
        command.add_argument("--output-dir", default=_FOLDER, metavar="DIR", help="where the sweeps are (mlruns)")
    return parser


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a trial's number, from 0")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, a whole number from 1 to 65535")
    return int(text)


def _verify(options: argparse.Namespace, paths: OutputPaths) -> int:
    from rich.console import Console

    from sweeper.verify.run import verify

    relocate_if_moved(paths)
    return verify(paths, options.row, options.data_path, Console(highlight=False), trust=options.trust)


def _promote(options: argparse.Namespace, paths: OutputPaths) -> int:
    from rich.console import Console

    from sweeper.cli.promote import promote

    relocate_if_moved(paths)
    return promote(paths, options.name, options.trial, options.model, Console(highlight=False), trust=options.trust)


def _replay(options: argparse.Namespace, paths: OutputPaths) -> int:
    from rich.console import Console

    from sweeper.replay import run, settings

    wanted = settings.parse(options.words, options.workers, options.max_epochs)
    to = (options.csv, options.png)
    return run.replay_command(paths, options.name, wanted, options.repeats, Console(highlight=False), to)


def _clean(options: argparse.Namespace, paths: OutputPaths) -> int:
    from rich.console import Console

    from sweeper.cli.clean import clean

    relocate_if_moved(paths)
    return clean(paths, options.names, options.keep, Console(highlight=False), dry_run=options.dry_run)
