"""TensorFlow's runtime: threads, devices, determinism, and the time of one prediction."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from sweeper.core.errors import ConfigError, MachineError
from sweeper.host.machine import visible_name
from sweeper.host.process import set_variables


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


_configured: tuple[int, int | None, float | None] | None = None


def is_configured() -> bool:
    """Whether `configure` has set up this process."""
    return _configured is not None


def configure(threads: int, gpu: int | None, gpu_memory_gb: float | None = None) -> None:
    """Sets up TensorFlow and Keras for one trial: threads, device, determinism, and Keras's own settings.

    The one place for it: every training and every evaluation, in any executor, begins here. The number of threads
    changes the order of sums, so it is part of a trial's identity; operations are deterministic, so that equal trials
    give equal digits on the CPU. Keras's settings are those of an installation without a `keras.json`, whatever the
    user's has.

    Args:
        threads: within an operation and between operations, each.
        gpu: index of the trial's GPU among those that CUDA_VISIBLE_DEVICES leaves; None: the CPU. This process sees no
            other GPU afterwards.
        gpu_memory_gb: GiB of its memory that TensorFlow may take; None: it takes more as it needs it.

    Raises:
        ConfigError: a second trial in this process asks for other threads or another device, or TensorFlow's runtime
            has started already.
        MachineError: TensorFlow does not find the GPU.
    """
    global _configured
    _set_keras_defaults()
    if _configured is None:
        _set_up_devices(threads, gpu, gpu_memory_gb)
        _configured = (threads, gpu, gpu_memory_gb)
    elif _configured != (threads, gpu, gpu_memory_gb):
        raise ConfigError(
            f"training.threads={threads} after {_configured[0]} in one process: TensorFlow's threads are fixed "
            "when it starts. executor=serial runs all trials in one process.  Try: executor=processes"
        )


def _set_keras_defaults() -> None:
    """What `~/.keras/keras.json` and Keras's variables may have changed (Keras 3 API, `keras.config`)."""
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)


def _set_up_devices(threads: int, gpu: int | None, gpu_memory_gb: float | None) -> None:
    import tensorflow as tf

    if gpu is not None:  # read by CUDA when it is first touched, which is below
        set_variables({"CUDA_VISIBLE_DEVICES": visible_name(gpu)})
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError as error:
        raise ConfigError(
            f"training.threads={threads} cannot be set: other code in this process has started TensorFlow already, "
            "and executor=serial trains in this process.  Try: executor=processes"
        ) from error
    found = tf.config.list_physical_devices("GPU")
    devices = [] if gpu is None else found[:1]
    if gpu is not None and not devices:
        named = os.environ["CUDA_VISIBLE_DEVICES"]
        raise MachineError(
            f"The trial was given GPU {gpu} (CUDA_VISIBLE_DEVICES={named}), and TensorFlow finds none in its process."
            "  Try: CUDA_VISIBLE_DEVICES=-1 in front of the line, to train on the CPU"
        )
    tf.config.set_visible_devices(devices, "GPU")
    if not devices:
        tf.config.experimental.enable_op_determinism()
    for device in devices:
        if gpu_memory_gb is None:
            tf.config.experimental.set_memory_growth(device, True)
        else:
            limited = tf.config.LogicalDeviceConfiguration(memory_limit=round(1024 * gpu_memory_gb))  # MiB
            tf.config.set_logical_device_configuration(device, [limited])
