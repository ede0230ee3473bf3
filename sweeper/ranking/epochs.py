"""Whether early epochs say which trials are the best in the end: what a pruner rests on. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sweeper.core.objectives import Objective, epoch_name
from sweeper.core.trials import TrialRow, TrialState

#: Trials from which on a correlation says anything.
FEWEST_TRIALS = 8


def rank_correlations(rows: Sequence[TrialRow], objective: Objective) -> tuple[float, ...]:
    """Spearman's correlation of each epoch's order of the trials with the last epoch's, from the first epoch on.

    Of complete trials alone, which were trained to the end and for the same number of epochs, the most usual one. The
    last entry is 1. Empty where they are fewer than eight, have two epochs or fewer, or an order has no differences.

    Source: C. Spearman (1904), The proof and measurement of association between two things, American Journal of
    Psychology 15; ties have their mean rank.
    """
    from scipy.stats import rankdata

    name = epoch_name(objective.metric)
    whole = [row for row in rows if row.state is TrialState.COMPLETE and row.history and name in row.history[-1]]
    lengths = [len(row.history) for row in whole]
    usual = max(set(lengths), key=lambda length: (lengths.count(length), length), default=0)
    curves = [[epoch.get(name or "") for epoch in row.history] for row in whole if len(row.history) == usual]
    if len(curves) < FEWEST_TRIALS or usual < 3 or any(value is None for curve in curves for value in curve):
        return ()
    orders = [rankdata([curve[epoch] for curve in curves]) for epoch in range(usual)]
    if any(order.std() == 0 for order in orders):
        return ()
    last = orders[-1] - orders[-1].mean()
    found = [float(((order - order.mean()) * last).mean() / (order.std() * last.std())) for order in orders]
    return tuple(min(1.0, max(-1.0, value)) for value in found)
