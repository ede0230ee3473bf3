"""What Optuna's own tools find in the study's store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import IntDistribution

from sweeper.core.objectives import Objective
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import StudyTrial, TrialRow, TrialState
from sweeper.storage.places import Place
from sweeper.storage.study import SweepStudy

ACCURACY = Objective("val_accuracy", "maximize")
SIZE = Objective("num_params", "minimize")

CURVE = [0.25, 0.75, 0.5]
EPOCHS = tuple({"loss": 1 - value, "accuracy": 1.0, "val_loss": 2.0, "val_accuracy": value} for value in CURVE)
ROW = TrialRow(
    0,
    TrialState.COMPLETE,
    {"arch.depth": 3},
    {"val_accuracy": 0.5, "train_loss": 0.5, "num_params": 9.0},
    history=EPOCHS,
)


def stored(root: Path, row: TrialRow, objectives: Sequence[Objective] = (ACCURACY,), attempts: int = 1) -> Any:
    """The trial as Optuna's dashboard reads it, after it was begun so often and finished once."""
    study = SweepStudy.open(Place(OutputPaths(root)), "a-sweep", objectives)
    trial = StudyTrial(
        number=0,
        point=0,
        hash="hash",
        identity={"seed": 0},
        params=row.params,
        overrides=("arch.depth=3",),
        run_id="run",
    )
    study.widen({"arch.depth": IntDistribution(3, 7)})
    for _ in range(attempts):
        study.begin(trial)
    study.finish(row, objectives)
    [found] = optuna.load_study(study_name="a-sweep", storage=f"sqlite:///{root}/optuna.db").trials
    return found


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED])
def test_a_trial_that_has_ended_holds_its_parameters_and_its_learning_curve(tmp_path: Path, state: TrialState) -> None:
    error = "it broke" if state is TrialState.FAILED else ""
    found = stored(tmp_path, replace(ROW, state=state, error=error), attempts=2)

    assert found.state.name == {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}[state]
    assert found.params == {"arch.depth": 3}
    assert found.intermediate_values == {1: 0.25, 2: 0.75, 3: 0.5}


@pytest.mark.parametrize(
    ("objectives", "expected"),
    [
        ([Objective("train_loss", "minimize")], {1: 0.75, 2: 0.25, 3: 0.5}),
        ([SIZE], {}),
        ([ACCURACY, SIZE], {}),
    ],
    ids=["an epoch's own name", "known after no epoch", "several"],
)
def test_the_curve_is_that_of_a_single_objective(
    tmp_path: Path, objectives: list[Objective], expected: dict[int, float]
) -> None:
    assert stored(tmp_path, ROW, objectives).intermediate_values == expected
