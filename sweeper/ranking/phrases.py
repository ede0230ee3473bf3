"""A sentence about trials that needs no findings: of those that were taken over from other sweeps. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sweeper.core.text import listed
from sweeper.core.trials import TrialRow


def about_taken(taken: Sequence[TrialRow], num_trials: int) -> str:
    """How many of them other sweeps had trained."""
    sweeps = dict.fromkeys(row.facts.taken_from.sweep for row in taken if row.facts.taken_from is not None)
    whose = f"sweep{'' if len(sweeps) == 1 else 's'} {listed(list(sweeps))}"
    return (
        f"{len(taken)} of the {num_trials} trials {'was' if len(taken) == 1 else 'were'} not trained here: {whose} had "
        "trained the same settings, data and seed, and the outcome was taken over (column taken_from)."
    )
