"""What the commands besides a sweep have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.cli import commands
from sweeper.core.errors import StoreError


@pytest.mark.parametrize("words", [["report", "yours"], ["verify", "yours:0"], ["promote", "yours"]])
def test_a_line_to_type_instead_names_the_same_output_folder(own_sweep: Path, words: list[str]) -> None:
    folder = str(own_sweep / "mlruns")

    with pytest.raises(StoreError) as found:
        commands.run([*words, "--output-dir", folder])

    assert str(found.value).endswith(f"Try: python -m sweeper report mine --output-dir {folder}")


def test_the_usual_folder_is_not_named(own_sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own_sweep)

    with pytest.raises(StoreError) as found:
        commands.run(["report", "yours"])

    assert str(found.value).endswith("Try: python -m sweeper report mine")
