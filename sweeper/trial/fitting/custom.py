"""`training.callbacks`: the user's Keras callbacks, which may stop a training, but not change what is reported of it.

They get copies of an epoch's logs. Where one changes the network at the end of an epoch, that epoch is scored again, so
its figures are those of the weights as they are then; the row's figures come from a pass after the last callback.
While one runs, the current folder is `callbacks/` among the trial's artifacts: files with relative names become
artifacts of the trial's run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.core.errors import ConfigError, TargetError
from sweeper.core.targets import load


def make_custom(
    nodes: Sequence[Mapping[str, Any]], folder: Path, score_again: Callable[[dict[str, float]], None]
) -> Any:
    """A Keras callback that calls the custom ones, in their order; None where there are none.

    Args:
        nodes: `_target_` and keys of each.
        folder: where their files go; exists only where one was written.
        score_again: scores the epoch that has just ended once more, and updates its logs.

    Raises:
        ConfigError: one cannot be made.
    """
    import keras

    if not nodes:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    made = [_make(node, folder) for node in nodes]

    class Custom(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._state: Sequence[Any] | None = None

        def set_model(self, model: Any) -> None:
            super().set_model(model)
            for one in made:
                one.set_model(model)

        def set_params(self, params: dict[str, Any]) -> None:
            super().set_params(params)
            for one in made:
                one.set_params(dict(params))

        def _call(self, hook: str, *args: Any, logs: Mapping[str, float] | None) -> None:
            with contextlib.chdir(folder):
                for one in made:
                    getattr(one, hook)(*args, logs=dict(logs or {}))

        def on_train_begin(self, logs: Any = None) -> None:
            self._call("on_train_begin", logs=logs)
            if self._state is not None:
                for one, state in zip(made, self._state, strict=True):
                    if state is not None:
                        one.load_state_dict(state)

        def on_train_end(self, logs: Any = None) -> None:
            before = _digest(self.model)
            self._call("on_train_end", logs=logs)
            if _digest(self.model) != before:
                logging.getLogger(__name__).warning(
                    "A callback changed the network after the last epoch: the trial's figures are those of the changed "
                    "weights, which are saved, and differ from the last epoch's."
                )
            with contextlib.suppress(OSError):  # files lie in it
                folder.rmdir()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._call("on_epoch_begin", epoch, logs=logs)

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            logs = {} if logs is None else logs
            before = _digest(self.model)
            self._call("on_epoch_end", epoch, logs=logs)
            if _digest(self.model) != before:
                score_again(logs)

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self._call("on_train_batch_begin", batch, logs=logs)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._call("on_train_batch_end", batch, logs=logs)

        def state_dict(self) -> list[Any]:
            """What each remembers of earlier epochs; None of one that remembers nothing."""
            states = [one.state_dict() if hasattr(one, "state_dict") else None for one in made]
            try:
                json.dumps(states)
            except TypeError as error:
                raise ConfigError(
                    f"training.callbacks: state_dict() returned what a checkpoint cannot keep ({error}). Accepted: "
                    "numbers, text, true, false, null, and lists and maps of them.  Try: training.checkpoint=false"
                ) from error
            return states

        def load_state_dict(self, states: Sequence[Any]) -> None:
            """Keeps it until the training begins, when callbacks forget."""
            self._state = states

    return Custom()


def _make(node: Mapping[str, Any], folder: Path) -> Any:
    import keras
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    target = str(node["_target_"])
    try:
        load(target, "class")  # before the folder is left in which Python finds it
        with contextlib.chdir(folder):
            made = instantiate(dict(node), _convert_="all")
    except (TargetError, InstantiationException) as error:
        reason = error if isinstance(error, TargetError) else error.__cause__ or error
        raise ConfigError(
            f"training.callbacks: {target} cannot be made from {dict(node)}: {reason}. Accepted: a class made from "
            "keras.callbacks.Callback, with keys that it takes."
        ) from error
    if not isinstance(made, keras.callbacks.Callback):
        raise ConfigError(
            f"training.callbacks: {target} gives {type(made).__name__}. Accepted: a keras.callbacks.Callback."
        )
    return made


def _digest(model: Any) -> bytes:
    """Of all variables of a model and its optimizer."""
    digest = hashlib.blake2b(digest_size=16)
    for variable in (*model.variables, *model.optimizer.variables):
        digest.update(np.ascontiguousarray(variable).tobytes())
    return digest.digest()
