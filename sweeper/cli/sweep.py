"""One command `python -m sweeper …`, from the composed configuration to what is printed at the end.

    plan (space, preflight) -> printed -> (the end, with sweep.dry_run) -> sweep run, its events printed -> outcome

Everything up to the run refuses wrong input before anything trains or is written.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig

from sweeper import executors
from sweeper.cli import errors
from sweeper.cli import output as outputs
from sweeper.cli.output import Output, on_end
from sweeper.cli.plan import print_estimate, print_left_out, print_plan, print_sampler, with_custom_networks
from sweeper.config import keys
from sweeper.config.training import AUTO
from sweeper.core.errors import ConfigError, RefusedError, SweeperError
from sweeper.core.events import Listener, Note, SweepEvent, SweepStarted
from sweeper.preflight.count import fetch_weights
from sweeper.report.command_lines import resume_line
from sweeper.storage import server
from sweeper.storage.locks import check_writable, remove_lock
from sweeper.storage.places import Place, refuse_another
from sweeper.sweep.finish import SweepOutcome
from sweeper.sweep.plan import SweepPlan, plan_sweep
from sweeper.tracking import client, provenance
from sweeper.tracking.credentials import resume_note


def run(loader: ConfigLoader, config: DictConfig, arguments: Sequence[str], params: Mapping[str, Any]) -> int:
    """Runs one command; returns its exit status."""
    keys.check(config)
    if not isinstance(params, Mapping):
        raise ConfigError(
            f"hydra.sweeper.params={params} is not accepted: keys with their choices, as conf/experiment/notebook.yaml "
            "has them.  Try: experiment=notebook"
        )
    plan = plan_sweep(loader, config, arguments, params)
    output = outputs.choose(plan.settings.sweep.progress)
    print_sampler(output.console, plan)
    print_left_out(output.console, plan)
    if plan.settings.sweep.dry_run:
        plan = with_custom_networks(output.console, plan)
        output.planned(plan, print_plan(output.console, plan))
        return 0
    return _run_sweep(output, plan)


def _run_sweep(output: Output, plan: SweepPlan) -> int:
    from sweeper.storage.lease import hold_sweep
    from sweeper.sweep.run import run_sweep

    executors.check(plan.settings.executor)
    fetch_weights(plan.trials)
    client.check(plan.settings.tracking.uri)
    check_writable(plan.paths)
    name = plan.settings.sweep.name or _new_name(plan.place)
    refuse_another(plan.place, name)
    plan = plan.named(name, resume_line(name), provenance.tags())
    with ExitStack() as stack:
        lease = stack.enter_context(hold_sweep(plan.place, name))
        stack.callback(_remove_unused, plan)  # while the sweep is still this driver's
        # The forkserver loads TensorFlow on one core while the data and the stores are opened on the other.
        settings = plan.settings
        executor = executors.create(
            settings.executor.name,
            settings.workers,
            settings.machine.gpus,
            settings.executor,
            is_asked=settings.sweep.workers != AUTO,
        )
        stack.callback(executor.close)
        plan = plan.with_workers(executor.workers)
        shown: Listener = stack.enter_context(output.listening())

        def listen(event: SweepEvent) -> None:
            if isinstance(event, SweepStarted):
                print_estimate(output.console, plan, event.estimate)
            shown(event)
            if isinstance(event, SweepStarted):
                for note in filter(None, (resume_note(event.resume_command), server.resume_note(event.resume_command))):
                    shown(Note(note))

        try:
            outcome = run_sweep(plan, executor, lease, listen)
        except RefusedError:
            raise
        except SweeperError as error:
            _run_on_end(plan, error)
            raise
    output.ended(plan, outcome)
    _run_on_end(plan, outcome)
    return outcome.exit_status


def _remove_unused(plan: SweepPlan) -> None:
    """Removes the folder that was made for this sweep, where a refusal has left nothing in it but the lock."""
    folder = plan.folder
    if folder.root.is_dir() and [*folder.root.iterdir()] == [folder.lock]:
        remove_lock(folder.lock)


def _run_on_end(plan: SweepPlan, outcome: SweepOutcome | SweeperError) -> None:
    """Runs the user's command; says on standard error where it failed."""
    command = plan.settings.sweep.on_end
    if command is None:
        return
    sys.stdout.flush()  # so that what it prints comes after what was printed here
    if fault := on_end.run_command(command, on_end.variables(plan, outcome)):
        errors.say(fault)


def _new_name(place: Place) -> str:
    """The date and time; of two sweeps that start within a second, the second one's ends in `-2`.

    A server's database may have sweeps of other folders: the name is then made unique.
    """
    paths = place.paths
    started = datetime.now(UTC).astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    started += "" if place.url is None else f"-{secrets.token_hex(3)}"
    names = (started if place == 1 else f"{started}-{place}" for place in range(1, 1000))
    for name in names:
        try:
            paths.sweep(name).root.mkdir(parents=True)
        except FileExistsError:
            continue
        return name
    raise ConfigError(f"{paths.sweeps} has too many sweeps of {started}.  Try: sweep.name=another-name")
