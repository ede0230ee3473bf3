"""The study, the truth about a sweep: Optuna's store, opened here and nowhere else.

A trial is begun before it trains and finished when everything else about it is recorded, so what the study calls
complete is complete. A trial that the study calls running while no driver lives was interrupted.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sweeper.core.errors import StoreError
from sweeper.core.objectives import Objective
from sweeper.core.paths import OutputPaths
from sweeper.core.retry import Retry
from sweeper.core.sweeps import Refit, SweepInfo
from sweeper.core.test_set import RecordedTestSet
from sweeper.core.trials import Skipped, StudyTrial, TrialRow, TrialState
from sweeper.storage import database
from sweeper.storage.catalogue import no_such_sweep, started
from sweeper.storage.codec import (
    POINT,
    REFITS,
    ROW,
    RUNS,
    SKIPPED,
    SWEEP,
    TEST,
    info_from_json,
    info_to_json,
    point_to_json,
    refit_from_json,
    refit_to_json,
    row_to_json,
    study_trial,
    tested_from_json,
    tested_to_json,
)
from sweeper.storage.database import quiet_optuna, root_cause, storage, store_errors
from sweeper.storage.distributions import frozen_trial
from sweeper.storage.lease import Lease
from sweeper.storage.places import Place, place_of
from sweeper.tracking.recording import queue

if TYPE_CHECKING:  # 0.3 s, and not needed for a refusal
    import optuna
    from optuna.distributions import BaseDistribution

_FINISHED = ("COMPLETE", "PRUNED", "FAIL")  # as the store has them

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _retried(method: Callable[Concatenate[SweepStudy, _P], _R]) -> Callable[Concatenate[SweepStudy, _P], _R]:
    """Retries what a locked store refuses, or a server that is away for a while.

    A server may have done what its last words did not say: a second attempt looks for that first (`_is_retry`).
    """

    @functools.wraps(method)
    def wrapped(self: SweepStudy, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        from sqlalchemy.exc import SQLAlchemyError

        def again() -> None:
            self._is_retry = True

        failures = (SQLAlchemyError, quiet_optuna().exceptions.StorageInternalError, StoreError)
        try:
            return self.retry.call(
                str(self._place),
                lambda: method(self, *args, **kwargs),
                failures,
                lambda error: " ".join(str(root_cause(error)).split()),
                again,
            )
        finally:
            self._is_retry = False

    return wrapped


class SweepStudy:
    """One sweep's study.

    Attributes:
        retry: how what fails for a while is retried.
    """

    def __init__(self, study: optuna.Study, place: Place, retry: Retry, lease: Lease | None = None) -> None:
        self._study = study
        self._place = place
        study.sampler = quiet_optuna().samplers.RandomSampler()  # draws nothing: what a trial is was decided elsewhere
        self._open: dict[int, optuna.Trial] = {}
        self._distributions: Mapping[str, BaseDistribution] = {}  # of the swept keys, from `widen` on
        self.retry = retry
        self._lease = lease or Lease()
        self._is_retry = False  # within a further attempt at what failed

    @classmethod
    def open(
        cls,
        place: Place,
        name: str,
        objectives: Sequence[Objective],
        retry: Retry | None = None,
        lease: Lease | None = None,
    ) -> SweepStudy:
        """Opens or creates the study of a sweep.

        Without `retry`, nothing that fails is retried; `lease` says before each write that the sweep is this driver's.

        Raises:
            StoreError: the store cannot be read or written.
        """
        optuna = quiet_optuna()
        with store_errors(place):
            return cls(
                optuna.create_study(
                    study_name=name,
                    storage=storage(place),
                    directions=[objective.direction for objective in objectives],
                    load_if_exists=True,
                ),
                place,
                retry or Retry(),
                lease,
            )

    @classmethod
    def load(cls, paths: OutputPaths, name: str, retry: Retry | None = None) -> SweepStudy:
        """Opens an existing study, wherever the sweep's folder says that it is.

        Raises:
            StoreError: there is no store, or no sweep of that name in it.
        """
        place = place_of(paths, name)

        def found() -> SweepStudy:
            if not place.may_hold_studies or name not in started(place):
                raise no_such_sweep(place, name)
            with store_errors(place):
                study = quiet_optuna().load_study(study_name=name, storage=storage(place))
            return cls(study, place, retry or Retry())

        return (retry or Retry()).call(str(place), found, (StoreError,), lambda error: str(root_cause(error)))

    @property
    @_retried
    def info(self) -> SweepInfo | None:
        """What was last written about the sweep; None for one that was interrupted before its first trial."""
        with store_errors(self._place):
            values = self._study.user_attrs.get(SWEEP)
            return info_from_json(values) if values else None

    @_retried
    def write_info(self, info: SweepInfo) -> None:
        """Writes what is known about the sweep."""
        self._lease.ensure()
        if info != self.info:
            self._study.set_user_attr(SWEEP, info_to_json(info))

    @_retried
    def trials(self) -> list[StudyTrial]:
        """All trials by number; of a trial that was run again, the last attempt."""
        runs = {**self.recorded_runs, **queue.run_ids(self._place.paths.sweep(self._study.study_name).record)}
        latest: dict[int, StudyTrial] = {}
        with store_errors(self._place):
            for state, attributes in database.trial_attributes(self._place, self._study.study_name, (POINT, ROW)):
                if POINT in attributes:  # without: the driver was killed before the trial was named
                    trial = study_trial(attributes, is_finished=state in _FINISHED)
                    latest[trial.number] = trial.with_run(runs.get(trial.number, trial.run_id))
        return [latest[number] for number in sorted(latest)]

    @property
    @_retried
    def recorded_runs(self) -> dict[int, str]:
        """The MLflow run of each trial whose record there is whole; earlier releases kept it with the trial."""
        with store_errors(self._place):
            return {int(number): run_id for number, run_id in self._study.user_attrs.get(RUNS, {}).items()}

    @_retried
    def write_runs(self, runs: Mapping[int, str]) -> None:
        """Keeps the MLflow runs of trials, in addition to those that are known."""
        self._lease.ensure()
        known = self.recorded_runs
        if any(known.get(number) != run_id for number, run_id in runs.items()):
            both = {str(number): run_id for number, run_id in sorted({**known, **runs}.items())}
            self._study.set_user_attr(RUNS, both)

    @property
    @_retried
    def test(self) -> RecordedTestSet:
        """What was recorded of the test set."""
        with store_errors(self._place):
            return tested_from_json(self._study.user_attrs.get(TEST, {"openings": [], "results": {}}))

    @_retried
    def write_test(self, record: RecordedTestSet) -> None:
        """Records an opening of the test set, before anything of it is seen, or what it said of a trial."""
        self._lease.ensure()
        self._study.set_user_attr(TEST, tested_to_json(record))

    @property
    @_retried
    def refits(self) -> tuple[Refit, ...]:
        """The chosen configurations that were trained on all images, or are about to be, the first first."""
        runs = {**self.recorded_runs, **queue.run_ids(self._place.paths.sweep(self._study.study_name).record)}
        with store_errors(self._place):
            return tuple(refit_from_json(one, runs) for one in self._study.user_attrs.get(REFITS, ()))

    @_retried
    def write_refit(self, refit: Refit) -> None:
        """Names a refit before it trains, or writes its outcome."""
        self._lease.ensure()
        every = {one.trial.number: one for one in (*self.refits, refit)}
        self._study.set_user_attr(REFITS, [refit_to_json(one) for one in every.values()])

    @_retried
    def begin(self, trial: StudyTrial) -> None:
        """Names a trial as running, before its process starts; one that was interrupted is started again."""
        self._lease.ensure()
        point = point_to_json(trial)
        optuna = quiet_optuna()
        if self._is_retry:  # the server may have made the trial before its answer was lost
            self._take_hold(trial.number)
        if trial.number in self._open:
            self._open[trial.number].set_user_attr(POINT, point)
            return
        named = frozen_trial(optuna.trial.TrialState.RUNNING, trial.params, self._distributions, {POINT: point})
        store = storage(self._place)  # the study's `add_trial` does the same, and does not say under which id
        trial_id = store.create_new_trial(store.get_study_id_from_name(self._study.study_name), named)
        self._open[trial.number] = optuna.trial.Trial(self._study, trial_id)

    def skip(self, skipped: Skipped, params: Mapping[str, Any], reason: str) -> None:
        """Keeps a proposal that is not trained: one with a known value is complete, an impossible one has failed."""
        values = None if skipped.values is None else list(skipped.values)
        token = secrets.token_hex(8)  # by which it is found where the server's answer was lost
        self._keep(params, {"overrides": list(skipped.overrides), "values": values, "reason": reason, "token": token})

    @_retried
    def _keep(self, params: Mapping[str, Any], told: dict[str, Any]) -> None:
        self._lease.ensure()
        states = quiet_optuna().trial.TrialState
        state = states.FAIL if told["values"] is None else states.COMPLETE
        if self._is_retry:
            store = storage(self._place)
            known = store.get_all_trials(store.get_study_id_from_name(self._study.study_name), False, (state,))
            if any(frozen.user_attrs.get(SKIPPED, {}).get("token") == told["token"] for frozen in known):
                return
        self._study.add_trial(frozen_trial(state, params, self._distributions, {SKIPPED: told}, told["values"]))

    @_retried
    def proposals(self) -> list[StudyTrial | Skipped]:
        """Trials and skipped proposals in the order in which they were proposed."""
        found: dict[int | str, StudyTrial | Skipped] = {}
        for frozen in self._study.get_trials(deepcopy=False):
            if POINT in frozen.user_attrs:
                trial = study_trial(frozen.user_attrs, is_finished=frozen.state.is_finished())
                found[trial.number] = trial  # of a trial that was run again, the last attempt at the first one's place
            elif (skipped := frozen.user_attrs.get(SKIPPED)) is not None:
                values = None if skipped["values"] is None else tuple(skipped["values"])
                found[f"skipped {frozen.number}"] = Skipped(tuple(skipped["overrides"]), values)
        return list(found.values())

    @_retried
    def widen(self, wanted: Mapping[str, BaseDistribution]) -> None:
        """Brings what is stored onto wider distributions, before the first trial of this start.

        Optuna refuses a categorical parameter whose choices change, so that a sweep could not be given another
        choice. Its rows hold each value with its distribution; both are rewritten in one transaction.
        """
        from optuna.distributions import distribution_to_json, json_to_distribution

        self._distributions = wanted

        def widened(name: str, value: float, text: str) -> tuple[float, str] | None:
            old, new = json_to_distribution(text), wanted.get(name)
            if new is None or new == old:
                return None
            return new.to_internal_repr(old.to_external_repr(value)), distribution_to_json(new)

        changed = database.rewrite_params(self._place, self._study.study_name, widened)
        if changed:  # Optuna keeps finished trials in memory
            optuna = quiet_optuna()
            self._study = optuna.load_study(
                study_name=self._study.study_name,
                storage=storage(self._place),
                sampler=optuna.samplers.RandomSampler(),
            )

    @_retried
    def reopen(self) -> None:
        """Takes hold of the trials that a killed driver left running."""
        self._lease.ensure()
        optuna = quiet_optuna()
        for frozen in self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            if POINT in frozen.user_attrs:
                handle = optuna.trial.Trial(self._study, frozen._trial_id)
                self._open[int(frozen.user_attrs[POINT]["number"])] = handle
            else:
                self._study.tell(frozen.number, state=optuna.trial.TrialState.FAIL)

    def _take_hold(self, number: int) -> None:
        """Takes hold of a trial of this number, where the store has one that runs."""
        optuna = quiet_optuna()
        store = storage(self._place)
        study_id = store.get_study_id_from_name(self._study.study_name)
        for frozen in store.get_all_trials(study_id, deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            if POINT in frozen.user_attrs and int(frozen.user_attrs[POINT]["number"]) == number:
                self._open[number] = optuna.trial.Trial(self._study, frozen._trial_id)

    def is_open(self, number: int) -> bool:
        """Whether the study has this trial as running."""
        return number in self._open

    def close_left_over(self, numbers: Collection[int], objectives: Sequence[Objective]) -> None:
        """Ends, as failed, the interrupted trials that the sweep continues without."""
        for trial in self.trials():
            if trial.number in self._open and trial.number not in numbers:
                reason = "it was interrupted, and the sweep continued without this configuration"
                self.finish(replace(trial.as_row(), state=TrialState.FAILED, error=reason), objectives)

    @_retried
    def finish(self, row: TrialRow, objectives: Sequence[Objective]) -> None:
        """Writes the outcome of a trial. From here on it is finished.

        Raises:
            ValueError: a complete trial without a finite objective.
        """
        row.check_objectives(objectives)
        self._lease.ensure()
        states = quiet_optuna().trial.TrialState
        handle = self._open[row.number]
        if self._is_retry and storage(self._place).get_trial(handle._trial_id).state.is_finished():
            del self._open[row.number]  # written, and the server's answer was lost
            return
        handle.set_user_attr(ROW, row_to_json(row))
        if len(objectives) == 1:  # of several Optuna keeps no curve
            database.write_curve(self._place, handle._trial_id, row.curve(objectives[0]))
        if row.state is TrialState.COMPLETE:
            self._study.tell(handle, row.values(objectives))
        elif row.state is TrialState.PRUNED and len(objectives) == 1:
            self._study.tell(handle, state=states.PRUNED)
        else:
            self._study.tell(handle, state=states.FAIL)
        del self._open[row.number]
