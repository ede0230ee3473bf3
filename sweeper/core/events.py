"""What happens in a sweep, as events: the sweep reports them, and a listener shows or writes them.

What does not live here: how an event looks (`sweeper.report.progress`), and what an executor reports about one process
(`sweeper.executors.base`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sweeper.core.datasets import PreparedData
from sweeper.core.objectives import Objective
from sweeper.core.trials import EpochReport, TrialRow


@dataclass(frozen=True)
class Note:
    """A sentence for the user."""

    text: str


@dataclass(frozen=True)
class FilesRead:
    """How far a long look at the files of a data set has come.

    Attributes:
        verb: what is done: `Reading`.
        done, total: files.
    """

    verb: str
    done: int
    total: int


@dataclass(frozen=True)
class DataPrepared:
    """A data set was read, checked and split."""

    prepared: PreparedData


@dataclass(frozen=True)
class Estimate:
    """What is ahead.

    Attributes:
        num_trials: trials of this start.
        workers: trials at a time.
        threads: CPU threads of each trial; several where they vary.
        seconds: of all of them; None where the network's cost is not known.
        source: what the seconds follow from.
        to_look: whether they are fresh seeds of candidates, up to the next look (`sweep.seeds=auto`).
    """

    num_trials: int
    workers: int
    threads: tuple[int | str, ...]
    seconds: float | None
    source: str
    to_look: bool = False


@dataclass(frozen=True)
class SweepStarted:
    """Everything is open and checked; the first trial is next.

    Attributes:
        name: the sweep's name.
        resume_command: the command that resumes it.
        objective: the first one.
        estimate: what is ahead.
        finished: trials that earlier starts finished.
        num_taken: a grid's trials that are taken over from other sweeps, beside those of the estimate.
    """

    name: str
    resume_command: str
    objective: Objective
    estimate: Estimate
    finished: tuple[TrialRow, ...]
    num_taken: int = 0


@dataclass(frozen=True)
class TrialsAdded:
    """So many more trials are ahead than the estimate said: candidates are trained under fresh seeds."""

    num_trials: int


@dataclass(frozen=True)
class TrialBegan:
    """A trial was submitted. `overrides` is what distinguishes it, as typed."""

    number: int
    overrides: tuple[str, ...]
    num_epochs: int


@dataclass(frozen=True)
class EpochFinished:
    """A running trial reported an epoch."""

    number: int
    report: EpochReport


@dataclass(frozen=True)
class TrialFinished:
    """A trial is complete, pruned or failed, and recorded."""

    row: TrialRow


@dataclass(frozen=True)
class TrialInterrupted:
    """A trial ended with the sweep's interruption; it is resumed by the next start."""

    number: int


@dataclass(frozen=True)
class TrialsEnded:
    """The last trial has ended. `reason` says which budget was spent, or is empty."""

    reason: str = ""


SweepEvent = (
    Note
    | FilesRead
    | DataPrepared
    | SweepStarted
    | TrialsAdded
    | TrialBegan
    | EpochFinished
    | TrialFinished
    | TrialInterrupted
    | TrialsEnded
)

#: Called with each event, in order, by the driver's thread.
Listener = Callable[[SweepEvent], None]
