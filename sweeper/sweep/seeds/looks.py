"""The candidates of `sweep.seeds=auto` and the looks at them: decided from stored answers, and stored at once.

    begin    the one-seed leading group, at most eight, and the baseline
    take     the next look: answers of fresh seeds -> `sweeper.inference.look` -> the study

What does not live here: which trial is next (`sweeper.search.staged`), and what the report says
(`sweeper.ranking.seeds.looks`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sweeper import inference
from sweeper.artifacts import answers
from sweeper.artifacts.answers import Answers
from sweeper.core.errors import SweeperError
from sweeper.core.events import Listener, Note, TrialsAdded
from sweeper.core.looks import SecondStage, TakenLook
from sweeper.core.paths import SweepPaths
from sweeper.core.text import listed
from sweeper.core.trials import TrialRow, TrialState
from sweeper.ranking import judge
from sweeper.ranking.case import Case, groups_of
from sweeper.ranking.leaderboard import rank
from sweeper.storage import stored_sweep
from sweeper.storage.study import SweepStudy
from sweeper.sweep.plan import SweepPlan

MOST_CANDIDATES = 8


class StoredLooks:
    """The looks of one sweep."""

    def __init__(
        self, plan: SweepPlan, study: SweepStudy, complete_answers: Callable[[], None], listener: Listener
    ) -> None:
        """Takes its parts; `complete_answers` reads from the runs what the files of answers lack."""
        self._plan = plan
        self._study = study
        self._complete_answers = complete_answers
        self._listener = listener
        info = study.info
        self.stage: SecondStage | None = None if info is None else info.second

    @property
    def _paths(self) -> SweepPaths:
        return self._plan.folder

    @property
    def num_seeds(self) -> int:
        """Fresh seeds of each candidate at the look that comes next."""
        taken = 0 if self.stage is None else len(self.stage.looks)
        return inference.LOOKS[min(taken, len(inference.LOOKS) - 1)][0]

    def begin(self) -> None:
        """Chooses the candidates."""
        self._complete_answers()
        loaded = stored_sweep.load(self._plan.paths, self._plan.name, self._study.retry)
        case = Case(loaded.rows, loaded.objectives, loaded.validation, self._plan.settings.report.margin)
        found = judge.judge(case)
        point_of = {row.number: trial.point for row in loaded.rows for trial in [loaded.trials[row.number]]}
        group = found.group or (() if found.leader is None else (found.leader,))
        leading = [point_of[number] for number in group]
        complete = {
            loaded.trials[one.row.number].overrides: point_of[one.row.number]
            for one in rank(loaded.rows, *loaded.objectives)
            if one.row.state is TrialState.COMPLETE
        }
        baseline = None if loaded.info.baseline is None else complete.get(loaded.info.baseline)
        candidates = dict.fromkeys([*leading[:MOST_CANDIDATES], *(() if baseline is None else (baseline,))])
        stage = SecondStage(tuple(candidates), len(leading), len(complete), baseline)
        self._store(stage)
        self._say_candidates(stage)
        self._announce(0)

    def take(self, rows: Mapping[int, Sequence[TrialRow]]) -> None:
        """Takes the next look at candidates, by their trials with fresh seeds.

        Raises:
            SweeperError: predictions on the validation images are lost, in the sweep's folder and in MLflow.
        """
        stage = self.stage
        if stage is None:
            raise ValueError("there are no candidates to look at yet")
        failed = tuple(
            point for point, trials in rows.items() if any(row.state is not TrialState.COMPLETE for row in trials)
        )
        compared = tuple(point for point in rows if point not in failed)
        look = self._look(stage, {point: rows[point] for point in compared}, failed)
        self._store(replace(stage, looks=(*stage.looks, look)))
        self._listener(Note(self._told(look)))
        self._announce(look.num_seeds)

    def _look(self, stage: SecondStage, rows: Mapping[int, Sequence[TrialRow]], failed: tuple[int, ...]) -> TakenLook:
        number, num_seeds = len(stage.looks), self.num_seeds
        known = self._answers([row.number for trials in rows.values() for row in trials])
        tables = [np.stack([known[row.number].correct for row in trials]) for trials in rows.values()]
        compared = tuple(rows)
        if len(compared) < 2:
            means = tuple(float(table.mean()) for table in tables)
            return TakenLook(num_seeds, compared, means, compared, failed=failed, ends="decided")
        found = inference.look(
            tables,
            number,
            self._plan.settings.report.margin,
            groups=groups_of(list(known.values())),
            reference=compared.index(stage.baseline) if stage.baseline in compared else None,
        )
        gain = () if found.gain is None else tuple((float(a), float(b), float(c)) for a, b, c in found.gain)
        return TakenLook(
            num_seeds=num_seeds,
            compared=compared,
            mean=tuple(map(float, found.mean)),
            members=tuple(compared[index] for index in found.members),
            eliminated=tuple(compared[index] for index in found.eliminated),
            equal=tuple(compared[index] for index in found.equal),
            failed=failed,
            gain=gain,
            num_images=tables[0].shape[1],
            image_share=found.image_share,
            ends=found.ends,
        )

    def _answers(self, numbers: Sequence[int]) -> dict[int, Answers]:
        files = self._paths.validation_answers
        if answers.lacking(files, numbers):
            self._complete_answers()
        known = answers.read(files)
        lost = [str(number) for number in numbers if number not in known]
        if lost:
            raise SweeperError(
                f"The predictions of trial{'s' if len(lost) > 1 else ''} {listed(lost)} on the validation images are "
                f"lost, in {files.root} and in MLflow, and without them the candidates of sweep.seeds=auto cannot be "
                "compared. What was trained is kept.  Try: the same command with another sweep.name, which takes over "
                "the other trials"
            )
        return {number: known[number] for number in numbers}

    def _store(self, stage: SecondStage) -> None:
        info = self._study.info
        if info is None:
            raise ValueError("the study knows nothing about the sweep yet")
        self._study.write_info(replace(info, second=stage))
        self.stage = stage

    def _announce(self, num_trained: int) -> None:
        """Says how many trials follow up to the next look."""
        if self.stage is not None and not self.stage.is_over:
            self._listener(TrialsAdded(len(self.stage.alive) * (self.num_seeds - num_trained)))

    def _say_candidates(self, stage: SecondStage) -> None:
        if stage.is_over:
            text = "One configuration alone leads after one seed: there is nothing to compare under further seeds."
        else:
            first = inference.LOOKS[0][0]
            number, names = len(stage.candidates), self._names(stage.candidates)
            text = (
                f"{number} of {stage.num_trained} configurations are candidates: {names}. They are trained under fresh "
                f"seeds, {first} at first."
            )
        self._listener(Note(text))

    def _told(self, look: TakenLook) -> str:
        said = [
            f"{self._names(points)} {word}"
            for points, word in (
                (look.eliminated, "eliminated"),
                (look.failed, "out, since a seed failed"),
                (look.equal, "equal to the leader within report.margin"),
                (look.undecided, "undecided"),
            )
            if points
        ]
        leads = f"{self._names(look.members[:1])} leads; " if look.members else ""
        why = {
            "decided": "All is decided.",
            "images": "More seeds cannot tell: the images' part dominates.",
            "seeds": "There are no further looks.",
        }.get(look.ends, f"{self.num_seeds} seeds are next.")
        return f"Look at {look.num_seeds} fresh seeds: {leads}{'; '.join(said) or 'no other is left'}. {why}"

    def _names(self, points: Sequence[int]) -> str:
        """Configurations as typed."""
        typed = {trial.point: " ".join(trial.overrides) for trial in self._study.trials()}
        return listed([typed[point] or f"configuration {point}" for point in points], MOST_CANDIDATES)
