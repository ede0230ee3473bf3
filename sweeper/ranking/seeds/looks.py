"""What a sweep with `sweep.seeds=auto` says of its configurations: the looks that were taken, judged and in words.

What does not live here: the looks themselves, which are stored and not taken again (`sweeper.inference.looks`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweeper import inference
from sweeper.core.looks import SecondStage, TakenLook, gain_of
from sweeper.core.text import capital, listed, percent
from sweeper.core.trials import TrialRow, TrialState
from sweeper.ranking.case import Case, groups_of
from sweeper.ranking.configurations import median_seed
from sweeper.ranking.findings import ConfigurationFindings, Difference, ExpectedAccuracy, Findings
from sweeper.ranking.leaderboard import rank
from sweeper.ranking.seeds.baseline import told

_NAMED = 8  # configurations named in one sentence


def first_stage(case: Case) -> Case:
    """The case of the trials under one seed, from which the candidates were chosen."""
    rows = [replace(row, standing=None) for row in case.rows if row.repeat == 0]
    return replace(case, rows=rows, second=None)


def judge_looks(case: Case) -> Findings:
    """Findings about the configurations that the last look compared; at least one look was taken."""
    second = _second(case)
    look = second.looks[-1]
    if not look.members:
        first = next(one.row for one in rank(case.rows, *case.objectives) if one.row.state is TrialState.COMPLETE)
        return Findings(leader=first.number, why_untested="a seed of each candidate failed")
    rows = {point: _fresh(case, point, look.num_seeds) for point in look.compared}
    own = rows[look.members[0]]
    leader = median_seed(own, case.tested)
    about = ConfigurationFindings(
        num_seeds=look.num_seeds,
        num_points=len(second.candidates),
        group=tuple(rows[point][0].number for point in look.members),
        leader=tuple(row.number for row in own),
        mean=look.mean[look.compared.index(look.members[0])],
        image_share=look.image_share,
    )
    group = dict.fromkeys([leader.number, *(row.number for point in look.members for row in rows[point])])
    findings = Findings(
        leader=leader.number,
        num_compared=sum(map(len, rows.values())),
        num_images=look.num_images,
        group=tuple(group),
        configurations=about,
    )
    answers = [case.validation.get(row.number) for trials in rows.values() for row in trials]
    known = [one for one in answers if one is not None]
    if len(known) < len(answers):
        return findings
    groups = groups_of(known)
    tables = [np.stack([case.validation[row.number].correct for row in trials]) for trials in rows.values()]
    score = inference.winning_configuration(tables, groups=groups)
    return replace(
        findings,
        num_groups=0 if groups is None else len(np.unique(groups)),
        expected=ExpectedAccuracy(score.raw, score.expected, score.low, score.high),
    )


def _second(case: Case) -> SecondStage:
    if case.second is None:
        raise ValueError("the sweep has no second stage")
    return case.second


def _fresh(case: Case, point: int, num_seeds: int) -> list[TrialRow]:
    """A configuration's trials that the look at so many seeds compared, by repeat."""
    rows = [row for row in case.rows if row.point == point and 0 < row.repeat <= num_seeds]
    return sorted((row for row in rows if row.state is TrialState.COMPLETE), key=lambda row: row.repeat)


def about_looks(case: Case, findings: Findings) -> list[str]:
    """What the looks say, in sentences, the most important first, the last of them what to type next."""
    rows = {row.point: row for row in case.rows if row.repeat == 0}
    return _Speaker(_second(case), rows, case.margin, case.has_refit).all(findings)


def before_looks(second: SecondStage) -> str:
    """What is said instead where no look was taken."""
    if second.is_over:
        return (
            "sweep.seeds=auto had nothing to compare: one configuration alone leads under one seed. This holds for its "
            "trained network; another seed may do worse (sweep.seeds=3 or more compares configurations)."
        )
    return (
        f"The {len(second.candidates)} candidates are trained under fresh seeds, and were not looked at yet. Next: the "
        "sweep's command again, which resumes it."
    )


@dataclass(frozen=True)
class _Speaker:
    """Words for the looks of one sweep; `rows` has a trial of each configuration; a refit is what promote takes."""

    second: SecondStage
    rows: Mapping[int | None, TrialRow]
    margin: float
    has_refit: bool

    def all(self, findings: Findings) -> list[str]:
        look = self.second.looks[-1]
        if not look.members:
            return [
                f"A seed of each of the {len(self.second.candidates)} candidates failed: none of them can be "
                "recommended.",
                self._candidates(),
            ]
        said = [self._leads(look, findings)]
        if findings.expected is not None:
            one = findings.expected
            said.append(
                f"Expect {percent(one.expected)} of it with a new seed on new images (95 % interval "
                f"{percent(one.low)} to {percent(one.high)})."
            )
        said += [self._gain(look)] if self.second.baseline is not None else []
        said += [self._decided(), self._candidates()]
        if findings.leader is not None:
            takes = "" if self.has_refit else "promote takes it, and "
            said.append(
                f"Trial {findings.leader} is its median seed: {takes}it stands for the configuration on the test set."
            )
        return [*said, self._next(look)]

    def _leads(self, look: TakenLook, findings: Findings) -> str:
        leader = look.members[0]
        numbers = [] if findings.configurations is None else findings.configurations.leader
        name = f"The configuration {self._name(leader)} (trials {listed(numbers)})"
        mean = look.mean[look.compared.index(leader)]
        head = f"{name} leads with a mean val_accuracy of {percent(mean)} over {look.num_seeds} fresh seeds"
        if len(look.members) == 1:
            return f"{head}: it is the only one of {len(self.second.candidates)} candidates left."
        rest = []
        if look.equal:
            equal = f"{self._names(look.equal)} {'is' if len(look.equal) == 1 else 'are'} equal to it"
            rest.append(f"{equal} within {100 * self.margin:g} percentage points (report.margin)")
        if look.undecided:
            cannot = f"{look.num_seeds} seeds on {look.num_images:,} images cannot separate it from"
            rest.append(f"{cannot} {self._names(look.undecided)}")
        return f"{head}. {capital('; '.join(rest))}."

    def _gain(self, look: TakenLook) -> str:
        """The leader's gain at the last look that compared it with the baseline."""
        leader, baseline = look.members[0], self.second.baseline
        if leader == baseline:
            return "It is the default configuration: the search found none that is better."
        known = [(gain, one) for one in self.second.looks if (gain := gain_of(one, leader)) is not None]
        if not known:
            return "How much better than the default configuration it is, is not known: a seed of that failed."
        gain, at = known[-1]
        return told(Difference(*gain), f", at {at.num_seeds} fresh seeds")

    def _decided(self) -> str:
        """At how many seeds each of the others was decided."""
        found: list[str] = []
        for number, look in enumerate(self.second.looks):
            is_last = number == len(self.second.looks) - 1
            groups = [(look.eliminated, "worse"), (look.failed, "out, as a seed failed")]
            groups += [(look.equal, "equal"), (look.undecided, "undecided")] if is_last else []
            said = [f"{self._names(points)} {word}" for points, word in groups if points]
            if said:
                found.append(f"at {look.num_seeds}: {', '.join(said)}")
        if not found:
            return "No candidate was eliminated."
        any_worse = any(look.eliminated for look in self.second.looks)
        wrong = " In at most 5 % of such sweeps one of the best is called worse." if any_worse else ""
        return f"Decided by fresh seeds, {'; '.join(found)}.{wrong}"

    def _candidates(self) -> str:
        second = self.second
        at_most = "" if second.num_leading <= _NAMED else f", of {second.num_leading} the best {_NAMED}"
        default = "" if second.baseline is None else ", and the default configuration"
        rest = second.num_trained - len(second.candidates)
        others = f" The other {rest} had one seed, so nothing is said of their configurations." if rest else ""
        return (
            f"Candidates were {len(second.candidates)} of {second.num_trained} configurations: the leading group under "
            f"one seed{at_most}{default}. The seed that chose them is not used again.{others}"
        )

    def _next(self, look: TakenLook) -> str:
        if not self.second.is_over:
            return "The looks are not over. Next: the sweep's command again, which resumes it."
        if look.undecided:
            cannot = "More seeds cannot tell them apart: " + (
                "the images' part dominates." if look.ends == "images" else "that takes more images."
            )
            return (
                f"{cannot} Next: promote the leader (python -m sweeper promote), or the same command with data.folds=5 "
                "in place of sweep.seeds=auto, which validates on every training image."
            )
        return "All is decided. Next: python -m sweeper promote"

    def _name(self, point: int) -> str:
        row = self.rows.get(point)
        return " ".join(row.overrides) if row is not None and row.overrides else f"configuration {point}"

    def _names(self, points: Sequence[int]) -> str:
        return listed([self._name(point) for point in points], _NAMED)
