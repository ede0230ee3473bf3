"""Trains one trial again, by the executor that a sweep uses, and ends it where its row was ended.

What does not live here: what is trained and what is made of the result (`sweeper.verify.run`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from sweeper.artifacts.result import NO_RESULT, read_result
from sweeper.core.events import EpochFinished, Listener, TrialBegan
from sweeper.core.paths import TrialPaths
from sweeper.core.trials import TrainingSpec, TrialResult
from sweeper.executors import Event, Executor, TrialEnded, TrialEpoch, TrialStarted

_POLL_S = 0.2


class Rerun:
    """One training. A pruned row is stopped after its last epoch; one that was resumed is interrupted and resumed."""

    def __init__(
        self, executor: Executor, spec: TrainingSpec, listener: Listener, stop_after: int | None, cuts: Sequence[int]
    ) -> None:
        """Prepares it.

        Args:
            executor: runs it; its caller closes it.
            spec: what to train; `awaits_verdict` where it is to be stopped or interrupted at an exact epoch.
            listener: called with its events.
            stop_after: the epoch after which a pruner ended the row; None where none did.
            cuts: the epochs after which the row's process was killed and resumed from its checkpoint, ascending.
        """
        self._executor = executor
        self._spec = spec
        self._listener = listener
        self._stop_after = stop_after
        self._cuts = deque(cuts)
        self._is_cut = False
        self._reason: str | None = None

    def run(self) -> TrialResult:
        """Trains, and returns the result as the trial's process left it."""
        num_epochs = int(self._spec.config.get("refit", self._spec.config["training"])["epochs"])
        self._listener(TrialBegan(self._spec.number, self._spec.overrides, num_epochs))
        self._executor.submit(self._spec)
        while self._reason is None:
            self._executor.poll(self._handle, _POLL_S)
        result = read_result(TrialPaths(self._spec.folder))
        return result or TrialResult.failure(self._reason or NO_RESULT)

    def _handle(self, event: Event) -> None:
        match event:
            case TrialStarted():
                pass
            case TrialEpoch():
                self._listener(EpochFinished(event.number, event.report))
                self._epoch(event.report.epoch)
            case TrialEnded():
                self._ended(event.reason)

    def _epoch(self, epoch: int) -> None:
        if self._cuts and epoch == self._cuts[0]:
            self._cuts.popleft()
            self._is_cut = True
            self._executor.kill(self._spec.number, "it was interrupted")
        elif epoch == self._stop_after:
            self._executor.stop(self._spec.number)

    def _ended(self, reason: str) -> None:
        """After an interruption it is started again in the same folder, where its checkpoint lies."""
        if self._is_cut:
            self._is_cut = False
            self._executor.submit(self._spec)
        else:
            self._reason = reason
