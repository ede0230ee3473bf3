"""What the scores of trained networks say about them, and what they do not. Pure functions over arrays.

Rows are trials, columns are images; every row was scored on the same images. Here lives arithmetic alone: which images,
which trials, and what is said of the outcome is decided by the callers. `scipy.special` is imported where it is used,
since a refused command line needs none of this.
"""

from sweeper.inference.accuracy import accuracy_interval, wilson_interval
from sweeper.inference.clusters import (
    as_units,
    close_by_clusters,
    differences_by_clusters,
    group_sums,
    leading_group_by_clusters,
    rank_intervals_by_clusters,
    sign_flip_p,
)
from sweeper.inference.configurations import ConfigurationGroup, leading_configurations, winning_configuration
from sweeper.inference.contrasts.equal import (
    both_close,
    configurations_from_leader,
    equal_configurations,
    equal_trials,
)
from sweeper.inference.contrasts.fold_parts import FEWEST_FOLDS
from sweeper.inference.contrasts.levels import level_effects
from sweeper.inference.contrasts.means import means_from_leader, means_over_folds_from_leader
from sweeper.inference.contrasts.needed import Needed, needed_for_configurations, needed_for_trials
from sweeper.inference.contrasts.over_folds import (
    equal_over_folds,
    gains_over_folds,
    level_effects_over_folds,
    needed_over_folds,
)
from sweeper.inference.contrasts.parts import FEWEST_SEEDS, most_usual
from sweeper.inference.folds import folds_from_leader, leading_over_folds, winning_over_folds
from sweeper.inference.groups import (
    Elimination,
    Left,
    differences_from_leader,
    leading_group,
    leading_group_by_losses,
    loss_differences_from_leader,
    paired_p,
)
from sweeper.inference.looks import LOOKS, Look, gains_over, look
from sweeper.inference.margin import close_to_best, fewest_images, not_worse
from sweeper.inference.pairs import discordant, holm, mcnemar_p
from sweeper.inference.permutations import beats_chance
from sweeper.inference.ranks import rank_intervals, rank_intervals_by_losses
from sweeper.inference.swaps import CountMetric, leading_group_by_swaps, rank_intervals_by_swaps, swap_p
from sweeper.inference.winner import ExpectedScore, winners_score

__all__ = [
    "FEWEST_FOLDS",
    "FEWEST_SEEDS",
    "LOOKS",
    "ConfigurationGroup",
    "CountMetric",
    "Elimination",
    "ExpectedScore",
    "Left",
    "Look",
    "Needed",
    "accuracy_interval",
    "as_units",
    "beats_chance",
    "both_close",
    "close_by_clusters",
    "close_to_best",
    "configurations_from_leader",
    "differences_by_clusters",
    "differences_from_leader",
    "discordant",
    "equal_configurations",
    "equal_over_folds",
    "equal_trials",
    "fewest_images",
    "folds_from_leader",
    "gains_over",
    "gains_over_folds",
    "group_sums",
    "holm",
    "leading_configurations",
    "leading_group",
    "leading_group_by_clusters",
    "leading_group_by_losses",
    "leading_group_by_swaps",
    "leading_over_folds",
    "level_effects",
    "level_effects_over_folds",
    "look",
    "loss_differences_from_leader",
    "mcnemar_p",
    "means_from_leader",
    "means_over_folds_from_leader",
    "most_usual",
    "needed_for_configurations",
    "needed_for_trials",
    "needed_over_folds",
    "not_worse",
    "paired_p",
    "rank_intervals",
    "rank_intervals_by_clusters",
    "rank_intervals_by_losses",
    "rank_intervals_by_swaps",
    "sign_flip_p",
    "swap_p",
    "wilson_interval",
    "winners_score",
    "winning_configuration",
    "winning_over_folds",
]
