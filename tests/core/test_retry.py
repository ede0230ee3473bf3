"""Trying again what passes, giving up what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sweeper.core.retry import Retry, passes


def failing(times: int, text: str) -> Callable[[], str]:
    left = [times]

    def call() -> str:
        if left[0]:
            left[0] -= 1
            raise OSError(text)
        return "done"

    return call


def call(retry: Retry, function: Callable[[], str], again: Callable[[], None] = lambda: None) -> str:
    return retry.call("the store", function, (OSError,), str, again)


def test_what_passes_is_retried_and_said_once() -> None:
    told: list[str] = []
    tries: list[int] = []

    result = call(Retry(60, told.append), failing(2, "database is locked"), lambda: tries.append(1))

    assert result == "done"
    assert len(tries) == 2
    assert told == [
        "the store fails: database is locked. Retrying for 60 s; trials continue",
        "the store works again",
    ]


def test_what_succeeds_at_once_says_nothing() -> None:
    told: list[str] = []
    assert call(Retry(60, told.append), failing(0, "")) == "done"
    assert told == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [pytest.param(0, "database is locked", id="no-time"), pytest.param(60, "disk is full", id="does-not-pass")],
)
def test_what_does_not_pass_or_exceeds_the_time_is_raised(seconds: float, text: str) -> None:
    with pytest.raises(OSError, match=text):
        call(Retry(seconds), failing(1, text))


def test_a_ctrl_c_ends_the_waiting() -> None:
    retry = Retry(60)
    retry.is_interrupted = True
    with pytest.raises(OSError, match="locked"):
        call(retry, failing(1, "database is locked"))


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
