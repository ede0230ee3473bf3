"""One sweep as every form of the report shows it: rows, findings, sentences."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sweeper.core.objectives import Metric, Objective
from sweeper.core.sweeps import Refit, SweepInfo
from sweeper.core.trials import TrialRow
from sweeper.metrics import ClassFigures, by_class, confusion_matrix
from sweeper.ranking import columns, judge, leaderboard, refit, sentences
from sweeper.ranking.case import Case
from sweeper.ranking.columns import SELECTED_ON_TEST
from sweeper.ranking.findings import Findings
from sweeper.ranking.leaderboard import RankedRow
from sweeper.report.text import plain
from sweeper.storage.stored_sweep import Loaded


def scored(report: SweepReport, metric: str) -> str:
    """A metric's name, with the label that it needs where it was measured on the images that chose."""
    label = report.test_is_validation and metric.startswith(("val_", "test_"))
    return f"{plain(metric)} ({SELECTED_ON_TEST})" if label else plain(metric)


@dataclass(frozen=True)
class SweepReport:
    """One sweep as it is reported.

    Attributes:
        name: the sweep's name. objective: what it is ranked by. params: the swept keys, in the order of the sweep.
        rows: its trials, running ones among them. about: what else is known: data, started. test_is_validation: with
        `data.validation=test`, the notebook's way; every figure is then selected on the test set. further: objectives
        besides the first; the rank is then the number of the Pareto front. findings: what was found about the ranking.
        sentences: the findings in words, the most important first. warnings: what makes the figures less than they
        seem. metrics: what its trials compute because it was asked for. by_class: the leader's figures of each class,
        by the class's name, where metrics were asked for. refit: the first configuration, trained on all images.
    """

    name: str
    objective: Objective
    params: tuple[str, ...]
    rows: tuple[TrialRow, ...]
    about: dict[str, str] = field(default_factory=dict)
    test_is_validation: bool = False
    further: tuple[Objective, ...] = ()
    findings: Findings = field(default_factory=Findings)
    sentences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    by_class: Mapping[str, ClassFigures] = field(default_factory=dict)
    refit: Refit | None = None

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All of them, the first first."""
        return (self.objective, *self.further)

    def ranked(self) -> list[RankedRow]:
        """The rows by rank, with what the findings say of each."""
        return leaderboard.marked(leaderboard.rank(self.rows, *self.objectives), self.findings)


@dataclass(frozen=True)
class View:
    """Which rows are shown: the first `top`, ordered by the column `sort` (descending with a leading `-`)."""

    top: int | None = None
    sort: str | None = None


def tabulate(report: SweepReport, view: View) -> tuple[list[str], list[dict[str, Any]]]:
    """The leaderboard's column names and rows as the view has them."""
    ranked = report.ranked()
    names, rows = columns.table(ranked, report.params, *report.objectives)
    if view.sort is not None:
        rows = columns.sort_rows(names, rows, view.sort)
    return names, rows[: view.top]


def headline(report: SweepReport) -> str:
    """What the leaderboard is ranked by, and on which data."""
    objective = ", ".join(f"{objective.metric} ({objective.direction})" for objective in report.objectives)
    objective = f"the Pareto front of {objective}" if report.further else objective
    data = f"data {report.about['data']}, " if "data" in report.about else ""
    label = f"; {SELECTED_ON_TEST}" if report.test_is_validation else ""
    return f"{data}ranked by {objective}{label}"


#: Accuracy that a cheaper trial may lose, of a sweep that does not say (`report.margin`).
MARGIN = 0.005


def judged(loaded: Loaded) -> SweepReport:
    """A stored sweep's report with what can be said of its ranking."""
    anew = refit.current(loaded.refits, loaded.rows, loaded.objectives)
    case = Case(
        rows=loaded.rows,
        objectives=loaded.objectives,
        validation=loaded.validation,
        margin=MARGIN if loaded.info.margin is None else loaded.info.margin,
        test=loaded.test,
        test_answers=loaded.test_answers,
        test_is_validation=loaded.info.test_is_validation,
        groups=_groups(loaded),
        epochs=loaded.epochs,
        has_refit=anew is not None,
        second=loaded.info.second,
        baseline=loaded.info.baseline,
    )
    found = judge.judge(case)
    return replace(
        unjudged(loaded),
        findings=found,
        sentences=(
            *sentences.sentences(case, found),
            *refit.sentences(loaded.refits, loaded.rows, loaded.objectives),
        ),
        refit=anew,
        warnings=(*loaded.warnings, *sentences.warnings(case), *loaded.info.data_warnings),
        by_class=_by_class(loaded, found.leader),
    )


def _by_class(loaded: Loaded, leader: int | None) -> dict[str, ClassFigures]:
    """The figures of each class of a trial on the validation images, by the class's name or number."""
    answers = None if leader is None else loaded.validation.get(leader)
    if leader is None or answers is None or answers.labels is None or answers.predicted is None:
        return {}
    names = loaded.info.class_names.get(loaded.trials[leader].identity["data"]["digest"], ())
    num_classes = max(len(names), 1 + int(max(answers.labels.max(), answers.predicted.max())))
    figures = by_class(confusion_matrix(answers.labels, answers.predicted, num_classes))
    return {names[label] if names else str(label): one for label, one in enumerate(figures)}


def _groups(loaded: Loaded) -> str:
    """`data.groups`, where the split of every trial was made by the same; else empty."""
    digests = {trial.identity["data"].get("split_digest", "") for trial in loaded.trials.values()}
    names = {loaded.info.groups.get(digest, "") for digest in digests}
    return names.pop() if len(names) == 1 else ""


def unjudged(loaded: Loaded) -> SweepReport:
    """A stored sweep's report without findings: its rows alone."""
    return SweepReport(
        name=loaded.name,
        objective=loaded.objectives[0],
        further=loaded.objectives[1:],
        params=loaded.info.params,
        rows=loaded.rows,
        about=_told(loaded.info),
        test_is_validation=loaded.info.test_is_validation,
        warnings=(*loaded.warnings, *loaded.info.data_warnings),
        metrics=loaded.info.metrics,
    )


def _told(info: SweepInfo) -> dict[str, str]:
    """What a report says about a sweep; of sweeps of earlier versions less is known."""
    known = {
        "data": info.data,
        "data_notes": " ".join(info.data_notes) or None,
        "started": info.started,
        "sampler": info.sampler,
        "pruner": info.pruner,
        "fixed": None if info.fixed is None else shlex.join(info.fixed),
        "space": " ".join(f"{key}={text}" for key, text in info.space.items()) or None,
    }
    return {key: text for key, text in known.items() if text is not None}
