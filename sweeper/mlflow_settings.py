"""How MLflow is set up before it is imported, the same in driver, trial and UI server.

What does not live here: anything that imports MLflow.
"""

from __future__ import annotations

import os

#: No reports to its makers, and no log line below a warning. What the user has set already stands.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def prepare() -> None:
    """Sets `ENVIRONMENT` in this process; call it before each `import mlflow`."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
