"""Where `sweep.seeds=auto` cannot hold what it promises, it is refused before anything trains."""

from __future__ import annotations

from collections.abc import Sequence

from sweeper import data
from sweeper.config.schema import LAST_SEED
from sweeper.config.trial import num_folds
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import ConfigError
from sweeper.core.looks import AUTO_SEEDS
from sweeper.core.objectives import Objective
from sweeper.inference import LOOKS
from sweeper.preflight.check import PlannedTrial
from sweeper.space.dimensions import SearchSpace
from sweeper.sweep.settings import Settings

_KEY = f"sweep.seeds={AUTO_SEEDS}"


def check_auto(settings: Settings, space: SearchSpace, trials: Sequence[PlannedTrial]) -> None:
    """Refuses what its looks cannot compare.

    Raises:
        ConfigError: another objective than accuracy, a pruner, folds, a swept seed, seeds beyond the last one, or a
            grid of one configuration.
    """
    if not settings.sweep.extent.is_auto:
        return
    if settings.objectives != (Objective("val_accuracy", "maximize"),):
        given = ", ".join(one.metric for one in settings.objectives)
        raise ConfigError(
            f"{_KEY} compares right and wrong answers, and objective.metric is {given}. Accepted: "
            "objective.metric=val_accuracy; with other objectives a number of seeds.  Try: sweep.seeds=5"
        )
    if settings.pruner.name != "none":
        raise ConfigError(
            f"{_KEY} chooses its candidates among configurations that were trained to the end, and "
            f"pruner={settings.pruner.name} ends some early. Accepted: one of the two.  Try: {_KEY} pruner=none"
        )
    if any(num_folds(planned.point.config["data"]) > 1 for planned in trials):
        raise ConfigError(
            f"{_KEY} compares all seeds on the same images, and with data.folds each has others. Accepted: one of the "
            "two; with folds a number of seeds.  Try: sweep.seeds=3"
        )
    if "seed" in space.keys:
        raise ConfigError(f"{_KEY} and a swept seed do the same. Accepted: one of them.  Try: {_KEY}, without seed")
    last = settings.seed + LOOKS[-1][0]
    if settings.seed <= LAST_SEED < last:
        raise ConfigError(
            f"{_KEY} from seed={settings.seed} may go on to {last}. Accepted: seeds up to {LAST_SEED}.  Try: seed=0"
        )
    if settings.sampler.name == "grid" and len(trials) == 1:
        raise ConfigError(
            f"{_KEY} compares configurations, and this is one. Accepted: two or more, or a number of seeds.  Try: "
            "sweep.seeds=5"
        )


def check_images(prepared: Sequence[PreparedData]) -> None:
    """Refuses validation images that cannot tell configurations apart; known once the data are prepared.

    Raises:
        ConfigError: there is more than one split, or all validation images are of one group.
    """
    if len({one.split_digest for one in prepared}) > 1:
        raise ConfigError(
            f"{_KEY} compares configurations on the same validation images, and here data or split vary. Accepted: one "
            "data set with one split, or a number of seeds.  Try: sweep.seeds=3"
        )
    if len(set(data.group_names(prepared[0], "validation"))) == 1:
        raise ConfigError(
            f"{_KEY} compares configurations over groups of images (data.groups), and all validation images are of one "
            "group. Accepted: two groups or more, or each group validated in turn by data.folds.  Try: data.folds=5 "
            "sweep.seeds=1"
        )
