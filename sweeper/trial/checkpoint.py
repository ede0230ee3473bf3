"""A trial's state after each epoch, from which it resumes where its process or driver was killed.

One file holds everything and is renamed into place, so that there is always a whole one. Weights, the optimizer's
state, the dropout's random states and what callbacks remember are restored; the order of the images is the epoch's own
(`sweeper.trial.batches`). So a resumed trial has the figures of an undisturbed one.
"""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.artifacts.damage import load_arrays, reading
from sweeper.core.errors import DamagedFileError


@dataclass(frozen=True)
class Checkpoint:
    """The state after an epoch.

    Attributes:
        history: the metrics of each epoch so far.
        interruptions: the epochs after which an earlier process was interrupted and resumed from.
        model: the model's variables in their own order.
        optimizer: those of its optimizer.
        memory: what callbacks remember of earlier epochs, plain values by their part; whether the training has stopped.
        best: the weights of the best epoch so far, in the order of `Model.get_weights`; empty where none are kept.
        bits: by epoch, which validation images were answered right, one bit per image; empty in a checkpoint of an
            earlier version.
    """

    history: tuple[dict[str, float], ...]
    interruptions: tuple[int, ...]
    model: tuple[Any, ...]
    optimizer: tuple[Any, ...]
    memory: Mapping[str, Any] = field(default_factory=dict)
    best: tuple[Any, ...] = ()
    bits: tuple[Any, ...] = ()


#: The parts of a checkpoint that are arrays.
_ARRAYS = ("model", "optimizer", "best", "bits")


def save(path: Path, state: Checkpoint, config: str) -> None:
    """Writes the state after an epoch.

    Args:
        path: the file.
        state: of a compiled Keras model; its arrays may be variables.
        config: the trial's configuration as text; another trial's state is never taken for this one's.
    """
    arrays = {
        f"{part}_{number:05d}": np.asarray(value)
        for part in _ARRAYS
        for number, value in enumerate(getattr(state, part))
    }
    about = {"config": config, "history": state.history, "cuts": state.interruptions, "memory": state.memory}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # its stubs take every name for `allow_pickle`
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    with beside.open("wb") as file:
        file.write(buffer.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def load(path: Path, config: str) -> Checkpoint | None:
    """Reads the state that `save` left; None where there is none of this very configuration.

    One that is not whole is deleted, with a line in the trial's log; the trial then starts from its first epoch.
    """
    if not path.exists():
        return None
    try:
        return _read(path, config)
    except DamagedFileError as error:
        logging.getLogger(__name__).warning("%s: the trial starts from its first epoch.", error)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        return None


def _read(path: Path, config: str) -> Checkpoint | None:
    saved = load_arrays(path)
    with reading(path):
        about = json.loads(saved["about"].tobytes().decode())
        if about["config"] != config:
            return None
        return Checkpoint(
            history=tuple(about["history"]),
            interruptions=tuple(about.get("cuts", ())),  # a checkpoint of an earlier version has none
            memory=about.get("memory", {}),  # as above
            **{part: tuple(saved[name] for name in sorted(saved) if name.startswith(f"{part}_")) for part in _ARRAYS},
        )


def restore(checkpoint: Checkpoint, model: Any) -> None:
    """Gives a compiled Keras model, built as it was, the variables of a checkpoint."""
    model.optimizer.build(model.trainable_variables)
    for variables, values in ((model.variables, checkpoint.model), (model.optimizer.variables, checkpoint.optimizer)):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
