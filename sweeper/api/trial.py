"""One recorded trial as Python code sees it: its figures, configuration, curves, predictions and network."""

from __future__ import annotations

import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sweeper.api import frames
from sweeper.artifacts import model
from sweeper.artifacts.damage import load_arrays
from sweeper.core.errors import ConfigError, StoreError
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import StudyTrial, TrialRow, TrialState
from sweeper.models.builder import resolve_builder
from sweeper.storage import stored_sweep
from sweeper.tracking import reader

if TYPE_CHECKING:
    import pandas as pd


class Trial:
    """A trial of a recorded sweep.

    Attributes:
        number: its number in its sweep, from 0.
        sweep: the name of its sweep.
    """

    def __init__(
        self, number: int, sweep: str, row: TrialRow, recorded: StudyTrial, paths: OutputPaths, *, trust: bool
    ) -> None:
        self.number = number
        self.sweep = sweep
        self._row = row
        self._recorded = recorded
        self._paths = paths
        self._trust = trust

    @property
    def state(self) -> str:
        """`complete`, `pruned`, `failed` or `running`."""
        return str(self._row.state)

    @property
    def params(self) -> dict[str, Any]:
        """What varies, by full key: `{"arch.depth": 3}`."""
        return dict(self._row.params)

    @property
    def metrics(self) -> dict[str, float]:
        """The figures of its saved weights, by name."""
        return dict(self._row.metrics)

    @property
    def config(self) -> dict[str, Any]:
        """Everything that its result depends on: arch, data (with digests), training, optimizer, seed."""
        return copy.deepcopy(self._recorded.identity)

    @property
    def run_id(self) -> str:
        """Its MLflow run; empty where it has none yet."""
        return self._recorded.run_id

    @property
    def error(self) -> str:
        """Why it failed, in one line; empty otherwise."""
        return self._row.error

    @property
    def curves(self) -> pd.DataFrame:
        """One row per epoch."""
        return frames.curves([self._row])

    def predictions(self, images: str = "validation") -> pd.DataFrame:
        """One row per validation image; of a finalist also per test image.

        Args:
            images: `validation` or `test`.

        Returns:
            A DataFrame with label, predicted, correct, loss, file where the images have files, and p_CLASS.

        Raises:
            ConfigError: other images.
            StoreError: the trial has no predictions on these images, or they cannot be read.
        """
        names = {"validation": "predictions.npz", "test": "test/predictions.npz"}
        if images not in names:
            raise ConfigError(
                f"predictions({images!r}) is not accepted: 'validation', or 'test' of a finalist.  Try: predictions()"
            )
        if images == "test" and "test_accuracy" not in self._row.metrics:
            raise StoreError(
                f"Trial {self.number} of sweep {self.sweep} has no predictions on the test images: it was not among "
                "the finalists. Accepted: a trial with a test_accuracy.  Try: predictions()"
            )
        with TemporaryDirectory() as folder, reader.artifact(self._uri(), self._run(), names[images], folder) as path:
            return frames.predictions(load_arrays(path))

    def model(self) -> Any:
        """Its trained network, a keras.Model that is not compiled; it predicts what the trial predicted.

        Where it has layers of a custom class, the module of its builder is imported, so that they are found.

        Raises:
            StoreError: the trial has no model, or it cannot be read.
            ArchitectureError: that module cannot be imported.
        """
        run_id, uri = self._run(), self._uri()
        with TemporaryDirectory() as scratch:
            folder = reader.model_folder(uri, run_id, Path(scratch))
            try:
                return model.load_model(folder)
            except (TypeError, ValueError):  # a class that Keras does not know yet
                resolve_builder(self._recorded.identity["arch"]["_target_"])
                return model.load_model(folder)

    def _uri(self) -> str:
        return reader.tracking_uri(self._paths, self.sweep, trust=self._trust)

    def _run(self) -> str:
        if self._row.state in (TrialState.FAILED, TrialState.RUNNING):
            state = f"failed ({self.error})" if self._row.state is TrialState.FAILED else "runs, or was interrupted"
            raise StoreError(
                f"Trial {self.number} of sweep {self.sweep} {state}, so it has neither a model nor predictions. "
                "Accepted: a complete or a pruned trial.  Try: sweep.best"
            )
        return stored_sweep.recorded_run(self._paths, self.sweep, self._recorded)

    def __repr__(self) -> str:
        varied = " ".join(self._recorded.overrides)
        return f"<Trial {self.number} of {self.sweep}: {varied or 'as configured'}, {self.state}>"
