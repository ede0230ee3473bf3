"""`sweep.baseline=true`: the default configuration is trained with the sweep, so that the gain over it is known."""

from __future__ import annotations

from dataclasses import replace

from sweeper.core.errors import ConfigError
from sweeper.preflight.check import Checker, PlannedTrial, Preflight
from sweeper.space.composer import Composer
from sweeper.sweep.settings import Settings


def planned_baseline(settings: Settings, composer: Composer) -> PlannedTrial | None:
    """The checked default configuration; None where it is not asked for.

    Raises:
        ConfigError, ArchitectureError: nothing varies, the seed does, or it cannot be trained.
    """
    if not settings.sweep.extent.baseline:
        return None
    keys = composer.space.keys
    if not keys or "seed" in keys:
        what = "the seed varies, which has no default that counts" if keys else "nothing varies: it would be all"
        raise ConfigError(
            f"sweep.baseline=true trains the default configuration beside others, and {what}. Accepted: with swept "
            "keys of the network, the optimizer, the training or the data.  Try: arch.depth=1,2,3 sweep.baseline=true"
        )
    return Checker(settings.paths.pictures).plan(composer.default())


def with_baseline(checked: Preflight, baseline: PlannedTrial | None) -> Preflight:
    """A grid's trials with the default configuration as the first; where the grid has it, only its place changes."""
    if baseline is None:
        return checked
    others = tuple(planned for planned in checked.trials if planned.point.identity != baseline.point.identity)
    return replace(checked, trials=(baseline, *others))
