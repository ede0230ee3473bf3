"""A recorded sweep as Python code sees it: DataFrames, findings, trials.

What does not live here: reading the stores (`sweeper.storage`), judging the ranking (`sweeper.ranking.judge`), one
trial's model and predictions (`sweeper.api.trial`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.api import frames, html
from sweeper.api.trial import Trial
from sweeper.cli import promote
from sweeper.config.schema import check_output_dir
from sweeper.core.errors import ConfigError
from sweeper.core.paths import OutputPaths
from sweeper.core.text import listed
from sweeper.ranking.findings import Findings
from sweeper.report import examples, export, page, sweep_report
from sweeper.report.sweep_report import SweepReport, View
from sweeper.storage import stored_sweep
from sweeper.storage.catalogue import sweep_names
from sweeper.storage.stored_sweep import Loaded
from sweeper.tracking.store import relocate_if_moved

if TYPE_CHECKING:
    import pandas as pd


def load(names: Sequence[str], output_dir: str, *, trust: bool) -> Sweep:
    """As `sweeper.load`."""
    paths = OutputPaths(Path(check_output_dir(output_dir)).expanduser().resolve())
    _quiet_tqdm()
    wanted = list(dict.fromkeys(names)) or sweep_names(paths)[:1]
    relocate_if_moved(paths)
    loaded = [stored_sweep.load(paths, name) for name in wanted]
    if apart := stored_sweep.why_apart(loaded):
        raise ConfigError(
            f"These sweeps cannot be ranked together: {apart}. Accepted: sweeps with the same objective, data, split "
            f"and number of seeds.  Try: sweeper.load({wanted[0]!r})"
        )
    return Sweep(loaded[0] if len(loaded) == 1 else stored_sweep.together(loaded), paths, trust=trust)


def _quiet_tqdm() -> None:
    """In a notebook, tqdm, which Optuna imports, warns of a widget for bars that nobody draws here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        import tqdm.auto  # noqa: F401


@dataclass(frozen=True)
class SweepFindings:
    """What can be said of a ranking.

    Attributes:
        sentences: in words, the most important first.
        warnings: what makes the figures less than they seem.
        facts: the leading group, rank intervals, the expected accuracy and others, as plain values.
    """

    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    facts: Findings

    def __iter__(self) -> Iterator[str]:
        return iter((*self.sentences, *self.warnings))

    def __str__(self) -> str:
        return "\n".join(f"- {sentence}" for sentence in self)

    def _repr_html_(self) -> str:
        return html.sentences(self)


class Sweep:
    """A sweep as it was recorded when it was loaded; several sweeps that were loaded together are one.

    Attributes:
        name: its name; of several, their names.
        judged: the report that every form of it is made from.
    """

    def __init__(self, loaded: Loaded, paths: OutputPaths, *, trust: bool) -> None:
        self.name = loaded.name
        self._loaded = loaded
        self._paths = paths
        self._trust = trust

    @cached_property
    def judged(self) -> SweepReport:
        """The rows with what was found out about their ranking."""
        return sweep_report.judged(self._loaded)

    @property
    def folder(self) -> Path:
        """The sweep's folder; of several, that of the first."""
        return self._paths.sweep(next(iter(self._loaded.sources))).root

    @property
    def leaderboard(self) -> pd.DataFrame:
        """One row per trial, the best first: the columns of `leaderboard.csv`, with their types."""
        return frames.frame(*sweep_report.tabulate(self.judged, View()))

    @property
    def curves(self) -> pd.DataFrame:
        """One row per trial and epoch."""
        return frames.curves(self._loaded.rows)

    @property
    def findings(self) -> SweepFindings:
        """What can be said of the ranking: sentences, and the facts behind them."""
        return SweepFindings(self.judged.sentences, self.judged.warnings, self.judged.findings)

    @property
    def best(self) -> Trial:
        """The trial of rank 1.

        Raises:
            ConfigError: no trial is complete.
        """
        return self._trial(promote.choose(self._loaded, None).ranked.row.number)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials, in the order of the leaderboard; running ones last."""
        ranked = [one.row.number for one in self.judged.ranked()]
        return tuple(map(self._trial, dict.fromkeys([*ranked, *self._loaded.trials])))

    def trial(self, number: int, sweep: str | None = None) -> Trial:
        """A trial by its number; of several sweeps together, in one of them.

        Raises:
            ConfigError: there is no such trial.
        """
        sources = self._loaded.sources
        if sweep is None and len(sources) > 1:
            raise ConfigError(
                f"trial({number}): {self.name} has several sweeps. Accepted: the name of one of them too.  "
                f"Try: trial({number}, sweep={next(iter(sources))!r})"
            )
        numbers = sources.get(next(iter(sources)) if sweep is None else sweep, {})
        if number not in numbers:
            known = listed(numbers) or "none"
            raise ConfigError(
                f"trial({number}): sweep {sweep or self.name} has no such trial. Accepted: {known}.  "
                f"Try: trial({next(iter(numbers), 0)})"
            )
        return self._trial(numbers[number])

    def _trial(self, number: int) -> Trial:
        """A trial by its number here."""
        name, own = next(
            (name, own)
            for name, numbers in self._loaded.sources.items()
            for own, here in numbers.items()
            if here == number
        )
        row = next(row for row in self._loaded.rows if row.number == number)
        return Trial(own, name, row, self._loaded.trials[number], self._paths, trust=self._trust)

    def report(self, target: str | Path) -> Path:
        """Writes the report to a file, in the form that its ending names: .html, .csv, .json or .md.

        Raises:
            ConfigError: another ending.
            StoreError: the file cannot be written.
        """
        path = Path(target).expanduser()
        writers: dict[str, Callable[[Sequence[SweepReport], str], None]] = {
            ".html": self._write_page,
            ".csv": export.write_csv,
            ".json": export.write_json,
            ".md": export.write_markdown,
        }
        writer = writers.get(path.suffix.lower())
        if writer is None:
            raise ConfigError(
                f"report({str(target)!r}) is not accepted: a file that ends in {listed(writers)}.  "
                "Try: report('report.html')"
            )
        writer([self.judged], str(path))
        return path.absolute()

    def _write_page(self, reports: Sequence[SweepReport], target: str) -> None:
        shown = examples.of_sweep(self._loaded, self._paths, self.judged.findings.leader)
        page.write_page(reports, target, {self.name: shown})

    def __repr__(self) -> str:
        return f"<Sweep {self.name}: {len(self._loaded.rows)} trials, {sweep_report.headline(self.judged)}>"

    def _repr_html_(self) -> str:
        return html.board(self.judged)
