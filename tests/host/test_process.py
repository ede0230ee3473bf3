"""Which signals end this program, and what a process that trains does with freed memory."""

from __future__ import annotations

import signal
import subprocess
import sys
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


FAULTS = """
import resource
import sys

from sweeper.host.process import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
for attempt in range(6):
    b"1" * (64 * 2**20)
    if attempt == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_freed_memory_is_not_asked_of_the_system_again() -> None:
    faults = {
        how: int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout)
        for how in ("given back", "kept")
    }
    assert faults["kept"] < faults["given back"] / 4
