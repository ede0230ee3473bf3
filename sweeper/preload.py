"""What the forkserver imports once, so that a trial's process starts by a fork instead of 5 s of imports.

Imports only: no operation, no device and no thread of TensorFlow may be touched here, since a fork copies one
thread alone. TensorFlow greets on stderr while it is imported; that is kept aside, and shown if an import fails.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile

MODULES = (
    "tensorflow",
    "keras",
    "matplotlib.backends.backend_agg",
    "mlflow.tensorflow",
    "hydra.utils",
    "sweeper.model_files",
    "sweeper.trial",
    "sweeper.executors.worker",
)


def _import_quietly() -> None:
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            for name in MODULES:
                importlib.import_module(name)
        except BaseException:
            sys.stderr.flush()
            aside.seek(0)
            os.write(stderr, aside.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)


_import_quietly()
