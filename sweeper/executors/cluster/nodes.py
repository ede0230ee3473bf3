"""The nodes of the cluster, and an agent on each one that has room for a trial.

What an agent reserves is what Ray grants: another sweep's agents on the same node have theirs.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sweeper.artifacts.versions import RECORDED_VARIABLES
from sweeper.core.errors import ConfigError, ExecutorError
from sweeper.executors.cluster import slots
from sweeper.executors.cluster.agent import Agent, Setting
from sweeper.executors.cluster.link import Link
from sweeper.executors.cluster.slots import Grant, Slot

_LOOK_S = 2.0  # seconds between two looks at the nodes
_MOST_FAULTS = 3  # agents lost on one node in a row, after which it gets no more

#: Ray sets these where it runs code, and they change how libraries compute or what a debugger does.
_SET_BY_RAY = ("OMP_NUM_THREADS", "PYTHONBREAKPOINT")


class Nodes:
    """Finds nodes and makes agents."""

    def __init__(self, slot: Slot, most: int | None, *, is_local: bool, is_simulated: bool = False) -> None:
        """Makes nothing yet.

        Args:
            slot: what a trial takes.
            most: trials at a time; None: as many as fit.
            is_local: whether Ray runs on this machine alone, for this process.
            is_simulated: whether trials sleep instead of training.
        """
        self.most = most
        self.faults: Counter[str] = Counter()
        self.left_out: dict[str, str] = {}
        self._slot = slot
        self._is_local = is_local
        self._is_simulated = is_simulated
        self._looked = 0.0

    def check(self) -> None:
        """Raises ConfigError where no node is large enough for a trial: Ray itself would wait for ever."""
        found = self._alive()
        if any(slots.fitting(self._slot, resources) for _, resources in found.values()):
            return
        nodes = "; ".join(f"{name}: {slots.described(resources)}" for name, resources in found.values())
        raise ConfigError(
            f"A trial takes {self._slot} (executor.cpus, executor.gpus, executor.memory_gb), and no node has that. "
            f"Accepted: what one of the nodes has ({nodes}).  Try: {slots.smaller(self._slot, found.values())}"
        )

    def describe(self, links: list[Link]) -> str:
        """The nodes with agents, for people."""
        where = "on this machine" if self._is_local else f"{len(links)} node{'' if len(links) == 1 else 's'}"
        total = sum(link.slots for link in links)
        return f"Ray: {where}, {total} trial{'' if total == 1 else 's'} at a time, {self._slot} each."

    def join(self, links: list[Link]) -> Iterator[Link]:
        """Makes an agent on each node without one that has room; looks at most every two seconds.

        Raises:
            ExecutorError: every node was left out because its agents were lost or did not agree.
        """
        if time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        alive = self._alive()
        with_agent = {link.node for link in links}
        if not links and alive and set(alive) <= set(self.left_out):
            raise ExecutorError(
                f"No node can run trials any more: {'; '.join(self.left_out[node] for node in alive)}."
                "  Try: ray status, and the logs of Ray on these nodes"
            )
        free = {
            node: resources
            for node, resources in self._free().items()
            if node in alive and node not in with_agent and node not in self.left_out
        }
        left = None if self.most is None else self.most - sum(link.slots for link in links)
        for node, granted in slots.divided(self._slot, free, left).items():
            yield self._agent(node, alive[node][0], granted)

    def gone(self, links: list[Link]) -> list[Link]:
        """Agents whose node Ray has given up, of a look that `join` would make now too."""
        if time.monotonic() - self._looked < _LOOK_S:
            return []
        alive = self._alive()
        return [link for link in links if link.node not in alive]

    def note_fault(self, link: Link, why: str) -> None:
        """Counts a lost agent; its node is left out after some in a row without a trial that ended there."""
        self.faults[link.node] += 1
        if self.faults[link.node] >= _MOST_FAULTS:
            self.left_out[link.node] = f"{link.name}: {why}"

    def _agent(self, node: str, name: str, granted: Grant) -> Link:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        kind = ray.remote(concurrency_groups={"commands": 1})(_with_groups(Agent, ray.method))
        actor = kind.options(
            num_cpus=granted.cpus,
            num_gpus=granted.gpus,
            memory=granted.memory_bytes or None,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=1,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        ).remote(self._setting(granted))
        return Link(node, name, granted.slots, actor, waits=actor.about.remote())

    def _setting(self, granted: Grant) -> Setting:
        here = str(Path.cwd())
        return Setting(
            slots=granted.slots,
            num_gpus=int(-(-granted.gpus // 1)),
            gpu_memory_gb=self._slot.gpu_memory_gb,
            is_simulated=self._is_simulated,
            variables={name: os.environ.get(name) for name in (*RECORDED_VARIABLES, *_SET_BY_RAY)},
            code=here if self._is_local else None,
            hidden=(here, os.path.dirname(os.path.abspath(sys.argv[0]))),
        )

    @staticmethod
    def _alive() -> dict[str, tuple[str, Mapping[str, float]]]:
        """Name and resources of each node, by Ray's name of it."""
        import ray

        return {
            node["NodeID"]: (node["NodeManagerAddress"], node["Resources"]) for node in ray.nodes() if node["Alive"]
        }

    @staticmethod
    def _free() -> dict[str, Mapping[str, float]]:
        """What is free on each node. Ray's public interface has the sum of all nodes only."""
        from ray._private.state import available_resources_per_node

        found: dict[str, Mapping[str, float]] = available_resources_per_node()
        return found


def has_gpus() -> bool:
    """Whether a node of the cluster has a GPU."""
    import ray

    return any(node["Alive"] and node["Resources"].get("GPU", 0) > 0 for node in ray.nodes())


def _with_groups(kind: type[Agent], method: Any) -> type[Agent]:
    """The agent's class with its commands in a group, and so in a thread, of their own."""
    commands = ("write", "submit", "go_on", "stop", "kill", "close")
    marked = {name: method(concurrency_group="commands")(_function(kind, name)) for name in commands}
    return type("Agent", (kind,), marked)


def _function(kind: type[Agent], name: str) -> Any:
    """A method as a function of its own: marking it leaves the class as it is."""

    def call(self: Agent, *given: Any) -> Any:
        return getattr(kind, name)(self, *given)

    call.__name__ = name
    return call
