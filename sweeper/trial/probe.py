"""Times a network's training: some batches, and nothing is kept."""

from __future__ import annotations

import itertools
import time

import numpy as np

from sweeper import data
from sweeper.config.trial import training_config
from sweeper.core.trials import ProbeSpec, TrialResult, TrialState
from sweeper.trial.batches import ShuffledBatches
from sweeper.trial.train import compiled_network, create_variables

_WARM_UP = 2  # batches; the first one traces the network
_MIN_BATCHES, _MAX_BATCHES = 3, 1000


def probe(spec: ProbeSpec) -> TrialResult:
    """Trains on batches of the training images for `spec.seconds`.

    Returns:
        A result with the metric `batch_s`, the median seconds of a training step.

    Raises:
        Exception: whatever the network's builder, Keras or TensorFlow raise.
    """
    model = compiled_network(spec)
    create_variables(model, spec.data.summary.num_classes)
    training = training_config(spec.config["training"])
    batches = ShuffledBatches(data.open_training_arrays(spec.data), training.batch_size, spec.config["seed"])
    taken: list[float] = []
    end = float("inf")
    for index in itertools.cycle(range(max(1, len(batches) - 1))):  # without the last batch, which may be smaller
        started = time.perf_counter()
        model.train_on_batch(*batches[index])
        taken.append(time.perf_counter() - started)
        if len(taken) == _WARM_UP:
            end = time.perf_counter() + spec.seconds
        timed = len(taken) - _WARM_UP
        if timed >= _MAX_BATCHES or (timed >= _MIN_BATCHES and time.perf_counter() >= end):
            break
    return TrialResult(TrialState.COMPLETE, {"batch_s": float(np.median(taken[_WARM_UP:]))})
