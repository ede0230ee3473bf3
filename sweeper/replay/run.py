"""`python -m sweeper replay`: many searches of one table, on all cores; what they found is printed and written."""

from __future__ import annotations

import csv
import io
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.text import Text

from sweeper.artifacts import figures
from sweeper.core.errors import ConfigError
from sweeper.core.paths import OutputPaths, write_atomically
from sweeper.core.text import duration
from sweeper.host.machine import look
from sweeper.ranking.leaderboard import point_of
from sweeper.replay import draws, file, regret, simulation
from sweeper.replay.regret import Regret
from sweeper.replay.settings import ReplaySettings
from sweeper.replay.table import Table, load_table
from sweeper.report import sweep_report
from sweeper.report.plots.regret import Curve, regret_figure
from sweeper.report.tables import plain_table
from sweeper.storage import stored_sweep

RANDOM = "random"
_SHARE = 10  # replays of one job of a process
_PART = 0.05  # of the grid's epochs, by default
_TRAININGS = 10  # whole trainings, at least


@dataclass(frozen=True)
class Replayed:
    """What many replays found.

    Attributes:
        regrets: by method and number of epochs.
        seconds: on the virtual clock, the mean of a replay.
    """

    regrets: tuple[Regret, ...]
    seconds: float


def replay_command(
    paths: OutputPaths,
    name: str,
    settings: ReplaySettings,
    repeats: int,
    console: Console,
    to: tuple[str | None, str | None] = (None, None),
) -> int:
    """Replays a sweep and prints what was found; returns 0.

    Args:
        paths: the output folder.
        name: the sweep, or the file of a table.
        settings: how it is searched.
        repeats: how often.
        console: what is printed on.
        to: files for the CSV and the picture.

    Raises:
        ConfigError: the sweep is no table, or a file cannot be written.
        StoreError: there is no such sweep.
    """
    started = time.monotonic()
    if name.endswith(file.ENDING):
        table, group = file.load(Path(name))
    else:
        table, group = load_table(paths, name), leading(paths, name)
    found = replayed(table, settings, repeats)
    took = time.monotonic() - started
    _print(console, table, settings, found, repeats, group, took)
    if to[0] is not None:
        _write(console, Path(to[0]), _csv(found.regrets))
    if to[1] is not None:
        picture = io.BytesIO()
        figures.save(regret_figure(_curves(found.regrets), settings.name, RANDOM), picture)
        Path(to[1]).parent.mkdir(parents=True, exist_ok=True)
        Path(to[1]).write_bytes(picture.getvalue())
        console.print(Text(f"Picture: {to[1]}"), soft_wrap=True)
    return 0


def leading(paths: OutputPaths, name: str) -> int:
    """How many configurations the leading group of a sweep has."""
    report = sweep_report.judged(stored_sweep.load(paths, name))
    points = {point_of(row) for row in report.rows if row.number in report.findings.group}
    return len(points)


def limit(table: Table, settings: ReplaySettings) -> int:
    """Epochs of a replay.

    Raises:
        ConfigError: fewer than one whole training.
    """
    whole = len(table.points) * table.num_epochs
    usual = min(max(_TRAININGS * table.num_epochs, round(_PART * whole)), whole)
    wanted = usual if settings.max_epochs is None else settings.max_epochs
    if wanted < table.num_epochs:
        raise ConfigError(
            f"--max-epochs {wanted} is less than one training of {table.num_epochs} epochs. Accepted: from "
            f"{table.num_epochs} to {whole}, all of the grid.  Try: --max-epochs {usual}"
        )
    return min(wanted, whole)


def replayed(table: Table, settings: ReplaySettings, repeats: int) -> Replayed:
    """Searches a table `repeats` times, in one process per core."""
    at = regret.budgets(table.num_epochs, limit(table, settings))
    first = settings.sampler.seed or 0
    jobs = [range(start, min(start + _SHARE, first + repeats)) for start in range(first, first + repeats, _SHARE)]
    workers = min(look().cpus, len(jobs))
    if workers > 1:
        with _processes(workers, table, settings, at) as pool:
            parts = list(pool.map(_searched_here, jobs))
    else:
        parts = [_searched(table, settings, at, job) for job in jobs]
    found = np.concatenate([part[0] for part in parts])
    methods = [settings.name, RANDOM, *(f"{each} epoch{'s' * (each > 1)} each" for each in range(1, table.num_epochs))]
    regrets = [one for place, method in enumerate(methods) for one in regret.summary(method, at, found[:, place])]
    return Replayed(tuple(regrets), float(np.concatenate([part[1] for part in parts]).mean()))


def _searched(
    table: Table, settings: ReplaySettings, at: Sequence[int], numbers: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Regrets, (replays, methods, numbers of epochs), and seconds, (replays,)."""
    rows, seconds = [], []
    for number in numbers:
        generator = np.random.default_rng([number, 20240404])
        drawn = draws.draw(table, generator)
        ended = simulation.search(table, drawn, settings.seeded(number), number, at[-1], f"{table.name} {number}")
        order = generator.permutation(len(table.points))
        rows.append(
            [
                regret.of_search(ended, drawn, at),
                regret.of_first_epochs(drawn, table.num_epochs, at, order),
                *(regret.of_first_epochs(drawn, each, at, order) for each in range(1, table.num_epochs)),
            ]
        )
        seconds.append(ended[-1].seconds if ended else 0.0)
    return np.array(rows), np.array(seconds)


_given: tuple[Table, ReplaySettings, Sequence[int]]


def _processes(workers: int, table: Table, settings: ReplaySettings, at: Sequence[int]) -> ProcessPoolExecutor:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of the new processes: there is one for each core
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, _give, (table, settings, at))


def _give(table: Table, settings: ReplaySettings, at: Sequence[int]) -> None:
    global _given
    _given = table, settings, at


def _searched_here(numbers: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return _searched(*_given, numbers)


def _print(
    console: Console,
    table: Table,
    settings: ReplaySettings,
    found: Replayed,
    repeats: int,
    group: int,
    took: float,
) -> None:
    num_points, num_images = len(table.points), table.correct.shape[3]
    seeds = f" x {table.num_seeds} seeds" if table.num_seeds > 1 else ""
    at = sorted({one.epochs for one in found.regrets})
    lines = [
        f"Table: sweep {table.name}, {num_points} configurations{seeds} x {table.num_epochs} epochs, {num_images} "
        "validation images. Nothing is trained.",
        f"{repeats} replays of {settings.name}, {settings.workers} at a time, up to {at[-1]} of the grid's "
        f"{num_points * table.num_epochs} epochs, in {duration(took)}; a replay lasts {duration(found.seconds)} on its "
        "own clock.",
        "Regret: percentage points of accuracy that a method's choice is worse than the choice of the whole grid, on "
        "images that neither saw (a bootstrap of images"
        + (" and seeds" if table.num_seeds > 1 else "")
        + " in each replay); 95 % intervals of the mean.",
    ]
    if table.groups:
        lines.append(f"Images are drawn one by one, though they come in groups (data.groups={table.groups}).")
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    console.print(_regret_table(found.regrets, at))
    if group:
        expected = regret.draws_to_reach(num_points, group)
        console.print(
            Text(
                f"The leading group has {group} of {num_points} configurations: random draws reach it after "
                f"{expected:.1f} of them on average, (K+1)/(g+1)."
            ),
            soft_wrap=True,
        )


def _regret_table(regrets: Sequence[Regret], at: Sequence[int]) -> object:
    table = plain_table(0, 2)
    table.add_column("epochs", no_wrap=True)
    for epochs in at:
        table.add_column(str(epochs), justify="right", no_wrap=True)
    methods = dict.fromkeys(one.method for one in regrets)
    for method in methods:
        own = {one.epochs: one for one in regrets if one.method == method}
        table.add_row(method, *(_cell(own[epochs]) for epochs in at))
    return table


def _cell(one: Regret) -> str:
    return f"{100 * one.mean:.2f}±{100 * (one.high - one.mean):.2f}"


def _curves(regrets: Sequence[Regret]) -> list[Curve]:
    curves = []
    for method in dict.fromkeys(one.method for one in regrets):
        own = [one for one in regrets if one.method == method]
        mean, low, high = (
            tuple(100 * value for value in values)
            for values in zip(*((one.mean, one.low, one.high) for one in own), strict=True)
        )
        curves.append(Curve(method, tuple(one.epochs for one in own), mean, low, high))
    return curves


def _csv(regrets: Sequence[Regret]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, [field.name for field in fields(Regret)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(one) for one in regrets)
    return out.getvalue()


def _write(console: Console, path: Path, text: str) -> None:
    write_atomically(path, text)
    console.print(Text(f"CSV: {path}"), soft_wrap=True)


def proposals(table: Table, settings: ReplaySettings, seed: int, name: str) -> Iterator[simulation.Ended]:
    """The trials of one search of the sweep as it was recorded: no draw, every image once."""
    whole = len(table.points) * table.num_epochs
    yield from simulation.search(table, draws.recorded(table), settings, seed, settings.max_epochs or whole, name)
