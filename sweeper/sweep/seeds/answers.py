"""The files of answers, completed from the runs: they are projections of them, which may be lost or damaged."""

from __future__ import annotations

from sweeper.artifacts import answers
from sweeper.core.errors import DamagedFileError, RunGoneError
from sweeper.core.events import Listener, Note
from sweeper.core.trials import TrialState
from sweeper.storage.study import SweepStudy
from sweeper.sweep.plan import SweepPlan
from sweeper.tracking.recording.remote import RemoteTracker


def complete_answers(plan: SweepPlan, study: SweepStudy, tracker: RemoteTracker, listener: Listener) -> None:
    """Has all that is queued for MLflow written, and reads from the runs what the files of answers lack."""
    tracker.drain()
    study.write_runs(tracker.queue.run_ids())
    trials = {trial.number: trial for trial in study.trials()}
    complete = [number for number, trial in trials.items() if trial.state is TrialState.COMPLETE]
    losses = any(objective.metric == "val_loss" for objective in plan.objectives)
    tested = [number for number in study.test.results if number in trials]
    metrics, info = plan.settings.metrics, study.info
    groups = info is not None and bool(info.groups)
    validation, test = plan.folder.validation_answers, plan.folder.test_answers
    for paths, numbers, name in (
        (
            validation,
            answers.lacking(validation, complete, losses=losses, metrics=metrics, groups=groups),
            "predictions.npz",
        ),
        (test, answers.lacking(test, tested, metrics=metrics), "test/predictions.npz"),
    ):
        for number in numbers:
            try:
                with tracker.artifact(trials[number].run_id, name) as path:
                    answers.append(paths, number, path, metrics)
            except (RunGoneError, DamagedFileError) as error:
                images = "test" if paths is test else "validation"
                listener(Note(f"Trial {number} is ranked without its predictions on the {images} images: {error}."))
