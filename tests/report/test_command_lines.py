"""Commands to type next."""

from __future__ import annotations

import sys

import pytest

from sweeper.report.command_lines import resume_line


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        pytest.param(["-m", "arch.depth=3,5"], "python -m sweeper -m arch.depth=3,5 sweep.name=mine", id="a sweep"),
        pytest.param(["arch.depth=3"], "python -m sweeper -m arch.depth=3 sweep.name=mine", id="one trial"),
        pytest.param(["-m", "sweep.name=mine", "seed=1"], "python -m sweeper -m seed=1 sweep.name=mine", id="a name"),
        pytest.param(["-m", "++sweep.name=mine"], "python -m sweeper -m sweep.name=mine", id="a name with signs"),
    ],
)
def test_a_sweep_is_resumed_by_what_was_typed_and_its_name(
    monkeypatch: pytest.MonkeyPatch, typed: list[str], command: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["sweeper", *typed])

    assert resume_line("mine") == command
