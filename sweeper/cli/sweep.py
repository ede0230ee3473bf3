"""One line `python -m sweeper …` from the composed configuration to the leaderboard.

    space -> points -> preflight -> (plan only, with sweep.dry_run) -> stores and forkserver -> driver -> leaderboard

Everything up to the stores refuses wrong input before anything trains or is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig
from rich.console import Console

from sweeper import executors
from sweeper.cli.plan import print_left_out, print_plan, print_sampler, print_start
from sweeper.config import keys
from sweeper.core.errors import ConfigError
from sweeper.preflight import check
from sweeper.preflight.check import Preflight
from sweeper.report.command_lines import resume_line
from sweeper.space.composer import Composer
from sweeper.space.dimensions import SearchSpace
from sweeper.space.parser import parse_space
from sweeper.space.rules import partial_points, with_rules
from sweeper.storage.locks import check_writable
from sweeper.sweep import plan
from sweeper.sweep.plan import check_seeds, checked_points, choose_sampler
from sweeper.sweep.settings import Settings
from sweeper.tracking import client, provenance

if TYPE_CHECKING:
    pass


#: Exit status of the last line that ran; Hydra discards what a sweeper returns.
exit_status = 0


def run(loader: ConfigLoader, config: DictConfig, arguments: Sequence[str], params: dict[str, Any]) -> int:
    """Runs one line; returns its exit status and leaves it in `exit_status`."""
    global exit_status
    keys.check(config)
    if not isinstance(params, dict):
        raise ConfigError(
            f"hydra.sweeper.params={params} is not accepted: keys with their choices, as conf/experiment/notebook.yaml "
            "has them.  Try: experiment=notebook"
        )
    settings = Settings.of(config)
    space = parse_space(arguments, params, OverridesParser.create(config_loader=loader), loader.get_group_options)
    space = with_rules(space, settings.sweep.zip, settings.sweep.exclude)
    enqueued = partial_points("sweep.enqueue", settings.sweep.enqueue, space)
    sampler, why = choose_sampler(settings.sampler, space)
    settings = replace(settings, sampler=sampler)
    check_seeds(settings, space)
    composer = Composer(loader, config, space)
    checked = checked_points(settings, composer, space)
    check.check_objectives(checked.trials, settings.objectives)
    console = Console(highlight=False)
    print_sampler(console, settings, space, why)
    print_left_out(console, settings, checked)
    if settings.sweep.dry_run:
        exit_status = print_plan(console, settings, checked)
    else:
        exit_status = _sweep(console, settings, composer, space, checked, enqueued)
    return exit_status


def _sweep(
    console: Console,
    settings: Settings,
    composer: Composer,
    space: SearchSpace,
    checked: Preflight,
    enqueued: tuple[dict[str, Any], ...],
) -> int:
    from sweeper.storage.locks import sweep_lock
    from sweeper.sweep import run as lifecycle

    name = settings.sweep.name or datetime.now(UTC).astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    paths = settings.paths.sweep(name)
    client.check(settings.tracking.uri)
    check_writable(settings.paths)
    with ExitStack() as stack:
        stack.enter_context(sweep_lock(paths.lock, name))
        # The forkserver loads TensorFlow on one core while the data and the stores are opened on the other.
        executor = executors.create(settings.executor.name, settings.workers, settings.machine.gpus)
        stack.callback(executor.close)
        return lifecycle.run_sweep(
            plan.SweepRequest(
                name=name,
                paths=settings.paths,
                space=space,
                trials=checked.trials,
                objectives=settings.objectives,
                sweep=settings.sweep,
                tracking=settings.tracking,
                report=settings.report,
                resume_line=resume_line(name),
                provenance=provenance.tags(),
                sampler=settings.sampler,
                pruner=settings.pruner,
                composer=composer,
                num_points=settings.num_points,
                seed=settings.seed,
                enqueued=enqueued,
            ),
            executor,
            console,
            lambda trials, left: print_start(console, settings, trials, left),
        )
