"""Fits a compiled network, from its checkpoint where there is one.

The callbacks of an epoch, in their order: the order of images, the schedule's rate, the scores, custom callbacks, early
stopping, and last the checkpoint and the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.config.identity import canonical
from sweeper.config.training import TrainingConfig
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import TrainingSpec
from sweeper.trial import checkpoint
from sweeper.trial.batches import ShuffledBatches
from sweeper.trial.callbacks import Report, make_reporter, make_scorer
from sweeper.trial.checkpoint import Checkpoint
from sweeper.trial.fitting.averages import averages_weights
from sweeper.trial.fitting.custom import make_custom
from sweeper.trial.fitting.schedule import make_schedule
from sweeper.trial.fitting.stopping import make_stopping, watched
from sweeper.trial.validation import ValidationPass


@dataclass(frozen=True)
class Fit:
    """A finished training.

    Attributes:
        history: each epoch's metrics.
        kept_epoch: the epoch of the kept weights, from 1.
        pruned: whether it was ended early.
        interruptions: the last epoch of each earlier process that was interrupted and resumed from.
        weights_changed: whether the model's weights may be others than those of the last validation pass.
        bits: (epochs, ceil(images / 8)), which validation images each epoch answered right, one bit per image; None
            where it resumed from a checkpoint of an earlier version, which does not have them.
    """

    history: tuple[dict[str, float], ...]
    kept_epoch: int
    pruned: bool
    interruptions: tuple[int, ...]
    weights_changed: bool
    bits: NDArray[np.uint8] | None


class Fitting:
    """One training: its callbacks, and what they remember from epoch to epoch."""

    def __init__(
        self,
        model: Any,
        batches: ShuffledBatches,
        validation: ValidationPass,
        training: TrainingConfig,
        spec: TrainingSpec,
        report: Report,
        freezing: Any = None,
        last_epoch: int | None = None,
    ) -> None:
        """Prepares it.

        Args:
            model: compiled, with the variables of its optimizer; its weights are those of the start.
            batches: the training images.
            validation: scores each epoch.
            training: how it trains.
            spec: the trial.
            report: called with each epoch.
            freezing: the callback that lets a frozen part be trained from some epoch on.
            last_epoch: after which it ends; None: `training.epochs`.
        """
        self._last_epoch = training.epochs if last_epoch is None else last_epoch
        self._model, self._batches, self._training, self._freezing = model, batches, training, freezing
        paths = TrialPaths(spec.folder)
        self._path, self._config = paths.checkpoint, canonical(spec.config)
        self._interruptions: tuple[int, ...] = ()
        metric, sign = watched(spec.metric)
        rates_vary = training.varies_learning_rate or bool(training.callbacks)
        self._scorer = make_scorer(validation, logs_rate=rates_vary)
        self._custom = make_custom(training.callbacks, paths.artifacts / "callbacks", self._scorer.score)
        self._schedule = make_schedule(training, model, len(batches), metric, sign)
        self._stopping = make_stopping(training, spec.metric)
        self._reporter = make_reporter(report, self._scorer, self._save if training.checkpoint else None)

    def run(self) -> Fit:
        """Trains from the last checkpoint of this very configuration, or from the start, to the end."""
        earlier = checkpoint.load(self._path, self._config) if self._training.checkpoint else None
        if earlier is not None:
            self._resume(earlier)
        resumed_after = len(self._scorer.history)
        stopped = earlier is not None and bool(earlier.memory.get("stopped"))
        if self._reporter.pruned or stopped or resumed_after >= self._last_epoch:
            self._end_at_once()
        else:
            self._fit(resumed_after)
        kept = len(self._scorer.history)
        if self._training.restore_best:
            self._stopping.restore(self._model)
            kept = self._stopping.best_epoch + 1
        changed = averages_weights(self._model) or bool(self._custom) or len(self._scorer.history) == resumed_after
        return Fit(
            history=tuple(self._scorer.history),
            kept_epoch=kept,
            pruned=self._reporter.pruned,
            interruptions=self._interruptions,
            weights_changed=changed or self._training.restore_best,
            bits=np.stack(self._scorer.bits) if len(self._scorer.bits) == len(self._scorer.history) else None,
        )

    def _fit(self, resumed_after: int) -> None:
        callbacks = [
            self._batches.callback(),
            self._freezing,
            self._scorer,
            self._custom,
            self._schedule,
            self._stopping,
            self._reporter,
        ]
        self._model.fit(
            self._batches.dataset(),
            shuffle=False,  # the dataset is shuffled; Keras warns otherwise
            epochs=self._last_epoch,
            initial_epoch=resumed_after,
            callbacks=[callback for callback in callbacks if callback is not None],
            verbose=0,
        )

    def _end_at_once(self) -> None:
        """What `Model.fit` does after the last epoch, where there is none left."""
        self._model.optimizer.finalize_variable_values(self._model.trainable_variables)
        self._scorer.set_model(self._model)
        self._scorer.on_train_end()
        if self._custom is not None:
            self._custom.set_model(self._model)
            self._custom.on_train_begin()
            self._custom.on_train_end()

    def _resume(self, earlier: Checkpoint) -> None:
        self._interruptions = (*earlier.interruptions, len(earlier.history))
        if self._freezing is not None:
            self._freezing.resume_after(len(earlier.history))
        checkpoint.restore(earlier, self._model)
        self._reporter.tell_again(earlier.history)
        self._scorer.bits.extend(earlier.bits)
        remembered: Mapping[str, Any] = earlier.memory
        if self._schedule is not None:
            self._schedule.load_state_dict(remembered["schedule"])
        if self._stopping is not None:
            self._stopping.load_state_dict(remembered["stopping"], earlier.best)
        if self._custom is not None:
            self._custom.load_state_dict(remembered["custom"])

    def _save(self) -> None:
        parts = {"schedule": self._schedule, "stopping": self._stopping, "custom": self._custom}
        memory = {name: part.state_dict() for name, part in parts.items() if part is not None}
        checkpoint.save(
            self._path,
            Checkpoint(
                history=tuple(self._scorer.history),
                interruptions=self._interruptions,
                model=tuple(self._model.variables),
                optimizer=tuple(self._model.optimizer.variables),
                memory={**memory, "stopped": bool(self._model.stop_training)},
                best=() if self._stopping is None else tuple(self._stopping.best_weights),
                bits=tuple(self._scorer.bits),
            ),
            self._config,
        )
