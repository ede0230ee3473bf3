"""What is said of trials that were ended early, did not begin, or were trained by other sweeps. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sweeper.core.text import listed
from sweeper.core.trials import TrialRow, TrialState

_SEVERAL = 3  # trials of a value, from which on it is said that none was trained to the end
_NAMED = 4  # such values in one sentence


def was_not_begun(row: TrialRow) -> bool:
    """Whether a trial was pruned before it began: its configuration was behind after other folds."""
    return row.state is TrialState.PRUNED and row.num_repeats > 1 and not row.history


def sentences(rows: Collection[TrialRow]) -> list[str]:
    """One sentence about trials that a pruner ended, one about configurations that did not train all of their folds."""
    pruned = [row for row in rows if row.state is TrialState.PRUNED]
    early = sum(not was_not_begun(row) for row in pruned)
    behind = {row.point for row in pruned if was_not_begun(row)}
    said = []
    if early:
        were = "1 of the trials was" if early == 1 else f"{early} of the {len(rows)} trials were"
        said.append(
            f"{were} pruned after early epochs. What they would have reached is not known: the best may be among them, "
            "and all else is said of those trained to the end."
        )
    if never := _never_ended(rows):
        values = listed([f"{value} ({count})" for value, count in never.items()], most=_NAMED)
        said.append(
            f"All trials with {values} were pruned: what such networks reach at the end is not known. Some learn late; "
            "a later first look shows it (pruner=asha pruner.options.min_resource=3)."
        )
    if behind:
        num_points = len({row.point for row in rows})
        did = "1 of the configurations" if len(behind) == 1 else f"{len(behind)} of the {num_points} configurations"
        said.append(
            f"{did} did not train all folds: the mean of the first ones was below the worst fold of the best "
            "configuration until then. The truly best may be among them, and all else is said of configurations that "
            "were trained on all folds."
        )
    return said


def _never_ended(rows: Collection[TrialRow]) -> dict[str, int]:
    """Values, as typed, of which several trials began and a pruner ended each, while others of their key went on.

    Returns:
        How many trials of each value were pruned, most first.
    """
    states: dict[str, list[TrialState]] = {}
    for row in rows:
        for override in row.overrides:
            states.setdefault(override, []).append(row.state)
    ended = {_key(override) for override, found in states.items() if TrialState.COMPLETE in found}
    never = {
        override: len(found)
        for override, found in states.items()
        if len(found) >= _SEVERAL and set(found) == {TrialState.PRUNED} and _key(override) in ended - {"seed"}
    }
    return dict(sorted(never.items(), key=lambda one: -one[1]))


def _key(override: str) -> str:
    return override.partition("=")[0]


def about_taken(taken: Sequence[TrialRow], num_trials: int) -> str:
    """How many of them other sweeps had trained."""
    sweeps = dict.fromkeys(row.facts.taken_from.sweep for row in taken if row.facts.taken_from is not None)
    whose = f"sweep{'' if len(sweeps) == 1 else 's'} {listed(list(sweeps))}"
    return (
        f"{len(taken)} of the {num_trials} trials {'was' if len(taken) == 1 else 'were'} not trained here: {whose} had "
        "trained the same settings, data and seed, and the outcome was taken over (column taken_from)."
    )
