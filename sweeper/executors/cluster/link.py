"""One agent as the driver knows it: what it runs, what is still to be sent to it, and when it was last heard."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweeper.core.trials import TrialSpec
from sweeper.executors.base import TrialEvent
from sweeper.executors.cluster import cargo
from sweeper.executors.cluster.cargo import Cargo, Piece

#: Pieces that are on their way to an agent at a time.
_IN_FLIGHT = 4


@dataclass
class Job:
    """A trial that was submitted.

    Attributes:
        number: what agents call it: each attempt has a number of its own, so that nothing late is taken for another's.
        spec: the trial.
        killed: why it was ended; None while it is to run.
        is_stopped: whether a pruner has ended it.
        is_sent: whether its agent has been told to start it.
        folders: where its files are laid down here.
    """

    number: int
    spec: TrialSpec
    killed: str | None = None
    is_stopped: bool = False
    is_sent: bool = False
    folders: tuple[Path, ...] = ()


@dataclass(eq=False)
class Link:
    """An agent.

    Attributes:
        node: Ray's name of its node.
        name: the node's, for people.
        slots: trials that it runs at a time.
        actor: Ray's handle of it.
        waits: the answer that is waited for: `about`, then `load`, then `next_events` from then on.
        heard: when it last answered, by `time.monotonic`; without the time in which nobody listened.
        is_ready: whether it has said its versions, and takes trials.
        is_loaded: whether they start at once.
    """

    node: str
    name: str
    slots: int
    actor: Any
    waits: Any
    heard: float = field(default_factory=time.monotonic)
    is_ready: bool = False
    is_loaded: bool = False
    jobs: dict[int, Job] = field(default_factory=dict)
    commands: dict[Any, bool] = field(default_factory=dict)
    _has: set[str] = field(default_factory=set)
    _outbox: deque[Iterator[Callable[[], Any]]] = field(default_factory=deque)

    @property
    def num_free(self) -> int:
        """Trials that it could take now."""
        return self.slots - len(self.jobs)

    @property
    def refs(self) -> list[Any]:
        """All answers that are waited for."""
        return [self.waits, *self.commands]

    def load(self) -> None:
        """Waits until it has loaded what trials need; files can be sent meanwhile."""
        self.is_ready = True
        self.heard = time.monotonic()
        self.waits = self.actor.load.remote()

    def listen(self, hold_s: float) -> None:
        """Waits for the next events; the agent answers after `hold_s` seconds at the latest."""
        self.is_loaded = True
        self.heard = time.monotonic()
        self.waits = self.actor.next_events.remote(hold_s)

    def take(self, job: Job, packed: Cargo) -> None:
        """Gives it a trial, which starts once its files are there."""
        job.folders = packed.folders
        self.jobs[job.number] = job
        self._outbox.append(self._sending(job, packed))

    def _sending(self, job: Job, packed: Cargo) -> Iterator[Callable[[], Any]]:
        new = [(file, place) for file, place in packed.shared if place not in self._has]
        for file, place in [*new, *packed.own]:
            for piece in cargo.pieces(file, place):
                yield lambda piece=piece: self.actor.write.remote(piece)  # type: ignore[misc]
        self._has.update(place for _, place in new)
        if job.killed is None:
            job.is_sent = True
            yield lambda: self.actor.submit.remote(packed.spec)

    def send(self) -> None:
        """Sends more of what is to be sent, as far as it may be on its way."""
        while self._outbox and sum(self.commands.values()) < _IN_FLIGHT:
            send = next(self._outbox[0], None)
            if send is None:
                self._outbox.popleft()
            else:
                self.commands[send()] = True

    def say(self, ref: Any) -> None:
        """Notes a command whose answer is waited for."""
        self.commands[ref] = False

    def received(self, answer: list[TrialEvent | Piece]) -> Iterator[tuple[Job, TrialEvent]]:
        """The events of an answer with their trial; files are laid down on the way."""
        for one in answer:
            job = self.jobs.get(one.number)
            if job is None:
                continue
            if isinstance(one, Piece):
                cargo.lay_down(job.folders[one.folder], one)
            else:
                yield job, one
