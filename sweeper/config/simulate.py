"""Trials that only sleep, for benchmarks and tests of everything around the training (`executor=simulate`)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from sweeper.config.checks import check


@dataclass
class SimulateConfig:
    """How long a simulated trial takes, and what it reports. All is drawn from the trial's own configuration."""

    duration_s: float = 1.0  # seconds that a trial takes, from 0; the median where they vary
    spread: float = 0.0  # standard deviation of the logarithm of the seconds, 0 to 3; 0: all take the same
    accuracy: Any = field(default_factory=lambda: [0.5, 0.95])  # lowest and highest validation accuracy at the end
    failures: float = 0.0  # share of trials that fail half-way, 0 to 1
    curve: str | None = None  # dotted path of a function (config, epochs, rng) -> validation accuracies, one per epoch
    seed: int = 0  # of all that is drawn, 0 to 2**32 - 1

    def __post_init__(self) -> None:
        name = "executor.simulate"
        ok = math.isfinite(self.duration_s) and self.duration_s >= 0
        check(ok, f"{name}.duration_s", self.duration_s, "a number of seconds from 0", "5")
        check(0 <= self.spread <= 3, f"{name}.spread", self.spread, "a number from 0 to 3", "0.3")
        pair = self.accuracy
        ok = isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, int | float) for one in pair)
        ok = ok and 0 <= pair[0] <= pair[1] <= 1
        check(ok, f"{name}.accuracy", pair, "[lowest, highest], fractions from 0 to 1", "[0.5,0.95]")
        check(0 <= self.failures <= 1, f"{name}.failures", self.failures, "a fraction from 0 to 1", "0.1")
        check(0 <= self.seed < 2**32, f"{name}.seed", self.seed, "a whole number from 0 to 2**32 - 1", "0")
