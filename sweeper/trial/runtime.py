"""TensorFlow's runtime: threads, devices, determinism, and the time of one prediction."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from sweeper.core.errors import ConfigError


def predict_latency_ms(model: Any, image: np.ndarray[Any, Any]) -> float:
    """Milliseconds of one prediction: the median of 50 calls of the traced network, after 5 that warm it up.

    Args:
        model: a built Keras model.
        image: (1, height, width, channels), float32 in [0, 1].
    """
    import tensorflow as tf

    traced = tf.function(lambda images: model(images, training=False), autograph=False)
    given = tf.constant(image)
    seconds = []
    for _ in range(55):
        started = time.perf_counter()
        traced(given).numpy()
        seconds.append(time.perf_counter() - started)
    return 1000 * float(np.median(seconds[5:]))


_configured: tuple[int, int | None] | None = None


def is_configured() -> bool:
    """Whether `configure_tensorflow` has set up this process."""
    return _configured is not None


def configure_tensorflow(threads: int, gpu: int | None) -> None:
    """Sets threads, determinism and devices, once in a process and before TensorFlow's runtime starts.

    The number of threads changes the order of sums, so it is part of a trial's identity; operations are
    deterministic, so that equal trials give equal digits on the CPU.

    Raises:
        ConfigError: a second trial in this process asks for other threads or another device, or TensorFlow's runtime
            has started already.
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

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError as error:
        raise ConfigError(
            f"training.threads={threads} cannot be set: other code in this process has started TensorFlow already, "
            "and executor=serial trains in this process.  Try: executor=processes"
        ) from error
    devices = [] if gpu is None else tf.config.list_physical_devices("GPU")[gpu : gpu + 1]  # a slot is one GPU
    tf.config.set_visible_devices(devices, "GPU")
    if not devices:
        tf.config.experimental.enable_op_determinism()
    for device in devices:
        tf.config.experimental.set_memory_growth(device, True)
    _configured = (threads, gpu)
