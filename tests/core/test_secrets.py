"""Passwords in addresses are hidden."""

from __future__ import annotations

import pytest

from sweeper.core.secrets import hide_passwords


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://bob:s3cret@127.0.0.1:5077", "http://bob:***@127.0.0.1:5077"),
        ("tracking.uri=https://bob:a%40b@host/x sweep.name=a", "tracking.uri=https://bob:***@host/x sweep.name=a"),
        ("'postgresql+psycopg://u:p@h/db' and http://c:d@e", "'postgresql+psycopg://u:***@h/db' and http://c:***@e"),
        ("sweep.storage=postgresql+psycopg://u:p@/ss@h/db x@y", "sweep.storage=postgresql+psycopg://u:***@h/db x@y"),
        ("postgresql://u:p@h/d?options=-csearch_path=o", "postgresql://u:***@h/d?options=-csearch_path=o"),
        ("http://bob:***@host", "http://bob:***@host"),
        ("http://bob@host and http://host:5000/a@b", "http://bob@host and http://host:5000/a@b"),
        ("time 10:30@noon", "time 10:30@noon"),
    ],
)
def test_passwords_in_addresses_are_hidden(text: str, expected: str) -> None:
    assert hide_passwords(text) == expected
