"""Every file and folder name under `output_dir`, in one place, and the atomic write."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

#: In a trial's artifacts: which validation images each epoch answered right.
EPOCH_BITS = "validation_bits_by_epoch.npz"


@dataclass(frozen=True)
class OutputPaths:
    """The layout of `output_dir` (an absolute path)."""

    root: Path

    @property
    def tracking_db(self) -> Path:
        return self.root / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    @property
    def study_db(self) -> Path:
        return self.root / "optuna.db"

    @property
    def store_lock(self) -> Path:
        return self.root / ".stores.lock"

    @property
    def test_openings(self) -> Path:
        """Every opening of a test set by a sweep of this folder, those of deleted sweeps too."""
        return self.root / "test_openings.json"

    @property
    def pictures(self) -> Path:
        """Decoded pictures of `data=folder`, kept for the next sweep; it may be deleted while none runs."""
        return self.root / "pictures"

    @property
    def sweeps(self) -> Path:
        return self.root / "sweeps"

    def sweep(self, name: str) -> SweepPaths:
        return SweepPaths(self.sweeps / name)


@dataclass(frozen=True)
class SweepPaths:
    """The layout of one sweep's folder."""

    root: Path

    @property
    def lock(self) -> Path:
        return self.root / ".lock"

    @property
    def record(self) -> Path:
        """What is still to be written to MLflow; deleted when all of it is."""
        return self.root / "record.db"

    @property
    def multirun(self) -> Path:
        return self.root / "multirun.yaml"

    @property
    def leaderboard(self) -> Path:
        return self.root / "leaderboard.csv"

    @property
    def curves(self) -> Path:
        return self.root / "curves.png"

    @property
    def plots(self) -> PlotPaths:
        """Pictures of the search."""
        return PlotPaths(self.root / "plots")

    @property
    def validation_answers(self) -> AnswerPaths:
        """Each trial's right and wrong answers on the validation images."""
        return AnswerPaths(self._predictions / "validation")

    @property
    def test_answers(self) -> AnswerPaths:
        """The finalists' on the test images."""
        return AnswerPaths(self._predictions / "test")

    @property
    def _predictions(self) -> Path:
        """Earlier versions called this folder `answers`; a sweep that has one keeps it."""
        former = self.root / "answers"
        return former if former.is_dir() else self.root / "predictions"

    @property
    def page(self) -> Path:
        return self.root / "report.html"

    @property
    def evaluations(self) -> Path:
        """One folder a finalist while it is evaluated on the test images."""
        return self.root / "evaluations"

    def evaluation(self, number: int) -> TrialPaths:
        return TrialPaths(self.evaluations / f"{number:05d}")

    @property
    def data(self) -> Path:
        """Prepared arrays, one folder a data set; deleted when the sweep ends."""
        return self.root / "data"

    @property
    def probe(self) -> Path:
        """The folders of networks that are timed; deleted afterwards."""
        return self.root / "probe"

    @property
    def trials(self) -> Path:
        """One folder a trial, until its artifacts are recorded."""
        return self.root / "trials"

    def trial(self, number: int) -> TrialPaths:
        return TrialPaths(self.trials / f"{number:05d}")


@dataclass(frozen=True)
class AnswerPaths:
    """Right and wrong answers, and losses, of many trials on one set of images; see `sweeper.artifacts.answers`."""

    root: Path

    @property
    def correct(self) -> Path:
        return self.root / "correct.bits"

    @property
    def predicted(self) -> Path:
        return self.root / "predicted.u16"

    @property
    def losses(self) -> Path:
        return self.root / "losses.f16"

    @property
    def labels(self) -> Path:
        return self.root / "labels.u16"

    @property
    def epochs(self) -> Path:
        """Right and wrong answers of every epoch."""
        return self.root / "epochs.bits"

    @property
    def groups(self) -> Path:
        """The number of each image's group."""
        return self.root / "groups.u32"

    def scores(self, metric: str) -> Path:
        """Of a metric that is the mean of a score of each image."""
        return self.root / f"{metric}.f32"


@dataclass(frozen=True)
class PlotPaths:
    """Pictures of one sweep's search."""

    root: Path

    @property
    def importances(self) -> Path:
        return self.root / "importances.png"

    @property
    def slices(self) -> Path:
        return self.root / "slices.png"

    @property
    def history(self) -> Path:
        return self.root / "history.png"

    @property
    def parallel(self) -> Path:
        return self.root / "parallel.png"

    @property
    def pareto(self) -> Path:
        return self.root / "pareto.png"


@dataclass(frozen=True)
class TrialPaths:
    """The layout of one trial's folder, until its artifacts are recorded."""

    root: Path

    @property
    def result(self) -> Path:
        """Renamed into place last: where it exists, the trial is finished."""
        return self.root / "result.json"

    @property
    def log(self) -> Path:
        return self.artifacts / "trial.log"

    @property
    def artifacts(self) -> Path:
        """All in here becomes the run's artifacts."""
        return self.root / "artifacts"

    @property
    def predictions(self) -> Path:
        """Probabilities, classes and losses on the validation images (of a finalist's evaluation: on the test's)."""
        return self.artifacts / "predictions.npz"

    @property
    def epoch_bits(self) -> Path:
        """Which validation images each epoch answered right; see `sweeper.artifacts.predictions`."""
        return self.artifacts / EPOCH_BITS

    @property
    def checkpoint(self) -> Path:
        """The state after the last epoch, with `training.checkpoint`."""
        return self.root / "checkpoint.npz"

    @property
    def model(self) -> Path:
        """An MLflow model folder (with its MLmodel file)."""
        return self.root / "model"


def write_atomically(path: Path, text: str) -> None:
    """Writes `text` next to `path` and renames it, so that no reader sees an incomplete file.

    The bytes are flushed to the disk before the rename: what is renamed survives a power cut.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with beside.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
