"""What a sweep would take over and what it would train, before it is started (`sweep.dry_run`); nothing is written.

What does not live here: how it is printed (`sweeper.cli.plan`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sweeper import data
from sweeper.artifacts.versions import versions
from sweeper.config.identity import canonical, fixed_part
from sweeper.config.trial import DataConfig
from sweeper.core.datasets import PreparedData
from sweeper.core.events import Note, SweepEvent
from sweeper.search.grid import GridScheduler
from sweeper.search.scheduler import Policy, TrialFactory
from sweeper.storage.catalogue import started
from sweeper.storage.earlier import EarlierTrial, EarlierTrials
from sweeper.storage.stored_sweep import recorded_digests
from sweeper.storage.study import SweepStudy
from sweeper.sweep.plan import SweepPlan
from sweeper.sweep.reuse.takeover import TakeOver


@dataclass(frozen=True)
class Forecast:
    """What a sweep would train, and what not; of a sampler only `said`.

    Attributes:
        taken: by the number that a trial would have: the trial of another sweep that is taken over.
        num_finished: trials that the sweep of this name has finished already.
        left: the overrides of the configurations with something left to train, and how often each is trained.
        said: why trials that another sweep has are trained again, in sentences; what is taken of proposals.
    """

    taken: Mapping[int, EarlierTrial] = field(default_factory=dict)
    num_finished: int = 0
    left: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    said: tuple[str, ...] = ()

    @property
    def num_left(self) -> int:
        """Trials that are left to train."""
        return sum(self.left.values())


def forecast(plan: SweepPlan) -> Forecast | None:
    """What would be taken over; None where that is not known (`training.threads=auto`) or nothing is there.

    Of a sampler's proposals only that some may be.

    Files that would be copied are not looked at: a damaged one is found when the sweep starts.
    """
    name = plan.settings.sweep.name or ""
    is_known = plan.place.may_hold_studies and name in started(plan.place)
    if plan.open_settings or not plan.place.may_hold_studies:
        return None
    earlier = EarlierTrials(plan.place, name)
    wanted = {str(planned.point.config["data"]["name"]) for planned in plan.trials}
    may_have = plan.settings.sweep.reuse and earlier.any_like(lambda identity: identity["data"]["name"] in wanted)
    if not (may_have or is_known):
        return None
    said: list[str] = []

    def listen(event: SweepEvent) -> None:
        if isinstance(event, Note):
            said.append(event.text)

    here = versions(0 if plan.settings.machine.gpus else None)
    take_over = TakeOver(earlier, None, listen, plan.objectives, plan.settings.metrics, here)
    factory = _factory(plan, name)
    if not plan.is_grid:
        swept = plan.space.keys
        fixed = fixed_part(factory.candidate(plan.trials[0]).identity, swept)
        take_over.announce_proposals(lambda identity: may_have and fixed_part(identity, swept) == fixed)
        return Forecast(said=tuple(said))
    known = SweepStudy.load(plan.paths, name).trials() if is_known else []
    limits, retries = plan.settings.sweep.limits, plan.settings.sweep.attempts.retry_failed
    scheduler = GridScheduler(
        factory,
        known,
        Policy(limits, None, retries),
        plan.trials,
        enqueued=plan.enqueued,
        num_points=plan.settings.sweep.extent.trials,
    )
    queue = list(scheduler.whole_queue())
    taken = take_over.found(queue) if may_have else {}
    take_over.say_why_not()
    left: dict[tuple[str, ...], int] = {}
    for queued in queue:
        if queued.number not in taken:
            left[queued.trial.overrides] = left.get(queued.trial.overrides, 0) + 1
    return Forecast(taken, len(scheduler.finished_rows), left, tuple(said))


def _factory(plan: SweepPlan, name: str) -> TrialFactory:
    """Makes trials by the digests of their images, which are read and not written."""
    prepared: dict[str, PreparedData] = {}

    def checked(node: Mapping[str, Any]) -> PreparedData:
        key = canonical(node)
        if key not in prepared:
            found = data.check(
                DataConfig(**node), plan.paths.pictures, recorded=lambda: recorded_digests(plan.place, name)
            )
            prepared[key] = PreparedData(**vars(found), folder=plan.paths.root)
        return prepared[key]

    return TrialFactory(
        plan.paths.sweep(name),
        checked,
        plan.objectives,
        num_repeats=plan.num_repeats,
        awaits_verdict=False,
        metrics=plan.settings.metrics,
        added=plan.settings.added,
    )
