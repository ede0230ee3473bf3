"""Who is the same, who is equal but for the margin, and what it would take to tell the others: sentences about a group.

What does not live here: the statistics (`sweeper.inference.contrasts`), and all other sentences
(`sweeper.ranking.sentences`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sweeper.core.objectives import EPOCH_METRICS
from sweeper.core.text import cell_text, listed
from sweeper.core.trials import TrialRow, TrialState
from sweeper.inference import most_usual
from sweeper.ranking.case import Case
from sweeper.ranking.configurations import whole_configurations
from sweeper.ranking.findings import ConfigurationFindings, Findings

_NAMED = 8  # trials named in one sentence
_FEWEST_UNSTEADY = 3  # configurations from which on one may be far from usual
_UNSTEADY = 0.1  # of accuracy, between a configuration's trainings
_NEXT = (
    "Next: the same command with data.folds=5 in place of {instead}, which validates on every training image (of data "
    "without a validation set of its own)."
)


def about_undecided(case: Case, findings: Findings) -> list[str]:
    """One sentence about trials that are the same network, one about those that are shown to be equal, one about what
    would tell the others apart; or none.

    With repeats those are configurations, named by all their trials.
    """
    margin = f"{100 * case.margin:g} points (report.margin)"
    names = {row.number: row.name for row in case.rows}
    said = about_same(case)
    if findings.equal:
        trials = listed([names[number] for number in findings.equal], _NAMED)
        plural = len(findings.equal) > 1
        said.append(
            f"Equal to the leader within {margin}: trial{'s' if plural else ''} {trials}. "
            f"{'They differ' if plural else 'It differs'} from it by no more than that, in either direction."
        )
    needed = findings.needed
    if needed is None:
        is_by_accuracy, is_single = case.kind == "accuracy", findings.configurations is None
        if len(findings.group) > 1 and is_single and findings.second is None and not is_by_accuracy:
            said.append(
                f"More validation images would separate more of them. {_NEXT.format(instead='data.validation')}"
            )
        return said
    if findings.configurations is not None and findings.configurations.num_folds > 1:
        shown = 1.0 if needed.shown is None else needed.shown
        told = f"These folds show a difference of about {100 * shown:.1f} points or more."
        if needed.images_dominate:
            told += f" More seeds cannot tell one of {margin}: the images' part of the error dominates, so that takes "
            told += "more images."
        said.append(told)
    elif findings.configurations is not None:
        if needed.images_dominate:
            said.append(
                f"More seeds cannot tell a difference of {margin}: the images' part of the error dominates. "
                f"{_NEXT.format(instead='data.validation and sweep.seeds')}"
            )
        elif needed.seeds is not None:
            said.append(
                f"A difference of {margin} would show with about {needed.seeds} seeds (sweep.seeds={needed.seeds})."
            )
    elif needed.images is not None and needed.shown is not None:
        alike = " in such groups" if findings.num_groups else ""
        told = f"{findings.num_images:,} images{f' in {findings.num_groups:,} groups' if alike else ''} show a "
        told += f"difference of about {100 * needed.shown:.1f} points or more; one of {margin} takes about "
        told += f"{_rounded(needed.images):,} images{alike}."
        if findings.second is None:  # whose candidates come next
            told += f" {_NEXT.format(instead='data.validation')}"
        said.append(told)
    return said


def about_same(case: Case) -> list[str]:
    """One sentence about trials whose curves are the same to the last digit: what differs between them had no effect.

    With repeats, of the first repeat alone.
    """
    same: dict[tuple[Any, ...], list[TrialRow]] = {}
    for row in case.rows:
        if row.state is TrialState.COMPLETE and not row.repeat and row.history:
            curves = tuple(epoch.get(name) for epoch in row.history for name in EPOCH_METRICS)
            same.setdefault((row.split_digest, row.metrics.get("val_loss"), curves), []).append(row)
    told = []
    for rows in same.values():
        keys = [key for key in rows[0].params if len({str(row.params.get(key)) for row in rows}) > 1]
        if keys:
            told.append(f"trials {listed([row.name for row in rows], _NAMED)} ({listed(keys, _NAMED)})")
    if not told:
        return []
    more = f"; and {len(told) - _NAMED} more such groups" if len(told) > _NAMED else ""
    return [f"The same to the last digit, so what differs had no effect: {'; '.join(told[:_NAMED])}{more}."]


def about_unsteady(case: Case) -> list[str]:
    """One sentence about configurations of which some trainings fail: accuracies that differ far more than usual.

    None where no configuration's differ by ten points or more, or where fewer than three could be compared.
    """
    whole = whole_configurations(case)
    if case.kind != "accuracy" or len(whole) < _FEWEST_UNSTEADY:
        return []
    scores = np.array([[row.metrics["val_accuracy"] for row in rows] for rows in whole])
    variances, ranges = scores.var(axis=1, ddof=1), np.ptp(scores, axis=1)
    unsteady = (variances > most_usual(variances, scores.shape[1] - 1)) & (ranges >= _UNSTEADY)
    if not unsteady.any():
        return []
    rows = [rows[0] for rows, is_one in zip(whole, unsteady, strict=True) if is_one]
    number = f"{len(rows)} of {len(whole)} configurations"
    told = f"Some trainings fail: the accuracies of {number} differ by {100 * ranges[unsteady].min():.0f} points or "
    told += f"more{_what_they_share(rows, [rows[0] for rows in whole])}. Any other may fail so under another seed, so "
    told += "every interval here is as wide as that; a sweep without them says more."
    return [told]


def _what_they_share(unsteady: Sequence[TrialRow], every: Sequence[TrialRow]) -> str:
    """`, 51 of them with optimizer.learning_rate=0.01`: the value that most of them have and fewer of the others."""
    num_others = max(1, len(every) - len(unsteady))
    found = []
    for key in every[0].params:
        for value in {cell_text(row.params.get(key)) for row in every}:
            have = sum(cell_text(row.params.get(key)) == value for row in unsteady)
            others = sum(cell_text(row.params.get(key)) == value for row in every) - have
            found.append((have / len(unsteady) - others / num_others, have, f"{key}={value}"))
    if not found:
        return ""
    more, have, value = max(found)
    return f", {have} of them with {value}" if more > 0 and 2 * have > len(unsteady) > 1 else ""


def what_helps(found: ConfigurationFindings, findings: Findings) -> list[str]:
    """Whether more seeds or more images would tell configurations apart, and the line to type.

    Nothing where neither is known, where all are shown to be equal, or where another sentence says that the images'
    part dominates. No line where another sentence tells a number of seeds.
    """
    needed = findings.needed
    if found.image_share is None or (needed is not None and needed.images_dominate):
        return []
    if findings.equal and needed is None:
        return []
    what, share = ("images", found.image_share) if found.image_share > 0.5 else ("seeds", 1 - found.image_share)
    if found.num_folds > 1:
        return [_what_helps_folds(found, what, share)]
    said = [f"More {what} would help: {100 * share:.0f} % of what is uncertain comes from the {what}."]
    if needed is not None and needed.seeds is not None:
        return said
    if what == "images":
        said.append(_NEXT.format(instead="data.validation and sweep.seeds"))
    else:
        said.append(f"Next: the same command with sweep.seeds={2 * found.num_seeds}, which trains only what is new.")
    return said


def _what_helps_folds(found: ConfigurationFindings, what: str, share: float) -> str:
    """What varies from fold to fold is the seeds' part and the training images', so more seeds are no sure remedy."""
    if what == "images":
        return f"More images would help: {100 * share:.0f} % of what is uncertain comes from the images."
    seeds = 2 * found.num_seeds // found.num_folds
    return (
        f"More seeds may help: {100 * share:.0f} % of what is uncertain comes from the trainings, their seeds and "
        f"training images. Next: the same command with sweep.seeds={seeds}, which trains only what is new."
    )


def _rounded(number: int) -> int:
    """To two digits: the number is good within a factor of two."""
    digits = max(0, len(str(number)) - 2)
    return round(number, -digits)
