"""What a sweep that is run again under its name may change, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sweeper.config.identity import differences, fixed_part
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import SweepChangedError
from sweeper.core.objectives import Objective
from sweeper.core.trials import StudyTrial
from sweeper.storage.study import SweepStudy
from sweeper.sweep.plan import SweepRequest


def checked_about(request: SweepRequest, study: SweepStudy, prepared: PreparedData) -> dict[str, Any]:
    """What is to be written about the sweep; refuses another objective than it was begun with."""
    old = study.about
    objective = described(request.objectives)
    if old and old["objective"] != objective:
        raise _changed(request.name, [f"objective: {old['objective']} -> {objective}"])
    keys = list(dict.fromkeys([*old.get("params", []), *request.space.keys]))
    return {
        "started": old.get("started", datetime.now(UTC).isoformat(timespec="microseconds")),
        "objective": objective,
        "metric": request.objective.metric,
        "direction": request.objective.direction,
        "further": [[objective.metric, objective.direction] for objective in request.objectives[1:]],
        "params": keys,
        "sampler": request.sampler.name,
        "pruner": request.pruner.name,
        "fixed": list(request.space.fixed),
        "space": {dimension.key: dimension.text for dimension in request.space.dimensions},
        "margin": request.report.margin,
        "data_path": request.trials[0].point.config["data"].get("path"),
        "data": prepared.summary.name,
        "test_is_validation": prepared.test_is_validation,
    }


def _changed(name: str, lines: Sequence[str]) -> SweepChangedError:
    return SweepChangedError(
        f"sweep.name={name} was begun with another configuration, and its trials would not compare: "
        f"{'; '.join(lines)}. Accepted under one name: the same fixed configuration, with more or other points of "
        f"what varies.  Try: sweep.name={name}-2"
    )


def refuse_changed(name: str, candidate: StudyTrial, known: Sequence[StudyTrial]) -> None:
    """Compares what is under no swept key, of the old sweep or the new, in one trial of each."""
    if not known:
        return
    swept = {*candidate.params, *(key for trial in known for key in trial.params)}
    earlier = min(known, key=lambda trial: trial.repeat)  # the first repeat has the seed as it was typed
    old, new = (fixed_part(identity, swept) for identity in (earlier.identity, candidate.identity))
    if lines := differences(old, new):
        raise _changed(name, lines)


def described(objectives: Sequence[Objective]) -> str:
    """`val_accuracy (maximize), num_params (minimize)`."""
    return ", ".join(f"{objective.metric} ({objective.direction})" for objective in objectives)
