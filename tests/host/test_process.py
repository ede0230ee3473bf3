"""Which signals end this program."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from sweeper.host import process


@pytest.fixture
def hangups_ignored() -> Iterator[None]:
    """As `nohup` leaves it."""
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, former)


@pytest.mark.usefixtures("hangups_ignored")
def test_a_signal_that_nohup_has_us_ignore_stays_ignored() -> None:
    assert process.stop_signals() == [signal.SIGINT, signal.SIGTERM]
