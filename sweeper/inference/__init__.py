"""What the scores of trained networks say about them, and what they do not. Pure functions over arrays.

Rows are trials, columns are images; every row was scored on the same images. Here lives arithmetic alone: which images,
which trials, and what is said of the outcome is decided by the callers. `scipy.special` is imported where it is used,
since a refused command line needs none of this.
"""

from sweeper.inference.accuracy import accuracy_interval, wilson_interval
from sweeper.inference.groups import (
    ConfigurationGroup,
    Elimination,
    Left,
    leading_configurations,
    leading_group,
    leading_group_by_losses,
)
from sweeper.inference.margin import not_worse
from sweeper.inference.pairs import discordant, holm, mcnemar_p
from sweeper.inference.ranks import rank_intervals
from sweeper.inference.winner import ExpectedScore, winners_score

__all__ = [
    "ConfigurationGroup",
    "Elimination",
    "ExpectedScore",
    "Left",
    "accuracy_interval",
    "discordant",
    "holm",
    "leading_configurations",
    "leading_group",
    "leading_group_by_losses",
    "mcnemar_p",
    "not_worse",
    "rank_intervals",
    "wilson_interval",
    "winners_score",
]
