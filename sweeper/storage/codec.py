"""A trial as JSON in the study, and back."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sweeper.artifacts.damage import sealed, unsealed
from sweeper.artifacts.result import facts_of_version_1
from sweeper.config.identity import trial_hash
from sweeper.core.looks import SecondStage
from sweeper.core.objectives import Metric, Objective
from sweeper.core.sweeps import Refit, SweepInfo, described
from sweeper.core.test_set import Opening, RecordedTestSet
from sweeper.core.trials import StudyTrial, TrialRow, TrialState

VERSION = 2  # of a row's form

POINT = "sweeper.point"  # user attribute of a trial: what it is, written when it begins
ROW = "sweeper.row"  # user attribute of a trial: its outcome, written just before its state
SKIPPED = "sweeper.skipped"  # user attribute of a trial that did not train: a repeated or impossible proposal
SWEEP = "sweeper.sweep"  # user attribute of a study: about the sweep
TEST = "sweeper.test"  # user attribute of a study: the openings of the test set, and what they said
REFITS = "sweeper.refits"  # user attribute of a study: the chosen configurations that were trained on all images
RUNS = "sweeper.runs"  # user attribute of a study: the MLflow run of each trial whose record is whole


def study_trial(attributes: Mapping[str, Any], *, is_finished: bool) -> StudyTrial:
    """A trial from its attributes in the study."""
    point = unsealed(attributes[POINT])
    row = attributes.get(ROW)
    return StudyTrial(
        number=int(point["number"]),
        state=TrialState(row["state"]) if is_finished and row else TrialState.RUNNING,
        hash=trial_hash(point["identity"]),  # earlier releases stored one in which 0 and 0.0 differed
        identity=point["identity"],
        params=point["params"],
        overrides=tuple(point["overrides"]),
        run_id=point["run_id"],
        point=int(point.get("point", point["number"])),
        repeat=int(point.get("repeat", 0)),
        row=row_from_json(row) if is_finished and row else None,
    )


def point_to_json(trial: StudyTrial) -> dict[str, Any]:
    """What a trial is, as plain JSON values."""
    return sealed(
        {
            "number": trial.number,
            "hash": trial.hash,
            "identity": trial.identity,
            "params": trial.params,
            "overrides": list(trial.overrides),
            "run_id": "",  # MLflow's, which the recorder gets later
            "point": trial.point,
            "repeat": trial.repeat,
        }
    )


def refit_to_json(refit: Refit) -> dict[str, Any]:
    """A refit as plain JSON values."""
    row = refit.trial.row
    about = {"trials": list(refit.trials), "epochs": refit.epochs}
    return {**about, POINT: point_to_json(refit.trial), ROW: None if row is None else row_to_json(row)}


def refit_from_json(values: Mapping[str, Any], runs: Mapping[int, str]) -> Refit:
    """A refit from its JSON values, with its run of MLflow, of those that are known."""
    trial = study_trial(values, is_finished=values[ROW] is not None)
    return Refit(trial.with_run(runs.get(trial.number, "")), tuple(values["trials"]), int(values["epochs"]))


def tested_to_json(record: RecordedTestSet) -> dict[str, Any]:
    """What is recorded of the test set, as plain JSON values."""
    openings = [
        {"date": one.date, "trials": list(one.trials), "images": one.images, **({"refit": True} if one.refit else {})}
        for one in record.openings
    ]
    results = {str(number): dict(result) for number, result in record.results.items()}
    return sealed({"openings": openings, "results": results})


def tested_from_json(values: Mapping[str, Any]) -> RecordedTestSet:
    """What is recorded of the test set."""
    record = unsealed(values)
    openings = tuple(
        Opening(one["date"], tuple(one["trials"]), one.get("images", ""), refit=bool(one.get("refit")))
        for one in record["openings"]
    )
    return RecordedTestSet(openings, {int(number): result for number, result in record["results"].items()})


def row_to_json(row: TrialRow) -> dict[str, Any]:
    """A trial's row as plain JSON values."""
    return sealed({"version": VERSION, **dataclasses.asdict(replace(row, standing=None))})


def row_from_json(values: Mapping[str, Any]) -> TrialRow:
    """A trial's row from its JSON values; the first version, which had no number, is read too.

    Raises:
        ValueError: it is not a row, or one of a later release.
    """
    values = unsealed(values)
    version = values.get("version", 1)
    if not isinstance(version, int) or version > VERSION:
        raise ValueError(f"a trial was recorded in form {version}; this release reads forms 1 to {VERSION}")
    known = {name: value for name, value in values.items() if name not in ("version", "details")}
    if version == 1:
        details = values.get("details", {})
        known |= {
            "arch": details.get("arch", {}),
            "point": details.get("point"),
            "repeat": details.get("repeat", 0),
            "num_repeats": details.get("repeats", 1),
            "facts": facts_of_version_1(details),
        }
    row: TrialRow = _adapter(TrialRow).validate_python(known)
    return row


@functools.cache
def _adapter(kind: type) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def info_to_json(info: SweepInfo) -> dict[str, Any]:
    """What is known about a sweep as plain JSON values, under the keys that every release has written."""
    first, *further = info.objectives
    known = {
        "started": info.started,
        "objective": described(info.objectives),
        "metric": first.metric,
        "direction": first.direction,
        "further": [[objective.metric, objective.direction] for objective in further],
        "params": list(info.params),
        "sampler": info.sampler,
        "pruner": info.pruner,
        "fixed": None if info.fixed is None else list(info.fixed),
        "space": info.space,
        "margin": info.margin,
        "data_path": info.data_path,
        "data_notes": list(info.data_notes),
        "data_warnings": list(info.data_warnings),
        "precision": info.precision,
        "threads": info.threads,
        **({"class_names": info.class_names} if info.class_names else {}),
        **({"conversions": info.conversions} if info.conversions else {}),
        **({"groups": info.groups} if info.groups else {}),
        **({"metrics": [dataclasses.asdict(metric) for metric in info.metrics]} if info.metrics else {}),
        **({} if info.baseline is None else {"baseline": list(info.baseline)}),
        **({} if info.second is None else {"second": dataclasses.asdict(info.second)}),
        "data": info.data,
        "test_is_validation": info.test_is_validation,
    }
    return sealed(known)


def info_from_json(values: Mapping[str, Any]) -> SweepInfo:
    """What is known about a sweep from its JSON values; earlier releases wrote fewer keys.

    Raises:
        ValueError, KeyError: it is not what was written.
    """
    values = unsealed(values)
    pairs = [(values["metric"], values["direction"]), *values.get("further", [])]
    fixed, baseline, second = (values.get(key) for key in ("fixed", "baseline", "second"))
    return SweepInfo(
        started=str(values.get("started", "")),
        objectives=tuple(Objective(metric, direction) for metric, direction in pairs),
        params=tuple(values["params"]),
        data=str(values.get("data", "")),
        test_is_validation=bool(values["test_is_validation"]),
        sampler=values.get("sampler"),
        pruner=values.get("pruner"),
        fixed=None if fixed is None else tuple(fixed),
        space=dict(values.get("space", {})),
        margin=values.get("margin"),
        data_path=values.get("data_path"),
        data_notes=tuple(values.get("data_notes", ())),
        data_warnings=tuple(values.get("data_warnings", ())),
        class_names={digest: tuple(names) for digest, names in values.get("class_names", {}).items()},
        groups=dict(values.get("groups", {})),
        conversions={digest: tuple(said) for digest, said in values.get("conversions", {}).items()},
        precision=values.get("precision"),
        threads=values.get("threads"),
        metrics=tuple(Metric(**metric) for metric in values.get("metrics", ())),
        baseline=None if baseline is None else tuple(baseline),
        second=None if second is None else _adapter(SecondStage).validate_python(second),
    )
