"""Which GPU a trial gets, on a machine without one: each trial says which it was given, and that it is not there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sweeper import data
from sweeper.artifacts.result import read_result
from sweeper.config.trial import DataConfig
from sweeper.core.objectives import Objective
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import TrainingSpec, TrialState
from sweeper.executors import Event, TrialEnded
from sweeper.executors.processes import ProcessExecutor

CONFIG = {
    "arch": {"_target_": "models.cnn.build", "depth": 1, "filters": 2, "dense_units": 0},
    "data": {},
    "training": {
        "epochs": 1,
        "batch_size": 32,
        "precision": "float32",
        "threads": 1,
        "restore_best": False,
        "early_stopping": {"patience": None, "min_delta": 0.0},
    },
    "optimizer": {"_target_": "keras.optimizers.Adadelta", "learning_rate": 1.0},
    "seed": 0,
}


def test_a_trial_sees_its_gpu_alone_and_a_free_place_is_taken_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Four places on two GPUs; the fifth trial gets the place of one that has ended."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,MIG-part")
    prepared = data.prepare(DataConfig(max_samples=100), tmp_path / "data")
    executor = ProcessExecutor(4, gpus=(0, 1), gpu_memory_gb=2.5)
    specs = [
        TrainingSpec(
            number=number,
            folder=tmp_path / str(number),
            config=CONFIG,
            overrides=(),
            data=prepared,
            metric=Objective("val_accuracy", "maximize"),
        )
        for number in range(5)
    ]
    waiting, ended = list(specs), 0

    def handle(event: Event) -> None:
        nonlocal ended
        ended += isinstance(event, TrialEnded)

    try:
        while ended < len(specs):
            while waiting and len(specs) - len(waiting) - ended < executor.workers:
                executor.submit(waiting.pop(0))
            executor.poll(handle, 0.2)
    finally:
        executor.close()

    results = [read_result(TrialPaths(one.folder)) for one in specs]
    assert all(result is not None and result.state is TrialState.FAILED for result in results)
    errors = [result.error for result in results if result is not None]
    names = Counter("7" if "(CUDA_VISIBLE_DEVICES=7)" in error else "MIG-part" for error in errors)
    assert all("(CUDA_VISIBLE_DEVICES=MIG-part)" in error or "(CUDA_VISIBLE_DEVICES=7)" in error for error in errors)
    assert sorted(names.values()) == [2, 3], errors
    assert all("TensorFlow finds none in its process" in error for error in errors)
