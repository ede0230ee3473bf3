"""What the forkserver imports once, so that a trial's process starts by a fork instead of 5 s of imports.

Imports only: no operation, no device and no thread of TensorFlow may be touched here, since a fork copies one
thread alone. TensorFlow prints to stderr while it is imported; that is kept aside, and shown if an import fails.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Iterator

from sweeper.host import process
from sweeper.host.process import stderr_aside

MODULES = (
    "tensorflow",
    "keras",
    "matplotlib.backends.backend_agg",
    "mlflow.tensorflow",
    "mlflow.pyfunc",
    "hydra.utils",
    "sweeper.models.cnn",
    "sweeper.models.resnet",
    "sweeper.artifacts.model",
    "sweeper.trial.train",
    "sweeper.executors.worker",
)


@contextlib.contextmanager
def _unseen(module: str) -> Iterator[None]:
    """Makes a library see that an optional module is not installed, while it looks for it.

    Keras imports scikit-learn, half a second, for wrappers that no trial uses; a later import works.
    """
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


gc.disable()  # imports make no garbage, and looking for some takes a fifth of their time
process.prepare_mlflow()
with stderr_aside():
    with contextlib.nullcontext() if "sklearn" in sys.modules else _unseen("sklearn"):
        importlib.import_module("keras")
    for _name in MODULES:
        importlib.import_module(_name)
    importlib.import_module("sweeper.artifacts.model").warm_up()
    importlib.import_module("sweeper.artifacts.figures").warm_up()
gc.freeze()  # a trial's collector leaves alone what was loaded here, and with it the shared memory pages
gc.enable()
