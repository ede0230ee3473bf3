"""`executor=ray`: gives trials to the agents of a cluster, and takes what they report.

Ray restarts and retries nothing here: an agent that is lost, with its node or without, gives its trials back as lost,
and the driver runs them again. Nothing that a lost agent still sends is listened to.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sweeper.core.errors import ConfigError
from sweeper.core.trials import TrialSpec
from sweeper.executors.base import Event, Said, TrialEnded, TrialEpoch
from sweeper.executors.cluster import agreement, cargo, connection
from sweeper.executors.cluster.link import Job, Link
from sweeper.executors.cluster.nodes import Nodes

_STARTED_S = 120.0  # seconds in which an agent must answer for the first time, and in which it must have loaded
_ABSENT_S = 1.0  # seconds between two polls, beyond which it is the driver that was busy
_CLOSED_S = 5.0  # seconds in which agents end their trials and delete their files
_HOLD_S = 1.0  # seconds for which an agent waits for something to report


class RayExecutor:
    """Runs trials on the nodes of a cluster, as many at a time as they grant."""

    def __init__(self, nodes: Nodes, lost_after_s: float) -> None:
        """Makes the agents of the nodes that are there, and waits for their first words.

        Args:
            nodes: of the cluster that this process has joined.
            lost_after_s: seconds without an answer after which an agent is taken for lost.

        Raises:
            ConfigError: no node is large enough for a trial, or one has other versions than this machine.
            ExecutorError: no agent answers.
        """
        self._nodes = nodes
        self._lost_after_s = lost_after_s
        self._hold_s = min(_HOLD_S, lost_after_s / 4)
        self._links: list[Link] = []
        self._waiting: deque[Job] = deque()
        self._events: deque[tuple[Job | None, Event]] = deque()
        self._places = cargo.Places()
        self._here = agreement.of_this_process()
        self._num_jobs = 0
        self._is_started = False
        self._again: set[str] = set()  # nodes whose first agent has failed, which get another one
        self._polled = time.monotonic()
        nodes.check()
        self._start()

    def _start(self) -> None:
        self._links += self._nodes.join([])
        until = time.monotonic() + _STARTED_S
        while (self._again or any(not link.is_ready for link in self._links)) and time.monotonic() < until:
            self._exchange(self._hold_s)
            for fault in self._nodes.left_out.values():
                raise ConfigError(fault)
            if self._again:
                self._links += self._nodes.join(self._links)
                self._again -= {link.node for link in self._links}
        self._is_started = True
        if self._links:
            self._events.append((None, Said(self._nodes.describe(self._links))))
        else:
            self._events.append((None, Said("Ray: every node is taken by other work; trials wait for a free one.")))

    @property
    def workers(self) -> int:
        """Trials at a time: those that the agents take. Where there is none, one is submitted, and waits for one."""
        return max(1, sum(link.slots for link in self._links))

    @workers.setter
    def workers(self, most: int) -> None:
        self._nodes.most = most

    def submit(self, spec: TrialSpec) -> None:
        self._num_jobs += 1
        self._waiting.append(Job(self._num_jobs, spec))
        self._give_out()

    def poll(self, handle: Callable[[Event], None], timeout_s: float) -> None:
        absent_s = time.monotonic() - self._polled
        if absent_s > _ABSENT_S:
            for link in self._links:
                link.heard += absent_s
        self._look_around()
        self._exchange(0.0 if self._events else timeout_s)
        while self._events:
            job, event = self._events.popleft()
            handle(event)
            if job is not None and isinstance(event, TrialEpoch) and job.spec.awaits_verdict:
                self._let_go_on(job)
        self._polled = time.monotonic()

    def _let_go_on(self, job: Job) -> None:
        link = self._link_of(job)
        if link is not None and not job.is_stopped and job.killed is None:
            link.say(link.actor.go_on.remote(job.number))

    def _look_around(self) -> None:
        """Nodes that have left or joined, and agents that do not answer."""
        for link in self._nodes.gone(self._links):
            self._lose(link, "it left the cluster")
        for link in list(self._links):
            patience_s = self._lost_after_s if link.is_loaded else max(_STARTED_S, self._lost_after_s)
            if time.monotonic() - link.heard > patience_s:
                self._lose(link, f"no answer for {patience_s:g} s (executor.lost_after_s)")
        self._links += self._nodes.join(self._links)
        self._give_out()

    def _give_out(self) -> None:
        """Gives waiting trials to the agents with most room."""
        while self._waiting:
            free = [link for link in self._links if link.is_ready and link.num_free > 0]
            if not free:
                return
            link = max(free, key=lambda link: link.num_free)
            job = self._waiting.popleft()
            link.take(job, cargo.packed(job.spec, job.number, self._places))
            link.send()

    def _exchange(self, timeout_s: float) -> None:
        """Sends what may be sent, and takes what has come within the time."""
        import ray

        for link in self._links:
            link.send()
        owners = {ref: link for link in self._links for ref in link.refs}
        if not owners:
            time.sleep(timeout_s)
            return
        ready, others = ray.wait(list(owners), num_returns=1, timeout=timeout_s)
        if ready and others:
            ready += ray.wait(others, num_returns=len(others), timeout=0)[0]
        for ref in ready:
            if owners[ref] in self._links:
                self._take(owners[ref], ref)

    def _take(self, link: Link, ref: Any) -> None:
        import ray

        try:
            answer = ray.get(ref)
        except ray.exceptions.RayError as error:
            failures = (ray.exceptions.RayTaskError, ray.exceptions.RuntimeEnvSetupError)
            has_failed = isinstance(error, failures) or getattr(error, "actor_init_failed", False)
            what = "failed" if has_failed else "ended"
            self._lose(link, f"its agent {what}: {_last_line(error)}", has_failed=has_failed)
        else:
            if ref is not link.waits:
                del link.commands[ref]
            elif not link.is_ready:
                self._welcome(link, answer)
            elif not link.is_loaded:
                link.listen(self._hold_s)
            else:
                link.listen(self._hold_s)
                for job, event in link.received(answer):
                    self._note(link, job, event)

    def _note(self, link: Link, job: Job, event: Event) -> None:
        if isinstance(event, TrialEnded):
            del link.jobs[job.number]
            self._nodes.faults.pop(link.node, None)
        if not isinstance(event, Said):
            event = replace(event, number=job.spec.number)
        self._events.append((job, event))

    def _welcome(self, link: Link, versions: dict[str, str]) -> None:
        """An agent's first words."""
        if fault := agreement.difference(link.name, versions, self._here):
            self._nodes.left_out[link.node] = fault
            self._links.remove(link)
            self._end(link)
            self._events.append((None, Said(f"{fault} It runs no trial.")))
            return
        link.load()
        if self._is_started:
            at_a_time = f"{link.slots} more trial{'' if link.slots == 1 else 's'} at a time"
            self._events.append((None, Said(f"Node {link.name} joined: {at_a_time}.")))

    def _lose(self, link: Link, why: str, *, has_failed: bool = False) -> None:
        """Gives an agent up; its trials are lost, and nothing that it still sends is listened to.

        Raises:
            ConfigError: the first two agents of a node have failed of themselves, so it cannot run trials. One may
                meet the folder of a driver that was killed a moment ago, which Ray is about to delete.
        """
        self._links.remove(link)
        self._nodes.note_fault(link, why)
        self._end(link)
        if not self._is_started and has_failed and self._nodes.faults[link.node] == 1:
            self._again.add(link.node)
        elif not self._is_started and has_failed:
            raise ConfigError(
                f"No trial can run on node {link.name}: {why}. Accepted: nodes on which this project is installed."
                "  Try, on that node: pip install -r requirements.lock && pip install --no-deps ."
            )
        if not self._is_started:  # the node is gone, and Ray had not noticed it yet
            self._events.append((None, Said(f"Node {link.name} was lost before it ran a trial: {why}.")))
        for job in link.jobs.values():
            reason = job.killed or f"node {link.name} was lost: {why}"
            self._events.append((job, TrialEnded(job.spec.number, reason, is_lost=job.killed is None)))

    @staticmethod
    def _end(link: Link) -> None:
        import ray

        with contextlib.suppress(ray.exceptions.RayError):  # it has ended already
            ray.kill(link.actor, no_restart=True)

    def _jobs(self, number: int) -> Iterator[Job]:
        running = (job for link in self._links for job in link.jobs.values())
        return (job for job in (*running, *self._waiting) if job.spec.number == number)

    def _link_of(self, job: Job) -> Link | None:
        return next((link for link in self._links if job.number in link.jobs), None)

    def stop(self, number: int) -> None:
        for job in self._jobs(number):
            job.is_stopped = True
            if (link := self._link_of(job)) is not None:
                link.say(link.actor.stop.remote(job.number))

    def kill(self, number: int, reason: str) -> None:
        for job in list(self._jobs(number)):
            job.killed = reason
            link = self._link_of(job)
            if link is not None and job.is_sent:
                link.say(link.actor.kill.remote(job.number, reason))
                continue
            if link is None:
                self._waiting.remove(job)
            else:
                del link.jobs[job.number]
            self._events.append((None, TrialEnded(number, reason)))

    def close(self) -> None:
        import ray

        closing = []
        with contextlib.suppress(ray.exceptions.RayError):  # what has ended needs no closing
            for link in self._links:
                link.actor.next_events.remote(_CLOSED_S)  # carries it out, where none waits at this moment
                closing.append(link.actor.close.remote())
            if closing:
                ray.wait(closing, num_returns=len(closing), timeout=_CLOSED_S)
        for link in self._links:
            self._end(link)
        self._links.clear()
        connection.leave()


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1].strip().rstrip(".") if lines else type(error).__name__
