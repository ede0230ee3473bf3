"""A row of a leaderboard by what a user types: a run id, the beginning of one, or SWEEP:NUMBER.

What does not live here: what is done with it (`sweeper.verify.run`), and what its run holds
(`sweeper.tracking.reader`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sweeper.core.errors import ConfigError
from sweeper.core.objectives import Objective
from sweeper.core.paths import OutputPaths
from sweeper.core.sweeps import SweepInfo
from sweeper.core.trials import StudyTrial, TrialRow, TrialState
from sweeper.storage import stored_sweep
from sweeper.storage.catalogue import find_runs

_RUN_ID = re.compile(r"[0-9a-f]{6,32}")
_ACCEPTED = (
    "Accepted: a trial's run id, or the first 6 or more characters of it, as leaderboard.csv has it; or SWEEP:NUMBER; "
    "or SWEEP:refit."
)


@dataclass(frozen=True)
class Row:
    """A finished trial of a sweep.

    Attributes:
        sweep: the sweep's name.
        trial: as the study has it.
        outcome: its row of the leaderboard.
        objective: the sweep's first.
        info: what the study knows about the sweep.
    """

    sweep: str
    trial: StudyTrial
    outcome: TrialRow
    objective: Objective
    info: SweepInfo

    @property
    def is_refit(self) -> bool:
        """Whether it was trained on training and validation images together, and belongs to no ranking."""
        return self.trial.number < 0

    @property
    def name(self) -> str:
        """`Trial 3 of sweep mine`, `The refit of sweep mine`."""
        return f"{'The refit' if self.is_refit else f'Trial {self.trial.number}'} of sweep {self.sweep}"

    @property
    def typed(self) -> str:
        """`mine:3`, `mine:refit`."""
        return f"{self.sweep}:{'refit' if self.is_refit else self.trial.number}"

    @property
    def stop_after(self) -> int | None:
        """The epoch after which a pruner ended it; None where none did."""
        return len(self.outcome.history) if self.outcome.state is TrialState.PRUNED else None

    @property
    def cuts(self) -> tuple[int, ...]:
        """The epochs after which its process was interrupted and resumed from its checkpoint."""
        return self.outcome.facts.interruptions


def find_row(paths: OutputPaths, given: str) -> Row:
    """The row that `given` names.

    Raises:
        StoreError: there is no such sweep.
        ConfigError: no such trial, several, or one without figures.
    """
    name, number, run_id = _named(paths, given)
    sweep = stored_sweep.load(paths, name)
    if number == "refit" or number < 0:
        return _refit(sweep, given, number)
    trials = sweep.trials
    if number not in trials:
        numbers = f"0 to {max(trials)}" if trials else "none"
        raise ConfigError(f"{given}: sweep {name} has no trial {number}. Its trials: {numbers}. {_ACCEPTED}"
                          f"  Try: python -m sweeper report {name}")  # fmt: skip
    found = trials[number]
    if run_id and found.run_id != run_id:
        raise ConfigError(
            f"{given}: run {run_id} was an earlier attempt at trial {number} of sweep {name}, which has another run "
            f"now. {_ACCEPTED}  Try: python -m sweeper verify {name}:{number}"
        )
    [outcome] = [row for row in sweep.rows if row.number == number]
    if outcome.state is TrialState.RUNNING or outcome.state is TrialState.FAILED:
        state = "runs, or was interrupted" if outcome.state is TrialState.RUNNING else f"failed ({outcome.error})"
        raise ConfigError(
            f"{given}: trial {number} of sweep {name} {state}, so there is nothing to compare with. Accepted: a "
            f"complete or a pruned trial.  Try: python -m sweeper report {name}"
        )
    if not outcome.history:
        raise ConfigError(
            f"{given}: trial {number} of sweep {name} was pruned before it began, since its configuration was behind "
            f"after other folds. Accepted: a complete or a pruned trial.  Try: python -m sweeper report {name}"
        )
    return Row(name, found, outcome, sweep.objectives[0], sweep.info)


def _refit(sweep: stored_sweep.Loaded, given: str, number: int | Literal["refit"]) -> Row:
    """The sweep's last refit, or the one of a number."""
    found = next((one for one in reversed(sweep.refits) if number in ("refit", one.trial.number)), None)
    if found is None or found.trial.row is None or not found.is_complete:
        state = "none" if found is None else "one that failed" if found.trial.row else "one that was interrupted"
        raise ConfigError(
            f"{given}: sweep {sweep.name} has {state}. Accepted: the refit of a sweep that ran with report.refit=true."
            f"  Try: python -m sweeper report {sweep.name}"
        )
    return Row(sweep.name, found.trial, found.trial.row, sweep.objectives[0], sweep.info)


def _named(paths: OutputPaths, given: str) -> tuple[str, int | Literal["refit"], str]:
    """Sweep, number and run id; an empty run id where the number was given."""
    name, colon, number = given.rpartition(":")
    if colon and name and number == "refit":
        return name, "refit", ""
    if colon and name and number.isdecimal():
        return name, int(number), ""
    if not _RUN_ID.fullmatch(given.lower()):
        raise ConfigError(f"{given} is not a trial. {_ACCEPTED}  Try: python -m sweeper report")
    found = [one for one in find_runs(paths, given.lower()) if one[2].startswith(given.lower())]
    if not found:
        raise ConfigError(
            f"{given}: no trial in {paths.root} has such a run. {_ACCEPTED}  Try: python -m sweeper report"
        )
    if len({run_id for _, _, run_id in found}) > 1:
        named = ", ".join(f"{run_id} ({name}:{number})" for name, number, run_id in found[:4])
        raise ConfigError(f"several run ids begin with {given}: {named}. {_ACCEPTED}"
                          f"  Try: python -m sweeper verify {found[0][2]}")  # fmt: skip
    return found[0]
