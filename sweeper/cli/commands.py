"""The commands beside a sweep's line (`report`, `verify`, …), and the one place where errors become a paragraph."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from sweeper.config.schema import check_output_dir
from sweeper.core.errors import ConfigError, SweeperError, did_you_mean
from sweeper.core.paths import OutputPaths

COMMANDS = ("report", "verify", "promote", "ui")


def guarded(function: Callable[[], int]) -> int:
    """Calls `function`; an expected error becomes one paragraph on stderr and its exit status."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from sweeper.cli import errors

    try:
        return function()
    except SweeperError as error:
        _say(f"{type(error).__name__}: {error}")
        return error.exit_status
    except (HydraException, OmegaConfBaseException) as error:
        _say(errors.hydra_error(error, sys.argv[1:]))
        return 2
    except KeyboardInterrupt:
        _say("Interrupted.")
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        sys.stderr.close()
        return 1


def _say(text: str) -> None:
    print(" ".join(text.split()), file=sys.stderr)  # noqa: T201  an error's paragraph belongs on stderr


def run(arguments: Sequence[str]) -> int:
    """Runs a command."""
    options, rest = _parser().parse_known_args(arguments)
    if rest:
        line = f"python -m sweeper {options.command}"
        given = " ".join(rest)
        raise ConfigError(f"{line} does not take {given}. Accepted: what its help lists.  Try: {line} --help")
    named = [*getattr(options, "names", []), getattr(options, "name", None) or ""]
    if names := [name for name in named if name.startswith("output_dir=")]:
        raise ConfigError(
            f"{names[0]} is no sweep's name. Accepted by this command: --output-dir DIR."
            f"  Try: python -m sweeper {options.command} --output-dir {names[0].partition('=')[2] or 'mlruns'}"
        )
    paths = OutputPaths(Path(check_output_dir(options.output_dir)).expanduser().resolve())
    if options.command == "ui":
        from sweeper.tracking import ui

        return ui.serve(paths.root, options.port)
    return {"report": _report, "verify": _verify, "promote": _promote}[options.command](options, paths)


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
    terminal = commands.add_parser("report", help="print or write the leaderboard", allow_abbrev=False)
    terminal.add_argument("names", nargs="*", metavar="NAME", help="sweeps; the newest where none is named")
    for kind in ("csv", "json", "markdown"):
        terminal.add_argument(
            f"--{kind}", metavar="FILE", help=f"write the leaderboard as {kind}; - is standard output"
        )
    terminal.add_argument("--html", metavar="FILE", help="write the report as one page; - is standard output")
    terminal.add_argument("--top", type=_positive, metavar="N", help="only the first N trials")
    terminal.add_argument(
        "--assert-min",
        type=_minimum,
        action="append",
        default=[],
        metavar="COLUMN=NUMBER",
        help="exit with status 1 where the best trial's figure is lower, e.g. val_accuracy_low=0.99",
    )
    terminal.add_argument("--sort", metavar="COLUMN", help="order the rows by a column; -COLUMN: descending")
    verify = commands.add_parser("verify", help="train a row again and compare", allow_abbrev=False)
    verify.add_argument("row", metavar="RUN", help="a trial's run id, its first 6 or more letters, or SWEEP:NUMBER")
    verify.add_argument("--data-path", metavar="PATH", help="where the images are now, if not where they were")
    promote = commands.add_parser("promote", help="register a trial's model as champion", allow_abbrev=False)
    promote.add_argument("name", nargs="?", metavar="NAME", help="the sweep; the newest where none is named")
    promote.add_argument("--trial", type=_number, metavar="N", help="the trial; the one of rank 1 where not given")
    promote.add_argument("--model", metavar="NAME", help="the registered model; called as the data set where not given")
    ui = commands.add_parser("ui", help="serve MLflow's pages on 127.0.0.1", allow_abbrev=False)
    ui.add_argument("--port", type=_port, metavar="N", help="the port; the first free one from 5000 where not given")
    for command in (terminal, verify, promote, ui):
        command.add_argument("--output-dir", default="mlruns", metavar="DIR", help="where the sweeps are (mlruns)")
    return parser


def _relocate(paths: OutputPaths) -> None:
    """Points the runs of a folder that was moved to their new place; a folder that cannot be written stays as it is."""
    from sweeper.relocate import relocate

    if paths.tracking_db.is_file() and os.access(paths.tracking_db, os.W_OK):
        relocate(paths)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a trial's number, from 0")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _minimum(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=NUMBER, e.g. val_accuracy_low=0.99") from error


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, a whole number from 1 to 65535")
    return int(text)


def _report(options: argparse.Namespace, paths: OutputPaths) -> int:
    from rich.console import Console

    from sweeper.report import terminal
    from sweeper.storage import stored_sweep
    from sweeper.storage.study import sweep_names

    names = dict.fromkeys(options.names) or sweep_names(paths)[:1]
    _relocate(paths)
    loaded = [stored_sweep.load(paths, name) for name in names]
    apart = stored_sweep.why_apart(loaded)
    loaded = loaded if apart or len(loaded) == 1 else [stored_sweep.together(loaded)]
    reports = [one.judged() for one in loaded]
    if apart:
        _say(f"Each sweep is ranked by itself: {apart}.")
    view = terminal.View(top=options.top, sort=options.sort)
    failed = [text for sweep in reports for text in terminal.below(sweep, options.assert_min)]
    writers = {"csv": terminal.write_csv, "json": terminal.write_json, "markdown": terminal.write_markdown}
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
        _say(text)
    return 1 if failed else 0


def _verify(options: argparse.Namespace, paths: OutputPaths) -> int:
    from rich.console import Console

    from sweeper.verify.run import verify

    _relocate(paths)
    return verify(paths, options.row, options.data_path, Console(highlight=False))


def _promote(options: argparse.Namespace, paths: OutputPaths) -> int:
    from rich.console import Console

    from sweeper.cli.promote import promote

    _relocate(paths)
    return promote(paths, options.name, options.trial, options.model, Console(highlight=False))
