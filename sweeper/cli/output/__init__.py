"""Where a sweep's command writes: text for people, or events for programs (`sweep.progress`).

What does not live here: what an event looks like as text (`sweeper.report.progress`) and as JSON
(`sweeper.report.event_lines`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO, cast

from rich.console import Console

from sweeper.cli.output.outcome import print_outcome
from sweeper.core.events import Listener
from sweeper.core.trials import TrialState
from sweeper.preflight import estimate
from sweeper.report import event_lines, progress
from sweeper.report.event_lines import EventWriter, NoteLines
from sweeper.sweep.finish import SweepOutcome
from sweeper.sweep.plan import SweepPlan, measured_speed
from sweeper.sweep.reuse.forecast import Forecast

_WIDTH = 120  # of what is printed on the way into a note


class Output(Protocol):
    """Where one command writes.

    Attributes:
        console: for sentences and tables.
    """

    console: Console

    def listening(self) -> Any:
        """A context with the listener of a sweep's events."""

    def planned(self, plan: SweepPlan, forecast: Forecast | None) -> None:
        """Called with a plan that was printed, and what of it would be taken over."""

    def ended(self, plan: SweepPlan, outcome: SweepOutcome) -> None:
        """Called at a sweep's end."""


def choose(progress: str) -> Output:
    """The output for `sweep.progress`; a program that called us by `sweeper.run` gets events."""
    if progress == "json" or event_lines.channel() is not None:
        return JsonOutput(event_lines.open_channel())
    return TextOutput(Console(highlight=False), in_lines=progress == "lines")


class TextOutput:
    """Text for people."""

    def __init__(self, console: Console, *, in_lines: bool) -> None:
        self.console = console
        self._create = progress.LineDisplay if in_lines else progress.create

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        with progress.ConsoleListener(self.console, make=self._create) as listener:
            yield listener

    def planned(self, plan: SweepPlan, forecast: Forecast | None) -> None:
        pass

    def ended(self, plan: SweepPlan, outcome: SweepOutcome) -> None:
        print_outcome(self.console, plan, outcome)


class JsonOutput:
    """Events for programs; what is printed for people is a note."""

    def __init__(self, writer: EventWriter) -> None:
        self._writer = writer
        self.console = Console(file=cast(TextIO, NoteLines(writer)), width=_WIDTH, highlight=False)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        yield self._writer

    def planned(self, plan: SweepPlan, forecast: Forecast | None) -> None:
        speed = measured_speed(plan.place)
        trials = []
        for planned in plan.trials:
            network, config = planned.network, planned.point.config
            trials.append(
                {
                    "overrides": planned.point.overrides,
                    "num_params": None if network is None else network.num_params,
                    "flops": None if network is None else network.flops,
                    "memory_bytes": None
                    if network is None
                    else network.memory_bytes(int(config["training"]["batch_size"])),
                    "seconds": estimate.trial_seconds(planned, speed),
                }
            )
        about = {} if forecast is None else {"reuse": reuse_fields(forecast)}
        self._writer.write(event_lines.PLAN, {"is_grid": plan.is_grid, "trials": trials, **about})

    def ended(self, plan: SweepPlan, outcome: SweepOutcome) -> None:
        self._writer.write(event_lines.ENDED, ended_fields(plan, outcome))


def reuse_fields(forecast: Forecast) -> dict[str, Any]:
    """What would be taken over and what trained, in plain values."""
    return {
        "taken": [
            {"trial": number, "from": {"sweep": one.sweep, "trial": one.trial.number}}
            for number, one in forecast.taken.items()
        ],
        "num_finished": forecast.num_finished,
        "num_left": forecast.num_left,
    }


def ended_fields(plan: SweepPlan, outcome: SweepOutcome) -> dict[str, Any]:
    """A sweep's outcome in plain values."""
    report = outcome.report
    leader = next((row for row in report.rows if row.number == report.findings.leader), None)
    finished = [state for state in TrialState if state is not TrialState.RUNNING]
    return {
        "name": plan.name,
        "exit_status": outcome.exit_status,
        "interrupted": outcome.interrupted,
        "resume_command": plan.resume_command,
        "folder": str(plan.folder.root),
        "leaderboard": str(plan.folder.leaderboard),
        "page": str(plan.folder.page),
        "tracking_uri": outcome.tracking_uri,
        "counts": {str(state): sum(row.state is state for row in report.rows) for state in finished},
        "leader": None if leader is None else event_lines.trial_fields(leader),
        "sentences": report.sentences,
        "warnings": report.warnings,
    }
