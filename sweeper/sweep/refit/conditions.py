"""What `report.refit=true` cannot be asked of; refused before anything trains."""

from __future__ import annotations

from collections.abc import Sequence

from sweeper.core.errors import ConfigError
from sweeper.preflight.check import PlannedTrial
from sweeper.sweep.settings import Settings


def check_refit(settings: Settings, trials: Sequence[PlannedTrial]) -> None:
    """Refuses a refit where nothing is trained, nothing is held out, or the training follows validation images.

    Raises:
        ConfigError: names which.
    """
    if not settings.report.refit:
        return
    if settings.executor.name == "simulate":
        raise ConfigError(
            "report.refit=true would train a network, and executor=simulate trains none. Accepted: another executor, "
            "or report.refit=false.  Try: executor=processes"
        )
    configs = [planned.point.config for planned in trials]
    if any(config["data"]["validation"] == "test" for config in configs):
        raise ConfigError(
            "report.refit=true has nothing to add with data.validation=test: no training image is held out, so the "
            "trials are trained on all of them. Accepted: data.folds, or validation images that are held out.  "
            "Try: data.validation=0.2"
        )
    if any(config["training"].get("schedule") == "plateau" for config in configs):
        raise ConfigError(
            "report.refit=true leaves no validation images, and training.schedule=plateau lowers the learning rate by "
            "what they say. Accepted: a schedule that is a function of the step: constant, cosine, step, exponential, "
            "one_cycle.  Try: training.schedule=cosine"
        )
