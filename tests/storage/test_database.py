"""Optuna's tables are as they are read and written here; what is read is what Optuna itself says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from optuna.distributions import IntDistribution

from postgres_server import PostgresServer
from sweeper.core.paths import OutputPaths
from sweeper.storage import database, server
from sweeper.storage.places import Place


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A store with two studies; the first has a complete, a failed and a running trial."""
    place = Place(OutputPaths(tmp_path))
    if request.param == "PostgreSQL":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        place = Place(OutputPaths(tmp_path), server.take_password(postgres.url(postgres.new_database())))
    first = optuna.create_study(study_name="first", storage=database.storage(place), direction="maximize")
    for number, value in enumerate((0.5, None, None)):
        trial = first.ask({"arch.depth": IntDistribution(3, 5)})
        trial.set_user_attr("sweeper.point", {"number": number, "run_id": f"abc{number}"})
        trial.set_user_attr("other", number)
        if value is not None:
            first.tell(trial, value)
        elif number == 1:
            first.tell(trial, state=optuna.trial.TrialState.FAIL)
    second = optuna.create_study(study_name="second", storage=database.storage(place))
    second.ask().set_user_attr("sweeper.point", {"number": 0, "run_id": "abd0"})
    yield place
    database.storage(place).engine.dispose()


def test_optunas_tables_have_the_columns_that_are_used(place: Place) -> None:
    look = sqlalchemy.inspect(database.storage(place).engine)
    for table, columns in database.SCHEMA.items():
        assert set(columns) <= {column["name"] for column in look.get_columns(table)}


def as_optuna_opens_it(place: Place) -> optuna.storages.RDBStorage:
    url = sqlalchemy.make_url(f"sqlite:///{place.paths.study_db}" if place.url is None else place.url)
    url = url if place.url is None else server.connect_url(place.url)
    return optuna.storages.RDBStorage(url.render_as_string(hide_password=False), {"poolclass": sqlalchemy.NullPool})


def test_every_table_and_column_of_the_queries_is_in_the_schema() -> None:
    text = Path(database.__file__).read_text(encoding="utf-8")
    for table in ("studies", "trials", "trial_user_attributes", "trial_params", "trial_intermediate_values"):
        assert table in text
        assert table in database.SCHEMA


def test_attributes_come_with_their_trials_state_in_order(place: Place) -> None:
    found = list(database.trial_attributes(place, "first", ("sweeper.point",)))

    assert found == [
        ("COMPLETE", {"sweeper.point": {"number": 0, "run_id": "abc0"}}),
        ("FAIL", {"sweeper.point": {"number": 1, "run_id": "abc1"}}),
        ("RUNNING", {"sweeper.point": {"number": 2, "run_id": "abc2"}}),
    ]


def test_attributes_are_found_by_their_text_over_all_studies(place: Place) -> None:
    found = database.attributes_containing(place, "sweeper.point", '"run_id": "ab')
    assert [name for name, _ in found] == ["first"] * 3 + ["second"]
    assert database.attributes_containing(place, "sweeper.point", '"run_id": "abd') == [
        ("second", {"number": 0, "run_id": "abd0"})
    ]
    assert database.attributes_containing(place, "sweeper.point", "%") == [], "a text, no pattern"


def test_parameters_are_rewritten_where_they_change(place: Place) -> None:
    wider = optuna.distributions.distribution_to_json(IntDistribution(1, 9))

    assert database.rewrite_params(place, "first", lambda name, value, text: (value + 1, wider))
    assert not database.rewrite_params(place, "first", lambda name, value, text: None)

    [first, *_] = optuna.load_study(study_name="first", storage=as_optuna_opens_it(place)).trials
    assert first.distributions == {"arch.depth": IntDistribution(1, 9)}
    assert first.params["arch.depth"] in (4, 5, 6)


def test_a_curve_is_what_optuna_reads_and_a_second_one_replaces_it(place: Place) -> None:
    [running] = optuna.load_study(study_name="second", storage=database.storage(place)).trials
    database.write_curve(place, running._trial_id, [0.1, 0.2, 0.3])
    database.write_curve(place, running._trial_id, [0.5, 0.25])

    [found] = optuna.load_study(study_name="second", storage=as_optuna_opens_it(place)).trials
    assert found.intermediate_values == {1: 0.5, 2: 0.25}
