"""Files in pieces, and what a trial needs of its driver's machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeper import data
from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError
from sweeper.core.objectives import Objective
from sweeper.core.trials import EvaluationSpec, TrainingSpec
from sweeper.executors.cluster import agreement, cargo, modules
from sweeper.executors.cluster.cargo import Piece, Places


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cargo, "PIECE_BYTES", 7)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("size", [0, 1, 7, 8, 100])
def test_a_file_arrives_as_it_was_and_not_before_its_last_piece(size: int, tmp_path: Path) -> None:
    content = bytes(range(size))
    source = tmp_path / "source"
    source.write_bytes(content)
    arrived = tmp_path / "to" / "some" / "place"

    for piece in cargo.pieces(source, "some/place"):
        assert not arrived.exists()
        cargo.lay_down(tmp_path / "to", piece)

    assert arrived.read_bytes() == content
    assert [file.name for file in arrived.parent.iterdir()] == ["place"]


@pytest.mark.usefixtures("small_pieces")
def test_a_file_that_is_replaced_meanwhile_arrives_as_it_was(tmp_path: Path) -> None:
    source = tmp_path / "checkpoint.npz"
    source.write_bytes(b"the first checkpoint")
    sent = cargo.pieces(source, "checkpoint.npz")
    first = next(sent)
    newer = tmp_path / "newer"
    newer.write_bytes(b"THE SECOND CHECKPOINT")
    newer.replace(source)

    for piece in (first, *sent):
        cargo.lay_down(tmp_path / "to", piece)

    assert (tmp_path / "to" / "checkpoint.npz").read_bytes() == b"the first checkpoint"


def test_a_piece_is_laid_down_nowhere_else(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not below"):
        cargo.lay_down(tmp_path / "to", Piece(0, 0, "../elsewhere", 0, b"x", True))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def spec(tmp_path: Path) -> TrainingSpec:
    here = tmp_path / "here"
    prepared = data.prepare(DataConfig(max_samples=100), here / "data")
    pictures = here / "pictures.npy"
    np.save(pictures, np.load(here / "data" / "x_train.npy"))
    np.save(here / "data" / "x_train.npy", np.arange(10))
    (here / "data" / "files_validation.json").write_text(json.dumps(["a.png"]))
    return TrainingSpec(
        number=3,
        folder=here / "trials" / "00003",
        config={"data": {}},
        overrides=(),
        data=replace(prepared, mapped={"x_train": pictures, "x_test": pictures}),
        metric=Objective("val_accuracy", "maximize"),
    )


def test_a_training_is_packed_without_test_images_and_without_a_path_of_this_machine(
    spec: TrainingSpec, tmp_path: Path
) -> None:
    packed = cargo.packed(spec, 17, Places())

    assert str(tmp_path) not in repr(packed.spec)
    assert {place for _, place in packed.shared} == {
        *(f"data/0/{name}.npy" for name in ("x_train", "y_train", "x_validation", "y_validation")),
        "data/0/files_validation.json",
        "images/1",
    }
    assert packed.own == ()
    assert packed.folders == (spec.folder,)


def test_what_was_packed_opens_at_its_place_on_another_machine(spec: TrainingSpec, tmp_path: Path) -> None:
    spec.folder.mkdir(parents=True)
    (spec.folder / "checkpoint.npz").write_bytes(b"so far")
    packed, there = cargo.packed(spec, 17, Places()), tmp_path / "there"
    expected = data.open_training_arrays(spec.data)
    for file, place in (*packed.shared, *packed.own):
        for piece in cargo.pieces(file, place):
            cargo.lay_down(there, piece)
    (tmp_path / "here").rename(tmp_path / "gone")

    rooted = cargo.rooted(packed.spec, there)

    arrays = data.open_training_arrays(rooted.data)
    for name in ("x_train", "y_train", "x_validation", "y_validation"):
        assert np.array_equal(getattr(arrays, name)[:], getattr(expected, name)[:]), name
    assert data.file_names(rooted.data, "validation") == ("a.png",)
    assert (rooted.folder / "checkpoint.npz").read_bytes() == b"so far"


def test_an_evaluation_is_packed_with_its_networks_and_the_test_images(spec: TrainingSpec, tmp_path: Path) -> None:
    def evaluation(number: int) -> EvaluationSpec:
        trained = tmp_path / f"model{number}"
        (trained / "data").mkdir(parents=True)
        (trained / "data" / "model.keras").write_bytes(b"weights")
        return EvaluationSpec(number=number, folder=tmp_path / str(number), config={}, data=spec.data, trained=trained)

    packed = cargo.packed(replace(evaluation(1), following=(evaluation(2),)), 5, Places())

    assert str(tmp_path) not in repr(packed.spec)
    assert "data/0/x_test.npy" in {place for _, place in packed.shared}
    assert {place for _, place in packed.own} == {
        "jobs/5/trained-0/data/model.keras",
        "jobs/5/trained-1/data/model.keras",
    }
    assert packed.folders == (tmp_path / "1", tmp_path / "2")


def test_a_trials_result_comes_last_and_its_checkpoint_stays_once_it_has_finished(tmp_path: Path) -> None:
    def left(*names: str) -> list[str]:
        for name in names:
            file = tmp_path / "job" / "0" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)
        found = [piece.place for piece in cargo.left_behind(tmp_path / "job", 1, 1)]
        assert not (tmp_path / "job").exists()
        return found

    assert left("result.json", "checkpoint.npz", "model/weights", "artifacts/trial.log") == [
        "artifacts/trial.log",
        "model/weights",
        "result.json",
    ]
    assert left("checkpoint.npz", "checkpoint.tmp", "artifacts/trial.log") == ["artifacts/trial.log", "checkpoint.npz"]


def test_other_versions_are_named_and_a_patch_of_python_is_none() -> None:
    here = agreement.of_this_process()

    assert agreement.difference("10.0.0.2", here, here) == ""
    assert agreement.difference("10.0.0.2", {**here, "Python": here["Python"] + "1"}, here) == ""
    said = agreement.difference("10.0.0.2", {**here, "tensorflow": "2.20.0", "Python": "3.9.1"}, here)
    assert said.startswith(f"Node 10.0.0.2 has Python 3.9.1 where this machine has {here['Python']}; tensorflow 2.20.0")
    assert "Try, on that node: pip install -r requirements.lock" in said


def test_the_users_modules_travel_and_nothing_else_of_the_folder(tmp_path: Path) -> None:
    here, to = tmp_path / "here", tmp_path / "to"
    for name in ("models.py", "nets/__init__.py", "nets/table.csv", "nets/deep/x.py", "images/a.png", "data.npz"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(name)
    for name in (".venv/lib/a.py", "env/lib/a.py", "mlruns/sweeps/a.py", "sweeper/a.py"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(name)
    (here / "env" / "pyvenv.cfg").touch()
    (here / "mlruns" / "mlflow.db").touch()

    modules.copy(here, to)

    found = {str(file.relative_to(to)) for file in to.rglob("*") if file.is_file()}
    assert found == {"models.py", "nets/__init__.py", "nets/table.csv", "nets/deep/x.py"}


def test_modules_that_are_too_large_to_travel_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "MAX_BYTES", 2 * 2**20)
    (tmp_path / "weights.py").write_bytes(b" " * (2 * 2**20 + 1))

    with pytest.raises(ConfigError, match=r"take more than 2 MiB.*Try: the same line in a folder that holds only them"):
        modules.copy(tmp_path, tmp_path / "to")
