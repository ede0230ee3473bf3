"""A sweep's lock holds while its driver lives, and no longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.core.errors import SweepLockedError
from sweeper.storage.locks import sweep_lock

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
