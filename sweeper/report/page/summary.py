"""The sweep in words: what was searched, what leads, what it cost. Pure; plain text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.core.text import counted, duration, listed, percent
from sweeper.core.trials import TrialRow, TrialState, mean
from sweeper.ranking import leaderboard
from sweeper.ranking.columns import SELECTED_ON_TEST
from sweeper.ranking.leaderboard import RankedRow, compared_of, point_of
from sweeper.report.page.roles import Roles
from sweeper.report.sweep_report import SweepReport
from sweeper.report.text import between, called, figure, plain, setting, trials

_STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED, TrialState.RUNNING)
_SHOWN = 6  # values of a parameter written out


@dataclass(frozen=True)
class Fact:
    """One of the figures at the page's top: what it is, the figure, and a word beside it."""

    name: str
    value: str
    note: str = ""


def searched(report: SweepReport) -> list[str]:
    """What was searched, in whole sentences."""
    return [
        sentence
        for sentence in (_space(report), _how(report), _data(report), _epochs(report.rows), _judged(report))
        if sentence
    ]


def _space(report: SweepReport) -> str:
    if not report.params:
        return "Nothing varied: one configuration was trained."
    tried = [f"{plain(key)} ({_tried([row.params.get(key) for row in report.rows])})" for key in report.params]
    return f"What varied: {listed(tried)}."


def _tried(values: Sequence[Any]) -> str:
    """The distinct values of a parameter, or their range."""
    texts = list(dict.fromkeys(setting(value) for value in values if value is not None))
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    whole = len(numbers) == len([value for value in values if value is not None])
    if len(texts) <= _SHOWN:
        if whole:
            texts = [setting(value) for value in sorted(dict.fromkeys(numbers))]
        return ", ".join(text or "empty" for text in texts) or "no value yet"
    if whole and all(map(math.isfinite, numbers)):
        return f"{setting(min(numbers))} to {setting(max(numbers))}, {len(texts):,} values"
    return listed((text or "empty" for text in texts), _SHOWN)


def sweeps(rows: Sequence[TrialRow]) -> list[str]:
    """The names of several sweeps that are ranked together; none of a single one."""
    return list(dict.fromkeys(plain(row.origin.sweep) for row in rows if row.origin is not None))


def _how(report: SweepReport) -> str:
    if several := sweeps(report.rows):
        return f"Ranked together: the sweeps {listed(several)}."
    sampler, pruner = report.about.get("sampler"), report.about.get("pruner")
    if sampler is None:
        return ""
    proposed = "a grid of every combination" if sampler == "grid" else f"the sampler {plain(sampler)}"
    stopped = f", and the pruner {plain(pruner)} ended the worse ones early" if pruner not in (None, "none") else ""
    return f"The configurations were chosen by {proposed}{stopped}."


def _data(report: SweepReport) -> str:
    """The data set and its images, as far as the rows know them."""
    if "data" not in report.about:
        return ""
    known = [row.facts for row in report.rows if row.facts.num_validation]
    counts = {(one.num_train, one.num_validation) for one in known}
    images = ""
    if len(counts) == 1:
        train, held_out = counts.pop()
        kind = "test" if report.test_is_validation else "validation"
        if train is not None:
            images = f", {train:,} images to train on and {held_out:,} {kind} images to evaluate on"
    notes = f" {plain(report.about['data_notes'])}" if "data_notes" in report.about else ""
    return f"Data: {plain(report.about['data'])}{images}.{notes}"


def _epochs(rows: Sequence[TrialRow]) -> str:
    ran = [len(row.history) for row in rows if row.state is TrialState.COMPLETE and row.history]
    if not ran:
        return ""
    low, high = min(ran), max(ran)
    return f"A complete trial trained for {counted(high, 'epoch') if low == high else f'{low} to {high} epochs'}."


def _judged(report: SweepReport) -> str:
    names = [
        f"{plain(one.metric)} ({'the higher the better' if one.sign > 0 else 'the lower the better'})"
        for one in report.objectives
    ]
    by = f"{listed(names)} together: rank 1 is the Pareto front" if report.further else names[0]
    note = " These figures are selected on the test set." * report.test_is_validation
    return f"Ranked by {by}.{note}"


def states(report: SweepReport) -> str:
    """`24 complete, 4 pruned, 2 failed`."""
    counts = {state: sum(row.state is state for row in report.rows) for state in _STATES}
    names = {TrialState.RUNNING: "running or interrupted"}
    return ", ".join(f"{counts[state]:,} {names.get(state, str(state))}" for state in _STATES if counts[state])


def cost(rows: Sequence[TrialRow]) -> Fact:
    """Training seconds and epochs over all trials."""
    seconds = math.fsum(value for row in rows if math.isfinite(value := row.metrics.get("duration_s", 0.0)))
    epochs = sum(len(row.history) for row in rows)
    return Fact("Cost", duration(seconds), f"of training in {counted(epochs, 'epoch')}, over all trials")


def facts(report: SweepReport, ranked: Sequence[RankedRow], known: Roles) -> list[Fact]:
    """The figures at the top: the leader, who cannot be told from it, how many trials, and what they cost."""
    found = []
    if _leads(ranked):
        found += [_leader(report, ranked), *_expected(report)]
        if sum(one.row.state is TrialState.COMPLETE for one in ranked) > 1:
            found.append(_group(report, ranked, known))
    return [*found, Fact("Trials", f"{len(report.rows):,}", states(report)), cost(report.rows)]


def _expected(report: SweepReport) -> list[Fact]:
    expected = report.findings.expected
    if expected is None:
        return []
    note = f"95 % interval {between(expected.low, expected.high)}; measured {percent(expected.raw)}"
    return [Fact("Expected of it on new images", percent(expected.expected), note)]


def _leads(ranked: Sequence[RankedRow]) -> bool:
    return bool(ranked) and ranked[0].row.state is TrialState.COMPLETE and ranked[0].rank is not None


def _leader(report: SweepReport, ranked: Sequence[RankedRow]) -> Fact:
    row, metric = ranked[0].row, report.objective.metric
    label = f"; {SELECTED_ON_TEST}" if report.test_is_validation else ""
    if report.further:
        front = [one for one in ranked if one.rank == 1]
        of = "configuration" if _repeats(report) > 1 else "trial"
        number = len({point_of(one.row) for one in front})
        return Fact("Pareto front", counted(number, of), f"no other is at least as good in all objectives{label}")
    value = figure(metric, row.metrics.get(metric))
    if _repeats(report) > 1 or (row.standing is not None and row.standing.place is not None):
        same = compared_of([one.row for one in ranked if point_of(one.row) == point_of(row)])
        value = figure(metric, mean([one.metrics[metric] for one in same]))
        numbers = trials([called(one) for one in same])
        return Fact("Leading configuration", value, f"mean {plain(metric)} of {numbers}{label}")
    alone = metric == "val_accuracy" and report.findings.expected is None  # else its interval is about what to expect
    interval = ranked[0].interval if alone else None
    bounds = f"; 95 % interval {between(*interval)}" if interval else ""
    return Fact("Leader", value, f"{plain(metric)} of trial {called(row)}{bounds}{label}")


def _group(report: SweepReport, ranked: Sequence[RankedRow], known: Roles) -> Fact:
    if report.further:
        first = max((one.row for one in ranked if one.rank == 1), key=lambda row: _value(report, row))
        metric = report.objective.metric
        return Fact(f"Best {plain(metric)}", figure(metric, first.metrics.get(metric)), f"trial {called(first)}")
    findings = report.findings
    if findings.configurations is not None:
        number, noun = len(findings.configurations.group), "configuration"
    else:
        number, noun = len(findings.group), "trial"
    if not number:
        return Fact("Leading group", "not known", "how certain the order is was not determined")
    if number == 1:
        return Fact("Leading group", "the leader alone", f"every other {noun} is worse beyond chance")
    if findings.configurations is not None:
        apart = f"which {findings.configurations.trainings} cannot separate"
    else:
        apart = f"of {findings.num_compared:,}, which {findings.num_images:,} images cannot separate"
    return Fact("Leading group", counted(number, noun), apart)


def _value(report: SweepReport, row: TrialRow) -> float:
    """The first objective, the better the larger."""
    return report.objective.sign * row.metrics.get(report.objective.metric, -math.inf * report.objective.sign)


def _repeats(report: SweepReport) -> int:
    return leaderboard.num_repeats(report.rows)


def leads(report: SweepReport, ranked: Sequence[RankedRow]) -> str:
    """What won, in one sentence, where the findings have none."""
    if not _leads(ranked):
        return "No trial is complete, so there is no leader."
    if report.further:
        front = [called(one.row) for one in ranked if one.rank == 1]
        return f"On the Pareto front: {trials(front)}."
    row, metric = ranked[0].row, report.objective.metric
    how = " ".join(map(plain, row.overrides)) or "as configured"
    return f"Trial {called(row)} ({how}) has the best {plain(metric)}, {figure(metric, row.metrics.get(metric))}."
