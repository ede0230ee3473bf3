"""The test set: it is opened at a sweep's end, for the finalists, and each opening is counted.

An opening is recorded before anything is evaluated, and those of other sweeps on the same images count too. One that
was interrupted is completed by the next start and not counted again. Test figures never re-order the rows.

    finalists -> opening recorded -> the saved networks evaluated, in one process per worker -> MLflow, then the study

What does not live here: who the finalists are, and what follows (`sweeper.ranking.judge`).
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sweeper.artifacts import answers
from sweeper.artifacts.result import NO_RESULT, read_result
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import DamagedFileError, RunGoneError
from sweeper.core.events import Listener, Note
from sweeper.core.objectives import Metric
from sweeper.core.paths import OutputPaths, TrialPaths
from sweeper.core.sweeps import Refit
from sweeper.core.test_set import Opening, by_others
from sweeper.core.trials import EvaluationSpec, StudyTrial, TrialResult, TrialState
from sweeper.executors import Event, Executor, TrialEnded
from sweeper.storage.study import SweepStudy
from sweeper.storage.test_openings import keep_openings, openings_elsewhere
from sweeper.tracking import tags
from sweeper.tracking.recording.remote import RemoteTracker

_POLL_S = 0.2
_TIMEOUT_S = 3600.0
_MOST_LOSSES = 10  # machines lost with one evaluation, after which it counts as failed


class TestSet:
    """The test set of one sweep."""

    def __init__(
        self,
        study: SweepStudy,
        tracker: RemoteTracker,
        executor: Executor,
        output: OutputPaths,
        name: str,
        parent_run_id: str,
        listener: Listener,
        metrics: Sequence[Metric] = (),
    ) -> None:
        self._metrics = tuple(metrics)
        self._study = study
        self._tracker = tracker
        self._executor = executor
        self._paths = output.sweep(name)
        self._output = output
        self._name = name
        self._parent_run_id = parent_run_id
        self._listener = listener
        self._refits: dict[int, Refit] = {}  # those that are evaluated

    def open_for(
        self,
        numbers: Sequence[int],
        data_of: Callable[[int], PreparedData],
        meanwhile: Callable[[], None],
        refit: Refit | None = None,
    ) -> bool:
        """Evaluates those of the trials that have not been; returns whether all of them now have figures.

        Args:
            numbers: the finalists, all scored on the same images.
            data_of: a trial's prepared data; they may differ in how large the images are.
            meanwhile: called once, while the first ones are evaluated.
            refit: is evaluated in the same opening; `data_of` knows it by its number.
        """
        new = [number for number in numbers if number not in self._study.test.results]
        anew = [refit] if refit is not None and not refit.test_figures else []
        self._refits = {one.trial.number: one for one in anew}
        if new or anew:
            self._record_opening(new, data_of(numbers[0]).test_digest, refit=bool(anew))
        keep_openings(self._output, self._name, self._study.test)
        if not new and not anew:
            return True
        self._announce(new, refit=bool(anew))
        trials = {trial.number: trial for trial in self._study.trials()}
        of_all = [*(trials[number] for number in new), *(one.trial for one in anew)]
        failures = self._evaluate(of_all, data_of, meanwhile)
        shutil.rmtree(self._paths.evaluations, ignore_errors=True)
        for number, reason in failures.items():
            whose = "The refit" if number in self._refits else f"Trial {number}"
            self._say(f"{whose} could not be evaluated on the test set: {reason}.")
        return not failures

    def _record_opening(self, new: Sequence[int], images: str, *, refit: bool) -> None:
        record = self._study.test
        last = record.openings[-1] if record.openings else None
        is_last = last is not None and set(new) <= set(last.trials) and (last.refit or not refit)
        if not is_last:  # else the last was interrupted
            now = datetime.now(UTC).isoformat(timespec="seconds")
            opening = Opening(now, tuple(new), images, refit=refit)
            self._study.write_test(replace(record, openings=(*record.openings, opening)))

    def _announce(self, new: Sequence[int], *, refit: bool) -> None:
        record = self._study.test
        elsewhere = openings_elsewhere(self._output, self._name, record)
        times = len(record.openings) + len(elsewhere)
        marks = {
            tags.TEST_OPENINGS: str(times),
            tags.TEST_OPENED: "\n".join(
                f"{one.date}: trials {', '.join(one.names)}{f' of {one.sweep}' if one.sweep else ''}"
                for one in (*elsewhere, *record.openings)
            ),
        }
        self._tracker.log_metrics(self._parent_run_id, {"num_test_openings": float(times)}, marks, step=times)
        finalists = [f"{len(new)} finalist{'s' if len(new) > 1 else ''}"] if new else []
        whom = " and ".join([*finalists, *(["the refit"] if refit else [])])
        costs = (
            ""
            if times == 1
            else f" It is opening {times} of these images{by_others(elsewhere)}: a search after the earlier figures "
            "were seen selected on the test set too, so its figures say less than after one opening; "
            "report.finalists=0 keeps it closed."
        )
        self._say(f"The test set is opened for {whom}.{costs}")

    def _evaluate(
        self, trials: Sequence[StudyTrial], data_of: Callable[[int], PreparedData], meanwhile: Callable[[], None]
    ) -> dict[int, str]:
        """Runs the evaluations, one process per worker for all of them; returns why some left no figures.

        A process that dies spoils the network at which it died; those that were to follow get another process.
        """
        failures: dict[int, str] = {}
        specs: list[EvaluationSpec] = []
        for trial in trials:
            try:
                specs.append(self._spec(trial, data_of(trial.number)))
            except RunGoneError as error:
                failures[trial.number] = str(error)
        by_number = {trial.number: trial for trial in trials}
        waiting = _shared(specs, self._executor.workers)
        running: dict[int, EvaluationSpec] = {}
        losses: Counter[int] = Counter()

        def handle(event: Event) -> None:
            if isinstance(event, TrialEnded):
                done = running.pop(event.number)
                left = [done, *done.following]
                while left and (result := _left_in(self._paths.evaluation(left[0].number))) is not None:
                    if result.state is TrialState.COMPLETE:
                        self._record(by_number[left[0].number], result)
                    else:
                        failures[left[0].number] = result.error
                    del left[0]
                if left and event.is_lost and losses[left[0].number] < _MOST_LOSSES:
                    losses[left[0].number] += 1
                    waiting.extend(_shared(left, 1))
                elif left:
                    failures[left[0].number] = event.reason or NO_RESULT
                    waiting.extend(_shared(left[1:], 1))

        def start_waiting() -> None:
            while waiting and len(running) < self._executor.workers:
                spec = waiting.pop(0)
                running[spec.number] = spec
                self._executor.submit(spec)

        deadline = time.monotonic() + _TIMEOUT_S
        start_waiting()
        meanwhile()
        while (waiting or running) and time.monotonic() < deadline:
            self._executor.poll(handle, _POLL_S)
            start_waiting()
        for number, spec in running.items():
            self._executor.kill(number, "")
            for one in (spec, *spec.following):
                failures[one.number] = f"it took longer than {_TIMEOUT_S:g} s"
        return failures

    def _spec(self, trial: StudyTrial, prepared: PreparedData) -> EvaluationSpec:
        folder = self._paths.evaluation(trial.number).root
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return EvaluationSpec(
            number=trial.number,
            folder=folder,
            config=trial.identity,
            data=prepared,
            trained=self._tracker.model_folder(trial.run_id, folder / "model"),
            metrics=self._metrics,
        )

    def _record(self, trial: StudyTrial, result: TrialResult) -> None:
        """Writes MLflow, then the study."""
        paths = self._paths.evaluation(trial.number)
        refit = self._refits.get(trial.number)
        if refit is None:
            answers.append(self._paths.test_answers, trial.number, paths.predictions, self._metrics)
        metrics = {name: value for name, value in result.metrics.items() if name.startswith("test_")}
        try:
            self._tracker.log_files(trial.run_id, _only_predictions(paths.predictions), "test")
            self._tracker.log_metrics(trial.run_id, metrics, {}, step=int(_epochs(trial)))
        except RunGoneError as error:
            whose = f"trial {trial.number}" if refit is None else "the refit"
            self._say(f"The test figures of {whose} are in the report, not in MLflow: {error}.")
        if refit is not None:
            self._study.write_refit(refit.with_test(metrics, result.facts.num_test))
            return
        record = self._study.test
        figures = {**metrics, "num_images": result.facts.num_test or 0}
        self._study.write_test(replace(record, results={**record.results, trial.number: figures}))

    def _say(self, text: str) -> None:
        self._listener(Note(text))


def _shared(specs: Sequence[EvaluationSpec], workers: int) -> list[EvaluationSpec]:
    """The evaluations of each process. TensorFlow's threads are fixed in a process, so each has one number of them."""
    groups: dict[int, list[EvaluationSpec]] = {}
    for spec in specs:
        groups.setdefault(int(spec.config["training"]["threads"]), []).append(spec)
    shares = [group[place::workers] for group in groups.values() for place in range(workers)]
    return [replace(share[0], following=tuple(share[1:])) for share in shares if share]


def _left_in(paths: TrialPaths) -> TrialResult | None:
    """An evaluation's result; a damaged one is a failure."""
    try:
        return read_result(paths)
    except DamagedFileError as error:
        return TrialResult.failure(str(error))


def _epochs(trial: StudyTrial) -> float:
    return 0 if trial.row is None else trial.row.metrics.get("epochs", 0)


def _only_predictions(predictions: Path) -> Path:
    """A folder with nothing but the predictions: the trial's log stays with the trial."""
    folder = predictions.parent.parent / "recorded"
    folder.mkdir(exist_ok=True)
    shutil.copy(predictions, folder / predictions.name)
    return folder
