"""Times a network's training: its start and some batches, alone or beside others like it; nothing is kept."""

from __future__ import annotations

import itertools
import time

import numpy as np

from sweeper import data
from sweeper.core.trials import ProbeSpec, TrialResult, TrialState
from sweeper.trial.train import compiled_network, create_variables

_WARM_UP = 2  # batches; the first one traces the network
_MIN_BATCHES, _MAX_BATCHES = 3, 1000
_READY = "ready"  # a file in the folder of a probe that is past its first batches
_PATIENCE_S = 60.0  # for the others to be where this one is: one that crashed never comes


def probe(spec: ProbeSpec) -> TrialResult:
    """Trains on batches of the training images for `spec.seconds`.

    Where several probes run at a time, each trains until all of them are past their first batches, and then is timed.

    Returns:
        A result with the metrics `batch_s`, the median seconds of a training step, and `startup_s`, the seconds from
        the beginning to the end of the first steps.

    Raises:
        Exception: whatever the network's builder, Keras or TensorFlow raise.
    """
    begun = time.perf_counter()
    model, batches = compiled_network(spec, data.open_training_arrays(spec.data))
    create_variables(model, batches.targets)
    places = itertools.cycle(range(max(1, len(batches) - 1)))  # without the last batch, which may be smaller

    def step_s() -> float:
        started = time.perf_counter()
        model.train_on_batch(*batches[next(places)])
        return time.perf_counter() - started

    for _ in range(_WARM_UP):
        step_s()
    startup_s = time.perf_counter() - begun
    (spec.folder / _READY).touch()
    limit = time.perf_counter() + _PATIENCE_S
    while _num_ready(spec) < spec.together and time.perf_counter() < limit:
        step_s()
    taken: list[float] = []
    end = time.perf_counter() + spec.seconds
    while len(taken) < _MIN_BATCHES or (len(taken) < _MAX_BATCHES and time.perf_counter() < end):
        taken.append(step_s())
    return TrialResult(TrialState.COMPLETE, {"batch_s": float(np.median(taken)), "startup_s": startup_s})


def _num_ready(spec: ProbeSpec) -> int:
    return sum(1 for _ in spec.folder.parent.glob(f"*/{_READY}"))
