"""When a trial of equal identity is taken over, and when it is trained again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sweeper.core.objectives import Metric, Objective
from sweeper.core.sweeps import SweepInfo
from sweeper.core.trials import StudyTrial, TrialFacts, TrialRow, TrialState
from sweeper.sweep.reuse.conditions import why_not

ACCURACY, LOSS = Objective("val_accuracy", "maximize"), Objective("val_loss", "minimize")
LATENCY = Objective("predict_latency_ms", "minimize")
F1 = Metric("val_macro_f1", "maximize")
COSTS = Metric("val_costs", "minimize", target="costs.mean")
HERE = {"python": "3.11.7", "tensorflow": "2.21.0", "cpu": "a CPU", "device": "CPU", "cpus": "2", "mlflow": "3.17.0"}
IDENTITY: dict[str, Any] = {
    "arch": {"_target_": "models.cnn.build", "depth": 3},
    "training": {"epochs": 2, "restore_best": False, "early_stopping": {"patience": None}, "callbacks": []},
    "optimizer": {"_target_": "keras.optimizers.Adam"},
    "data": {"name": "npz", "digest": "d"},
    "seed": 0,
}


def found(versions: dict[str, str] | None = None, state: TrialState = TrialState.COMPLETE, **more: Any) -> StudyTrial:
    identity = {**IDENTITY, **{key: {**IDENTITY[key], **value} for key, value in more.items()}}
    metrics = {"val_accuracy": 0.9, "val_loss": 0.3}
    error = "why" if state is TrialState.FAILED else ""
    row = TrialRow(
        0, state, {}, metrics, error=error, facts=TrialFacts(versions=HERE if versions is None else versions)
    )
    return StudyTrial(
        number=0, point=0, hash="h", identity=identity, params={}, overrides=(), state=state, run_id="run", row=row
    )


def info(*objectives: Objective, metrics: tuple[Metric, ...] = ()) -> SweepInfo:
    return SweepInfo("", objectives or (ACCURACY,), (), "digits", False, metrics=metrics)


@pytest.mark.parametrize(
    ("trial", "about", "objectives", "metrics", "words"),
    [
        pytest.param(found(), info(), [ACCURACY], [], "", id="the same"),
        pytest.param(found(), info(), [LOSS], [], "", id="ranked by another metric that it has"),
        pytest.param(
            found({**HERE, "cpus": "64", "mlflow": "3.0"}), info(), [ACCURACY], [], "", id="what is no matter"
        ),
        pytest.param(found(state=TrialState.PRUNED), info(), [ACCURACY], [], "is not complete", id="pruned"),
        pytest.param(found(state=TrialState.FAILED), info(), [ACCURACY], [], "is not complete", id="failed"),
        pytest.param(replace(found(), run_id=""), info(), [ACCURACY], [], "is not in MLflow yet", id="no run"),
        pytest.param(
            found({**HERE, "tensorflow": "2.20.0"}),
            info(),
            [ACCURACY],
            [],
            "ran with another tensorflow: 2.20.0 instead of 2.21.0",
            id="another version",
        ),
        pytest.param(
            found({}), info(), [ACCURACY], [], "ran with another python: none instead of 3.11.7", id="not recorded"
        ),
        pytest.param(
            found(arch={"_target_": "mine.build"}),
            info(),
            [ACCURACY],
            [],
            "ran custom code (arch._target_=mine.build), which may have changed since",
            id="own network",
        ),
        pytest.param(
            found(training={"callbacks": [{"_target_": "mine.Note"}]}),
            info(),
            [ACCURACY],
            [],
            "ran custom code (training.callbacks._target_=mine.Note), which may have changed since",
            id="own callback",
        ),
        pytest.param(
            found(data={"_target_": "mine.read"}), info(), [ACCURACY], [], "", id="own data, compared by their digests"
        ),
        pytest.param(
            found(arch={"weights": "start.h5"}),
            info(),
            [ACCURACY],
            [],
            "ran custom code (arch.weights=start.h5), which may have changed since",
            id="weights of a file",
        ),
        pytest.param(found(), info(), [ACCURACY], [F1], "computed other metrics", id="a metric that it lacks"),
        pytest.param(found(), info(metrics=(F1,)), [ACCURACY], [F1], "", id="the same metrics"),
        pytest.param(
            found(),
            info(metrics=(COSTS,)),
            [ACCURACY],
            [COSTS],
            "computed a custom metric, whose code may have changed since",
            id="own metric",
        ),
        pytest.param(found(), info(), [LATENCY], [], "was ranked by other figures", id="latency was not measured"),
        pytest.param(
            found(training={"restore_best": True}),
            info(),
            [LOSS],
            [],
            "was stopped, or its epoch chosen, by another objective",
            id="another epoch would be the best",
        ),
        pytest.param(
            found(training={"early_stopping": {"patience": 2}}),
            info(),
            [ACCURACY],
            [],
            "",
            id="stopped by the same objective",
        ),
        pytest.param(
            found(training={"schedule": "plateau"}),
            info(LOSS),
            [ACCURACY],
            [],
            "was stopped, or its epoch chosen, by another objective",
            id="a rate that follows the objective",
        ),
    ],
)
def test_what_is_taken_over(
    trial: StudyTrial, about: SweepInfo, objectives: list[Objective], metrics: list[Metric], words: str
) -> None:
    assert why_not(trial, about, objectives, metrics, HERE) == words
