"""Optuna's tables are as they are read and written here; what is read is what Optuna itself says."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import optuna
import pytest
from optuna.distributions import IntDistribution

from sweeper.core.paths import OutputPaths
from sweeper.storage import database


@pytest.fixture
def paths(tmp_path: Path) -> OutputPaths:
    """A store with two studies; the first has a complete, a failed and a running trial."""
    paths = OutputPaths(tmp_path)
    first = optuna.create_study(study_name="first", storage=database.storage(paths), direction="maximize")
    for number, value in enumerate((0.5, None, None)):
        trial = first.ask({"arch.depth": IntDistribution(3, 5)})
        trial.set_user_attr("sweeper.point", {"number": number, "run_id": f"abc{number}"})
        trial.set_user_attr("other", number)
        if value is not None:
            first.tell(trial, value)
        elif number == 1:
            first.tell(trial, state=optuna.trial.TrialState.FAIL)
    second = optuna.create_study(study_name="second", storage=database.storage(paths))
    second.ask().set_user_attr("sweeper.point", {"number": 0, "run_id": "abd0"})
    return paths


@pytest.mark.parametrize("table", database.SCHEMA)
def test_optunas_tables_have_the_columns_that_are_used(paths: OutputPaths, table: str) -> None:
    with sqlite3.connect(paths.study_db) as store:
        columns = {row[1] for row in store.execute(f"PRAGMA table_info({table})")}

    assert set(database.SCHEMA[table]) <= columns


def test_every_table_and_column_of_the_queries_is_in_the_schema() -> None:
    text = Path(database.__file__).read_text(encoding="utf-8")
    for table in ("studies", "trials", "trial_user_attributes", "trial_params", "trial_intermediate_values"):
        assert table in text
        assert table in database.SCHEMA


def test_attributes_come_with_their_trials_state_in_order(paths: OutputPaths) -> None:
    found = list(database.trial_attributes(paths, "first", ("sweeper.point",)))

    assert found == [
        ("COMPLETE", {"sweeper.point": {"number": 0, "run_id": "abc0"}}),
        ("FAIL", {"sweeper.point": {"number": 1, "run_id": "abc1"}}),
        ("RUNNING", {"sweeper.point": {"number": 2, "run_id": "abc2"}}),
    ]


def test_attributes_are_found_by_their_text_over_all_studies(paths: OutputPaths) -> None:
    found = database.attributes_containing(paths, "sweeper.point", '"run_id": "ab')
    assert [name for name, _ in found] == ["first"] * 3 + ["second"]
    assert database.attributes_containing(paths, "sweeper.point", '"run_id": "abd') == [
        ("second", {"number": 0, "run_id": "abd0"})
    ]
    assert database.attributes_containing(paths, "sweeper.point", "%") == [], "a text, no pattern"


def test_parameters_are_rewritten_where_they_change(paths: OutputPaths) -> None:
    wider = optuna.distributions.distribution_to_json(IntDistribution(1, 9))

    assert database.rewrite_params(paths, "first", lambda name, value, text: (value + 1, wider))
    assert not database.rewrite_params(paths, "first", lambda name, value, text: None)

    [first, *_] = optuna.load_study(study_name="first", storage=f"sqlite:///{paths.study_db}").trials
    assert first.distributions == {"arch.depth": IntDistribution(1, 9)}
    assert first.params["arch.depth"] in (4, 5, 6)


def test_a_curve_is_what_optuna_reads_and_a_second_one_replaces_it(paths: OutputPaths) -> None:
    [running] = optuna.load_study(study_name="second", storage=database.storage(paths)).trials
    database.write_curve(paths, running._trial_id, [0.1, 0.2, 0.3])
    database.write_curve(paths, running._trial_id, [0.5, 0.25])

    [found] = optuna.load_study(study_name="second", storage=f"sqlite:///{paths.study_db}").trials
    assert found.intermediate_values == {1: 0.5, 2: 0.25}
