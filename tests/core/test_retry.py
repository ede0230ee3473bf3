"""Trying again what passes, giving up what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sweeper.core.retry import Patience, passes


def failing(times: int, text: str) -> Callable[[], str]:
    left = [times]

    def call() -> str:
        if left[0]:
            left[0] -= 1
            raise OSError(text)
        return "done"

    return call


def call(patience: Patience, function: Callable[[], str], again: Callable[[], None] = lambda: None) -> str:
    return patience.call("the store", function, (OSError,), str, again)


def test_what_passes_is_tried_again_and_said_once() -> None:
    told: list[str] = []
    tries: list[int] = []

    result = call(Patience(60, told.append), failing(2, "database is locked"), lambda: tries.append(1))

    assert result == "done"
    assert len(tries) == 2
    assert told == [
        "the store fails: database is locked. It is tried again for 60 s; trials go on",
        "the store works again",
    ]


def test_what_succeeds_at_once_says_nothing() -> None:
    told: list[str] = []
    assert call(Patience(60, told.append), failing(0, "")) == "done"
    assert told == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [pytest.param(0, "database is locked", id="no-patience"), pytest.param(60, "disk is full", id="does-not-pass")],
)
def test_what_does_not_pass_or_outlasts_the_patience_is_raised(seconds: float, text: str) -> None:
    with pytest.raises(OSError, match=text):
        call(Patience(seconds), failing(1, text))


def test_a_ctrl_c_ends_the_waiting() -> None:
    patience = Patience(60)
    patience.is_over = lambda: True
    with pytest.raises(OSError, match="locked"):
        call(patience, failing(1, "database is locked"))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("database is locked", True),
        ("attempt to write a readonly database", True),
        ("[Errno 111] Connection refused", True),
        ("Read timed out. (read timeout=30)", True),
        ("API request failed with error code 503", True),
        ("database or disk is full", False),
        ("Run with id=0 not found", False),
    ],
)
def test_only_what_may_get_better_by_itself_passes(reason: str, expected: bool) -> None:
    assert passes(reason) is expected
