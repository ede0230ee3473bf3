"""Custom callbacks: what they see, where their files go, and that nothing they do goes unnoticed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.core.errors import ConfigError
from sweeper.trial.fitting.custom import make_custom

pytestmark = pytest.mark.usefixtures("keras_runtime")

OWN = """
from pathlib import Path
import keras

PLACES = ["train_begin", "epoch_begin", "train_batch_begin", "train_batch_end", "epoch_end", "train_end"]

class Notes(keras.callbacks.Callback):
    def note(self, hook, logs):
        with Path("notes.txt").open("a") as file:
            print(hook, self.params["epochs"], *sorted(logs), file=file)
        logs["loss"] = -1.0

for hook in [f"on_{place}" for place in PLACES]:
    setattr(Notes, hook, lambda self, *args, logs, hook=hook: self.note(hook, logs))

class Zero(keras.callbacks.Callback):
    def __init__(self, at="epoch_end"):
        super().__init__()
        self.at = at

    def on_epoch_end(self, epoch, logs):
        if self.at == "epoch_end":
            self.model.set_weights([0 * weights for weights in self.model.get_weights()])

    def on_train_end(self, logs):
        if self.at == "train_end":
            self.model.set_weights([0 * weights for weights in self.model.get_weights()])

class Array(keras.callbacks.Callback):
    def state_dict(self):
        return {"value": object()}

def build():
    return 3
"""


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "custom_callbacks.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)


def fit(folder: Path, *nodes: dict[str, Any]) -> list[dict[str, float]]:
    """Trains two epochs of one batch with these callbacks; returns the logs of each time that they ask for scores."""
    import keras

    scored: list[dict[str, float]] = []
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    custom = make_custom(nodes, folder, scored.append)
    model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=2, batch_size=4, callbacks=[custom], verbose=0)
    return scored


def test_files_with_relative_names_go_into_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    scored = fit(
        tmp_path / "files",
        {"_target_": "custom_callbacks.Notes"},
        {"_target_": "keras.callbacks.CSVLogger", "filename": "epochs.csv"},
    )

    assert list((tmp_path / "here").iterdir()) == []
    assert Path.cwd() == tmp_path / "here"
    lines = (tmp_path / "files/notes.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines[:5]] == [
        "on_train_begin",
        "on_epoch_begin",
        "on_train_batch_begin",
        "on_train_batch_end",
        "on_epoch_end",
    ]
    assert lines[4] == "on_epoch_end 2 loss"
    losses = [float(line.split(",")[1]) for line in (tmp_path / "files/epochs.csv").read_text().splitlines()[1:]]
    assert all(loss >= 0 for loss in losses)  # another callback wrote -1 into its copy
    assert scored == []


def test_a_folder_without_files_is_not_left(tmp_path: Path) -> None:
    fit(tmp_path / "files", {"_target_": "keras.callbacks.TerminateOnNaN"})

    assert not (tmp_path / "files").exists()


def test_an_epoch_whose_weights_are_changed_is_scored_again(tmp_path: Path) -> None:
    assert len(fit(tmp_path / "files", {"_target_": "custom_callbacks.Zero"})) == 2


def test_a_change_after_the_last_epoch_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert fit(tmp_path / "files", {"_target_": "custom_callbacks.Zero", "at": "train_end"}) == []

    assert "A callback changed the network after the last epoch" in caplog.text


def test_without_callbacks_there_is_nothing_to_call(tmp_path: Path) -> None:
    assert make_custom([], tmp_path / "files", lambda logs: None) is None
    assert not (tmp_path / "files").exists()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param("custom_callbacks.build", r"gives int\. Accepted: a keras\.callbacks\.Callback", id="a number"),
        pytest.param("custom_callbacks.Nothing", r"cannot be made from .*has no class Nothing", id="no such class"),
    ],
)
def test_what_is_no_callback_is_refused(target: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        make_custom([{"_target_": target}], tmp_path / "files", lambda logs: None)


def test_a_memory_that_a_checkpoint_cannot_keep_is_refused(tmp_path: Path) -> None:
    custom = make_custom([{"_target_": "custom_callbacks.Array"}], tmp_path / "files", lambda logs: None)

    with pytest.raises(ConfigError, match=r"cannot keep .*Accepted: numbers, text"):
        custom.state_dict()
