"""What the page has of one sweep: everything that its template writes, and the data that the browser reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.core.objectives import COSTS
from sweeper.core.test_set import Opening
from sweeper.core.text import counted, percent
from sweeper.core.trials import TrialRow, TrialState
from sweeper.ranking import leaderboard
from sweeper.ranking.findings import Findings
from sweeper.ranking.leaderboard import interval_of
from sweeper.report.examples import Exhibits
from sweeper.report.notebook import is_comparable, notebook_cells, notebook_heads
from sweeper.report.page import summary
from sweeper.report.page.chart_data import Known, varying
from sweeper.report.page.curves import curves
from sweeper.report.page.mistakes import Mistakes, mistakes
from sweeper.report.page.parallel import parallel
from sweeper.report.page.parameters import MOST_EFFECTS, effects, importances
from sweeper.report.page.roles import Roles, roles
from sweeper.report.page.table import SHOWN, Board, lay_out
from sweeper.report.page.trade_offs import error_and_cost, objectives
from sweeper.report.page.vega import Chart
from sweeper.report.plots import importances as plots_importances
from sweeper.report.sweep_report import SweepReport
from sweeper.report.text import between, called, figure, plain, trials, when

_REPEATED = 40  # rows whose lines stand in the page itself
_NOTEBOOK = 100  # rows of the notebook's table


@dataclass(frozen=True)
class Figures:
    """Charts that stand together, with one choice of their views."""

    key: str
    charts: tuple[Chart, ...]

    @property
    def choices(self) -> tuple[str, ...]:
        """The views to choose from; none where there is only one."""
        labels = [tuple(one.label for one in chart.variants) for chart in self.charts]
        longest: tuple[str, ...] = max(labels, key=len, default=())
        return longest if len(longest) > 1 else ()


@dataclass(frozen=True)
class SweepSection:
    """One sweep on the page.

    Attributes:
        key: begins the ids of its elements.
        data: what its scripts read.
    """

    key: str
    report: SweepReport
    title: str
    meta: list[str]
    facts: list[summary.Fact]
    searched: list[str]
    sentences: list[str]
    warnings: list[str]
    roles: Roles
    board: Board
    figures: Mapping[str, Figures]
    importances_missing: str
    num_without_effect: int
    cheapest: list[tuple[str, ...]]
    mistakes: Mistakes
    notebook_heads: tuple[str, ...]
    notebook: list[tuple[str, ...]]
    num_comparable: int
    finalists: list[tuple[str, ...]]
    openings: list[str]
    failures: list[tuple[str, str]]
    num_running: int
    data: dict[str, Any]
    shown: int = SHOWN
    repeated: int = _REPEATED

    @property
    def contents(self) -> list[tuple[str, str]]:
        """The sections that it has, for the navigation: id and heading."""
        drawn = {name for name, figures in self.figures.items() if figures.charts}
        found = [
            ("words", "In words", True),
            ("board", "Leaderboard", True),
            ("curves", "Curves", "curves" in drawn),
            ("effects", "Parameters", bool({"effects", "importances", "parallel"} & drawn)),
            ("front", "Error and cost", bool({"objectives", "costs"} & drawn)),
            ("mistakes", "Mistakes", not self.mistakes.is_empty),
            ("notebook", "The notebook's table", bool(self.notebook)),
            ("test", "Test set", True),
            ("repeat", "Repeat a row", bool(self.board.lines)),
            ("failures", "Failures", bool(self.failures)),
        ]
        return [(f"{self.key}-{name}", heading) for name, heading, there in found if there]


def sweep_section(key: str, report: SweepReport, exhibits: Exhibits) -> SweepSection:
    """Lays one sweep out.

    Args:
        key: begins the ids of its elements.
        report: the sweep.
        exhibits: images and confusion matrix.
    """
    ranked = tuple(report.ranked())
    known = Known(report, ranked, roles(report, ranked))
    board = lay_out(report, ranked, known.roles)
    shares, missing = plots_importances.importances(report.rows, report.objectives)
    names = {row.number: called(row) for row in report.rows}
    wrong = mistakes(exhibits, names, tuple(map(plain, exhibits.notes)))
    drawn: dict[str, Sequence[Chart | None]] = {
        "curves": [curves(known)],
        "effects": effects(known),
        "importances": [importances(shares)],
        "parallel": [parallel(known)],
        "objectives": [objectives(known)],
        "costs": [error_and_cost(known)],
        "confusion": [wrong.chart],
    }
    figures = {
        name: Figures(f"{key}-{name}", tuple(chart for chart in found if chart is not None))
        for name, found in drawn.items()
    }
    comparable = sorted(filter(is_comparable, known.rows), key=lambda row: row.number)
    return SweepSection(
        key=key,
        report=report,
        title=plain(report.name),
        meta=_meta(report),
        facts=summary.facts(report, ranked, known.roles),
        searched=summary.searched(report),
        sentences=[plain(text) for text in report.sentences] or [summary.leads(report, ranked)],
        warnings=_warnings(report),
        roles=known.roles,
        board=board,
        figures=figures,
        importances_missing=missing,
        num_without_effect=max(0, len(varying(known)) - MOST_EFFECTS),
        cheapest=_cheapest(report.findings, names),
        mistakes=wrong,
        notebook_heads=(
            "trial",
            *notebook_heads(test_is_validation=report.test_is_validation),
            "95 % interval",
            known.roles.name,
        ),
        notebook=[
            _notebook_line(row, known.roles) for row in sorted(comparable, key=lambda row: row.number)[:_NOTEBOOK]
        ],
        num_comparable=len(comparable),
        finalists=_finalists(report.findings, names),
        openings=_openings(report.findings, names),
        failures=_failures(report.rows),
        num_running=sum(row.state is TrialState.RUNNING for row in report.rows),
        data=_data(board, list(figures.values()), known),
    )


def _meta(report: SweepReport) -> list[str]:
    data = f"data {plain(report.about['data'])}" if "data" in report.about else ""
    alone = "started" in report.about and not summary.sweeps(report.rows)
    started = f"started {when(report.about['started'])}" if alone else ""
    return [text for text in (data, counted(len(report.rows), "trial"), started) if text]


def _warnings(report: SweepReport) -> list[str]:
    found = [plain(text) for text in report.warnings]
    if report.test_is_validation and not any("selected on the test set" in text for text in found):
        found.append(
            "The validation images are the test set (data.validation=test): every figure on them is selected on the "
            "test set."
        )
    return found


def _cheapest(findings: Findings, names: Mapping[int, str]) -> list[tuple[str, ...]]:
    return [
        (
            COSTS.get(one.cost, plain(one.cost)),
            f"trial {names[one.trial]}",
            figure(one.cost, one.value),
            figure(one.cost, one.leaders),
        )
        for one in findings.cheapest
        if one.trial != findings.leader
    ]


def _finalists(findings: Findings, names: Mapping[int, str]) -> list[tuple[str, ...]]:
    if findings.test is None:
        return []
    return [
        (
            names[one.trial],
            percent(one.accuracy),
            between(one.low, one.high),
            figure("loss", one.loss),
            "" if one.p is None else "< 0.001" if one.p < 0.001 else f"{one.p:.3f}",
        )
        for one in findings.test.finalists
    ]


def _openings(findings: Findings, names: Mapping[int, str]) -> list[str]:
    if findings.test is None:
        return []
    own = [(one.date, f"for {_whom(one, [names[number] for number in one.trials])}") for one in findings.test.openings]
    others = [
        (one.date, f"by the sweep {plain(one.sweep)}, for its {_whom(one, list(map(str, one.trials)))}")
        for one in findings.test.elsewhere
    ]
    return [f"{when(date)}, {told}" for date, told in sorted([*others, *own], key=lambda one: one[0])]


def _whom(opening: Opening, names: Sequence[str]) -> str:
    """`trials 3 and 5, and the refit`."""
    parts = [*([trials(names)] if names else []), *(["the refit"] if opening.refit else [])]
    return ", and ".join(parts)


def _failures(rows: Sequence[TrialRow]) -> list[tuple[str, str]]:
    """Each reason once, with the trials that it ended."""
    found = leaderboard.failures_by_reason(rows)
    return [(trials([called(row) for row in failed]), plain(reason)) for reason, failed in found.items()]


def _notebook_line(row: TrialRow, known: Roles) -> tuple[str, ...]:
    """The notebook's cells, and what it could not say: the interval, and who leads."""
    interval = interval_of(row)
    leads = "not known" if not known.is_known else "yes" if row.number in known.group else "no"
    return (called(row), *notebook_cells(row), between(*interval) if interval else "", leads)


# ---------------------------------------------------------------- what the browser reads


def _data(board: Board, several: Sequence[Figures], known: Known) -> dict[str, Any]:
    drawn = {f"{figures.key}-{place}": chart for figures in several for place, chart in enumerate(figures.charts)}
    numbers = {line[0] for chart in drawn.values() for line in chart.rows if isinstance(line[0], int)}
    fields, facts = known.facts(numbers)
    columns = [
        {"key": one.key, "label": one.label, "kind": one.kind, "better": one.better, "look": one.look}
        for one in board.columns
    ]
    rows = [
        [one.name, one.state, one.place, one.texts, one.values, one.interval, one.repeat, one.verify]
        for one in board.lines
    ]
    return {
        "board": {"columns": columns, "scale": board.scale, "rows": rows},
        "trials": {"fields": fields, "rows": facts},
        "charts": {
            key: {"fields": chart.fields, "rows": chart.rows, "views": [one.spec for one in chart.variants]}
            for key, chart in drawn.items()
        },
    }
