"""MLflow's spelling: every path can be addressed, every param recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from sweeper.core.text import shortened
from sweeper.tracking.format import CUT_MARKER, MAX_KEY_LENGTH, param_key, param_value, sqlite_uri


@pytest.mark.parametrize(
    "folder", ["runs", "a b", "a#b", "100%", "a%41b", "what?", "a@b:c;d=e&f+g", "zürich", "a'b\"c"]
)
def test_sqlalchemy_reads_back_the_path_of_an_address(folder: str) -> None:
    db = Path("/data") / folder / "mlflow.db"
    assert make_url(sqlite_uri(db)).database == str(db)


@pytest.mark.parametrize("folder", ["runs", "a b", "a#b", "100%", "a'b"])
def test_an_ordinary_path_stands_in_its_address_as_it_is(folder: str) -> None:
    db = Path("/data") / folder / "mlflow.db"
    assert sqlite_uri(db) == f"sqlite:///{db}"


@pytest.mark.parametrize(
    ("key", "accepted"),
    [
        ("arch.depth", "arch.depth"),
        ("arch._target_", "arch._target_"),
        ("a b-c", "a b-c"),
        ("we!rd/key:x", "we_rd_key_x"),
        ("größe", "größe"),
        ("", "_"),
        ("..", "_.."),
        ("x" * 300, "x" * MAX_KEY_LENGTH),
    ],
)
def test_a_key_keeps_what_mlflow_accepts(key: str, accepted: str) -> None:
    assert param_key(key) == accepted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("same", "same"),
        (3, "3"),
        (0.001, "0.001"),
        (1e-07, "1e-07"),
        (True, "true"),
        (None, "null"),
        ([48, 64, 50], "[48,64,50]"),
        ({"a": [1, "ü"]}, '{"a":[1,"ü"]}'),
        (float("nan"), "NaN"),
        (Path("/data"), '"/data"'),
    ],
)
def test_a_value_is_written_as_it_is_typed(value: object, text: str) -> None:
    assert param_value(value) == text


def test_a_text_is_cut_with_a_mark_only_where_it_is_too_long() -> None:
    assert shortened("x" * 20, 20, CUT_MARKER) == "x" * 20
    assert shortened("x" * 21, 20, CUT_MARKER) == "x" * (20 - len(CUT_MARKER)) + CUT_MARKER
