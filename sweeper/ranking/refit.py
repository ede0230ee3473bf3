"""Which configuration a refit trains, for how many epochs, and what can be said of it. Pure.

A refit (`report.refit`) is trained on training and validation images together. None is left that could stop it or
choose its best epoch, so it trains as many epochs as its configuration's trials did before: the median over its folds
or seeds of the epoch whose weights were kept.

What does not live here: the training (`sweeper.sweep.refit`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from sweeper.core.objectives import Objective
from sweeper.core.sweeps import Refit
from sweeper.core.text import percent
from sweeper.core.trials import TrialRow, TrialState
from sweeper.inference import accuracy_interval
from sweeper.ranking.leaderboard import point_of, rank

#: Ends what is said of a refit.
PROMOTED = " promote takes it."


def chosen_trials(rows: Sequence[TrialRow], objectives: Sequence[Objective]) -> list[TrialRow]:
    """The trials of the configuration that comes first, by repeat; none where no configuration is complete."""
    first = next((one.row for one in rank(rows, *objectives) if one.rank == 1), None)
    if first is None or first.state is not TrialState.COMPLETE:
        return []
    return sorted((row for row in rows if point_of(row) == point_of(first)), key=lambda row: row.repeat)


def epochs_chosen(rows: Sequence[TrialRow]) -> int:
    """The median of the epochs whose weights a configuration's trials kept; of two in the middle their mean, half up.

    Args:
        rows: one or more complete trials.
    """
    return math.floor(median(map(_kept_epoch, rows)) + 0.5)


def how_chosen(rows: Sequence[TrialRow]) -> str:
    """`7 epochs, the median of the best epochs of its 5 trainings (5 to 9)`."""
    epochs = epochs_chosen(rows)
    counted = f"{epochs} epoch{'' if epochs == 1 else 's'}"
    kept = [_kept_epoch(row) for row in rows]
    if len(rows) == 1:
        return f"{counted}, as its training before" if rows[0].facts.best_epoch is None else f"{counted}, its best one"
    if min(kept) == max(kept):
        return f"{counted}, as its {len(rows)} trainings before"
    what = "best epochs" if rows[0].facts.best_epoch is not None else "epochs"
    return f"{counted}, the median of the {what} of its {len(rows)} trainings ({min(kept)} to {max(kept)})"


def _kept_epoch(row: TrialRow) -> int:
    return row.facts.best_epoch or len(row.history)


def current(refits: Sequence[Refit], rows: Sequence[TrialRow], objectives: Sequence[Objective]) -> Refit | None:
    """The last refit of the configuration that comes first, where its training is complete."""
    point = next((row.point for row in chosen_trials(rows, objectives)), None)
    return next((one for one in reversed(refits) if one.is_complete and one.trial.point == point), None)


def sentences(refits: Sequence[Refit], rows: Sequence[TrialRow], objectives: Sequence[Objective]) -> list[str]:
    """What is to be said of a sweep's refit; nothing where there is none."""
    if not refits:
        return []
    refit = current(refits, rows, objectives)
    if refit is None:
        return [_without(refits[-1])]
    validated = [row for row in rows if row.number in refit.trials]
    trial = refit.trial
    images = "" if trial.row is None or not trial.row.facts.num_train else f" {trial.row.facts.num_train:,}"
    return [
        f"Refit: {' '.join(trial.overrides) or 'the configuration'} was trained anew on all{images} training and "
        f"validation images (seed {trial.identity['seed']}), for {how_chosen(validated)}. No image is left that could "
        f"validate it, so it has no rank and no validation score; {_tested(refit)}.{PROMOTED}"
    ]


def _without(last: Refit) -> str:
    row = last.trial.row
    if row is None:
        return "The refit was interrupted; the command that started the sweep trains it again."
    if row.state is TrialState.FAILED:
        return f"The refit failed: {row.error}."
    return (
        f"The refit is of {' '.join(last.trial.overrides) or 'an earlier configuration'}, which no longer comes first; "
        "the same command with report.refit=true trains the one that does."
    )


def _tested(refit: Refit) -> str:
    figures = refit.test_figures
    if not figures or refit.trial.row is None:
        return "the test set was not opened for it"
    accuracy, num_images = figures["test_accuracy"], refit.trial.row.facts.num_test or 0
    low, high = accuracy_interval(accuracy, num_images)
    return (
        f"on the {num_images:,} test images it has {percent(accuracy)} ({percent(low)} to {percent(high)}), loss "
        f"{figures['test_loss']:.4g}"
    )
