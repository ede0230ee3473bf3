"""A study's database on a real PostgreSQL server: what is wrong is said at once, with the line that mends it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from optuna.distributions import IntDistribution

from postgres_server import PASSWORD, PostgresServer
from sweeper.core.errors import ConfigError, StoreError, SweepLockedError, TrackingError
from sweeper.core.objectives import Objective
from sweeper.core.paths import OutputPaths
from sweeper.core.retry import Retry
from sweeper.core.trials import Skipped, StudyTrial, TrialFacts, TrialRow, TrialState
from sweeper.storage import database, server
from sweeper.storage.lease import hold_sweep
from sweeper.storage.places import Place, place_of, refuse_another
from sweeper.storage.study import SweepStudy

OBJECTIVES = (Objective("val_accuracy", "maximize"),)


@dataclass
class Wrong:
    """A database with something wrong.

    Attributes:
        typed: the address, with its password.
        mended: whether the line that the error prints is enough.
    """

    typed: str
    mended: bool = True


def _missing(postgres: PostgresServer) -> Wrong:
    return Wrong(postgres.url("not_there"))


def _of_mlflow(postgres: PostgresServer) -> Wrong:
    name = postgres.new_database()
    postgres.sql("CREATE TABLE model_versions (name text)", database=name)
    return Wrong(postgres.url(name), mended=False)


def _without_schema(postgres: PostgresServer) -> Wrong:
    return Wrong(f"{postgres.url(postgres.new_database())}?options=-csearch_path=optuna")


def _not_allowed(postgres: PostgresServer) -> Wrong:
    return Wrong(postgres.url(postgres.new_database(owner="admin")))


def _old(postgres: PostgresServer) -> Wrong:
    """Optuna's tables as of release 3.0."""
    name = postgres.new_database()
    url = server.connect_url(server.take_password(postgres.url(name))).render_as_string(hide_password=False)
    optuna.storages.RDBStorage(url, {"poolclass": sqlalchemy.NullPool})
    older = ("UPDATE alembic_version SET version_num = 'v3.0.0.d'", "DROP INDEX IF EXISTS trials_study_id_key")
    postgres.sql(*older, database=name)
    return Wrong(postgres.url(name))


CASES: dict[str, tuple[Callable[[PostgresServer], Wrong], str]] = {
    "a database that does not exist": (_missing, r'database "not_there" does not exist\. Accepted: a database that'),
    "MLflow's database": (_of_mlflow, r"has MLflow's tables\. Optuna and MLflow cannot share a schema.*search_path"),
    "a schema that does not exist": (_without_schema, r"names a schema that does not exist.*CREATE SCHEMA optuna"),
    "a user who may create nothing": (_not_allowed, r"may not create tables in the schema public.*GRANT CREATE"),
    "tables of an older Optuna": (
        _old,
        r"its schema is Optuna's v3\.0\.0\.d, and the.*upgraded, after a backup",
    ),
    "another password": (
        lambda postgres: Wrong(postgres.url("postgres", user="bob:wrong"), mended=False),
        r"password authentication failed.*Accepted: the user's password in the environment variable PGPASSWORD",
    ),
    "no password": (
        lambda postgres: Wrong(postgres.url("template1", user="bob"), mended=False),
        r"no password supplied.*Try: export PGPASSWORD=\.\.\.; or echo '127\.0\.0\.1:\d+:template1:bob:PASSWORD'",
    ),
    "nobody who listens": (
        lambda postgres: Wrong(f"postgresql+psycopg://bob:{PASSWORD}@127.0.0.1:9/db", mended=False),
        r"Connection refused.*Accepted: the host and port of a PostgreSQL server that runs\.  Try: pg_isready -h 127",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_at_once_and_the_printed_line_mends_it(
    case: str, postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, said = CASES[case]
    wrong = make(postgres)
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    place = Place(OutputPaths(tmp_path), server.take_password(wrong.typed))

    started = time.monotonic()
    with pytest.raises(StoreError, match=said) as refused, hold_sweep(place, "mine"):
        pytest.fail("it is accepted")

    assert time.monotonic() - started < 4
    assert PASSWORD not in str(refused.value)
    assert "wrong" not in str(refused.value)
    if not wrong.mended:
        return
    line = re.split(r"Try(?:, as the database's owner)?: ", str(refused.value))[1]
    environment = postgres.environment()
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"  # optuna
    mended = subprocess.run(line, shell=True, env=environment, capture_output=True, text=True, check=False)
    assert mended.returncode == 0, (line, mended.stderr)
    with hold_sweep(place, "mine"):
        assert SweepStudy.open(place, "mine", OBJECTIVES).trials() == []
    database.storage(place).engine.dispose()


def test_optuna_and_mlflow_in_two_schemas_of_one_database(postgres: PostgresServer, tmp_path: Path) -> None:
    name = postgres.new_database()
    postgres.sql("CREATE TABLE model_versions (name text)", "CREATE SCHEMA optuna AUTHORIZATION bob", database=name)
    url = server.take_password(f"{postgres.url(name)}?options=-csearch_path=optuna")

    place = Place(OutputPaths(tmp_path), url)
    SweepStudy.open(place, "mine", OBJECTIVES)
    database.storage(place).engine.dispose()

    assert postgres.sql("SELECT study_name FROM optuna.studies", database=name) == [("mine",)]


HOLDER = """
import sys, time
from pathlib import Path
from sweeper.core.paths import OutputPaths
from sweeper.storage import server
from sweeper.storage.lease import hold_sweep
from sweeper.storage.places import Place
with hold_sweep(Place(OutputPaths(Path(sys.argv[1])), server.take_password(sys.argv[2])), "mine"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def place(postgres: PostgresServer, tmp_path: Path) -> Iterator[Place]:
    place = Place(OutputPaths(tmp_path), server.take_password(postgres.url(postgres.new_database())))
    database.storage(place)
    yield place
    database.storage(place).engine.dispose()


def test_a_second_driver_of_the_name_is_refused_while_the_first_lives(
    postgres: PostgresServer, place: Place, tmp_path: Path
) -> None:
    typed = server.connect_url(str(place.url)).render_as_string(hide_password=False)
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "elsewhere"), typed]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(SweepLockedError, match=f"process {holder.pid} on .*in the same database"):
            hold_sweep(place, "mine").__enter__()
        with hold_sweep(place, "another"):
            pass
        holder.kill()
    deadline = time.monotonic() + 5
    while True:
        try:
            with hold_sweep(place, "mine"):
                return
        except SweepLockedError:
            assert time.monotonic() < deadline, "the lock outlives its driver"
            time.sleep(0.05)


def test_a_server_that_restarts_forgets_the_lock_and_the_driver_takes_it_again(
    postgres: PostgresServer, place: Place, tmp_path: Path
) -> None:
    with hold_sweep(place, "mine") as lease:
        postgres.stop()
        postgres.start()
        lease.ensure()
        with pytest.raises(SweepLockedError, match="is being run by another driver"):
            hold_sweep(Place(OutputPaths(tmp_path / "elsewhere"), place.url), "mine").__enter__()


def test_a_driver_whose_sweep_was_taken_over_writes_nothing_more(
    postgres: PostgresServer, place: Place, tmp_path: Path
) -> None:
    with hold_sweep(place, "mine") as lease:
        study = SweepStudy.open(place, "mine", OBJECTIVES, lease=lease)
        postgres.stop()
        postgres.start()
        with hold_sweep(Place(OutputPaths(tmp_path / "elsewhere"), place.url), "mine"):
            with pytest.raises(TrackingError, match="It took the sweep while the database was away from this driver"):
                study.begin(_trial(0))
            assert study.trials() == []


def _trial(number: int) -> StudyTrial:
    identity = {"data": {"digest": "a", "split_digest": "b"}}
    return StudyTrial(
        number=number, hash=f"h{number}", identity=identity, params={"arch.depth": 3}, overrides=("arch.depth=3",),
        point=number,
    )  # fmt: skip


def _row(number: int) -> TrialRow:
    return TrialRow(
        number=number, state=TrialState.COMPLETE, params={"arch.depth": 3}, metrics={"val_accuracy": 0.5}, seed=0,
        error="", history=({"val_accuracy": 0.5},), overrides=("arch.depth=3",), arch={}, point=number, repeat=0,
        num_repeats=1, facts=TrialFacts(),
    )  # fmt: skip


@pytest.mark.parametrize("lost", ["create_new_trial", "set_trial_state_values"])
def test_what_a_server_did_before_its_answer_was_lost_is_not_done_twice(
    lost: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    study = SweepStudy.open(place, "mine", OBJECTIVES, Retry(5.0, said.append))
    study.widen({"arch.depth": IntDistribution(1, 9)})
    kind = type(database.storage(place))
    original = getattr(kind, lost)

    def answers_once_in_vain(*arguments: object, **named: object) -> object:
        monkeypatch.setattr(kind, lost, original)
        original(*arguments, **named)
        raise optuna.exceptions.StorageInternalError("server closed the connection unexpectedly")

    monkeypatch.setattr(kind, lost, answers_once_in_vain)

    study.begin(_trial(0))
    study.finish(_row(0), OBJECTIVES)

    assert said[0].startswith(f"{place.url} fails: server closed the connection")
    assert said[1] == f"{place.url} works again"
    [trial] = optuna.load_study(study_name="mine", storage=database.storage(place)).trials
    assert trial.state.name == "COMPLETE"
    assert [one.state for one in study.trials()] == ["complete"]


def test_a_skipped_proposal_is_kept_once_where_the_answer_was_lost_and_twice_where_it_came_twice(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = SweepStudy.open(place, "mine", OBJECTIVES, Retry(5.0, lambda text: None))
    study.widen({"arch.depth": IntDistribution(1, 9)})
    original = optuna.Study.add_trial

    def answers_once_in_vain(*arguments: object, **named: object) -> object:
        monkeypatch.setattr(optuna.Study, "add_trial", original)
        original(*arguments, **named)
        raise optuna.exceptions.StorageInternalError("server closed the connection unexpectedly")

    for skipped in (Skipped(("arch.depth=3",), (0.5,)), Skipped(("arch.depth=9",), None)):
        monkeypatch.setattr(optuna.Study, "add_trial", answers_once_in_vain)
        study.skip(skipped, {"arch.depth": 3}, "point 0 again")
        study.skip(skipped, {"arch.depth": 3}, "point 0 again")

    again, impossible = Skipped(("arch.depth=3",), (0.5,)), Skipped(("arch.depth=9",), None)
    assert study.proposals() == [again, again, impossible, impossible]


def test_writes_outlast_a_server_that_is_away_for_a_while(postgres: PostgresServer, place: Place) -> None:
    said: list[str] = []
    with hold_sweep(place, "mine") as lease:

        def say(text: str) -> None:
            said.append(text)
            if "fails" in text:
                postgres.start()

        study = SweepStudy.open(place, "mine", OBJECTIVES, Retry(30.0, say), lease)
        study.widen({"arch.depth": IntDistribution(1, 9)})
        study.begin(_trial(0))
        postgres.stop()
        study.finish(_row(0), OBJECTIVES)
        postgres.stop()
        assert [one.state for one in study.trials()] == ["complete"]

    assert [text.split(" fails: ")[0] for text in said] == [str(place), f"{place} works again"] * 2


def test_a_sweep_stays_where_its_study_is(tmp_path: Path) -> None:
    paths = OutputPaths(tmp_path)
    url = "postgresql+psycopg://bob@db/study?options=-csearch_path%3Doptuna"
    folder = paths.sweep("mine").root
    folder.mkdir(parents=True)
    refuse_another(Place(paths, url), "mine")  # which has not run yet
    (folder / "multirun.yaml").write_text(f"name: mine\nstorage: {url}\nexperiment: sweeper\n")

    assert place_of(paths, "mine") == Place(paths, url)
    refuse_another(Place(paths, url.replace("bob", "alice").replace("@db/", "@db:5432/")), "mine")
    for other in (None, url.replace("study", "other"), url.partition("?")[0]):
        with pytest.raises(ConfigError, match=r"has its study in postgresql.*Try: 'sweep\.storage=\"postgresql"):
            refuse_another(Place(paths, other), "mine")
    (folder / "multirun.yaml").write_text("name: mine\nexperiment: sweeper\n")
    with pytest.raises(ConfigError, match=r"has its study in .*optuna\.db, and this line.*Try: sweep\.storage=null"):
        refuse_another(Place(paths, url), "mine")


def test_a_missing_driver_package_is_named_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(OutputPaths(tmp_path), "postgresql+psycopg://bob@127.0.0.1/never-opened")
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(StoreError, match=r"needs the package psycopg.*pip install 'psycopg\[binary\]"):
        hold_sweep(place, "mine").__enter__()
