"""A checkpoint is read whole or not at all."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import pytest

from sweeper.trial import checkpoint

HISTORY = [{"loss": 1.5, "val_loss": 1.25}, {"loss": 1.0, "val_loss": 1.125}]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A checkpoint after the second epoch."""
    weights = [np.linspace(0, 1, 12).reshape(3, 4), np.arange(4.0)]
    state = checkpoint.Checkpoint(
        tuple(HISTORY),
        (1,),
        tuple(weights),
        (np.array(2),),
        {"stopping": {"best": -math.inf}},
        (np.array([0.5]),),
        (np.array([129], np.uint8), np.array([3], np.uint8)),
    )
    checkpoint.save(tmp_path / "checkpoint.npz", state, "this trial")
    return tmp_path / "checkpoint.npz"


def test_what_was_saved_is_loaded(path: Path) -> None:
    found = checkpoint.load(path, "this trial")

    assert found is not None
    assert list(found.history) == HISTORY
    assert found.interruptions == (1,)
    assert [array.shape for array in found.model] == [(3, 4), (4,)]
    assert [int(array) for array in found.optimizer] == [2]
    assert found.memory == {"stopping": {"best": -math.inf}}
    assert [float(array[0]) for array in found.best] == [0.5]
    assert [array.tolist() for array in found.bits] == [[129], [3]]


def test_another_trials_state_is_not_taken(path: Path) -> None:
    assert checkpoint.load(path, "another trial") is None
    assert path.exists()


@pytest.mark.parametrize("damage", ["truncated", "emptied", "other bytes", "a folder"])
def test_a_damaged_checkpoint_is_deleted_and_the_trial_starts_anew(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    content = path.read_bytes()
    if damage == "a folder":
        path.unlink()
        path.mkdir()
    else:
        half = len(content) // 2
        path.write_bytes({"truncated": content[:half], "emptied": b"", "other bytes": content[half:] * 2}[damage])

    with caplog.at_level(logging.WARNING):
        assert checkpoint.load(path, "this trial") is None

    assert not path.exists()
    assert f"{path} is" in caplog.text
    assert "the trial starts from its first epoch" in caplog.text


def test_no_changed_byte_gives_other_weights(path: Path) -> None:
    whole, content = checkpoint.load(path, "this trial"), path.read_bytes()
    assert whole is not None
    num_refused = 0
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])
        found = checkpoint.load(path, "this trial")
        num_refused += found is None
        if found is not None:
            assert found.history == whole.history
            assert all(np.array_equal(a, b) for a, b in zip(found.model, whole.model, strict=True))
            assert all(np.array_equal(a, b) for a, b in zip(found.optimizer, whole.optimizer, strict=True))
    assert num_refused > len(content) / 7 * 0.6
