"""A ranking's findings in words: plain sentences, each true by itself, for every form of the report. Pure.

A sentence says first what it means for the user, then the figures. What does not live here: what is found
(`sweeper.ranking.judge`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.core.objectives import COSTS, Objective, name_on_test
from sweeper.core.test_set import by_others
from sweeper.core.text import amount, capital, listed, percent
from sweeper.core.trials import TrialRow, TrialState
from sweeper.inference import FEWEST_SEEDS, accuracy_interval, fewest_images
from sweeper.ranking import pruned
from sweeper.ranking.case import Case
from sweeper.ranking.findings import (
    ConfigurationFindings,
    Confirmation,
    ExpectedAccuracy,
    Findings,
)
from sweeper.ranking.leaderboard import point_of
from sweeper.ranking.pruned import about_taken
from sweeper.ranking.seeds.baseline import about_baseline
from sweeper.ranking.seeds.levels import about_levels
from sweeper.ranking.seeds.looks import about_looks, before_looks
from sweeper.ranking.undecided import about_undecided, about_unsteady, what_helps

_LONGEST = 100  # characters of what a trial is, in a sentence
_FEW_FOR_LOSSES = 3000  # images, by `benchmarks/losses.py`
_NAMED = 8  # trials named in one sentence
_NAMED_LENGTH, _NAMED_LONG = 320, 2  # characters of so many configurations, and how many are named where they are more
_UNKNOWN = "How certain that is cannot be determined"

#: What every statement about images rests on.
INDEPENDENCE = (
    "Images are taken as independent of each other. Where they come in groups (bursts of shots, patients, writers), "
    "these statements are too confident."
)


def about_groups(groups: str) -> str:
    """What takes its place where images of a group were kept on one side of the split.

    Args:
        groups: `data.groups`.
    """
    return (
        f"Images of a group (data.groups={groups}) are on one side of the split, so no trial was validated on groups "
        "that it was trained on. But these statements take images as independent of each other, and are too confident "
        "where those of a group are alike."
    )


def _independent(groups: str, findings: Findings) -> str:
    """What is taken as independent."""
    if findings.num_groups:
        by = f"data.groups={groups}, " if groups else ""
        sides = "; no trial was validated on groups that it was trained on" if groups else ""
        return (
            f"Groups of images ({by}{findings.num_groups:,} of them) are taken as independent of each other, not the "
            f"images{sides}."
        )
    return about_groups(groups) if groups else INDEPENDENCE


def sentences(case: Case, findings: Findings) -> tuple[str, ...]:
    """All that can be said about a ranking, the most important first; plain text, each a whole sentence."""
    if findings.leader is None:
        return ("No trial is complete: there is nothing to rank.",)
    return _Speaker(case, {row.number: row for row in case.rows}).all(findings)


def warnings(case: Case) -> tuple[str, ...]:
    """What makes the figures less than they seem."""
    found = []
    complete = [row for row in case.rows if row.state is TrialState.COMPLETE]
    if complete and case.test_is_validation:
        found.append(
            "Every figure is selected on the test set: it was the validation set (data.validation=test), so the "
            "figures are too high, and no images are left to confirm them."
        )
    restored = [row for row in complete if row.facts.best_epoch]
    if restored:
        known = case.num_repeats == 1 and case.kind == "accuracy" and all(row.number in case.epochs for row in restored)
        found.append(
            "Scores are those of the best epoch, which was selected on the validation images (training.restore_best); "
            "they are a little too high."
            + (" What to expect of the leader allows for that." if known and len(complete) > 1 else "")
        )
    if complete and case.test.openings and case.test.num_openings > 1:
        found.append(
            f"The test set was opened {case.test.num_openings} times{by_others(case.test.elsewhere)}. Searching "
            "further after seeing its figures selects on it too: it shows less now than after one opening."
        )
    return tuple(found)


@dataclass(frozen=True)
class _Speaker:
    """Words for one ranking: what was judged, and all trials by number."""

    case: Case
    rows: dict[int, TrialRow]

    @property
    def _objective(self) -> Objective:
        return self.case.tested

    def all(self, findings: Findings) -> tuple[str, ...]:
        repeated = findings.configurations
        has_looks = findings.second is not None and bool(findings.second.looks)
        if has_looks:
            said = about_looks(self.case, findings)
        elif repeated is None:
            said = [self._about_leader(findings)]
        else:
            said = self._about_repeated(repeated, findings)
        if findings.expected is not None and repeated is None:
            said.append(_about_expected(findings.expected, findings.num_compared))
            said.append(self._about_cheapest(findings))
        said += about_undecided(self.case, findings)
        if repeated is not None and repeated.group and not has_looks:
            said += about_unsteady(self.case)
        said += about_levels(findings.effects)
        if not has_looks:
            said += about_baseline(self.case, findings)
        said += pruned.sentences(self.rows.values())
        if taken := [row for row in self.rows.values() if row.facts.taken_from is not None]:
            said.append(about_taken(taken, len(self.rows)))
        if findings.left_out:
            missing = "since their predictions on the validation images are missing"
            said.append(f"Not compared, {missing}: {self._trials(findings.left_out)}.")
        if findings.test is not None:
            said.append(self._about_test(findings.leader, findings.test))
        if findings.second is not None and not has_looks:
            said.append(before_looks(findings.second))
        elif len(self.rows) > 1 and repeated is None and not has_looks:
            said.append(
                "This holds for these trained networks, not for their configurations in general: there is one seed per "
                f"configuration (sweep.seeds={FEWEST_SEEDS} or more compares configurations)."
            )
        if findings.group:
            said.append(_independent(self.case.groups, findings))
        return tuple(said)

    def _about_leader(self, findings: Findings) -> str:
        leader = self._row(findings.leader)
        label, metric = capital(self._label(leader.number)), self._objective.metric
        scored = self._scored(leader, bare=findings.expected is not None or bool(self.case.groups))
        if findings.group:
            return self._about_group(findings, label, scored)
        if self.case.kind == "plain":
            word = "highest" if self._objective.direction == "maximize" else "lowest"
            value = amount(leader.metrics[metric])
            return f"{label} has the {word} {metric}, {value}. The order by {metric} is plain: no test supports it."
        if findings.why_untested:
            return f"{label} comes first with {scored}. {_UNKNOWN}: {findings.why_untested}."
        return f"{label} is the only complete trial: {scored}."

    def _about_group(self, findings: Findings, label: str, scored: str) -> str:
        others, rest = findings.group[1:], findings.num_compared - len(findings.group)
        alone = f"By {self._objective.metric} alone: " if len(self.case.objectives) > 1 else ""
        if not others:
            whom = "the other complete trial" if rest == 1 else f"each of the other {rest} complete trials"
            return f"{alone}{label} is better than {whom} beyond chance: {scored}{self._ahead(findings)}."
        images = f"cannot be separated on {findings.num_images:,} images"
        images += self._about_tails(findings)
        if not rest:
            whom = "Both complete trials" if len(others) == 1 else f"All {findings.num_compared} complete trials"
            return f"{alone}{whom} {images}: {self._label(findings.group[0])} leads with {scored}."
        worse = f"the other {'one is' if rest == 1 else f'{rest} are'} worse beyond chance"
        return (
            f"{alone}{label} and {self._trials(others)} {images}: they are the leading group (a model confidence set), "
            f"and {worse}. The first has {scored}."
        )

    def _ahead(self, findings: Findings) -> str:
        """By how much a winner is ahead of the next; nothing where that was not found."""
        if not findings.differences:
            return ""
        number, lead = min(findings.differences.items(), key=lambda one: (one[1].value, one[0]))
        value, interval = lead.words(self.case.kind)
        whom = self._trials([number]) if findings.configurations is None else self._configuration(number, bare=True)
        wide = ": it holds for all pairs at once, so it is wider than the test that decides" if lead.low <= 0 else ""
        return f", {value} {'below' if self.case.is_mean else 'ahead of'} {whom} (95 % interval {interval}{wide})"

    def _about_tails(self, findings: Findings) -> str:
        """What to do where a mean loss cannot separate trials."""
        if self.case.kind != "loss" or findings.num_images >= _FEW_FOR_LOSSES:
            return ""
        return (
            f" by their loss, which hangs on few images and separates little below {_FEW_FOR_LOSSES:,} of them "
            "(objective.metric=val_accuracy separates more)"
        )

    def _about_cheapest(self, findings: Findings) -> str:
        margin = f"{100 * self.case.margin:g} percentage points"
        cheaper = [one for one in findings.cheapest if one.trial != findings.leader]
        if not cheaper and findings.needed is not None:  # which says how many images it takes
            return f"No cheaper trial is shown to be within {margin} of the leader."
        fewest = fewest_images(findings.num_compared, self.case.margin)
        by_groups, num_images = findings.num_groups, findings.num_images
        number, what = (by_groups, "groups of images") if by_groups else (num_images, "images")
        if not cheaper and fewest is not None and number < fewest:
            return (
                f"On {number:,} {what} no trial can be shown to be within {margin} of the leader (report.margin), "
                f"whatever it answers: that takes {fewest:,} {what}{' at least' if by_groups else ''}."
            )
        if not cheaper:
            return f"No cheaper trial is shown to be within {margin} of the leader; more {what} might show one."
        found = [
            f"by {COSTS[one.cost]}, {self._label(one.trial)} with {amount(one.value)} instead of {amount(one.leaders)}"
            for one in cheaper
        ]
        return f"Cheaper, and shown to be within {margin} of the leader: {'; '.join(found)}."

    def _about_test(self, leader: int | None, test: Confirmation) -> str:
        number = len(test.openings) + len(test.elsewhere)
        times = {1: "once", 2: "twice"}.get(number, f"{number} times")
        head = f"The test set ({test.num_images:,} images) was opened {times}"
        first = next((one for one in test.finalists if one.trial == leader), None)
        if first is None:
            return f"{head}; the leader has not been evaluated on it."
        metric = name_on_test(self._objective.metric)
        loss = f" and loss {first.loss:.4g}" if self._objective.metric == "val_loss" else ""
        if first.score is not None:
            loss = f" and {metric} {first.score:.4g}"
        by = "" if first.score is None else f" by {metric}"
        found = (
            f"{head}: the leader has {percent(first.accuracy)} ({percent(first.low)} to {percent(first.high)}){loss}"
        )
        tested = [one for one in test.finalists if one.p is not None]
        if not tested:
            return f"{found}."
        if test.better_than:
            rest = len(tested) - len(test.better_than)
            others = f"; for the other {'one' if rest == 1 else rest} that is not confirmed" if rest else ""
            return f"{found}, and is confirmed to be better{by} than {self._trials(test.better_than)}{others}."
        worse = [one.trial for one in tested if one.p is not None and one.p <= 0.05]
        if worse:
            return f"{found}, and is worse there{by} than {self._trials(worse)}: its lead is not confirmed."
        rivals = "the other finalist is not" if len(tested) == 1 else f"none of the other {len(tested)} finalists is"
        return f"{found}; {rivals} confirmed to be worse{by}."

    def _about_repeated(self, found: ConfigurationFindings, findings: Findings) -> list[str]:
        """With repeats: what leads is a configuration."""
        if found.mean is None:
            return [f"Configurations cannot be compared: none has all of its {found.num_seeds} repeats."]
        said = [self._about_leading(found, findings)]
        what = "seed" if found.num_folds == 1 else "training"
        if findings.expected is not None:
            said.append(_about_expected_mean(findings.expected, found.num_points))
        takes = "" if self.case.has_refit else "promote takes it, and "
        trial = capital(self._label(self._row(findings.leader).number))
        said.append(f"{trial} is its median {what}: {takes}it stands for the configuration on the test set.")
        return said

    def _about_leading(self, found: ConfigurationFindings, findings: Findings) -> str:
        seeds, name = found.trainings, self._configuration(found.leader[0])
        scored = f"a mean {self._objective.metric} of {self._figure(found.mean)}"
        if found.num_points == 1:
            return f"{capital(name)} is the only one with all of its {found.num_seeds} repeats: {scored}."
        if found.why_untested:
            return f"{capital(name)} comes first with {scored} over {seeds}. {_UNKNOWN}: {found.why_untested}."
        alone = f"By {self._objective.metric} alone: " if len(self.case.objectives) > 1 else ""
        rest = found.num_points - len(found.group)
        if len(found.group) == 1:
            whom = "the other one" if rest == 1 else f"each of the other {rest}"
            scored += self._ahead(findings)
            return f"{alone}{capital(name)} is better than {whom}, over {seeds} and new images: {scored}."
        names = [self._configuration(number, bare=True) for number in found.group[1:]]
        others = listed(names, _NAMED if sum(map(len, names[:_NAMED])) <= _NAMED_LENGTH else _NAMED_LONG)
        head = f"{alone}{capital(name)} leads with {scored}, but {seeds} on {findings.num_images:,} images cannot "
        head += f"separate it from {others}"
        head += f"; the other {'one is' if rest == 1 else f'{rest} are'} worse." if rest else "."
        return " ".join([head, *what_helps(found, findings)])

    def _figure(self, value: float | None) -> str:
        if value is None:
            raise ValueError("no mean to speak of")
        return percent(value) if self._objective.metric == "val_accuracy" else f"{value:.4g}"

    def _configuration(self, number: int, *, bare: bool = False) -> str:
        """`the configuration arch.depth=5 (trials 3, 4 and 5)` of a trial; `bare` without its trials."""
        row = self._row(number)
        own = [one.number for one in self.rows.values() if point_of(one) == point_of(row)]
        trials, typed = self._trials(sorted(own, key=lambda one: self.rows[one].repeat)), " ".join(row.overrides)
        if not 0 < len(typed) <= _LONGEST:
            return f"the configuration of {trials}"
        return typed if bare else f"the configuration {typed} ({trials})"

    def _scored(self, row: TrialRow, *, bare: bool) -> str:
        """A trial's score; `bare` without its own interval, which is of independent images: another one follows."""
        metric = self._objective.metric
        value, num_images = row.metrics[metric], row.facts.num_validation
        if metric != "val_accuracy" or not num_images:
            return f"{metric} {value:.4g}"
        told = f"{percent(value)} of {num_images:,} validation images"
        if bare:
            return told
        low, high = accuracy_interval(value, num_images)
        return f"{told} (95 % interval {percent(low)} to {percent(high)})"

    def _label(self, number: int) -> str:
        """`trial 3 (arch.depth=5)`, and of several sweeps whose it is."""
        row = self._row(number)
        typed = " ".join(row.overrides)
        return f"trial {row.name} ({typed})" if 0 < len(typed) <= _LONGEST else f"trial {row.name}"

    def _trials(self, numbers: Sequence[int]) -> str:
        """`trials 3, 4 of B and 5`."""
        names = [self._row(number).name for number in numbers]
        return f"trial{'s' if len(names) > 1 else ''} {listed(names, _NAMED)}"

    def _row(self, number: int | None) -> TrialRow:
        if number is None:
            raise ValueError("there is no leader to speak of")
        return self.rows[number]


def _expect(expected: ExpectedAccuracy, of: str) -> str:
    return (
        f"Expect {percent(expected.expected)} of {of} on new images (95 % interval {percent(expected.low)} to "
        f"{percent(expected.high)})"
    )


def _about_expected_mean(expected: ExpectedAccuracy, num_points: int) -> str:
    head = _expect(expected, "it with a new seed")
    if percent(expected.expected) == percent(expected.raw):
        return f"{head}."
    return f"{head}: its mean is too high, since it was selected as the highest of {num_points}."


def _about_expected(expected: ExpectedAccuracy, num_compared: int) -> str:
    head = _expect(expected, "the leader")
    if percent(expected.expected) == percent(expected.raw):
        return f"{head}: being selected as the highest of {num_compared} scores raised it by less than 0.01 points."
    return (
        f"{head}: its {percent(expected.raw)} is too high, since it was selected as the highest of {num_compared} "
        "scores."
    )
