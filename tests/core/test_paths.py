"""Where files lie, and that an earlier version's are found."""

from __future__ import annotations

from pathlib import Path

from sweeper.core.paths import OutputPaths


def test_a_new_sweep_keeps_its_predictions_under_their_own_name(tmp_path: Path) -> None:
    sweep = OutputPaths(tmp_path).sweep("mine")

    assert sweep.validation_answers.root == tmp_path / "sweeps/mine/predictions/validation"
    assert sweep.test_answers.root == tmp_path / "sweeps/mine/predictions/test"


def test_a_sweep_of_an_earlier_version_keeps_its_folder(tmp_path: Path) -> None:
    sweep = OutputPaths(tmp_path).sweep("mine")
    (sweep.root / "answers").mkdir(parents=True)

    assert sweep.validation_answers.root == tmp_path / "sweeps/mine/answers/validation"
