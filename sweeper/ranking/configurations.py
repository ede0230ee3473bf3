"""What repeats say: with several seeds, configurations are ranked by their means, and statements are about them.

    points with all repeats -> leading configurations -> what to expect of the first, and its median seed

What does not live here: the procedures (`sweeper.inference`), and the words (`sweeper.ranking.sentences`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper import inference
from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialRow, TrialState, mean
from sweeper.ranking.case import ALPHA, Case, by_image, groups_of, is_there, why_few_of_class, why_one_group
from sweeper.ranking.findings import ConfigurationFindings, Difference, ExpectedAccuracy, Findings
from sweeper.ranking.leaderboard import compared_of, point_of, rank
from sweeper.ranking.seeds.levels import Groups, level_effects

#: Images, or groups of them, from which on intervals of differences of mean losses and scores hold, by
#: `benchmarks/differences.py` and `benchmarks/means.py`.
FEWEST_FOR_MEANS = 200


def judge_configurations(case: Case) -> Findings:
    """Findings about configurations; at least one trial is complete.

    The leader is the median seed of the leading configuration, and the group has the trials of the leading ones.
    """
    whole = whole_configurations(case)
    about = ConfigurationFindings(case.num_repeats, len(whole), (), num_folds=_num_folds(whole))
    if not whole:
        first = next(one.row for one in rank(case.rows, *case.objectives) if one.row.state is TrialState.COMPLETE)
        return Findings(leader=first.number, configurations=about)
    if why := _why_untested(case, whole, about.num_folds):
        return _led_by(case, whole[0], replace(about, why_untested=why))
    tables, groups = tables_by_fold(case, whole)
    members: tuple[int, ...] = (0,)
    if len(whole) > 1:
        found = _leading(tables, groups)
        members = found.members
        about = replace(about, group=tuple(whole[i][0].number for i in members), image_share=found.image_share)
    findings = _led_by(case, whole[members[0]], about)
    if len(whole) > 1:
        rows = [row for index in members for row in whole[index]]
        group = dict.fromkeys([findings.leader, *(row.number for row in rows)])
        findings = replace(findings, group=tuple(number for number in group if number is not None))
    findings = replace(
        findings,
        num_compared=len(whole) * case.num_repeats,
        num_images=sum(fold.shape[1] for fold in tables[0]),
        num_groups=sum(len(np.unique(one)) for one in groups if one is not None),
    )
    if len(whole) > 1 and (lines := _differences(case, tables, groups)) is not None:
        findings = replace(
            findings,
            differences={
                row.number: Difference(*map(float, line))
                for index, (rows, line) in enumerate(zip(whole, lines, strict=True))
                for row in rows
                if index != members[0]
            },
        )
    if case.kind != "accuracy":
        return findings
    same, needed = _undecided(case, tables, groups, members)
    return replace(
        findings,
        effects=level_effects(case, whole, tables, groups) if len(whole) > 1 else (),
        equal=tuple(row.number for index in same for row in whole[index]),
        needed=needed,
        expected=_expected(tables, groups),
    )


def _num_folds(whole: Sequence[Sequence[TrialRow]]) -> int:
    """Parts of the images on which all configurations were scored alike, repeat by repeat; 1 where it is one."""
    splits = {tuple(row.split_digest for row in rows) for rows in whole}
    return len(set(splits.pop())) if len(splits) == 1 else 1


def _by_fold(rows: Sequence[TrialRow]) -> list[list[TrialRow]]:
    """A configuration's trials, those on the same images together."""
    folds: dict[str, list[TrialRow]] = {}
    for row in rows:
        folds.setdefault(row.split_digest, []).append(row)
    return list(folds.values())


def tables_by_fold(case: Case, whole: Sequence[Sequence[TrialRow]]) -> tuple[list[list[NDArray[Any]]], Groups]:
    """Each configuration's scores, fold by fold: (seeds, images); and of each fold the images' groups."""
    tables = [
        [np.stack([by_image(case, case.validation[row.number]) for row in fold]) for fold in _by_fold(rows)]
        for rows in whole
    ]
    return tables, [groups_of([case.validation[row.number] for row in fold]) for fold in _by_fold(whole[0])]


def _leading(tables: Sequence[Sequence[NDArray[Any]]], groups: Groups) -> inference.ConfigurationGroup:
    if len(tables[0]) > 1:
        return inference.leading_over_folds(tables, ALPHA, groups)
    return inference.leading_configurations(_only(tables), ALPHA, groups[0])


def _differences(case: Case, tables: Sequence[Sequence[NDArray[Any]]], groups: Groups) -> NDArray[np.float64] | None:
    """The leading mean less each configuration's, with its interval; None where no interval is shown to hold."""
    is_over_folds, bounded = len(tables[0]) > 1, case.kind == "scores"
    if case.kind in ("accuracy", "hits"):
        if is_over_folds:
            return inference.folds_from_leader(tables, ALPHA, groups)
        return inference.configurations_from_leader(_only(tables), ALPHA, groups[0])
    units = [fold.shape[1] if own is None else len(np.unique(own)) for fold, own in zip(tables[0], groups, strict=True)]
    if case.is_mean and sum(units) < FEWEST_FOR_MEANS:
        return None
    if is_over_folds:
        return inference.means_over_folds_from_leader(tables, ALPHA, groups, bounded=bounded)
    return inference.means_from_leader(_only(tables), ALPHA, groups[0], bounded=bounded)


def _expected(tables: Sequence[Sequence[NDArray[Any]]], groups: Groups) -> ExpectedAccuracy:
    if len(tables[0]) > 1:
        score = inference.winning_over_folds(tables, groups)
    else:
        score = inference.winning_configuration(_only(tables), groups=groups[0])
    return ExpectedAccuracy(score.raw, score.expected, score.low, score.high)


def _undecided(
    case: Case, tables: Sequence[Sequence[NDArray[Any]]], groups: Groups, members: Sequence[int]
) -> tuple[list[int], inference.Needed | None]:
    """Who of the group is equal, and what it would take to tell the rest of it."""
    if len(members) == 1 or not case.margin:
        return [], None
    margin = case.margin
    if len(tables[0]) > 1:
        marked = inference.equal_over_folds(tables, margin, ALPHA, groups)
        needed = inference.needed_over_folds(tables, members, margin, ALPHA, groups)
    else:
        answers, own = _only(tables), groups[0]
        marked = inference.equal_configurations(answers, margin, ALPHA, own)
        needed = inference.needed_for_configurations(answers, members, margin, ALPHA, own)
    same = [index for index in members[1:] if marked[index]]
    return same, None if len(same) == len(members) - 1 else needed


def _only(tables: Sequence[Sequence[NDArray[Any]]]) -> list[NDArray[Any]]:
    """Each configuration's table where all were scored on the same images."""
    return [table for (table,) in tables]


def representatives(
    rows: Sequence[TrialRow], objectives: Sequence[Objective], tested: Collection[int]
) -> dict[int, TrialRow]:
    """The trial that stands for each configuration on the test set: one that was tested already, or the median seed."""
    points: dict[int, list[TrialRow]] = {}
    for row in rows:
        if row.state is TrialState.COMPLETE:
            points.setdefault(point_of(row), []).append(row)
    return {
        point: next((row for row in own if row.number in tested), None) or median_seed(compared_of(own), objectives[0])
        for point, own in points.items()
    }


def median_seed(rows: Sequence[TrialRow], objective: Objective) -> TrialRow:
    """The repeat with the median of a metric; of two in the middle the worse, of equal ones the first."""
    ordered = sorted(rows, key=lambda row: (objective.sign * row.metrics[objective.metric], -row.number))
    return ordered[(len(ordered) - 1) // 2]


def _led_by(case: Case, rows: Sequence[TrialRow], about: ConfigurationFindings) -> Findings:
    """Findings about a leading configuration, before anything is said of the others."""
    metric = case.tested.metric
    leader = tuple(row.number for row in rows)
    about = replace(about, leader=leader, mean=mean([row.metrics[metric] for row in rows]))
    return Findings(leader=median_seed(rows, case.tested).number, configurations=about)


def whole_configurations(case: Case) -> list[list[TrialRow]]:
    """The configurations of which all repeats are complete, the best mean first."""
    points: dict[int, list[TrialRow]] = {}
    for one in rank(case.rows, case.tested):
        if one.row.state is TrialState.COMPLETE:
            points.setdefault(point_of(one.row), []).append(one.row)
    return [sorted(rows, key=lambda row: row.repeat) for rows in points.values() if len(rows) == case.num_repeats]


def _why_untested(case: Case, whole: Sequence[Sequence[TrialRow]], num_folds: int) -> str:
    """Why no test compares configurations; empty where one does."""
    if 1 < num_folds < inference.FEWEST_FOLDS:
        return f"{num_folds} folds are too few (data.folds={inference.FEWEST_FOLDS} is the least)"
    if num_folds > 1 and case.num_repeats % num_folds:
        return "some folds were trained more often than others"
    if case.num_repeats < inference.FEWEST_SEEDS:
        few = f"{case.num_repeats} seeds per configuration are too few"
        return f"{few} (sweep.seeds={inference.FEWEST_SEEDS} is the least)"
    if case.kind == "plain":
        return f"no test for {case.tested.metric} takes images and seeds into account"
    rows = [row for rows in whole for row in rows]
    if num_folds == 1 and len({row.split_digest for row in rows}) > 1:
        return "their trials were scored on different images, since data or split vary"
    if not all(is_there(case, case.validation.get(row.number)) for row in rows):
        return "predictions of some of their trials on the validation images are missing"
    known = [case.validation[row.number] for row in rows]
    if case.kind == "counts" and (why := why_few_of_class(known[: case.num_repeats], case.tested.metric)):
        return why
    return "" if num_folds > 1 else why_one_group(known)
