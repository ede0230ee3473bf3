"""Evaluates a trained network on the test images."""

from __future__ import annotations

from typing import Any

import numpy as np

from sweeper import data
from sweeper.artifacts import predictions
from sweeper.artifacts.model import load_model
from sweeper.artifacts.predictions import save_predictions
from sweeper.config.training import training_config
from sweeper.core.objectives import name_on_test
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import EvaluationSpec, TrialFacts, TrialResult, TrialState
from sweeper.metrics import compute, image_scores
from sweeper.models.builder import resolve_builder
from sweeper.trial.runtime import configure


def evaluate(spec: EvaluationSpec) -> TrialResult:
    """Evaluates a trained network on the test images, once, and leaves its predictions.

    Args:
        spec: the finalist, in a folder for this evaluation, and where its saved network lies.

    Returns:
        A result with the metrics test_loss, test_accuracy and those that were asked for, such as test_macro_f1.

    Raises:
        Exception: whatever Keras raises for a network that cannot be loaded.
    """
    import keras

    training = training_config(spec.config["training"])
    configure(training.threads, spec.gpu, spec.gpu_memory_gb)
    keras.backend.clear_session()  # of a network that this process evaluated before
    resolve_builder(spec.config["arch"]["_target_"])  # registers layers of the user's own
    arrays = data.open_arrays(spec.data)
    labels = np.asarray(arrays.y_test)
    model = load_model(spec.trained)
    probabilities = _called(model, arrays.x_test, training.batch_size)
    groups = data.group_names(spec.data, "test")
    files = data.file_names(spec.data, "test")
    names = spec.data.summary.class_names
    scores = image_scores(spec.metrics, labels, probabilities)
    save_predictions(TrialPaths(spec.folder), probabilities, labels, names, files, groups, scores)
    asked = compute(spec.metrics, labels, probabilities)
    metrics = {
        "test_loss": float(predictions.image_losses(probabilities, labels).mean()),
        "test_accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        **{name_on_test(name): value for name, value in asked.items()},
    }
    return TrialResult(TrialState.COMPLETE, metrics, facts=TrialFacts(num_test=len(labels)))


def _called(model: Any, images: Any, batch_size: int) -> np.ndarray[Any, Any]:
    """The network's probabilities, (images, classes) float64, batch by batch; tracing it once would take longer."""
    starts = range(0, len(images), batch_size)
    batches = (data.as_float(images[start : start + batch_size]) for start in starts)  # one at a time is in memory
    return np.concatenate([np.asarray(model(batch, training=False), dtype=np.float64) for batch in batches])
