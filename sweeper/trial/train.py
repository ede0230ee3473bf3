"""One trial, from its resolved configuration to `result.json`: the recipe that trains a network.

Runs in a process of its own or in the driver's (`executor=serial`); it writes into its folder and to no store.
TensorFlow and Keras are imported where they are used, so that importing this module is cheap.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from models.builder import build_network, is_builtin, resolve_builder
from models.config import CnnConfig
from models.shapes import plan
from sweeper import data
from sweeper.artifacts import answers, figures
from sweeper.artifacts.model import load_model, save_model
from sweeper.config.schema import TrainingConfig
from sweeper.core.errors import ConfigError, NonFiniteError, SweeperError
from sweeper.core.machine import cpu
from sweeper.core.paths import TrialPaths, write_atomically
from sweeper.core.trials import EPOCH_METRICS, EpochReport, Objective, TrialSpec, TrialState
from sweeper.preflight.check import training_config
from sweeper.space.composer import canonical
from sweeper.trial import checkpoint
from sweeper.verify.inputs import CPU, GPU

#: Told of each epoch; answers whether the trial is to stop (a pruner's decision).
Report = Callable[[EpochReport], bool]

RECORDED_PACKAGES = ("tensorflow", "keras", "numpy", "hydra-core", "optuna", "mlflow", "keras-sweeper")

#: Variables of the environment by which TensorFlow computes otherwise.
RECORDED_VARIABLES = (
    "TF_ENABLE_ONEDNN_OPTS",
    "ONEDNN_MAX_CPU_ISA",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
    "NVIDIA_TF32_OVERRIDE",
)


def run_to_result(spec: TrialSpec, report: Report) -> None:
    """Runs a trial and leaves `result.json`, whatever the trial's code raises.

    The file is renamed into place last, when weights, predictions and pictures lie beside it.
    """
    paths = TrialPaths(spec.folder)
    paths.artifacts.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    history: list[dict[str, float]] = []

    def report_and_keep(epoch: EpochReport) -> bool:
        history.append(epoch.metrics)
        return report(epoch)

    try:
        result = run(spec, report_and_keep) if spec.trained is None else evaluate(spec, spec.trained)
    except Exception as error:  # noqa: BLE001  a trial's own code may raise anything; it is recorded, not hidden
        result = failure(_reason(error), traceback.format_exc())
    result["metrics"]["duration_s"] = time.monotonic() - started
    result["history"] = history
    write_atomically(paths.result, json.dumps(result))


def failure(error: str, trace: str = "") -> dict[str, Any]:
    """The result of a failed trial."""
    return {"state": TrialState.FAILED, "metrics": {}, "details": {}, "error": error, "traceback": trace}


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, SweeperError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def run(spec: TrialSpec, report: Report) -> dict[str, Any]:
    """Seeds, builds, compiles, fits, evaluates and saves.

    Returns:
        The result: state, metrics (of the saved weights), details, empty error and traceback.

    Raises:
        NonFiniteError: a loss became NaN or infinite.
        Exception: whatever the network's builder, Keras or TensorFlow raise.
    """
    import keras

    paths = TrialPaths(spec.folder)
    training = training_config(spec.config["training"])
    configure_tensorflow(training.threads, spec.gpu)
    keras.backend.clear_session()
    keras.utils.set_random_seed(spec.config["seed"])
    keras.config.set_dtype_policy(training.precision)

    arrays = data.open_training_arrays(spec.data)
    summary = spec.data.summary
    model = build_network(spec.config["arch"], summary.input_shape, summary.num_classes)
    optimizer = build_optimizer(spec.config["optimizer"])
    # Integer labels with the sparse loss: the same numbers as one-hot labels, without ten times the memory.
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    _write_summary(model, paths.artifacts / "model_summary.txt")

    fit = _fit(model, arrays, training, spec, report)
    x_validation = data.as_float(arrays.x_validation)
    probabilities = np.asarray(model.predict(x_validation, batch_size=training.batch_size, verbose=0))
    kept = fit.history[fit.kept_epoch - 1]
    metrics = {
        "train_loss": fit.history[-1]["loss"],
        "train_accuracy": fit.history[-1]["accuracy"],
        "val_loss": kept["val_loss"],
        "val_accuracy": kept["val_accuracy"],
        "num_params": model.count_params(),
        "epochs": len(fit.history),
    }
    if is_builtin(spec.config["arch"]):
        network = plan(CnnConfig.from_mapping(spec.config["arch"]), summary.input_shape, summary.num_classes)
        metrics["flops"] = network.flops
    if spec.measures_latency:
        metrics["predict_latency_ms"] = predict_latency_ms(model, x_validation[:1])
    if spec.data.test_is_validation:
        metrics |= {"test_loss": metrics["val_loss"], "test_accuracy": metrics["val_accuracy"]}
    _save_files(spec, model, fit.history, probabilities, np.asarray(arrays.y_validation))
    _save_model(model, paths.model, summary.input_shape, summary.num_classes)
    return {
        "state": TrialState.PRUNED if fit.pruned else TrialState.COMPLETE,
        "metrics": metrics,
        "details": {
            "num_validation": summary.num_validation,
            "train_images": summary.num_train,
            "test_is_validation": spec.data.test_is_validation,
            "best_epoch": fit.kept_epoch if training.restore_best else None,
            "resumed_after_epoch": fit.resumed_after or None,
            "cuts": list(fit.cuts),
            "versions": versions(spec.gpu),
        },
        "error": "",
        "traceback": "",
    }


def evaluate(spec: TrialSpec, trained: Path) -> dict[str, Any]:
    """Evaluates a trained network on the test images, once, and leaves its predictions.

    Args:
        spec: the finalist, in a folder for this evaluation.
        trained: the folder of its saved network (`sweeper.artifacts.model`).

    Returns:
        A result with the metrics test_loss and test_accuracy.

    Raises:
        Exception: whatever Keras raises for a network that cannot be loaded.
    """
    training = training_config(spec.config["training"])
    configure_tensorflow(training.threads, spec.gpu)
    resolve_builder(spec.config["arch"]["_target_"])  # registers layers of the user's own
    arrays = data.open_arrays(spec.data)
    labels = np.asarray(arrays.y_test)
    model = load_model(trained)
    probabilities = _called(model, arrays.x_test, training.batch_size)
    _save_predictions(TrialPaths(spec.folder), probabilities, labels)
    return {
        "state": TrialState.COMPLETE,
        "metrics": {
            "test_loss": float(answers.image_losses(probabilities, labels).mean()),
            "test_accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        },
        "details": {"num_test": len(labels)},
        "error": "",
        "traceback": "",
    }


def _called(model: Any, images: Any, batch_size: int) -> np.ndarray[Any, Any]:
    """The network's probabilities, (images, classes) float64, batch by batch; tracing it once would take longer."""
    batches = [data.as_float(images[start : start + batch_size]) for start in range(0, len(images), batch_size)]
    return np.concatenate([np.asarray(model(batch, training=False), dtype=np.float64) for batch in batches])


def predict_latency_ms(model: Any, image: np.ndarray[Any, Any]) -> float:
    """Milliseconds of one prediction: the median of 50 calls of the traced network, after 5 that warm it up.

    Args:
        model: a built Keras model.
        image: (1, height, width, channels), float32 in [0, 1].
    """
    import tensorflow as tf

    traced = tf.function(lambda images: model(images, training=False))
    given = tf.constant(image)
    seconds = []
    for _ in range(55):
        started = time.perf_counter()
        traced(given).numpy()
        seconds.append(time.perf_counter() - started)
    return 1000 * float(np.median(seconds[5:]))


_configured: tuple[int, int | None] | None = None


def configure_tensorflow(threads: int, gpu: int | None) -> None:
    """Sets threads, determinism and devices, once in a process and before TensorFlow's runtime starts.

    The number of threads changes the order of sums, so it is part of a trial's identity; operations are
    deterministic, so that equal trials give equal digits on the CPU.

    Raises:
        ConfigError: a second trial in this process asks for other threads or another device.
    """
    global _configured
    if _configured is not None:
        if _configured != (threads, gpu):
            raise ConfigError(
                f"training.threads={threads} after {_configured[0]} in one process: TensorFlow's threads are fixed "
                "when it starts. executor=serial runs all trials in one process.  Try: executor=processes"
            )
        return
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    devices = [] if gpu is None else tf.config.list_physical_devices("GPU")[gpu : gpu + 1]  # a slot is one GPU
    tf.config.set_visible_devices(devices, "GPU")
    if not devices:
        tf.config.experimental.enable_op_determinism()
    for device in devices:
        tf.config.experimental.set_memory_growth(device, True)
    _configured = (threads, gpu)


def build_optimizer(node: Mapping[str, Any]) -> Any:
    """Instantiates `optimizer._target_` with its other keys.

    Raises:
        ConfigError: no such class, or a key that it does not take.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    rate = node.get("learning_rate")
    known = {**node, "learning_rate": float(rate)} if isinstance(rate, int) else {**node}  # Keras takes no 1 for 1.0
    try:
        return instantiate(known)
    except InstantiationException as error:
        raise ConfigError(
            f"optimizer._target_={node['_target_']} cannot be made from {dict(node)}: {error.__cause__ or error}. "
            "Accepted: a class of keras.optimizers with keys that it takes.  Try: optimizer=adam"
        ) from error


@dataclass(frozen=True)
class Fit:
    """A finished training.

    Attributes:
        history: each epoch's metrics.
        kept_epoch: the epoch of the kept weights, from 1.
        pruned: whether it was ended early.
        cuts: the last epoch of each earlier process that was cut off and gone on from.
    """

    history: tuple[dict[str, float], ...]
    kept_epoch: int
    pruned: bool
    cuts: tuple[int, ...]

    @property
    def resumed_after(self) -> int:
        """The last epoch that an earlier process trained; 0 where there was none."""
        return self.cuts[-1] if self.cuts else 0


def _fit(model: Any, arrays: data.TrainingArrays, training: TrainingConfig, spec: TrialSpec, report: Report) -> Fit:
    from sweeper.trial.batches import ShuffledBatches

    path, config = TrialPaths(spec.folder).checkpoint, canonical(spec.config)
    earlier = checkpoint.load(path, config) if training.checkpoint else None
    cuts = (*earlier.cuts, len(earlier.history)) if earlier is not None else ()
    reporter = _reporter(
        report, lambda history: checkpoint.save(path, config, model, history, cuts), training.checkpoint
    )
    if earlier is not None:
        checkpoint.restore(earlier, model)
        reporter.tell_again(earlier.history)
    resumed_after = len(reporter.history)
    if reporter.pruned or resumed_after >= training.epochs:
        return Fit(tuple(reporter.history), resumed_after, reporter.pruned, cuts)
    stopping = _early_stopping(training, spec.metric)
    batches = ShuffledBatches(arrays, training.batch_size, spec.config["seed"])
    callbacks = [batches.callback(), reporter, stopping]
    model.fit(
        batches,
        shuffle=False,  # what Keras would shuffle is the batches
        epochs=training.epochs,
        initial_epoch=resumed_after,
        validation_data=(data.as_float(arrays.x_validation), np.asarray(arrays.y_validation)),
        validation_batch_size=training.batch_size,
        callbacks=[callback for callback in callbacks if callback],
        verbose=0,
    )
    kept = stopping.best_epoch + 1 if stopping and training.restore_best else len(reporter.history)
    return Fit(tuple(reporter.history), kept, reporter.pruned, cuts)


def _early_stopping(training: TrainingConfig, objective: Objective) -> Any:
    """Keras's own early stopping, which also restores the best weights; None where neither is asked for."""
    import keras

    patience = training.early_stopping.patience
    if patience is None and not training.restore_best:
        return None
    metric = objective.metric.removeprefix("train_")
    if metric not in EPOCH_METRICS:  # the objective is a cost, such as num_params: stop by what is learnt
        metric, mode = "val_accuracy", "max"
    else:
        mode = objective.direction[:3]
    return keras.callbacks.EarlyStopping(
        monitor=metric,
        mode=mode,
        min_delta=training.early_stopping.min_delta,
        patience=training.epochs if patience is None else patience,
        restore_best_weights=training.restore_best,
    )


def _reporter(report: Report, save: Callable[[list[dict[str, float]]], None], saves: bool) -> Any:
    """A Keras callback that reports each epoch, stops on request, and fails on a loss that is not finite.

    Args:
        report: told of each epoch.
        save: writes a checkpoint, after each epoch that another follows, where `saves`.
        saves: whether checkpoints are written.
    """
    import keras

    class Reporter(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.history: list[dict[str, float]] = []
            self.pruned = False
            self._started = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._started = time.monotonic()

        def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
            metrics = {name: float((logs or {})[name]) for name in EPOCH_METRICS}
            metrics["duration_s"] = time.monotonic() - self._started
            for name in ("loss", "val_loss"):
                if not np.isfinite(metrics[name]):
                    raise NonFiniteError(f"{name} became {metrics[name]} in epoch {epoch + 1}")
            self.history.append(metrics)
            if saves and epoch + 1 < self.params["epochs"]:
                save(self.history)
            self._tell(epoch + 1, metrics)
            self.model.stop_training = self.model.stop_training or self.pruned

        def tell_again(self, history: Iterable[dict[str, float]]) -> None:
            """Reports the epochs of an earlier process, which nobody has recorded."""
            for epoch, metrics in enumerate(history, start=1):
                self.history.append(metrics)
                self._tell(epoch, metrics)

        def _tell(self, epoch: int, metrics: dict[str, float]) -> None:
            if report(EpochReport(epoch, metrics, int(time.time() * 1000))):
                self.pruned = True

    return Reporter()


def _write_summary(model: Any, path: Path) -> None:
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(line), line_length=96)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _save_files(
    spec: TrialSpec,
    model: Any,
    history: tuple[dict[str, float], ...],
    probabilities: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
) -> None:
    """Writes predictions, pictures and the configuration into the trial's artifacts."""
    from omegaconf import OmegaConf

    folder = TrialPaths(spec.folder).artifacts
    predicted = _save_predictions(TrialPaths(spec.folder), probabilities, labels)
    num_classes = spec.data.summary.num_classes
    matrix = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    curves = figures.curves_figure(history, test_is_validation=spec.data.test_is_validation)
    figures.save(curves, folder / "curves.png")
    figures.save(figures.weights_figure(layer_weights(model)), folder / "weights.png")
    figures.save(
        figures.confusion_figure(matrix, [str(label) for label in range(num_classes)]), folder / "confusion.png"
    )
    OmegaConf.save(OmegaConf.create(spec.config), folder / "config.yaml")
    (folder / "overrides.txt").write_text("".join(f"{line}\n" for line in spec.overrides), encoding="utf-8")
    (folder / "versions.json").write_text(json.dumps(versions(spec.gpu), indent=2) + "\n", encoding="utf-8")


def _save_predictions(
    paths: TrialPaths, probabilities: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Writes `predictions.npz`; returns the predicted classes."""
    predicted: np.ndarray[Any, Any] = probabilities.argmax(axis=1).astype(np.int64)
    paths.artifacts.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        paths.predictions,
        probabilities=probabilities.astype(np.float16),
        losses=answers.image_losses(probabilities, labels).astype(np.float16),
        predicted=predicted,
        labels=labels.astype(np.int64),
    )
    return predicted


def layer_weights(model: Any) -> dict[str, np.ndarray[Any, Any]]:
    """The kernel of each layer that has one, by the layer's name."""
    return {layer.name: np.asarray(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")}


def _save_model(model: Any, folder: Path, input_shape: tuple[int, int, int], num_classes: int) -> None:
    save_model(model, folder, input_shape, num_classes)


def versions(gpu: int | None) -> dict[str, str]:
    """What a result depends on besides configuration, code and data: packages, variables, CPU, and what it ran on."""
    found = {name: metadata.version(name) for name in RECORDED_PACKAGES}
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        **found,
        "variables": " ".join(f"{name}={os.environ[name]}" for name in RECORDED_VARIABLES if name in os.environ),
        "cpus": str(os.cpu_count()),
        "cpu": cpu(),
        "device": CPU if gpu is None else GPU,
    }
