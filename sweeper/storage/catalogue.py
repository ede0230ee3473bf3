"""Which sweeps there are: in an output folder's `optuna.db`, and in the databases that its sweeps name.

What does not live here: one sweep's trials (`sweeper.storage.study`).
"""

from __future__ import annotations

from sweeper.core.errors import StoreError, did_you_mean
from sweeper.core.paths import OutputPaths
from sweeper.storage import database
from sweeper.storage.codec import POINT, RUNS, SWEEP
from sweeper.storage.database import storage, store_errors
from sweeper.storage.places import Place, on_servers, place_of


def sweep_names(paths: OutputPaths) -> list[str]:
    """The names of all sweeps of an output folder, newest first.

    Raises:
        StoreError: there is no store, or nothing in it.
    """
    here = Place(paths)
    found = started(here) if here.may_hold_studies else {}
    for place, names in on_servers(paths):  # a database may have other folders' sweeps too
        found |= {name: when for name, when in started(place).items() if name in names}
    if not found:
        empty = "is empty" if paths.study_db.exists() else "does not exist there"  # Optuna would make a store of it
        raise _no_sweep(paths, "optuna.db holds none" if here.may_hold_studies else f"optuna.db {empty}")
    return sorted(found, key=lambda name: found[name], reverse=True)


def newest(place: Place, number: int | None = None) -> list[str]:
    """The names of so many sweeps, or of all, that are in a store and belong to its output folder, newest first.

    Raises:
        StoreError: the store cannot be read.
    """
    if not place.may_hold_studies:
        return []
    found = {name: when for name, when in started(place).items() if place_of(place.paths, name) == place}
    return sorted(found, key=lambda name: found[name], reverse=True)[:number]


def started(place: Place) -> dict[str, str]:
    """When each sweep of a store was started, by its name."""
    with store_errors(place):
        studies = storage(place).get_all_studies()
    return {study.study_name: str(study.user_attrs.get(SWEEP, {}).get("started", "")) for study in studies}


def _no_sweep(paths: OutputPaths, why: str) -> StoreError:
    """The error; folders of sweeps say that the store was lost."""
    folders = sorted(path.parent.name for path in paths.sweeps.glob("*/leaderboard.csv"))
    if not folders:
        return StoreError(f"There is no sweep in {paths.root}: {why}.  Try: python -m sweeper -m arch.depth=3,5,7")
    return StoreError(
        f"There is no sweep in {paths.root}: {why}, though sweeps have run there ({', '.join(folders[:5])}). Accepted: "
        "an output folder with its optuna.db, which has all figures.  Try: put a copy of that file there; or the "
        "command that started a sweep, which runs all of its trials again"
    )


def no_such_sweep(place: Place, name: str) -> StoreError:
    """The error for a name that a store does not have, with those that its output folder has."""
    names = sweep_names(place.paths)
    return StoreError(
        f"There is no sweep {name!r} in {place if place.url else place.paths.root}. There are: {', '.join(names)}. "
        f"{did_you_mean(name, names)}  Try: python -m sweeper report {names[0]}"
    )


def find_runs(paths: OutputPaths, beginning: str) -> list[tuple[str, int, str]]:
    """Sweep, trial number and run id of each trial whose run id begins so; earlier attempts of a trial among them.

    One query over all trials that earlier releases recorded, and one over all sweeps: loading thousands of trials to
    look at their ids would take seconds.

    Args:
        paths: the output folder.
        beginning: letters and digits.

    Raises:
        StoreError: there is no store, or nothing in it.
    """
    known = set(sweep_names(paths))
    places = [Place(paths)] if Place(paths).may_hold_studies else []
    places += [place for place, _ in on_servers(paths)]
    return [one for place in places for one in _runs_in(place, beginning) if one[0] in known]


def _runs_in(place: Place, beginning: str) -> list[tuple[str, int, str]]:
    found = database.attributes_containing(place, POINT, f'"run_id": "{beginning}')
    earlier = [(name, int(point["number"]), point["run_id"]) for name, point in found]
    with store_errors(place):
        studies = storage(place).get_all_studies()
    return earlier + [
        (study.study_name, int(number), run_id)
        for study in studies
        for number, run_id in study.user_attrs.get(RUNS, {}).items()
        if run_id.startswith(beginning)
    ]
