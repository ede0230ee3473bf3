"""`sweep.on_end`: the user's command at a sweep's end, with the outcome in its environment.

What does not live here: the outcome itself (`sweeper.sweep.finish`).
"""

from __future__ import annotations

import os
import subprocess

from sweeper.core.errors import SweeperError
from sweeper.core.text import cell_text
from sweeper.core.trials import TrialState
from sweeper.sweep.finish import SweepOutcome
from sweeper.sweep.plan import SweepPlan

#: What `SWEEPER_OUTCOME` says.
FINISHED, FAILED, INTERRUPTED, STOPPED = "finished", "failed", "interrupted", "stopped"


def variables(plan: SweepPlan, outcome: SweepOutcome | SweeperError) -> dict[str, str]:
    """The outcome as variables, all of them text; empty where there is nothing to say.

    Args:
        plan: the sweep.
        outcome: of its end, or the error that stopped it.
    """
    known = {
        "NAME": plan.name,
        "FOLDER": str(plan.folder.root),
        "LEADERBOARD": str(plan.folder.leaderboard),
        "REPORT": str(plan.folder.page),
        "RESUME_COMMAND": plan.resume_command,
        "OBJECTIVE": plan.objective.metric,
        **(_stopped(outcome) if isinstance(outcome, SweeperError) else _ended(plan, outcome)),
    }
    return {f"SWEEPER_{name}": text for name, text in known.items()}


def _stopped(error: SweeperError) -> dict[str, str]:
    counts = {f"NUM_{state.upper()}": "" for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED)}
    best = dict.fromkeys(("BEST_TRIAL", "BEST_VALUE", "BEST_OVERRIDES", "TRACKING_URI"), "")
    return {"OUTCOME": STOPPED, "EXIT_STATUS": str(error.exit_status), "ERROR": str(error), **counts, **best}


def _ended(plan: SweepPlan, outcome: SweepOutcome) -> dict[str, str]:
    report = outcome.report
    leader = next((row for row in report.rows if row.number == report.findings.leader), None)
    counted = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED)
    ending = INTERRUPTED if outcome.interrupted else FAILED if outcome.exit_status else FINISHED
    return {
        "OUTCOME": ending,
        "EXIT_STATUS": str(outcome.exit_status),
        "ERROR": "",
        "TRACKING_URI": outcome.tracking_uri,
        **{f"NUM_{state.upper()}": str(sum(row.state is state for row in report.rows)) for state in counted},
        "BEST_TRIAL": "" if leader is None else str(leader.number),
        "BEST_VALUE": "" if leader is None else cell_text(leader.metrics.get(plan.objective.metric)),
        "BEST_OVERRIDES": "" if leader is None else " ".join(leader.overrides),
    }


def run_command(command: str, known: dict[str, str]) -> str:
    """Runs a shell's command line to its end; returns what went wrong, or nothing.

    It gets no standard input, and this process's environment with the variables.
    """
    try:
        done = subprocess.run(command, shell=True, check=False, stdin=subprocess.DEVNULL, env={**os.environ, **known})
    except (OSError, ValueError) as error:  # no shell, or a character that no environment takes
        return f"sweep.on_end={command} could not be run: {error}. The sweep's result is not changed by it."
    if not done.returncode:
        return ""
    how = f"exit status {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
    return f"sweep.on_end={command} ended with {how}. The sweep's result is not changed by it."
