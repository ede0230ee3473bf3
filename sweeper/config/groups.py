"""The keys of `sweep`, in checked groups: a reader takes the group that it needs, not all of them."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, TypeVar

from sweeper.config.checks import check, is_int
from sweeper.core.looks import AUTO_SEEDS

_COUNT = "a whole number from 1, or null"


@dataclass(frozen=True)
class Extent:
    """How many trials there are.

    Attributes:
        trials: configurations in all; None for all of a grid, 20 of a sampler.
        seeds: repeats of each configuration, under seed, seed + 1, ...; or `auto`: fresh seeds of the leading ones.
        baseline: whether the default configuration is trained too.
    """

    trials: int | None = None
    seeds: Any = 1
    baseline: bool = False

    def __post_init__(self) -> None:
        check(self.trials is None or self.trials >= 1, "sweep.trials", self.trials, _COUNT, "20")
        ok = self.is_auto or (is_int(self.seeds) and 1 <= self.seeds <= 1000)
        check(ok, "sweep.seeds", self.seeds, f"a whole number from 1 to 1000, or {AUTO_SEEDS}", "3")

    @property
    def is_auto(self) -> bool:
        """Whether the leading configurations alone are repeated, until they are told apart."""
        return bool(self.seeds == AUTO_SEEDS)

    @property
    def num_seeds(self) -> int:
        """Repeats of every configuration."""
        return 1 if self.is_auto else int(self.seeds)


@dataclass(frozen=True)
class Limits:
    """When no further trial starts.

    Attributes:
        max_epochs: epochs of all trials, earlier starts included.
        timeout_s: seconds since this start.
        max_failures: failed trials.
        target: a value of the first objective that is good enough.
    """

    max_epochs: int | None = None
    timeout_s: float | None = None
    max_failures: int | None = None
    target: float | None = None

    def __post_init__(self) -> None:
        check(self.max_epochs is None or self.max_epochs >= 1, "sweep.max_epochs", self.max_epochs, _COUNT, "200")
        check(self.max_failures is None or self.max_failures >= 1, "sweep.max_failures", self.max_failures, _COUNT, "3")
        _check_seconds("timeout_s", self.timeout_s, "3600")
        finite = self.target is None or math.isfinite(self.target)
        check(finite, "sweep.target", self.target, "a number, or null", "0.99")


@dataclass(frozen=True)
class Attempts:
    """What happens to a trial that hangs, dies or fails.

    Attributes:
        trial_timeout_s: seconds before it is ended as failed.
        retries: times that it is run again if its process dies.
        retry_failed: whether a resumed sweep runs its failed trials again.
    """

    trial_timeout_s: float | None = None
    retries: int = 0
    retry_failed: bool = False

    def __post_init__(self) -> None:
        _check_seconds("trial_timeout_s", self.trial_timeout_s, "600")
        check(0 <= self.retries <= 100, "sweep.retries", self.retries, "a whole number from 0 to 100", "1")


@dataclass(frozen=True)
class Rules:
    """Which configurations of the search space there are; `sweeper.space.rules` checks them against the space.

    Attributes:
        zip: keys whose choices go together instead of crossed.
        exclude: partial configurations that are left out.
        enqueue: partial configurations that come first.
        skip_infeasible: whether configurations whose network cannot be built are left out.
    """

    zip: Any = None
    exclude: Any = None
    enqueue: Any = None
    skip_infeasible: bool = False


_Group = TypeVar("_Group", Extent, Limits, Attempts, Rules)


def group(kind: type[_Group], config: Any) -> _Group:
    """The keys of one group, checked.

    Raises:
        ConfigError: a value that its key does not take.
    """
    return kind(**{field.name: getattr(config, field.name) for field in dataclasses.fields(kind)})


def _check_seconds(key: str, value: float | None, try_: str) -> None:
    ok = value is None or (math.isfinite(value) and value > 0)
    check(ok, f"sweep.{key}", value, "a number of seconds above 0, or null", try_)
