"""What can be said of a sweep's ranking: the statistics applied to its rows.

    rows ranked -> trials scored on the same images -> leading group, rank intervals, expected score, cheapest, test

Pure. What does not live here: the procedures themselves (`sweeper.inference`), the sentences
(`sweeper.ranking.sentences`), reading the answers (`sweeper.artifacts.answers`), and how findings look
(`sweeper.report.terminal`, `sweeper.report.page`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sweeper import inference
from sweeper.artifacts.answers import Answers
from sweeper.core.objectives import COSTS, Objective, name_on_test
from sweeper.core.trials import TrialRow, TrialState
from sweeper.metrics import OF_COUNTS
from sweeper.ranking.case import ALPHA, Case, by_image, groups_of, is_there, why_few_of_class, why_one_group
from sweeper.ranking.configurations import FEWEST_FOR_MEANS, judge_configurations, representatives
from sweeper.ranking.findings import Cheapest, Confirmation, Difference, ExpectedAccuracy, Finalist, Findings
from sweeper.ranking.leaderboard import num_repeats, point_of, rank
from sweeper.ranking.seeds.looks import first_stage, judge_looks

#: Trials up to which every pair is compared for the rank intervals; by tests that take longer, fewer.
MOST_RANKED = 500
_MOST_RANKED_SLOWLY = 50
_MOST_CANDIDATES = 4000  # trials and epochs from which resamples choose


def judge(case: Case) -> Findings:
    """Finds what the evidence allows to be said; without a complete trial, nothing."""
    complete = _complete(case.rows, case.objectives)
    if not complete:
        return Findings()
    if case.second is not None:
        found = judge_looks(case) if case.second.looks else judge(first_stage(case))
        return replace(found, second=case.second, test=_test(case, found))
    if case.num_repeats > 1:
        found = judge_configurations(case)
        return replace(found, test=_test(case, found))
    compared, why_untested = _comparable(case, complete)
    findings = Findings(leader=complete[0].number, why_untested=why_untested)
    if len(compared) > 1:
        findings = _compared(case, findings, compared)
    known = {row.number for row in compared}
    left_out = [row.number for row in complete if row.number not in known] if findings.group else []
    return replace(findings, test=_test(case, findings), left_out=tuple(left_out))


def finalists(
    findings: Findings,
    rows: Sequence[TrialRow],
    objectives: Sequence[Objective],
    limit: int,
    tested: Collection[int] = (),
) -> list[int]:
    """The trials that the test set is opened for: the leading group first, then the others by rank.

    Only complete trials that were scored on the same images as the leader, or on the same folds. With repeats one of
    each configuration: its median seed, or the one of `tested` that was evaluated already.
    """
    ranked = _complete(rows, objectives)
    leader = next((row for row in ranked if row.number == findings.leader), None)
    if leader is None:
        return []
    splits = {split_of(row) for row in ranked if point_of(row) == point_of(leader)}  # several where images are in folds
    same = [row.number for row in ranked if split_of(row) in splits]
    order = dict.fromkeys([leader.number, *(number for number in findings.group if number in same), *same])
    if num_repeats(rows) == 1 and not any(row.standing is not None for row in rows):
        return list(order)[:limit]
    points = {row.number: point_of(row) for row in ranked}
    chosen = representatives([row for row in ranked if row.number in order], objectives, tested)
    return list(dict.fromkeys(chosen[points[number]].number for number in order))[:limit]


def split_of(row: TrialRow) -> str:
    """Which images a trial was scored on."""
    return row.split_digest


def _complete(rows: Sequence[TrialRow], objectives: Sequence[Objective]) -> list[TrialRow]:
    return [one.row for one in rank(rows, *objectives) if one.row.state is TrialState.COMPLETE]


def _comparable(case: Case, complete: Sequence[TrialRow]) -> tuple[list[TrialRow], str]:
    """The trials whose answers stand side by side, by rank; or why there are none."""
    if case.kind == "plain" or len(complete) == 1:
        return [], ""
    if len({split_of(row) for row in complete}) > 1:
        return [], "its trials were scored on different images, since data or split vary, and no test compares them"
    found = [row for row in complete if is_there(case, case.validation.get(row.number))]
    if len(found) > 1 and found[0] is not complete[0]:  # who leads cannot be said without the first
        return [], "the predictions of the first trial on the validation images are missing"
    if why := why_one_group([case.validation[row.number] for row in found]):
        return [], why
    return found, "" if len(found) > 1 else "the trials' predictions on the validation images are missing"


def _compared(case: Case, findings: Findings, compared: Sequence[TrialRow]) -> Findings:
    """The leading group, and what follows from it: for accuracies more than for other metrics."""
    numbers = [row.number for row in compared]
    answers = [case.validation[number] for number in numbers]
    ranks: NDArray[np.int64] | None = None
    apart: NDArray[np.float64] | None = None
    groups = groups_of(answers)
    is_few = len(compared) <= _MOST_RANKED_SLOWLY
    match case.kind:
        case "counts":
            labels, predicted, metric = _classes(case, answers)
            elimination = inference.leading_group_by_swaps(labels, predicted, metric, ALPHA, groups)
            ranks = inference.rank_intervals_by_swaps(labels, predicted, metric, ALPHA, groups) if is_few else None
            if not why_few_of_class(answers[:1], case.tested.metric):
                scores = np.stack([by_image(case, one) for one in answers])
                units = scores if groups is None else inference.as_units(scores, groups)
                apart = inference.loss_differences_from_leader(-units, ALPHA, leader=elimination.members[0])
        case "hits":
            hits = np.stack([one.scores[case.tested.metric] for one in answers]) > 0
            elimination, ranks = _by_right_images(hits, groups)
            apart = _apart(hits, groups)
        case "scores":
            scores = np.stack([one.scores[case.tested.metric] for one in answers])
            units = scores if groups is None else inference.as_units(scores, groups)
            elimination = inference.leading_group_by_losses(units, ALPHA, bounded=True)
            ranks = inference.rank_intervals_by_losses(units, ALPHA) if is_few else None
            if units.shape[1] >= FEWEST_FOR_MEANS:
                apart = inference.loss_differences_from_leader(units, ALPHA, bounded=True)
        case "loss":
            losses = [one.losses for one in answers if one.losses is not None]
            table = np.stack(losses).astype(np.float64)
            units = table if groups is None else inference.as_units(table, groups)
            elimination = inference.leading_group_by_losses(units, ALPHA)
            if units.shape[1] >= FEWEST_FOR_MEANS:
                apart = inference.loss_differences_from_leader(units, ALPHA)
        case _:
            correct = np.stack([one.correct for one in answers])
            elimination, ranks = _by_right_images(correct, groups)
            apart = _apart(correct, groups)
    group = tuple(numbers[index] for index in elimination.members)
    findings = replace(
        findings,
        leader=group[0],
        group=group,
        num_compared=len(numbers),
        num_images=len(answers[0].correct),
        num_groups=0 if groups is None else len(np.unique(groups)),
        rank_intervals={} if ranks is None else _intervals(compared, ranks),
        differences={}
        if apart is None
        else {
            row.number: Difference(*map(float, line))
            for row, line in zip(compared, apart, strict=True)
            if row.number != group[0]
        },
    )
    if case.kind != "accuracy":
        return findings
    return _by_accuracy(case, findings, compared, np.stack([one.correct for one in answers]), groups)


def _by_right_images(
    correct: NDArray[np.bool_], groups: NDArray[np.integer] | None
) -> tuple[inference.Elimination, NDArray[np.int64] | None]:
    """The leading group and the ranks, of trials that have each image right or wrong."""
    if groups is None:
        ranks = inference.rank_intervals(correct, ALPHA) if len(correct) <= MOST_RANKED else None
        return inference.leading_group(correct, ALPHA), ranks
    is_few = len(correct) <= _MOST_RANKED_SLOWLY
    ranks = inference.rank_intervals_by_clusters(correct, groups, ALPHA) if is_few else None
    return inference.leading_group_by_clusters(correct, groups, ALPHA), ranks


def _apart(correct: NDArray[np.bool_], groups: NDArray[np.integer] | None) -> NDArray[np.float64]:
    """The leader's share of right images less each trial's, with its interval."""
    if groups is None:
        return inference.differences_from_leader(correct, ALPHA)
    return inference.differences_by_clusters(correct, groups, ALPHA)


def _classes(
    case: Case, answers: Sequence[Answers]
) -> tuple[NDArray[np.integer], NDArray[np.integer], inference.CountMetric]:
    """True classes (images,), predicted classes (trials, images), and the metric of their counts."""
    known = [(one.labels, one.predicted) for one in answers if one.labels is not None and one.predicted is not None]
    return known[0][0], np.stack([predicted for _, predicted in known]), OF_COUNTS[case.tested.metric]


def _intervals(compared: Sequence[TrialRow], bounds: NDArray[np.int64]) -> dict[int, tuple[int, int]]:
    return {row.number: (int(low), int(high)) for row, (low, high) in zip(compared, bounds, strict=True)}


def _by_accuracy(
    case: Case,
    findings: Findings,
    compared: Sequence[TrialRow],
    correct: NDArray[np.bool_],
    groups: NDArray[np.integer] | None,
) -> Findings:
    candidates = np.concatenate([correct, *_other_epochs(case, compared)])
    score = inference.winners_score(candidates, groups=groups)
    equal, needed = _undecided(case, findings, [row.number for row in compared], correct, groups)
    return replace(
        findings,
        expected=ExpectedAccuracy(score.raw, score.expected, score.low, score.high),
        equal=equal,
        needed=needed,
        cheapest=_cheapest(case, findings, compared, correct, groups),
    )


def _undecided(
    case: Case,
    findings: Findings,
    numbers: Sequence[int],
    correct: NDArray[np.bool_],
    groups: NDArray[np.integer] | None,
) -> tuple[tuple[int, ...], inference.Needed | None]:
    """Who of the group is equal within the margin, and what it would take to tell the rest of it."""
    if len(findings.group) < 2 or not case.margin:
        return (), None
    places = {number: place for place, number in enumerate(numbers)}
    marked = inference.equal_trials(correct, places[findings.group[0]], case.margin, ALPHA, groups)
    equal = tuple(number for number in findings.group[1:] if marked[places[number]])
    if len(equal) == len(findings.group) - 1:
        return equal, None
    group = correct[[places[number] for number in findings.group]]
    return equal, inference.needed_for_trials(group, case.margin, ALPHA, groups)


def _other_epochs(case: Case, compared: Sequence[TrialRow]) -> list[NDArray[np.bool_]]:
    """The other epochs of each trial whose best one was selected: that epoch was chosen on these images too.

    Of many trials, the best epochs of each, which alone can be chosen.
    """
    most = max(1, _MOST_CANDIDATES // len(compared))
    found = []
    for row in compared:
        bits = case.epochs.get(row.number)
        if bits is None or row.facts.best_epoch is None:
            continue
        others = np.delete(bits, row.facts.best_epoch - 1, axis=0)
        best = np.argsort(-others.sum(axis=1), kind="stable")[:most]
        found.append(others[best])
    return found


def _cheapest(
    case: Case,
    findings: Findings,
    compared: Sequence[TrialRow],
    correct: NDArray[np.bool_],
    groups: NDArray[np.integer] | None,
) -> tuple[Cheapest, ...]:
    leader = next(index for index, row in enumerate(compared) if row.number == findings.leader)
    if groups is None:
        as_good = inference.not_worse(correct, leader, case.margin, ALPHA)
    else:
        as_good = inference.close_by_clusters(correct, groups, case.margin, ALPHA)
        as_good[leader] = True
    found = []
    for cost in COSTS:
        values = [row.metrics.get(cost) for row in compared]
        leaders = values[leader]
        if leaders is None or not math.isfinite(leaders):
            continue
        known = [(value, index) for index, value in enumerate(values) if value is not None and as_good[index]]
        value, index = min(known, key=lambda one: (one[0], one[1] != leader, one[1]))
        found.append(Cheapest(cost, compared[index].number, value, leaders))
    return tuple(found)


def _test(case: Case, findings: Findings) -> Confirmation | None:
    """What the test set said of the trials that it was opened for, those first that would be finalists now."""
    results = case.test.results
    order = finalists(findings, case.rows, case.objectives, len(case.rows), results)
    shown = [number for number in order if number in results]
    if not shown:
        return None
    p_values = _confirmation(case, findings.leader, shown)
    leader = results.get(findings.leader) if findings.leader is not None else None
    return Confirmation(
        num_images=int(results[shown[0]]["num_images"]),
        openings=case.test.openings,
        elsewhere=case.test.elsewhere,
        finalists=tuple(_finalist(case, number, results[number], p_values.get(number)) for number in shown),
        better_than=tuple(
            number
            for number, p in p_values.items()
            if p <= ALPHA and leader is not None and _merit(case, leader) > _merit(case, results[number])
        ),
    )


def _merit(case: Case, result: Mapping[str, float]) -> float:
    """What the test set gave a trial, the better the larger: the tested metric, or accuracy where that has no test."""
    name = name_on_test(case.tested.metric)
    return case.tested.sign * result[name] if name in result else result["test_accuracy"]


def _confirmation(case: Case, leader: int | None, shown: Sequence[int]) -> dict[int, float]:
    """The p of the leader against each other finalist, by Holm's correction: it was chosen beforehand."""
    known = {number: answers for number, answers in case.test_answers.items() if is_there(case, answers)}
    others = [number for number in shown if number != leader and number in known]
    if case.kind in ("loss", "plain") or leader is None or leader not in known or not others:
        return {}
    pairs = [[known[leader], known[number]] for number in others]
    return dict(zip(others, inference.holm([_pair_p(case, pair) for pair in pairs]), strict=True))


def _pair_p(case: Case, pair: Sequence[Answers]) -> float:
    """The p of two trials' difference, by the test that fits the metric."""
    metric, groups = case.tested.metric, groups_of(pair)
    match case.kind:
        case "counts":
            labels, predicted, of_counts = _classes(case, pair)
            return inference.swap_p(labels, predicted[0], predicted[1], of_counts, groups=groups)
        case "scores":
            values = [answers.scores[metric] for answers in pair]
            return inference.paired_p(*(values if groups is None else [inference.as_units(v, groups) for v in values]))
        case "hits":
            one, other = (answers.scores[metric] > 0 for answers in pair)
        case _:
            one, other = (answers.correct for answers in pair)
    if groups is not None:
        return inference.sign_flip_p(inference.group_sums(one.astype(np.float64) - other, groups))
    return float(inference.mcnemar_p(int((one & ~other).sum()), int((~one & other).sum())))


def _finalist(case: Case, number: int, result: Mapping[str, float], p: float | None) -> Finalist:
    num_images = int(result["num_images"])
    low, high = inference.accuracy_interval(result["test_accuracy"], num_images)
    score = None if case.kind in ("accuracy", "loss") else result.get(name_on_test(case.tested.metric))
    return Finalist(number, result["test_accuracy"], result["test_loss"], low, high, p, score)
