"""The life of a trial's process: train or evaluate, and leave a result whatever happens."""

from __future__ import annotations

import shutil
import time
import traceback
from dataclasses import replace

from sweeper.artifacts.result import write_result
from sweeper.core.errors import SweeperError
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import EpochReport, EvaluationSpec, ProbeSpec, TrainingSpec, TrialResult, TrialSpec
from sweeper.trial.callbacks import Report
from sweeper.trial.evaluate import evaluate
from sweeper.trial.probe import probe
from sweeper.trial.train import train


def run_to_result(spec: TrialSpec, report: Report) -> None:
    """Runs a trial and leaves `result.json`, whatever the trial's code raises; then those that follow an evaluation.

    The file is renamed into place last, when weights, predictions and pictures are next to it.
    """
    _run_one(spec, report)
    if isinstance(spec, EvaluationSpec):
        for further in spec.following:
            _run_one(replace(further, gpu=spec.gpu, gpu_memory_gb=spec.gpu_memory_gb), report)


def _run_one(spec: TrialSpec, report: Report) -> None:
    paths = TrialPaths(spec.folder)
    paths.artifacts.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    history: list[dict[str, float]] = []

    def report_and_keep(epoch: EpochReport) -> bool:
        history.append(epoch.metrics)
        return report(epoch)

    try:
        result = _result(spec, report_and_keep)
    except Exception as error:  # noqa: BLE001  a trial's own code may raise anything; it is recorded, not hidden
        result = TrialResult.failure(_reason(error), traceback.format_exc())
        shutil.rmtree(paths.model, ignore_errors=True)  # what was being saved when it failed is no model
    metrics = {**result.metrics, "duration_s": time.monotonic() - started}
    write_result(paths, replace(result, metrics=metrics, history=tuple(history)))


def _result(spec: TrialSpec, report: Report) -> TrialResult:
    match spec:
        case TrainingSpec():
            return train(spec, report)
        case EvaluationSpec():
            return evaluate(spec)
        case ProbeSpec():
            return probe(spec)
    raise TypeError(f"{type(spec).__name__} is neither a training nor an evaluation nor a probe")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, SweeperError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
