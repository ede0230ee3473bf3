"""What is printed at a sweep's end."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.cli.output.outcome import ui_command


def test_the_folder_is_named_where_the_command_would_not_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "over there"
    here.mkdir()
    monkeypatch.chdir(here)

    assert ui_command(here / "mlruns") == "python -m sweeper ui"
    assert ui_command(there / "mlruns") == f"python -m sweeper ui --output-dir '{there}/mlruns'"
    assert ui_command(here / "other") == f"python -m sweeper ui --output-dir {here}/other"
