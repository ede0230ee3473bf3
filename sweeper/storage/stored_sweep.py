"""Sweeps read back from their stores, one by one or several together.

    study and answers -> Loaded

What does not live here: what is said of the rows (`sweeper.ranking.judge`) and how it looks
(`sweeper.report.terminal`).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sweeper.artifacts import answers as evidence
from sweeper.artifacts.answers import Answers
from sweeper.artifacts.damage import unsealed
from sweeper.config.identity import leaves
from sweeper.core.errors import StoreError
from sweeper.core.objectives import Metric, Objective
from sweeper.core.paths import AnswerPaths, OutputPaths
from sweeper.core.retry import Retry
from sweeper.core.sweeps import Refit, SweepInfo
from sweeper.core.test_set import Opening, RecordedTestSet
from sweeper.core.text import listed
from sweeper.core.trials import Origin, StudyTrial, TrialRow, TrialState
from sweeper.storage.codec import POINT
from sweeper.storage.database import store_errors, trial_attributes
from sweeper.storage.places import Place
from sweeper.storage.study import SweepStudy
from sweeper.storage.test_openings import openings_elsewhere


@dataclass(frozen=True)
class Loaded:
    """One sweep, or several together, as the stores have it.

    Attributes:
        name: the sweep's name; of several, their names.
        info: what the study knows about it.
        trials: its trials, by the number that they have here.
        sources: the name of each sweep, and the number here of each of its trials.
        validation, test_answers: right and wrong answers by the trial's number.
        test: the openings of the test set, and what they said.
        warnings: what of it is missing or damaged.
        epochs: of trials with the weights of their best epoch, right and wrong answers of each epoch (epochs, images).
        refits: chosen configurations that were trained on all images; none of several sweeps together.
    """

    name: str
    info: SweepInfo
    trials: Mapping[int, StudyTrial]
    sources: Mapping[str, Mapping[int, int]]
    rows: tuple[TrialRow, ...]
    validation: Mapping[int, Answers]
    test: RecordedTestSet
    test_answers: Mapping[int, Answers]
    warnings: tuple[str, ...] = ()
    epochs: Mapping[int, NDArray[np.bool_]] = field(default_factory=dict)
    refits: tuple[Refit, ...] = ()

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All of them, the first first."""
        return self.info.objectives


def load(paths: OutputPaths, name: str, retry: Retry | None = None) -> Loaded:
    """Reads a sweep; without `retry`, nothing that fails is retried.

    Raises:
        StoreError: there is no such sweep, or its store cannot be read.
    """
    study = SweepStudy.load(paths, name, retry)
    info, test, folder = study.info, study.test, paths.sweep(name)
    test = replace(test, elsewhere=openings_elsewhere(paths, name, test))
    if info is None:
        raise StoreError(
            f"Sweep {name} in {paths.root} was interrupted before its first trial: there is nothing to read. Accepted: "
            f"a sweep with at least one trial.  Try: the command that started it again, with sweep.name={name}"
        )
    trials = {trial.number: trial for trial in study.trials()}
    by_losses = any(objective.metric == "val_loss" for objective in info.objectives)
    complete = [trial.number for trial in trials.values() if trial.state is TrialState.COMPLETE]
    return Loaded(
        name=name,
        info=info,
        trials=trials,
        sources={name: {number: number for number in trials}},
        rows=tuple(_row(trial, info, info.params, test) for trial in trials.values()),
        validation=evidence.read(folder.validation_answers, losses=by_losses, metrics=info.metrics),
        test=test,
        test_answers=evidence.read(folder.test_answers, metrics=info.metrics),
        warnings=(
            *_lacking(folder.validation_answers, complete, "validation", info.metrics, losses=by_losses),
            *_lacking(folder.test_answers, sorted(test.results), "test", info.metrics),
        ),
        epochs=_epochs(folder.validation_answers, trials),
        refits=study.refits,
    )


def _epochs(paths: AnswerPaths, trials: Mapping[int, StudyTrial]) -> dict[int, NDArray[np.bool_]]:
    """The answers of each epoch of the trials whose best epoch was selected; nothing is read where there are none."""
    restored = {trial.number for trial in trials.values() if trial.row is not None and trial.row.facts.best_epoch}
    return (
        {number: bits for number, bits in evidence.read_epochs(paths).items() if number in restored} if restored else {}
    )


def recorded_digests(place: Place, name: str) -> frozenset[str]:
    """The digests of data and splits that a sweep's trials have; empty where there is no such sweep.

    Raises:
        StoreError: the store cannot be read.
    """
    if not place.may_hold_studies:
        return frozenset()
    with store_errors(place):
        points = [unsealed(found[POINT]) for _, found in trial_attributes(place, name, [POINT])]
    data = [point["identity"]["data"] for point in points]
    return frozenset(one[key] for one in data for key in ("digest", "split_digest") if key in one)


def _lacking(
    paths: AnswerPaths, numbers: Sequence[int], images: str, metrics: Sequence[Metric], *, losses: bool = False
) -> list[str]:
    """Says whose predictions a folder lacks, or has damaged."""
    lacking = evidence.lacking(paths, numbers, losses=losses, metrics=metrics)
    if not lacking:
        return []
    of = f"trial{'' if len(lacking) == 1 else 's'} {listed(list(map(str, lacking)))}"
    return [
        f"The predictions of {of} on the {images} images are missing or damaged in {paths.root}: what is said about "
        "the ranking is said without them. The command that started the sweep reads them from MLflow again."
    ]


def recorded_run(paths: OutputPaths, sweep: str, trial: StudyTrial) -> str:
    """A trial's MLflow run.

    Raises:
        StoreError: it has none yet.
    """
    if not trial.run_id:
        raise StoreError(
            f"Trial {trial.number} of sweep {sweep} is not in MLflow yet: its sweep was interrupted before that. "
            "Accepted: a trial of a sweep that has ended.  Try: the command that started the sweep; it is "
            f"resume_command in {paths.sweep(sweep).multirun}"
        )
    return trial.run_id


def together(several: Sequence[Loaded]) -> Loaded:
    """Several sweeps as one: trials are renumbered, and their rows know their sweep and number there."""
    params = list(dict.fromkeys(key for one in several for key in one.info.params))
    rows: list[TrialRow] = []
    trials: dict[int, StudyTrial] = {}
    sources: dict[str, Mapping[int, int]] = {}
    validation: dict[int, Answers] = {}
    test_answers: dict[int, Answers] = {}
    results: dict[int, Mapping[str, float]] = {}
    openings: list[Opening] = []
    epochs: dict[int, NDArray[np.bool_]] = {}
    for one in several:
        first = len(rows)
        numbers = {number: first + place for place, number in enumerate(one.trials)}
        rows += [_renumbered(_row(trial, one.info, params, one.test), one, numbers) for trial in one.trials.values()]
        trials |= {numbers[number]: trial for number, trial in one.trials.items()}
        sources[one.name] = numbers
        validation |= {numbers[number]: answers for number, answers in one.validation.items() if number in numbers}
        test_answers |= {numbers[number]: answers for number, answers in one.test_answers.items() if number in numbers}
        epochs |= {numbers[number]: bits for number, bits in one.epochs.items() if number in numbers}
        results |= {numbers[number]: result for number, result in one.test.results.items() if number in numbers}
        openings += [
            replace(opening, trials=tuple(numbers[n] for n in opening.trials)) for opening in one.test.openings
        ]
    return Loaded(
        name=" + ".join(one.name for one in several),
        info=replace(several[0].info, params=tuple(params)),
        trials=trials,
        sources=sources,
        rows=tuple(rows),
        validation=validation,
        test=RecordedTestSet(tuple(sorted(openings, key=lambda opening: opening.date)), results, _by_none_of(several)),
        test_answers=test_answers,
        warnings=tuple(warning for one in several for warning in one.warnings),
        epochs=epochs,
    )


def _by_none_of(several: Sequence[Loaded]) -> tuple[Opening, ...]:
    """The openings of the same test images by other sweeps than these."""
    own = {(one.name, opening.date) for one in several for opening in one.test.openings}
    found = dict.fromkeys(opening for one in several for opening in one.test.elsewhere)
    return tuple(opening for opening in found if (opening.sweep, opening.date) not in own)


def why_apart(several: Sequence[Loaded]) -> str:
    """Why sweeps cannot be ranked together, or nothing where they can."""
    first = several[0]
    for other in several[1:]:
        if other.objectives != first.objectives:
            return f"{first.name} is ranked by {_objectives(first)}, {other.name} by {_objectives(other)}"
        if _functions(other) != _functions(first):
            return f"{first.name} and {other.name} are ranked by different functions of the same name"
        for key, word in (("digest", "data"), ("split_digest", "split")):
            if _digests(first, key) != _digests(other, key):
                return f"{first.name} and {other.name} were scored on different images: their {word} differs"
        if first.info.second is not None or other.info.second is not None:
            return "the ranks of a sweep with sweep.seeds=auto follow from its own looks"
        if _repeats(first) != _repeats(other):
            return f"{first.name} has {_repeats(first)} repeats of each configuration, {other.name} {_repeats(other)}"
    return ""


def _functions(loaded: Loaded) -> list[Metric]:
    """The custom metrics that a sweep is ranked by."""
    ranked_by = {objective.metric for objective in loaded.objectives}
    return [metric for metric in loaded.info.metrics if metric.target and metric.name in ranked_by]


def _objectives(loaded: Loaded) -> str:
    return ", ".join(objective.metric for objective in loaded.objectives)


def _digests(loaded: Loaded, key: str) -> set[str]:
    return {trial.identity["data"][key] for trial in loaded.trials.values()}


def _repeats(loaded: Loaded) -> int:
    return max((trial.repeat + 1 for trial in loaded.trials.values()), default=1)


def _row(trial: StudyTrial, info: SweepInfo, keys: Sequence[str], test: RecordedTestSet) -> TrialRow:
    """A trial's row with every swept key: one that varies only since a later line stands in its configuration."""
    row = trial.as_row()
    later = {key: value for key, value in leaves(trial.identity) if key in keys and key not in row.params}
    result = test.results.get(trial.number, {})
    tested = {name: value for name, value in result.items() if name.startswith("test_")}
    row = replace(
        row,
        params={**row.params, **later},
        metrics={**row.metrics, **tested},
        split_digest=trial.identity["data"].get("split_digest", ""),
    )
    if info.second is None:
        return row
    standing = info.second.standing(trial.point, trial.repeat)
    return replace(row, point=trial.point, repeat=trial.repeat, standing=standing)


def _renumbered(row: TrialRow, loaded: Loaded, numbers: Mapping[int, int]) -> TrialRow:
    fixed = None if loaded.info.fixed is None else shlex.join(loaded.info.fixed)
    # A point is called by its first trial here; its own number may occur in every sweep.
    point = min(numbers.values()) + row.point if row.num_repeats > 1 and row.point is not None else row.point
    return replace(row, number=numbers[row.number], point=point, origin=Origin(loaded.name, row.number, fixed))
