"""A sweep's lock holds while its driver lives, and no longer."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from sweeper.core.errors import StoreError, SweepLockedError
from sweeper.storage.locks import store_lock, sweep_lock

HOLDER = """
import sys, time
from pathlib import Path
from sweeper.storage.locks import sweep_lock
with sweep_lock(Path(sys.argv[1]), "mine"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_driver_is_refused_while_the_first_lives_and_only_then(tmp_path: Path) -> None:
    path = tmp_path / "sweep" / ".lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(SweepLockedError, match=f"process {holder.pid}"), sweep_lock(path, "mine"):
            pytest.fail("two drivers hold one sweep")
        holder.kill()
    with sweep_lock(path, "mine"):
        assert path.is_file()


#: Takes the lock again and again and removes it with its folder, as a refused sweep does; prints how often it had it.
REMOVER = """
import os, sys, time
from pathlib import Path
from sweeper.core.errors import SweepLockedError
from sweeper.storage.locks import remove_lock, sweep_lock
path, mark = Path(sys.argv[1]), Path(sys.argv[2])
until, held = time.monotonic() + 2, 0
while time.monotonic() < until:
    try:
        with sweep_lock(path, "mine"):
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))  # fails where another one holds it too
            held += 1
            mark.unlink()
            remove_lock(path)
    except SweepLockedError:
        pass
print(held)
"""


def test_refused_drivers_that_remove_their_lock_never_hold_it_at_once(tmp_path: Path) -> None:
    words = [sys.executable, "-c", REMOVER, str(tmp_path / "sweep" / ".lock"), str(tmp_path / "mark")]
    drivers = [
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for number in range(3)
    ]
    outputs = [driver.communicate(timeout=60) for driver in drivers]

    assert [error for _, error in outputs] == ["", "", ""]
    assert all(int(held) > 50 for held, _ in outputs)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        pytest.param(errno.ENOLCK, r"cannot be locked: No locks available\. The file system", id="none are left"),
        pytest.param(errno.EOPNOTSUPP, r"cannot be locked: Operation not supported\. The file system", id="never"),
        pytest.param(errno.EPERM, r"cannot be locked: Operation not permitted; it may be another", id="not ours"),
    ],
)
@pytest.mark.parametrize("lock", [sweep_lock, lambda path, name: store_lock(path)], ids=["of a sweep", "of the stores"])
def test_a_file_system_without_locks_is_refused(
    lock: Callable[[Path, str], AbstractContextManager[None]],
    number: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unsupported(file: object, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", unsupported)

    with pytest.raises(StoreError, match=said), lock(tmp_path / ".lock", "mine"):
        pytest.fail("nothing is locked")


def test_a_lock_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".lock").mkdir()

    said = r"\.lock, which locks out a second driver, cannot be written: Is a directory"
    with pytest.raises(StoreError, match=said), sweep_lock(tmp_path / ".lock", "mine"):
        pytest.fail("nothing is locked")
