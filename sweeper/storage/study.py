"""The study, the truth about a sweep: Optuna's store, opened here and nowhere else.

A trial is begun before it trains and told when everything else about it is recorded, so what the study calls
complete is complete. A trial that the study calls running while no driver lives was cut off.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sweeper.core.errors import StoreError, did_you_mean
from sweeper.core.paths import OutputPaths
from sweeper.core.retry import Patience
from sweeper.core.trials import Objective, TrialRow, TrialState
from sweeper.ranking.findings import LockboxRecord, Opening
from sweeper.space.dimensions import Dimension

if TYPE_CHECKING:  # 0.3 s, and not needed for a refusal
    import optuna
    from optuna.distributions import BaseDistribution

_POINT = "sweeper.point"  # user attribute of a trial: what it is, written when it begins
_ROW = "sweeper.row"  # user attribute of a trial: what came of it, written just before it is told
_SWEEP = "sweeper.sweep"  # user attribute of a study: about the sweep
_TEST = "sweeper.test"  # user attribute of a study: the openings of the test set, and what they said
_SKIPPED = "sweeper.skipped"  # user attribute of a trial that did not train: a repeated or impossible proposal

_FINISHED = ("COMPLETE", "PRUNED", "FAIL")  # as the store has them

Value = bool | int | float | str | None


@dataclass(frozen=True)
class StudyTrial:
    """A trial as the study has it.

    Attributes:
        number: the trial's number in the sweep.
        state: its state; `RUNNING` means cut off where no driver lives.
        hash: of its identity.
        identity: resolved configuration with the data's digests.
        params: swept keys and values.
        overrides: as typed.
        run_id: its MLflow run.
        row: what came of it; None while it runs.
        point: the number of the point that it trains.
        repeat: which of the point's repeats it is, from 0.
    """

    number: int
    state: TrialState
    hash: str
    identity: dict[str, Any]
    params: dict[str, Any]
    overrides: tuple[str, ...]
    run_id: str
    row: TrialRow | None
    point: int = 0
    repeat: int = 0

    def with_run(self, run_id: str) -> StudyTrial:
        """The same trial with its MLflow run."""
        return replace(self, run_id=run_id)

    def as_row(self) -> TrialRow:
        """Its row, or one without figures while it runs."""
        if self.row is not None:
            return self.row
        return TrialRow(
            number=self.number,
            state=TrialState.RUNNING,
            params=self.params,
            seed=int(self.identity["seed"]),
            run_id=self.run_id,
            overrides=self.overrides,
        )


@dataclass(frozen=True)
class Skipped:
    """A proposal that was not trained.

    Attributes:
        overrides: as typed.
        values: the known value of each objective, of a point that was tried before; None of an impossible one.
    """

    overrides: tuple[str, ...]
    values: tuple[float, ...] | None


_P = ParamSpec("_P")
_R = TypeVar("_R")


def _patient(
    method: Callable[Concatenate[SweepStudy, _P], _R],
) -> Callable[Concatenate[SweepStudy, _P], _R]:
    """Tries again what a locked store refuses."""

    @functools.wraps(method)
    def wrapped(self: SweepStudy, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        from sqlalchemy.exc import SQLAlchemyError

        failures = (SQLAlchemyError, _optuna().exceptions.StorageInternalError)
        return self.patience.call(
            str(self._paths.study_db), lambda: method(self, *args, **kwargs), failures, lambda error: str(_cause(error))
        )

    return wrapped


def _cause(error: BaseException) -> BaseException:
    """The error that began it, below Optuna's and SQLAlchemy's."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return error


class SweepStudy:
    """One sweep's study."""

    def __init__(self, study: optuna.Study, paths: OutputPaths) -> None:
        self._study = study
        self._paths = paths
        study.sampler = _optuna().samplers.RandomSampler()  # draws nothing: what a trial is was decided elsewhere
        self._open: dict[int, optuna.Trial] = {}
        self.patience = Patience(0)

    @classmethod
    def open(cls, paths: OutputPaths, name: str, objectives: Sequence[Objective]) -> SweepStudy:
        """Opens or creates the study of a sweep.

        Raises:
            StoreError: the store cannot be read or written.
        """
        optuna = _optuna()
        with _store_errors(paths):
            return cls(
                optuna.create_study(
                    study_name=name,
                    storage=_storage(paths),
                    directions=[objective.direction for objective in objectives],
                    load_if_exists=True,
                ),
                paths,
            )

    @classmethod
    def load(cls, paths: OutputPaths, name: str) -> SweepStudy:
        """Opens an existing study.

        Raises:
            StoreError: there is no store, or no sweep of that name in it.
        """
        names = sweep_names(paths)
        if name not in names:
            raise StoreError(
                f"There is no sweep {name!r} in {paths.root}. There are: {', '.join(names)}. "
                f"{did_you_mean(name, names)}  Try: python -m sweeper report {names[0]}"
            )
        with _store_errors(paths):
            return cls(_optuna().load_study(study_name=name, storage=_storage(paths)), paths)

    @property
    def about(self) -> dict[str, Any]:
        """What was last written about the sweep; empty for a new one."""
        return dict(self._study.user_attrs.get(_SWEEP, {}))

    def write_about(self, about: Mapping[str, Any]) -> None:
        """Writes what is known about the sweep: its swept keys, objective, data set."""
        if dict(about) != self.about:
            self._study.set_user_attr(_SWEEP, dict(about))

    def trials(self) -> list[StudyTrial]:
        """All trials by number; of a trial that was run again, the last attempt.

        Optuna would make objects of each parameter and value that a trial has, twice as long as all the rest.
        """
        latest: dict[int, StudyTrial] = {}
        rows = (
            "SELECT trials.number, trials.state, attributes.key, attributes.value_json FROM trials "
            "JOIN studies USING (study_id) JOIN trial_user_attributes AS attributes USING (trial_id) "
            "WHERE study_name = ? AND attributes.key IN (?, ?) ORDER BY trials.number"
        )
        with closing(sqlite3.connect(self._paths.study_db, timeout=60)) as store:
            found = store.execute(rows, (self._study.study_name, _POINT, _ROW)).fetchall()
        for _, own in itertools.groupby(found, key=lambda row: row[0]):
            cells = list(own)
            attributes = {key: json.loads(text) for _, _, key, text in cells}
            if _POINT in attributes:  # without: the driver was killed before the trial was named
                trial = _study_trial(attributes, is_finished=cells[0][1] in _FINISHED)
                latest[trial.number] = trial
        return [latest[number] for number in sorted(latest)]

    @property
    def test(self) -> LockboxRecord:
        """What was recorded of the test set."""
        record = self._study.user_attrs.get(_TEST, {"openings": [], "results": {}})
        openings = tuple(Opening(one["date"], tuple(one["trials"])) for one in record["openings"])
        return LockboxRecord(openings, {int(number): result for number, result in record["results"].items()})

    @_patient
    def write_test(self, record: LockboxRecord) -> None:
        """Records an opening of the test set, before anything of it is seen, or what it said of a trial."""
        openings = [{"date": one.date, "trials": list(one.trials)} for one in record.openings]
        results = {str(number): dict(result) for number, result in record.results.items()}
        self._study.set_user_attr(_TEST, {"openings": openings, "results": results})

    @_patient
    def begin(
        self,
        trial: StudyTrial,
        distributions: Mapping[str, BaseDistribution],
    ) -> None:
        """Names a trial as running, before its process starts; one that was cut off is begun again."""
        point = {
            "number": trial.number,
            "hash": trial.hash,
            "identity": trial.identity,
            "params": trial.params,
            "overrides": list(trial.overrides),
            "run_id": trial.run_id,
            "point": trial.point,
            "repeat": trial.repeat,
        }
        optuna = _optuna()
        if trial.number in self._open:
            self._open[trial.number].set_user_attr(_POINT, point)
            return
        named = _frozen(optuna.trial.TrialState.RUNNING, trial.params, distributions, {_POINT: point})
        store = _storage(self._paths)  # the study's `add_trial` does the same, and does not say under which id
        trial_id = store.create_new_trial(store.get_study_id_from_name(self._study.study_name), named)
        self._open[trial.number] = optuna.trial.Trial(self._study, trial_id)

    @_patient
    def skip(
        self, skipped: Skipped, params: Mapping[str, Any], distributions: Mapping[str, BaseDistribution], reason: str
    ) -> None:
        """Keeps a proposal that is not trained: a known value is told, an impossible point has failed."""
        values = None if skipped.values is None else list(skipped.values)
        states = _optuna().trial.TrialState
        told = {"overrides": list(skipped.overrides), "values": values, "reason": reason}
        state = states.FAIL if values is None else states.COMPLETE
        self._study.add_trial(_frozen(state, params, distributions, {_SKIPPED: told}, values))

    def proposals(self) -> list[StudyTrial | Skipped]:
        """Trials and skipped proposals in the order in which they were proposed."""
        found: dict[int | str, StudyTrial | Skipped] = {}
        for frozen in self._study.get_trials(deepcopy=False):
            if _POINT in frozen.user_attrs:
                trial = _study_trial(frozen.user_attrs, is_finished=frozen.state.is_finished())
                found[trial.number] = trial  # of a trial that was run again, the last attempt at the first one's place
            elif (skipped := frozen.user_attrs.get(_SKIPPED)) is not None:
                values = None if skipped["values"] is None else tuple(skipped["values"])
                found[f"skipped {frozen.number}"] = Skipped(tuple(skipped["overrides"]), values)
        return list(found.values())

    def widen(self, wanted: Mapping[str, BaseDistribution]) -> None:
        """Brings what is stored onto wider distributions, before the first trial of this start.

        Optuna refuses a categorical parameter whose choices change, so that a sweep could not be given another
        choice. Its rows hold each value with its distribution; both are rewritten in one transaction.
        """
        from optuna.distributions import distribution_to_json, json_to_distribution

        rows = (
            "SELECT param_id, param_name, param_value, distribution_json FROM trial_params "
            "JOIN trials USING (trial_id) JOIN studies USING (study_id) WHERE study_name = ?"
        )
        changed = []
        with closing(sqlite3.connect(self._paths.study_db, timeout=60)) as store, store:
            for param_id, name, value, text in store.execute(rows, (self._study.study_name,)).fetchall():
                old, new = json_to_distribution(text), wanted.get(name)
                if new is not None and new != old:
                    internal = new.to_internal_repr(old.to_external_repr(value))
                    changed.append((internal, distribution_to_json(new), param_id))
            store.executemany(
                "UPDATE trial_params SET param_value = ?, distribution_json = ? WHERE param_id = ?", changed
            )
        if changed:  # Optuna keeps finished trials in memory
            optuna = _optuna()
            self._study = optuna.load_study(
                study_name=self._study.study_name,
                storage=_storage(self._paths),
                sampler=optuna.samplers.RandomSampler(),
            )

    def reopen(self) -> None:
        """Takes hold of the trials that a killed driver left running."""
        optuna = _optuna()
        for frozen in self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            if _POINT in frozen.user_attrs:
                handle = optuna.trial.Trial(self._study, frozen._trial_id)
                self._open[int(frozen.user_attrs[_POINT]["number"])] = handle
            else:
                self._study.tell(frozen.number, state=optuna.trial.TrialState.FAIL)

    def is_open(self, number: int) -> bool:
        """Whether the study has this trial as running."""
        return number in self._open

    def close_left_over(self, numbers: Collection[int], objectives: Sequence[Objective]) -> None:
        """Ends, as failed, the cut-off trials that the sweep goes on without."""
        for trial in self.trials():
            if trial.number in self._open and trial.number not in numbers:
                reason = "it was cut off, and the sweep went on without this point"
                self.finish(replace(trial.as_row(), state=TrialState.FAILED, error=reason), objectives)

    @_patient
    def finish(self, row: TrialRow, objectives: Sequence[Objective]) -> None:
        """Tells what came of a trial. From here on it is finished.

        Raises:
            ValueError: a complete trial without a finite objective.
        """
        row.check_objectives(objectives)
        states = _optuna().trial.TrialState
        handle = self._open[row.number]
        handle.set_user_attr(_ROW, _row_to_json(row))
        if len(objectives) == 1:  # of several Optuna keeps no curve
            self._write_curve(handle._trial_id, row.curve(objectives[0]))
        if row.state is TrialState.COMPLETE:
            self._study.tell(handle, row.values(objectives))
        elif row.state is TrialState.PRUNED and len(objectives) == 1:
            self._study.tell(handle, state=states.PRUNED)
        else:
            self._study.tell(handle, state=states.FAIL)
        del self._open[row.number]

    def _write_curve(self, trial_id: int, curve: Sequence[float]) -> None:
        """Writes a value an epoch in one transaction, for Optuna's dashboard; Optuna itself takes one for each."""
        from sqlalchemy import text

        rows = [{"trial": trial_id, "step": step, "value": value} for step, value in enumerate(curve, start=1)]
        if not rows:
            return
        with _storage(self._paths).engine.begin() as store:
            store.execute(text("DELETE FROM trial_intermediate_values WHERE trial_id = :trial"), {"trial": trial_id})
            store.execute(
                text(
                    "INSERT INTO trial_intermediate_values "
                    "(trial_id, step, intermediate_value, intermediate_value_type) "
                    "VALUES (:trial, :step, :value, 'FINITE')"
                ),
                rows,
            )


def distributions(dimensions: Sequence[Dimension], rows: Sequence[Mapping[str, Any]]) -> dict[str, BaseDistribution]:
    """Optuna's distribution of each swept key: numbers by their range, groups by all their options.

    Args:
        dimensions: the swept keys.
        rows: the params of points, earlier ones of the sweep among them, whose values give each range.
    """
    return {
        dimension.key: _distribution(
            dimension, [store_value(row[dimension.key]) for row in rows if dimension.key in row]
        )
        for dimension in dimensions
    }


def _distribution(dimension: Dimension, values: Sequence[Value]) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    log = dimension.interval is not None and dimension.interval.log and min(numbers, default=0) > 0
    if dimension.is_group:
        return CategoricalDistribution(dimension.options)
    if len(numbers) < len(values) or not numbers:
        return CategoricalDistribution(list(dict.fromkeys(values)) or [None])
    if all(isinstance(value, int) for value in numbers):
        return IntDistribution(int(min(numbers)), int(max(numbers)), log=log)
    return FloatDistribution(float(min(numbers)), float(max(numbers)), log=log)


def store_value(value: Any) -> Value:
    """A value as Optuna's store takes it: scalars as they are, lists and dicts as JSON text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return json.dumps(value)


def sweep_names(paths: OutputPaths) -> list[str]:
    """The names of all sweeps, newest first.

    Raises:
        StoreError: there is no store, or nothing in it.
    """
    try_ = "Try: python -m sweeper -m arch.depth=3,5,7"
    if not paths.study_db.is_file():
        raise StoreError(f"There is no sweep in {paths.root}: optuna.db does not exist there.  {try_}")
    with _store_errors(paths):
        studies = _storage(paths).get_all_studies()
    started = {study.study_name: str(study.user_attrs.get(_SWEEP, {}).get("started", "")) for study in studies}
    if not started:
        raise StoreError(f"There is no sweep in {paths.root}: its store is empty.  {try_}")
    return sorted(started, key=lambda name: started[name], reverse=True)


def find_runs(paths: OutputPaths, beginning: str) -> list[tuple[str, int, str]]:
    """Sweep, trial number and run id of each trial whose run id begins so; earlier attempts of a trial among them.

    One query over all sweeps: loading thousands of trials to look at their ids would take seconds.

    Args:
        paths: the output folder.
        beginning: letters and digits.

    Raises:
        StoreError: there is no store, or nothing in it.
    """
    sweep_names(paths)
    rows = (
        "SELECT study_name, value_json FROM trial_user_attributes JOIN trials USING (trial_id) "
        "JOIN studies USING (study_id) WHERE key = ? AND value_json LIKE ?"
    )
    with closing(sqlite3.connect(paths.study_db, timeout=60)) as store:
        found = store.execute(rows, (_POINT, f'%"run_id": "{beginning}%')).fetchall()
    points = [(name, json.loads(text)) for name, text in found]
    return [(name, int(point["number"]), point["run_id"]) for name, point in points]


def _optuna() -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _storage(paths: OutputPaths) -> Any:
    """The store, opened once in a process: opening costs 0.1 s, of which checking its tables is most."""
    return _opened(str(paths.study_db))


@functools.cache
def _opened(database: str) -> Any:
    from sqlalchemy.engine import URL

    return _optuna().storages.RDBStorage(URL.create("sqlite", database=database).render_as_string())


class _store_errors:
    """Turns the store's errors into one paragraph."""

    def __init__(self, paths: OutputPaths) -> None:
        self._paths = paths

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        if isinstance(error, SQLAlchemyError | _optuna().exceptions.StorageInternalError | RuntimeError):
            cause = " ".join(str(error.__cause__ or error).split())
            raise StoreError(
                f"{self._paths.study_db} cannot be used: {cause}. Accepted: a folder that can be written, with an "
                "optuna.db that this project made.  Try: output_dir=another-folder"
            ) from error


def _frozen(
    state: Any,
    params: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
    attributes: dict[str, Any],
    values: list[float] | None = None,
) -> Any:
    """A trial as a whole, for the store to write in one transaction; asking for one takes two and one a value.

    A key that does not exist at this point is left out.
    """
    return _optuna().trial.create_trial(
        state=state,
        values=values,
        params={key: store_value(value) for key, value in params.items()},
        distributions={key: found for key, found in distributions.items() if key in params},
        user_attrs=attributes,
    )


def _study_trial(attributes: Mapping[str, Any], *, is_finished: bool) -> StudyTrial:
    point = attributes[_POINT]
    row = attributes.get(_ROW)
    return StudyTrial(
        number=int(point["number"]),
        state=TrialState(row["state"]) if is_finished and row else TrialState.RUNNING,
        hash=point["hash"],
        identity=point["identity"],
        params=point["params"],
        overrides=tuple(point["overrides"]),
        run_id=point["run_id"],
        point=int(point.get("point", point["number"])),
        repeat=int(point.get("repeat", 0)),
        row=_row_from_json(row) if is_finished and row else None,
    )


def _row_to_json(row: TrialRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "state": str(row.state),
        "params": row.params,
        "metrics": row.metrics,
        "seed": row.seed,
        "run_id": row.run_id,
        "error": row.error,
        "history": list(row.history),
        "overrides": list(row.overrides),
        "details": row.details,
    }


def _row_from_json(fields: Mapping[str, Any]) -> TrialRow:
    return TrialRow(
        **{
            **fields,
            "state": TrialState(fields["state"]),
            "history": tuple(fields["history"]),
            "overrides": tuple(fields["overrides"]),
        }
    )
