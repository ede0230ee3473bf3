"""By how much the leader is better than the default configuration, which was trained too, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from sweeper import inference
from sweeper.core.text import amount
from sweeper.core.trials import TrialRow, TrialState, mean
from sweeper.ranking.case import Case, Kind
from sweeper.ranking.configurations import tables_by_fold, whole_configurations
from sweeper.ranking.findings import ConfigurationFindings, Difference, Findings

_ITSELF = "The default configuration itself leads: the search found none that is better."


def about_baseline(case: Case, findings: Findings) -> list[str]:
    """The sentence; none where the sweep has no baseline."""
    if case.baseline is None or findings.leader is None:
        return []
    rows = [row for row in case.rows if row.overrides == case.baseline]
    leader = next(row for row in case.rows if row.number == findings.leader)
    if leader in rows:
        return [_ITSELF]
    complete = [row for row in rows if row.state is TrialState.COMPLETE]
    if not complete or len(complete) < len(rows):
        return ["How much better than the default configuration it is, is not known: that was not trained to its end."]
    found = findings.configurations
    single = findings.differences.get(complete[0].number)
    gain = single if found is None else _of_configurations(case, findings, found, complete)
    if gain is not None:
        return [told(gain, kind=case.kind, metric=case.tested.metric)]
    metric = case.tested.metric
    ours = leader.metrics.get(metric) if found is None else found.mean
    known = [value for row in complete if (value := row.metrics.get(metric)) is not None]
    if ours is None or len(known) < len(complete):
        return []
    mean_of = "" if found is None else "a mean "
    figures = f"{mean_of}{metric} {amount(mean(known))} instead of {amount(ours)}"
    return [f"The default configuration has {figures}; no test compares the two."]


def told(gain: Difference, at: str = "", kind: Kind = "accuracy", metric: str = "val_accuracy") -> str:
    """A gain by a metric of that kind in words; `at` says more of the interval."""
    by = "" if kind == "accuracy" else f" by {metric}"
    value, interval = gain.words(kind, "+")
    within = f"(95 % interval {interval}{at})"
    if gain.low > 0:
        return f"It is {gain.words(kind)[0]} better{by} than the default configuration {within}."
    return f"That it is better than the default configuration is not shown: {value}{by} {within}."


def _of_configurations(
    case: Case, findings: Findings, found: ConfigurationFindings, baseline: Sequence[TrialRow]
) -> Difference | None:
    """Over seeds, or folds, and images; None where the leading configuration was not compared with others."""
    if not found.group or len(baseline) < found.num_seeds:
        return None
    if case.kind != "accuracy":  # of which there are the differences of all pairs alone
        return findings.differences.get(baseline[0].number)
    whole = whole_configurations(case)
    tables, groups = tables_by_fold(case, whole)
    places = {row.number: place for place, rows in enumerate(whole) for row in rows}
    reference = places[baseline[0].number]
    if found.num_folds > 1:
        gains = inference.gains_over_folds(tables, reference, groups=groups)
    else:
        gains = inference.gains_over([table for (table,) in tables], reference, groups=groups[0])
    return Difference(*map(float, gains[places[found.leader[0]]]))
