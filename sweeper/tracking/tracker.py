"""The tracker: writes sweeps and trials to MLflow, by explicit client and run ids.

    experiment                tracking.experiment
    └── parent run            one per sweep: its settings, leaderboard and report
        └── child run         one per trial: params, curves, final metrics, artifacts, and its model

The curves are `loss, accuracy, val_loss, val_accuracy`, metrics that were asked for, and `epoch_duration_s`; steps 1 to
the last epoch and nothing else. A final metric that has a curve's name would add a point to it, so it is recorded as
`saved_val_loss`, `saved_val_accuracy` and so on: the scores of the saved weights, which are the curve's last values
unless `training.restore_best` brought earlier weights back. The other final metrics keep their names.

What does not live here: what is recorded, which the driver decides; the process that calls this
(`sweeper.tracking.recording`); the model's files, which the trial writes (`sweeper.artifacts.model`). MLflow takes over
a second to import, so it is imported inside functions; one thread of one process writes.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeVar

from sweeper.config.sweep import TrackingConfig
from sweeper.core.errors import RunGoneError, TrackingError
from sweeper.core.paths import OutputPaths
from sweeper.core.retry import Retry
from sweeper.core.trials import EpochReport, TrialState
from sweeper.tracking import logged_model, runs, store
from sweeper.tracking import tags as keys
from sweeper.tracking.client import failures, is_gone, metric_entries, now_ms, reason
from sweeper.tracking.runs import Batch, Begun, Sweep, log_params, tag

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

RunStatus = Literal["FINISHED", "FAILED", "KILLED"]

#: MLflow's word for each state that a trial ends in.
STATUS: dict[TrialState, RunStatus] = {
    TrialState.COMPLETE: "FINISHED",
    TrialState.PRUNED: "KILLED",
    TrialState.FAILED: "FAILED",
}

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _stops_the_sweep(method: Callable[Concatenate[Tracker, _P], _R]) -> Callable[Concatenate[Tracker, _P], _R]:
    """Tries again what may pass, and turns what does not into one paragraph: a sweep that cannot be recorded ends."""

    @functools.wraps(method)
    def wrapped(self: Tracker, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return self._retry.call(
                f"MLflow at {self.uri}",
                lambda: method(self, *args, **kwargs),
                failures(),
                reason,
                again=self._after_failure,
            )
        except failures() as error:
            text = f"MLflow at {self.uri} failed in {method.__name__}: {reason(error)}"
            raise (RunGoneError if is_gone(error) else TrackingError)(text) from error

    return wrapped


class Tracker:
    """Writes to one experiment of one MLflow store."""

    def __init__(
        self, client: MlflowClient, uri: str, experiment_id: str, moved_from: Path | None, retry: Retry
    ) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._sweeps: dict[str, Sweep] = {}
        self._begun: dict[str, Begun] = {}
        self._had_failures = False
        self._held: dict[str, Batch] | None = None  # by run, within `together`
        self._retry = retry
        self.uri = uri
        self.moved_from = moved_from

    @classmethod
    def open(cls, config: TrackingConfig, paths: OutputPaths, retry: Retry | None = None) -> Tracker:
        """Opens the store that `tracking` names, and creates what is missing of it.

        Two processes may not create a SQLite store at once: the caller holds `sweeper.storage.locks.store_lock`.
        Where the output folder was moved, addresses are rewritten and `moved_from` holds its former place.

        Raises:
            StoreError: the store cannot be created, read, written or reached.
        """
        if config.uri is None:
            return cls(*store.open_local(config.experiment, paths), retry or Retry())
        return cls(*store.open_server(config.experiment, config.uri), None, retry or Retry())

    @_stops_the_sweep
    def start_sweep(self, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Begins the parent run of a sweep, or reopens the one that has its name.

        On a reopened run, params stay as they were first recorded (MLflow forbids changing them), new ones are
        added, and tags are replaced.

        Returns:
            The parent run's id.
        """
        parent = self._find_sweep(name)
        marks = {keys.SWEEP: name, keys.KIND: keys.KIND_SWEEP}
        if parent is None:
            run_id = str(runs.create(self._client, self._experiment_id, name, {**tags, **marks}).info.run_id)
            recorded: set[str] = set()
        else:
            run_id, recorded = parent.info.run_id, set(parent.data.params)
            self._client.update_run(run_id, status="RUNNING")
            self._log(run_id, [], {**tags, **marks})
        log_params(self._client, run_id, params, recorded)
        self._sweeps[run_id] = Sweep(name, is_new=parent is None)
        return run_id

    @_stops_the_sweep
    def start_trial(
        self,
        parent_run_id: str,
        number: int,
        run_name: str,
        params: Mapping[str, Any],
        tags: Mapping[str, str],
    ) -> str:
        """Begins a trial's run under its sweep's.

        Any earlier run of the same number, interrupted or superseded, is soft-deleted with its model first: the store
        shows one run per trial. Params are written as on a command line (`true`, `null`, `[32,64]`); what is too
        long is cut with a mark and is complete in the artifact `long_params.json`.

        Returns:
            The run's id.
        """
        sweep = self._sweep(parent_run_id)
        for earlier in self._earlier_attempts(parent_run_id, sweep, number):
            self._delete(earlier)
        marks = {
            keys.MLFLOW_PARENT: parent_run_id,
            keys.SWEEP: sweep.name,
            keys.KIND: keys.KIND_TRIAL,
            keys.TRIAL: str(number),
            keys.STATE: str(TrialState.RUNNING),
        }
        run = runs.create(self._client, self._experiment_id, run_name, {**tags, **marks})
        run_id = str(run.info.run_id)
        sweep.started[number] = run_id
        recorded = log_params(self._client, run_id, params, set(), self._hold(run_id))
        self._begun[run_id] = Begun(run_id, run.info.artifact_uri, recorded, run.data.tags)
        return run_id

    @_stops_the_sweep
    def log_epochs(self, run_id: str, reports: Sequence[EpochReport]) -> None:
        """Adds points to each of a trial's curves, in one request."""
        entries: list[Metric] = []
        for report in reports:
            named = {
                ("epoch_duration_s" if name == "duration_s" else name): value for name, value in report.metrics.items()
            }
            entries += metric_entries(named, report.timestamp_ms, report.epoch)
        if (held := self._hold(run_id)) is not None:
            held.metrics += entries
        else:
            self._log(run_id, entries, {})

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What begins or continues a trial within is sent with its end, or at the end, in as few requests as can be."""
        self._held = {}
        try:
            yield
            for run_id in list(self._held):
                self._send_held(run_id)
        finally:
            self._held = None

    def _hold(self, run_id: str) -> Batch | None:
        return None if self._held is None else self._held.setdefault(run_id, Batch())

    @_stops_the_sweep
    def _send_held(self, run_id: str) -> None:
        (self._hold(run_id) or Batch()).send(self._client, run_id)

    @_stops_the_sweep
    def log_metrics(self, run_id: str, metrics: Mapping[str, float], tags: Mapping[str, str], step: int = 0) -> None:
        """Adds metrics and tags to a run that may have ended (test scores of the finalists)."""
        self._log(run_id, metric_entries(metrics, now_ms(), step), tags)

    @_stops_the_sweep
    def log_files(self, run_id: str, folder: Path, under: str) -> None:
        """Adds a folder's files to a run that may have ended, under a folder of its artifacts."""
        self._client.log_artifacts(run_id, str(folder), under)

    @_stops_the_sweep
    def download(self, run_id: str, name: str, folder: str) -> Path:
        """A copy of one of a run's files, in a folder.

        Raises:
            RunGoneError: the run has no such file.
            TrackingError: the store does not answer.
        """
        return runs.download(self._client, run_id, name, folder)

    @_stops_the_sweep
    def model_folder(self, run_id: str, into: Path) -> Path:
        """The folder of a trial's logged model: where it lies, or, of a server, a copy in `into`.

        Raises:
            TrackingError: the run has no model.
        """
        experiment_id = self._client.get_run(run_id).info.experiment_id  # an earlier start may have had another one
        return logged_model.download(self._client, experiment_id, run_id, into, self.uri)

    @_stops_the_sweep
    def finish_trial(
        self,
        run_id: str,
        state: TrialState,
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        artifacts: Path | None = None,
        model: Path | None = None,
        end_time_ms: int | None = None,
    ) -> None:
        """Records a trial's end: files first, the run's status last, so that a cut leaves it unfinished.

        Args:
            run_id: the trial's run.
            state: complete, pruned or failed.
            metrics: final metrics by name; `epochs` also gives the step at which they are recorded.
            tags: further tags.
            artifacts: a folder, all of which becomes the run's artifacts.
            model: a folder that `sweeper.artifacts.model.save_model` wrote; becomes the run's logged model, which
                carries the final metrics too.
            end_time_ms: milliseconds since 1970; now, where it is not given.
        """
        step = int(metrics.get("epochs", 0))
        run = self._begun.get(run_id) or self._asked(run_id)
        if artifacts is not None:
            logged_model.upload(artifacts, run.artifact_uri, self.uri)
        model_id = None if model is None else self._log_model(run, model, step)
        final = {(f"saved_{name}" if name.startswith("val_") else name): value for name, value in metrics.items()}
        ended_ms = now_ms() if end_time_ms is None else end_time_ms
        held = self._hold(run_id) or Batch()
        points = [*held.metrics, *metric_entries(final, ended_ms, step, model_id)]
        Batch(held.params, points, {**tags, keys.STATE: str(state)}).send(self._client, run_id)
        self._client.set_terminated(run_id, STATUS[state], ended_ms)
        self._begun.pop(run_id, None)
        (self._held or {}).pop(run_id, None)

    @_stops_the_sweep
    def abandon_trial(self, run_id: str) -> None:
        """Soft-deletes the run of a trial that was interrupted, and its model if it had come to that."""
        self._delete(run_id)

    @_stops_the_sweep
    def delete_model(self, run_id: str) -> int:
        """Deletes the files of a run's model, unless it is registered; returns the bytes."""
        stored = logged_model.deletable(self._client, self._experiment_id, run_id)
        for one in stored:
            logged_model.delete_files(self._client, run_id, one)
        return sum(one.num_bytes for one in stored)

    @_stops_the_sweep
    def finish_sweep(
        self,
        parent_run_id: str,
        status: RunStatus,
        artifacts: Sequence[Path],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> None:
        """Uploads a sweep's files (each a file or a folder) and ends its run."""
        for path in artifacts:
            self._client.log_artifact(parent_run_id, str(path))
        self._log(parent_run_id, metric_entries(metrics, now_ms(), 0), tags)
        self._client.set_terminated(parent_run_id, status)

    @_stops_the_sweep
    def recorded_runs(self, parent_run_id: str) -> dict[int, str]:
        """The runs of a sweep's trials that have ended, by the trial."""
        return runs.ended(self._client, self._experiment_id, parent_run_id)

    def is_new(self, parent_run_id: str) -> bool:
        """Whether a sweep's run was made by this process."""
        return self._sweep(parent_run_id).is_new

    def flush(self) -> None:
        """Nothing is held back here; the recorder writes its queue before it calls this."""

    def expect_leftovers(self) -> None:
        """Another process may have been stopped while it wrote what is now written again: the store is asked."""
        self._after_failure()

    def _after_failure(self) -> None:
        """What was started may have been recorded though its answer was lost: from now on the store is asked."""
        self._had_failures = True
        for sweep in self._sweeps.values():
            sweep.is_new = False
            sweep.started.clear()

    def _find_sweep(self, name: str) -> Run | None:
        found = self._client.search_runs(
            [self._experiment_id],
            f"{tag(keys.SWEEP)} = '{name}' and {tag(keys.KIND)} = '{keys.KIND_SWEEP}'",
            max_results=1,
            order_by=["attributes.start_time DESC"],
        )
        return found[0] if found else None

    def _sweep(self, parent_run_id: str) -> Sweep:
        if parent_run_id not in self._sweeps:
            name = self._client.get_run(parent_run_id).data.tags[keys.SWEEP]
            self._sweeps[parent_run_id] = Sweep(name, is_new=False)
        return self._sweeps[parent_run_id]

    def _earlier_attempts(self, parent_run_id: str, sweep: Sweep, number: int) -> list[str]:
        """Live runs of the same number: from memory where this process wrote them all, else by a search."""
        if sweep.is_new or number in sweep.started:
            return [sweep.started[number]] if number in sweep.started else []
        return self._search(f"{tag(keys.MLFLOW_PARENT)} = '{parent_run_id}' and {tag(keys.TRIAL)} = '{number}'")

    def _search(self, query: str) -> list[str]:
        return [run.info.run_id for run in runs.search(self._client, self._experiment_id, query)]

    def _asked(self, run_id: str) -> Begun:
        """What is known of a run that an earlier process began."""
        run = self._client.get_run(run_id)
        return Begun(run_id, run.info.artifact_uri, run.data.params, run.data.tags)

    def _delete(self, run_id: str) -> None:
        (self._held or {}).pop(run_id, None)
        logged_model.delete(self._client, self._experiment_id, run_id)
        self._client.delete_run(run_id)

    def _log(self, run_id: str, metrics: list[Metric], tags: Mapping[str, str]) -> None:
        Batch(metrics=metrics, tags=tags).send(self._client, run_id)

    def _log_model(self, run: Begun, folder: Path, step: int) -> str:
        if self._had_failures:
            logged_model.delete(self._client, self._experiment_id, run.id)
        return logged_model.log(self._client, run, self._experiment_id, self.uri, folder, step)
