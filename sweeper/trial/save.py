"""Writes a trained network's files: predictions, pictures, configuration, model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from sweeper import data
from sweeper.artifacts import figures
from sweeper.artifacts.predictions import save_predictions
from sweeper.artifacts.versions import versions
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import TrainingSpec
from sweeper.metrics import confusion_matrix, image_scores, per_class_csv
from sweeper.trial.batches import ShuffledBatches
from sweeper.trial.validation import ValidationPass


def write_summary(model: Any, path: Path) -> None:
    """Writes Keras's summary of a model as text."""
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(line), line_length=96)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def save_files(
    spec: TrainingSpec,
    model: Any,
    history: tuple[dict[str, float], ...],
    validation: ValidationPass,
) -> None:
    """Writes predictions, pictures and the configuration into the trial's artifacts.

    Raises:
        ValueError: the validation pass has not run.
    """
    from omegaconf import OmegaConf

    folder = TrialPaths(spec.folder).artifacts
    summary = spec.data.summary
    if len(validation.labels):  # a refit has none
        _save_answers(spec, validation)
    curves = figures.curves_figure(history, test_is_validation=spec.data.test_is_validation)
    figures.save(curves, folder / "curves.png")
    figures.save(figures.weights_figure(layer_weights(model)), folder / "weights.png")
    if summary.class_names:
        names = json.dumps(summary.class_names, ensure_ascii=False, indent=2)
        (folder / "class_names.json").write_text(names + "\n", encoding="utf-8")
    OmegaConf.save(OmegaConf.create(spec.config), folder / "config.yaml")
    (folder / "overrides.txt").write_text("".join(f"{line}\n" for line in spec.overrides), encoding="utf-8")
    (folder / "versions.json").write_text(json.dumps(versions(spec.gpu), indent=2) + "\n", encoding="utf-8")


def _save_answers(spec: TrainingSpec, validation: ValidationPass) -> None:
    """Predictions on the validation images, and where they are wrong."""
    if validation.probabilities is None:
        raise ValueError("there are no predictions to save before the validation pass has run")
    folder = TrialPaths(spec.folder).artifacts
    summary = spec.data.summary
    predicted = save_predictions(
        TrialPaths(spec.folder),
        validation.probabilities,
        validation.labels,
        summary.class_names,
        data.file_names(spec.data, "validation"),
        data.group_names(spec.data, "validation"),
        image_scores(spec.metrics, validation.labels, validation.probabilities),
    )
    matrix = confusion_matrix(validation.labels, predicted, summary.num_classes)
    figures.save(figures.confusion_figure(matrix, summary.labels), folder / "confusion.png")
    if spec.metrics:
        (folder / "per_class.csv").write_text(per_class_csv(matrix, summary.labels), encoding="utf-8")


def save_samples(batches: ShuffledBatches, path: Path) -> None:
    """Draws some training images next to what the first epochs made of them, where they are augmented."""
    if batches.augmentation is not None:
        figures.save(figures.augmentation_figure(batches.samples(count=10, epochs=3)), path)


def layer_weights(model: Any) -> dict[str, np.ndarray[Any, Any]]:
    """The kernel of each layer that has one, by the layer's name; of networks within the network too."""
    found: dict[str, np.ndarray[Any, Any]] = {}
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            found[layer.name] = np.asarray(layer.kernel)
        elif hasattr(layer, "layers"):
            found |= layer_weights(layer)
    return found
