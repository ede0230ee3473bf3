"""A row is trained again the way it ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper import data, executors
from sweeper.artifacts.model import read_weights
from sweeper.config.trial import DataConfig
from sweeper.core.objectives import Objective
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import TrainingSpec, TrialResult, TrialState
from sweeper.executors import Executor
from sweeper.verify.rerun import Rerun

ACCURACY = Objective("val_accuracy", "maximize")


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    made = executors.create("processes", 1, ())
    yield made
    made.close()


def trained(executor: Executor, folder: Path, spec: TrainingSpec, *cuts: int) -> tuple[TrialResult, dict[str, Any]]:
    """The result of a training that is interrupted after these epochs, and its weights."""
    result = Rerun(executor, replace(spec, folder=folder), lambda event: None, None, cuts).run()
    assert result.state is TrialState.COMPLETE, result.error
    return result, read_weights(TrialPaths(folder).model)


def test_a_row_that_was_cut_off_twice_is_repeated_by_cutting_it_off_twice(executor: Executor, tmp_path: Path) -> None:
    prepared = data.prepare(DataConfig(max_samples=200), tmp_path / "data")
    config = {
        "arch": {"_target_": "models.cnn.build", "depth": 1, "kernel_size": 3, "filters": 4, "dense_units": 16},
        "data": {"name": "digits"},
        "training": {"epochs": 5, "checkpoint": True, "threads": 2, "early_stopping": {}},
        "optimizer": {"_target_": "keras.optimizers.Adam", "learning_rate": 0.01},
        "seed": 0,
    }
    spec = TrainingSpec(
        number=0, folder=tmp_path, config=config, overrides=(), data=prepared, metric=ACCURACY, awaits_verdict=True
    )

    first, weights = trained(executor, tmp_path / "first", spec, 1, 3)
    again, weights_again = trained(executor, tmp_path / "again", spec, *first.facts.interruptions)

    losses = [[epoch["loss"] for epoch in result.history] for result in (first, again)]
    assert first.facts.interruptions == again.facts.interruptions == (1, 3)
    assert len(losses[0]) == 5
    assert losses[0] == losses[1]
    assert all(np.array_equal(weights[place], weights_again[place]) for place in weights)
