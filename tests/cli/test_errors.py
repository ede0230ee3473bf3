"""Hydra's errors as a user reads them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("words", "start"),
    [
        pytest.param(["arch=3"], "ConfigError: arch=3 ", id="a number for a group"),
        pytest.param(["arch=3,5"], "ConfigError: arch=3,5 ", id="numbers for a group"),
        pytest.param(["arch.dpeth=3,5"], "ConfigError: ", id="a misspelt key"),
        pytest.param(["arch=cn"], "ConfigError: ", id="a misspelt option"),
        pytest.param(["arch.depth=3,"], "ConfigError: ", id="an unfinished list"),
    ],
)
def test_a_line_that_hydra_refuses_ends_in_one_paragraph(
    run_sweeper: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, words: list[str], start: str
) -> None:
    done = run_sweeper(tmp_path, "-m", *words)

    assert done.returncode == 2
    assert done.stderr.startswith(start)
    assert "Try: " in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
