"""When no further trial begins."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sweeper.config.groups import Limits
from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialRow, TrialState


@dataclass
class Budget:
    """When no further trial begins. `reason` says which limit was reached first.

    Attributes:
        objective: the first objective, which `target` is a value of.
        epochs: trained so far, by trial; of earlier starts those of the trials that finished.
    """

    limits: Limits
    objective: Objective
    started: float = field(default_factory=time.monotonic)
    num_failed: int = 0
    epochs: dict[int, int] = field(default_factory=dict)
    reason: str = ""
    is_search_over: bool = False

    def is_spent(self) -> bool:
        timeout_s = self.limits.timeout_s
        if not self.reason and timeout_s is not None and time.monotonic() - self.started > timeout_s:
            self.reason = f"sweep.timeout_s={timeout_s:g} is over"
        max_epochs = self.limits.max_epochs
        if not self.reason and max_epochs is not None and sum(self.epochs.values()) >= max_epochs:
            self.reason = f"sweep.max_epochs={max_epochs} is reached with {sum(self.epochs.values())} epochs trained"
        return bool(self.reason)

    def end_search(self, reason: str) -> None:
        """Called where no further configuration can be proposed."""
        self.reason, self.is_search_over = reason, True

    def begin_stage(self) -> None:
        """Called where what was found is trained further: that nothing is left to propose does not end that."""
        if self.is_search_over:
            self.reason, self.is_search_over = "", False

    def count(self, row: TrialRow) -> None:
        """Counts a failure."""
        self.num_failed += row.state is TrialState.FAILED
        limit = self.limits.max_failures
        if not self.reason and limit is not None and self.num_failed >= limit:
            self.reason = f"sweep.max_failures={limit} is reached, the last by trial {row.number}"

    def reached(self, value: float, point: str) -> None:
        """Called with a complete point's first objective."""
        target = self.limits.target
        if not self.reason and target is not None and self.objective.sign * (value - target) >= 0:
            self.reason = f"sweep.target={target:g} is reached by {point} with {self.objective.metric} {value:.4f}"
