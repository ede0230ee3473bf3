"""One trial, from its resolved configuration to `result.json`: the recipe that trains a network.

Runs in its own process or in the driver's (`executor=serial`); it writes into its folder and to no store.
TensorFlow and Keras are imported where they are used, so that importing this module is cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sweeper import data
from sweeper.artifacts.model import save_model
from sweeper.artifacts.predictions import save_epoch_bits
from sweeper.artifacts.versions import versions
from sweeper.config.augment import augment_config
from sweeper.config.training import EarlyStoppingConfig, TrainingConfig, training_config
from sweeper.core.errors import ConfigError
from sweeper.core.objectives import name_on_test
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import TrainingSpec, TrialFacts, TrialResult, TrialSpec, TrialState
from sweeper.models import networks
from sweeper.models.builder import build_network
from sweeper.space.kinds import cast, kinds
from sweeper.trial.augment.pipeline import Augmentation
from sweeper.trial.batches import ShuffledBatches
from sweeper.trial.callbacks import Report, check_finite
from sweeper.trial.fitting.averages import keep_average
from sweeper.trial.fitting.fit import Fitting
from sweeper.trial.fitting.freezing import freeze, make_freezing
from sweeper.trial.fitting.labels import Targets, targets
from sweeper.trial.runtime import configure, predict_latency_ms
from sweeper.trial.save import save_files, save_samples, write_summary
from sweeper.trial.standardize import standardized
from sweeper.trial.validation import ValidationPass


def train(spec: TrainingSpec, report: Report) -> TrialResult:
    """Seeds, builds, compiles, fits, evaluates and saves.

    Returns:
        The result without its history, with the metrics of the saved weights.

    Raises:
        NonFiniteError: a loss became NaN or infinite.
        Exception: whatever the network's builder, Keras or TensorFlow raise.
    """
    paths = TrialPaths(spec.folder)
    training, last_epoch = _to_train(spec.config)
    arrays = data.open_training_arrays(spec.data)
    model, batches = compiled_network(spec, arrays)
    summary = spec.data.summary
    write_summary(model, paths.artifacts / "model_summary.txt")
    create_variables(model, batches.targets)

    labels = np.asarray(arrays.y_validation)
    validation = ValidationPass(model, arrays.x_validation, labels, training.batch_size, spec.metrics)
    validation.check_probabilities(arrays.x_train)

    def recompile(learning_rate: float | None) -> None:
        compile_network(model, spec, batches.targets, learning_rate)
        create_variables(model, batches.targets)

    freezing = make_freezing(model, spec.config["arch"], recompile)
    fit = Fitting(model, batches, validation, training, spec, report, freezing, last_epoch).run()
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
    if networks.is_builtin(spec.config["arch"]):
        network = networks.plan(spec.config["arch"], summary.input_shape, summary.num_classes)
        if network is not None:
            metrics["flops"] = network.flops
    if spec.measures_latency and len(labels):
        metrics["predict_latency_ms"] = predict_latency_ms(model, data.as_float(arrays.x_validation[:1]))
    if spec.data.test_is_validation:
        metrics |= {name_on_test(name): value for name, value in scores.items()}
    check_finite(spec.metric, metrics)
    save_files(spec, model, fit.history, validation)
    if fit.bits is not None and len(labels):
        save_epoch_bits(paths, fit.bits)
    save_samples(batches, paths.artifacts / "augmentation.png")
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


def _to_train(config: Mapping[str, Any]) -> tuple[TrainingConfig, int]:
    """How a configuration is trained, and its last epoch unless something ends it.

    A refit (`report.refit`) has no validation images: it trains as many epochs as were chosen, under the schedule of
    the learning rate of `training.epochs`, and keeps the last one's weights.
    """
    training, refit = training_config(config["training"]), config.get("refit")
    if refit is None:
        return training, training.epochs
    return replace(training, restore_best=False, early_stopping=EarlyStoppingConfig()), int(refit["epochs"])


def compiled_network(spec: TrialSpec, arrays: data.TrainingArrays) -> tuple[Any, ShuffledBatches]:
    """Seeds this process, and builds and compiles a trial's network in its precision, with its training images.

    Raises:
        Exception: whatever the network's builder, Keras or TensorFlow raise.
    """
    import keras

    training = training_config(spec.config["training"])
    configure(training.threads, spec.gpu, spec.gpu_memory_gb)
    keras.backend.clear_session()
    keras.utils.set_random_seed(spec.config["seed"])
    keras.config.set_dtype_policy(training.precision)
    summary = spec.data.summary
    model = build_network(spec.config["arch"], summary.input_shape, summary.num_classes)
    if spec.data.statistics is not None:
        model = standardized(model, spec.data.statistics, summary.input_shape)
    augment = augment_config(spec.config.get("augment"))
    compared = targets(training, summary, np.asarray(arrays.y_train), mixes=augment.mixes)
    freeze(model, spec.config["arch"])
    compile_network(model, spec, compared)
    seed = spec.config["seed"]
    changes = Augmentation(augment, summary.input_shape, seed) if augment.changes_images else None
    return model, ShuffledBatches(arrays, training.batch_size, seed, compared, changes)


def compile_network(model: Any, spec: TrialSpec, compared: Targets, learning_rate: float | None = None) -> None:
    """Gives a network its loss and a new optimizer, with this learning rate or its own."""
    training, node = training_config(spec.config["training"]), spec.config["optimizer"]
    optimizer = build_optimizer(node if learning_rate is None else {**node, "learning_rate": learning_rate})
    if training.ema is not None:
        keep_average(optimizer, training.ema)
    model.compile(optimizer=optimizer, loss=compared.loss(), metrics=["accuracy"])


def build_optimizer(node: Mapping[str, Any]) -> Any:
    """Instantiates `optimizer._target_` with its other keys.

    Raises:
        ConfigError: no such class, or a key that it does not take.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    known = kinds("optimizer", node)  # a configuration that an earlier release recorded may have 1 for 1.0
    try:
        # lists stay lists: Keras cannot save an optimizer with OmegaConf's
        return instantiate({key: cast(value, known.get(key)) for key, value in node.items()}, _convert_="all")
    except InstantiationException as error:
        raise ConfigError(
            f"optimizer._target_={node['_target_']} cannot be made from {dict(node)}: {error.__cause__ or error}. "
            "Accepted: a class of keras.optimizers with keys that it takes.  Try: optimizer=adam"
        ) from error


def create_variables(model: Any, compared: Targets) -> None:
    """Creates the variables of the optimizer and of the metrics before the training step is traced.

    A `tf.function` that creates variables is traced twice (TensorFlow's guide "Better performance with tf.function"):
    0.3 to 0.5 s of CPU for each trial.
    """
    model.optimizer.build(model.trainable_variables)
    outputs = np.full((1, compared.num_classes), 1 / compared.num_classes, dtype=np.float32)
    model.compute_metrics(None, compared.encoded(np.zeros(1, dtype=np.int64)), outputs)
    model.reset_metrics()
