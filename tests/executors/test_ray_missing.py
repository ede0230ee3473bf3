"""`executor=ray` where Ray is not there: refused before anything is written, in one paragraph."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_without_ray_it_says_what_to_install(tmp_path: Path, run_sweeper: Run) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text("import sys\nsys.modules['ray'] = None\n")
    path = os.pathsep.join([str(tmp_path / "hidden"), *filter(None, [os.environ.get("PYTHONPATH")])])
    (tmp_path / "here").mkdir()

    done = run_sweeper(tmp_path / "here", "-m", "arch.depth=3,5", "executor=ray", env={"PYTHONPATH": path})

    assert done.returncode == 2
    assert done.stderr.startswith("ConfigError: executor=ray needs Ray, which is not installed.")
    assert done.stderr.rstrip().endswith('Try: pip install "keras-sweeper[ray]"')
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no-such-host.invalid:6379"])
def test_an_address_where_nobody_answers_is_refused(address: str, tmp_path: Path, run_sweeper: Run) -> None:
    done = run_sweeper(tmp_path, "-m", "arch.depth=3,5", "executor=ray", f"executor.address={address}")

    assert done.returncode == 2
    assert f"executor.address={address}: nobody answers there" in done.stderr
    assert done.stderr.rstrip().endswith("Try: ray status")
    assert list(tmp_path.iterdir()) == []
