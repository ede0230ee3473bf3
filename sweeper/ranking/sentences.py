"""A ranking's findings in words: plain sentences, each true by itself, for every form of the report. Pure.

What does not live here: what is found (`sweeper.ranking.judge`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.core.objectives import Objective
from sweeper.core.text import amount, capital, listed, percent
from sweeper.core.trials import TrialRow
from sweeper.inference import wilson_interval
from sweeper.ranking.findings import (
    COSTS,
    FEWEST_SEEDS,
    Cheapest,
    ConfigurationFindings,
    Confirmation,
    ExpectedAccuracy,
    Findings,
)

_LONGEST = 100  # characters of what a trial is, in a sentence


@dataclass(frozen=True)
class Words:
    """Says what was found.

    Attributes:
        rows: all trials by number.
        objective: the one that is spoken of.
        is_one_of_several: whether the rows are ranked by others too.
        is_tested: whether a test stands behind its order.
        margin: accuracy that a cheaper trial may lose, as a fraction.
        num_repeats: seeds of each point.
    """

    rows: dict[int, TrialRow]
    objective: Objective
    is_one_of_several: bool
    is_tested: bool
    margin: float
    num_repeats: int

    def sentences(self, findings: Findings, why_untested: str, left_out: Sequence[int]) -> tuple[str, ...]:
        """All that is to be said, the most important first.

        Args:
            findings: what was found, of a sweep with a leader.
            why_untested: why trials could not be compared image by image; empty where they were.
            left_out: complete trials whose answers are not at hand.
        """
        said = [self._about_leader(findings, why_untested)]
        if findings.expected is not None:
            said.append(_about_expected(findings.expected, findings.num_compared))
            said.append(self._about_cheapest(findings.leader, findings.cheapest))
        if left_out:
            said.append(
                f"Not compared, since their answers on the validation images are not at hand: {self.trials(left_out)}."
            )
        if findings.test is not None:
            said.append(self._about_test(findings.leader, findings.test))
        if len(self.rows) > 1:
            said.append(self._about_configurations(findings.configurations))
        return tuple(said)

    def _about_leader(self, findings: Findings, why_untested: str) -> str:
        leader = self._row(findings.leader)
        label, scored = capital(self.label(leader.number)), self._scored(leader)
        if findings.group:
            return self._about_group(findings, f"{label} leads with {scored}")
        if not self.is_tested:
            metric = self.objective.metric
            word = "highest" if self.objective.direction == "maximize" else "lowest"
            return (
                f"{label} has the {word} {metric}, {amount(leader.metrics[metric])}. "
                f"By {metric} the order is plain: no test stands behind it."
            )
        if why_untested:
            return f"{label} comes first with {scored}. How sure that is cannot be said: {why_untested}."
        return f"{label} is the only one that is complete: {scored}."

    def _about_group(self, findings: Findings, head: str) -> str:
        others, rest = findings.group[1:], findings.num_compared - len(findings.group)
        alone = f"By {self.objective.metric} alone: " if self.is_one_of_several else ""
        if not others:
            whom = "the other one" if rest == 1 else f"each of the other {rest}"
            return f"{alone}{head}, and is better than {whom} beyond chance."
        whom = (
            f"all {findings.num_compared} trials" if not rest and len(others) > 1 else f"it and {self.trials(others)}"
        )
        worse = f"; the other {'one is' if rest == 1 else f'{rest} are'} worse beyond chance" if rest else ""
        return f"{alone}{head}, but {findings.num_images:,} images cannot tell {whom} apart{worse}."

    def _about_cheapest(self, leader: int | None, cheapest: Sequence[Cheapest]) -> str:
        margin = f"{100 * self.margin:g} percentage points"
        cheaper = [one for one in cheapest if one.trial != leader]
        if not cheaper:
            return f"No cheaper trial is shown to be within {margin} of the leader; more images might show one."
        told = [
            f"{COSTS[one.cost]}: {self.label(one.trial)}, {amount(one.value)} instead of {amount(one.leaders)}"
            for one in cheaper
        ]
        return f"Cheapest of those that are shown to be within {margin} of the leader, by {'; by '.join(told)}."

    def _about_test(self, leader: int | None, test: Confirmation) -> str:
        times = {1: "once", 2: "twice"}.get(len(test.openings), f"{len(test.openings)} times")
        head = f"The test set ({test.num_images:,} images) was opened {times}"
        first = next((one for one in test.finalists if one.trial == leader), None)
        if first is None:
            return f"{head}; the leader has not been evaluated on it."
        loss = f" and loss {first.loss:.4g}" if self.objective.metric == "val_loss" else ""
        told = f"{head}: the leader has {percent(first.accuracy)} ({percent(first.low)} to {percent(first.high)}){loss}"
        tested = [one for one in test.finalists if one.p is not None]
        if not tested:
            return f"{told}."
        if test.better_than:
            rest = len(tested) - len(test.better_than)
            others = f"; of the other {'one' if rest == 1 else rest} that is not confirmed" if rest else ""
            return f"{told}, and is confirmed to be better than {self.trials(test.better_than)}{others}."
        worse = [one.trial for one in tested if one.p is not None and one.p <= 0.05]
        if worse:
            return f"{told}, and is worse there than {self.trials(worse)}: its lead is not confirmed."
        rivals = "the other finalist is not" if len(tested) == 1 else f"none of the other {len(tested)} finalists is"
        return f"{told}; {rivals} confirmed to be worse."

    def _about_configurations(self, found: ConfigurationFindings | None) -> str:
        if found is None and self.num_repeats > 1:
            return (
                f"This is said of these trained networks: {self.num_repeats} seeds a point are too few to speak of "
                f"configurations (sweep.seeds={FEWEST_SEEDS} is the least)."
            )
        if found is None:
            return (
                "This is said of these trained networks: with one seed a point, nothing follows for their "
                f"configurations in general (sweep.seeds={FEWEST_SEEDS} or more would say)."
            )
        if not found.group:
            return f"Of configurations nothing can be said: fewer than two have all of their {found.num_seeds} repeats."
        names = [self.label(number) for number in found.group]
        rest = found.num_points - len(found.group)
        if len(names) == 1:
            return (
                f"Of the configurations, over {found.num_seeds} seeds, that of {names[0]} is better than every other."
            )
        worse = f"; the other {'one is' if rest == 1 else f'{rest} are'} worse" if rest else ""
        return f"Of the configurations, {found.num_seeds} seeds cannot tell those of {listed(names)} apart{worse}."

    def _scored(self, row: TrialRow) -> str:
        value = row.metrics[self.objective.metric]
        num_images = row.facts.num_validation
        if self.objective.metric != "val_accuracy" or not num_images:
            return f"{self.objective.metric} {value:.4g}"
        low, high = wilson_interval(round(value * num_images), num_images)
        return f"{percent(value)} of {num_images:,} validation images (95 % interval {percent(low)} to {percent(high)})"

    def label(self, number: int) -> str:
        """`trial 3 (arch.depth=5)`, and of several sweeps whose it is."""
        name = f"trial {self._short(number)}"
        typed = " ".join(self._row(number).overrides)
        return f"{name} ({typed})" if 0 < len(typed) <= _LONGEST else name

    def trials(self, numbers: Sequence[int]) -> str:
        """`trials 3, 4 of B and 5`."""
        return f"trial{'s' if len(numbers) > 1 else ''} {listed([self._short(number) for number in numbers])}"

    def _short(self, number: int) -> str:
        """A trial's number, and of several sweeps whose it is."""
        origin = self._row(number).origin
        return str(number) if origin is None else f"{origin.trial} of {origin.sweep}"

    def _row(self, number: int | None) -> TrialRow:
        if number is None:
            raise ValueError("there is no leader to speak of")
        return self.rows[number]


def warnings(rows: Sequence[TrialRow], *, optimistic: bool, num_openings: int) -> tuple[str, ...]:
    """What makes the figures less than they seem."""
    found = []
    if optimistic:
        found.append(
            "Every figure is optimistic: the test set was the validation set (data.validation=test), so the trials "
            "were chosen on it, and nothing is left to confirm them."
        )
    if any(row.facts.best_epoch for row in rows):
        found.append(
            "Scores are those of the best epoch, which was chosen on the validation images (training.restore_best); "
            "they are a little too high."
        )
    if num_openings > 1:
        found.append(
            f"The test set was opened {num_openings} times. Who sees its figures and searches on chooses on it too: "
            "what it says now is less than after one opening."
        )
    return tuple(found)


def _about_expected(expected: ExpectedAccuracy, num_compared: int) -> str:
    told = (
        f"{percent(expected.expected)} is to be expected of the leader on new images (95 % interval "
        f"{percent(expected.low)} to {percent(expected.high)})"
    )
    if percent(expected.expected) == percent(expected.raw):
        return f"Though its score was chosen as the highest of {num_compared}, no less is expected: {told}."
    return (
        f"The highest of {num_compared} scores is too high for having been chosen: {told}, not {percent(expected.raw)}."
    )
