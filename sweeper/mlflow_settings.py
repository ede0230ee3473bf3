"""How MLflow is set up before it is imported, the same in driver, trial and UI server.

What does not live here: anything that imports MLflow.
"""

from __future__ import annotations

import os

#: No reports to its makers, no log line below a warning, no bar and no address printed between our own lines.
#: What the user has set already stands. (MLflow would try again by itself for four minutes, without a word.)
ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def prepare() -> None:
    """Sets `ENVIRONMENT` in this process; call it before each `import mlflow`."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
