"""One trial, from its resolved configuration to `result.json`: the recipe that trains a network.

Runs in its own process or in the driver's (`executor=serial`); it writes into its folder and to no store.
TensorFlow and Keras are imported where they are used, so that importing this module is cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeper import data
from sweeper.artifacts.model import save_model
from sweeper.artifacts.versions import versions
from sweeper.config.identity import canonical
from sweeper.config.trial import TrainingConfig, training_config
from sweeper.core.errors import ConfigError
from sweeper.core.objectives import name_on_test
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import TrainingSpec, TrialFacts, TrialResult, TrialSpec, TrialState
from sweeper.models.builder import build_network, is_builtin
from sweeper.models.config import CnnConfig
from sweeper.models.shapes import plan
from sweeper.space.kinds import cast, kinds
from sweeper.trial import checkpoint
from sweeper.trial.callbacks import Report, check_finite, make_reporter, make_stopping
from sweeper.trial.runtime import configure, predict_latency_ms
from sweeper.trial.save import save_files, write_summary
from sweeper.trial.standardize import standardized
from sweeper.trial.validation import ValidationPass, averages_weights


def train(spec: TrainingSpec, report: Report) -> TrialResult:
    """Seeds, builds, compiles, fits, evaluates and saves.

    Returns:
        The result without its history, with the metrics of the saved weights.

    Raises:
        NonFiniteError: a loss became NaN or infinite.
        Exception: whatever the network's builder, Keras or TensorFlow raise.
    """
    paths = TrialPaths(spec.folder)
    training = training_config(spec.config["training"])
    model = compiled_network(spec)
    arrays = data.open_training_arrays(spec.data)
    summary = spec.data.summary
    write_summary(model, paths.artifacts / "model_summary.txt")
    create_variables(model, summary.num_classes)

    labels = np.asarray(arrays.y_validation)
    validation = ValidationPass(model, arrays.x_validation, labels, training.batch_size, spec.metrics)
    validation.check_probabilities()
    fit = _fit(model, arrays, validation, training, spec, report)
    if fit.weights_changed or validation.probabilities is None:
        scores = validation.run_on_current_weights()
    else:
        scores = {name: value for name, value in fit.history[-1].items() if name.startswith("val_")}
    metrics: dict[str, float] = {
        "train_loss": fit.history[-1]["loss"],
        "train_accuracy": fit.history[-1]["accuracy"],
        **scores,
        "num_params": model.count_params(),
        "epochs": len(fit.history),
    }
    if is_builtin(spec.config["arch"]):
        network = plan(CnnConfig.from_mapping(spec.config["arch"]), summary.input_shape, summary.num_classes)
        metrics["flops"] = network.flops
    if spec.measures_latency:
        metrics["predict_latency_ms"] = predict_latency_ms(model, data.as_float(arrays.x_validation[:1]))
    if spec.data.test_is_validation:
        metrics |= {name_on_test(name): value for name, value in scores.items()}
    check_finite(spec.metric, metrics)
    save_files(spec, model, fit.history, validation)
    save_model(model, paths.model, summary.input_shape, summary.num_classes, summary.class_names)
    facts = TrialFacts(
        num_train=summary.num_train,
        num_validation=summary.num_validation,
        test_is_validation=spec.data.test_is_validation,
        best_epoch=fit.kept_epoch if training.restore_best else None,
        interruptions=fit.interruptions,
        versions=versions(spec.gpu),
    )
    return TrialResult(TrialState.PRUNED if fit.pruned else TrialState.COMPLETE, metrics, facts=facts)


def compiled_network(spec: TrialSpec) -> Any:
    """Seeds this process, and builds and compiles a trial's network in its precision.

    Raises:
        Exception: whatever the network's builder, Keras or TensorFlow raise.
    """
    import keras

    training = training_config(spec.config["training"])
    configure(training.threads, spec.gpu)
    keras.backend.clear_session()
    keras.utils.set_random_seed(spec.config["seed"])
    keras.config.set_dtype_policy(training.precision)
    summary = spec.data.summary
    model = build_network(spec.config["arch"], summary.input_shape, summary.num_classes)
    if spec.data.statistics is not None:
        model = standardized(model, spec.data.statistics, summary.input_shape)
    optimizer = build_optimizer(spec.config["optimizer"])
    # Integer labels with the sparse loss: the same numbers as one-hot labels, without ten times the memory.
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def build_optimizer(node: Mapping[str, Any]) -> Any:
    """Instantiates `optimizer._target_` with its other keys.

    Raises:
        ConfigError: no such class, or a key that it does not take.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    known = kinds("optimizer", node)  # a configuration that an earlier release recorded may have 1 for 1.0
    try:
        return instantiate({key: cast(value, known.get(key)) for key, value in node.items()})
    except InstantiationException as error:
        raise ConfigError(
            f"optimizer._target_={node['_target_']} cannot be made from {dict(node)}: {error.__cause__ or error}. "
            "Accepted: a class of keras.optimizers with keys that it takes.  Try: optimizer=adam"
        ) from error


def create_variables(model: Any, num_classes: int) -> None:
    """Creates the variables of the optimizer and of the metrics before the training step is traced.

    A `tf.function` that creates variables is traced twice (TensorFlow's guide "Better performance with tf.function"):
    0.3 to 0.5 s of CPU for each trial.
    """
    model.optimizer.build(model.trainable_variables)
    model.compute_metrics(
        None, np.zeros(1, dtype=np.int64), np.full((1, num_classes), 1 / num_classes, dtype=np.float32)
    )
    model.reset_metrics()


@dataclass(frozen=True)
class Fit:
    """A finished training.

    Attributes:
        history: each epoch's metrics.
        kept_epoch: the epoch of the kept weights, from 1.
        pruned: whether it was ended early.
        interruptions: the last epoch of each earlier process that was interrupted and resumed from.
        weights_changed: whether the model's weights are others than those of the last validation pass.
    """

    history: tuple[dict[str, float], ...]
    kept_epoch: int
    pruned: bool
    interruptions: tuple[int, ...]
    weights_changed: bool


def _fit(
    model: Any,
    arrays: data.TrainingArrays,
    validation: ValidationPass,
    training: TrainingConfig,
    spec: TrainingSpec,
    report: Report,
) -> Fit:
    from sweeper.trial.batches import ShuffledBatches

    path, config = TrialPaths(spec.folder).checkpoint, canonical(spec.config)
    earlier = checkpoint.load(path, config) if training.checkpoint else None
    interruptions = (*earlier.interruptions, len(earlier.history)) if earlier is not None else ()
    reporter = make_reporter(
        report,
        validation,
        lambda history: checkpoint.save(path, config, model, history, interruptions),
        training.checkpoint,
    )
    if earlier is not None:
        checkpoint.restore(earlier, model)
        reporter.tell_again(earlier.history)
    resumed_after = len(reporter.history)
    if reporter.pruned or resumed_after >= training.epochs:
        model.optimizer.finalize_variable_values(model.trainable_variables)  # as `fit` would have
        return Fit(tuple(reporter.history), resumed_after, reporter.pruned, interruptions, weights_changed=True)
    stopping = make_stopping(training, spec.metric)
    batches = ShuffledBatches(arrays, training.batch_size, spec.config["seed"])
    callbacks = [batches.callback(), reporter, stopping]
    model.fit(
        batches.dataset(),
        shuffle=False,  # the dataset is shuffled; Keras warns otherwise
        epochs=training.epochs,
        initial_epoch=resumed_after,
        callbacks=[callback for callback in callbacks if callback],
        verbose=0,
    )
    kept = len(reporter.history)
    if training.restore_best:
        stopping.restore()
        kept = stopping.best_epoch + 1
    changed = training.restore_best or averages_weights(model)
    return Fit(tuple(reporter.history), kept, reporter.pruned, interruptions, changed)
