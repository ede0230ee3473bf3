"""Damaged bytes are found, wherever they are in a file; what is whole is read as it was written."""

from __future__ import annotations

import json
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sweeper.artifacts import damage
from sweeper.artifacts.damage import check_archive, load_arrays, sealed, unsealed
from sweeper.artifacts.result import read_result, write_result
from sweeper.core.errors import DamagedFileError
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import TrialResult, TrialState

CONTENT = {
    "metrics": {"val_accuracy": 0.1 + 0.2, "loss": float("nan")},
    "trials": [1, 2],
    "name": "läuft",
    "none": None,
}


def test_what_was_sealed_is_the_same_after_json() -> None:
    assert repr(unsealed(json.loads(json.dumps(sealed(CONTENT))))) == repr(CONTENT)


def test_an_object_of_an_earlier_release_has_no_checksum_and_is_read() -> None:
    assert unsealed({"state": "complete"}) == {"state": "complete"}


def test_tuples_and_names_that_json_changes_are_sealed_as_json_gives_them_back() -> None:
    assert unsealed(sealed({"state": TrialState.COMPLETE, "trials": (1, 2)})) == {"state": "complete", "trials": [1, 2]}


@pytest.mark.parametrize(
    "changed",
    [{"trials": [1, 3]}, {"name": "lauft"}, {"none": 0}, {"more": 1}, {"metrics": {"val_accuracy": 0.3}}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_changed_value_is_found(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="its checksum differs"):
        unsealed({**sealed(CONTENT), **changed})


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=["stored", "compressed"])
def test_arrays_with_a_changed_byte_are_refused_or_the_same(tmp_path: Path, save: object) -> None:
    """Bytes that carry nothing, such as an archive's dates, may change; no other array ever comes of it."""
    path = tmp_path / "some.npz"
    arrays = {"weights": np.linspace(0, 1, 50, dtype=np.float32), "labels": np.arange(20)}
    np.savez(path, **arrays) if save is np.savez else np.savez_compressed(path, **arrays)
    content, refused = path.read_bytes(), 0
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            found = load_arrays(path)
        except DamagedFileError as error:
            assert str(path) in str(error)  # noqa: PT017  most bytes are refused, not all
            refused += 1
        else:
            assert all(np.array_equal(array, arrays[name]) for name, array in found.items())
            assert len(found) <= len(arrays)
    assert refused > len(content) / 3 * 0.6


@pytest.mark.parametrize("size", [0, 1, 30, 200])
def test_a_file_of_other_bytes_is_no_archive(tmp_path: Path, size: int) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(random.Random(size).randbytes(size))

    with pytest.raises(DamagedFileError, match=r"model\.keras is damaged: File is not a zip file"):
        check_archive(path)


def test_what_is_not_there_or_a_folder_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match=r"gone\.npz is missing"):
        load_arrays(tmp_path / "gone.npz")
    with pytest.raises(DamagedFileError, match="is a folder, not a file"):
        load_arrays(tmp_path)


def test_a_member_that_is_not_what_it_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights.npy", b"no array")

    with pytest.raises(DamagedFileError, match=r"some\.npz is damaged: weights is no array"):
        load_arrays(path)


def test_a_result_with_a_changed_byte_is_refused_or_the_same(tmp_path: Path) -> None:
    paths = TrialPaths(tmp_path)
    result = TrialResult(TrialState.COMPLETE, {"val_accuracy": 0.875, "epochs": 3})
    write_result(paths, result)
    content = paths.result.read_bytes()
    for place in range(0, len(content), 3):
        for changed in (content[place] ^ 1, content[place] ^ 0x80):
            paths.result.write_bytes(content[:place] + bytes([changed]) + content[place + 1 :])
            try:
                assert read_result(paths) == result
            except DamagedFileError as error:
                assert "result.json is damaged" in str(error)  # noqa: PT017  most bytes are refused, not all


def test_every_failure_of_reading_is_one_error(tmp_path: Path) -> None:
    for failure in (EOFError("no data"), KeyError("labels"), OverflowError("too large"), NotImplementedError()):
        with pytest.raises(DamagedFileError, match="file is damaged"), damage.reading(tmp_path / "file"):
            raise failure
