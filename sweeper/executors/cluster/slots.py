"""How many trials a node takes, and what is reserved of it for them. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GIB = 2**30
_SLACK = 1e-6  # sums of fractions are not exact


@dataclass(frozen=True)
class Slot:
    """What one trial takes of a node.

    Attributes:
        cpus: CPU cores, fractions too.
        gpus: 0, a fraction of a GPU, or 1.
        memory_bytes: 0 where none is reserved.
        gpu_memory_gb: GiB of its GPU's memory that it may take; None: what it needs and finds.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 0
    gpu_memory_gb: float | None = None

    def __str__(self) -> str:
        words = [f"{self.cpus:g} CPU{'' if self.cpus == 1 else 's'}"]
        if self.gpus:
            words.append(f"{self.gpus:g} GPU")
        if self.memory_bytes:
            words.append(f"{self.memory_bytes / GIB:g} GiB of memory")
        return ", ".join(words)


@dataclass(frozen=True)
class Grant:
    """What an agent reserves of its node.

    Attributes:
        slots: trials at a time.
        cpus, gpus, memory_bytes: for all of them. Ray takes fractions of one GPU, and whole numbers beyond it.
    """

    slots: int
    cpus: float
    gpus: float
    memory_bytes: int


def fitting(slot: Slot, resources: Mapping[str, float]) -> int:
    """Trials that fit into a node's resources, by Ray's names for them (`CPU`, `GPU`, `memory` in bytes).

    Example:
        >>> fitting(Slot(cpus=2, gpus=0.5), {"CPU": 16.0, "GPU": 2.0})
        4
    """
    counts = [math.floor(resources.get("CPU", 0.0) / slot.cpus + _SLACK)]
    if slot.gpus:
        gpus = resources.get("GPU", 0.0)
        per_gpu = math.floor(1 / slot.gpus + _SLACK)
        counts.append(math.floor(gpus) * per_gpu if gpus >= 1 else math.floor(gpus / slot.gpus + _SLACK))
    if slot.memory_bytes:
        counts.append(int(resources.get("memory", 0.0) // slot.memory_bytes))
    return min(counts)


def grant(slot: Slot, count: int) -> Grant:
    """What so many trials need of one node.

    Example:
        >>> grant(Slot(cpus=2, gpus=0.5), 3)
        Grant(slots=3, cpus=6.0, gpus=2, memory_bytes=0)
    """
    gpus: float = 0.0
    if slot.gpus:
        gpus = count * slot.gpus if count * slot.gpus < 1 else math.ceil(count / math.floor(1 / slot.gpus + _SLACK))
    return Grant(count, count * slot.cpus, gpus, count * slot.memory_bytes)


def divided(slot: Slot, free: Mapping[str, Mapping[str, float]], most: int | None) -> dict[str, Grant]:
    """A grant for each node that takes a trial, the roomiest first, with at most so many trials in all.

    Args:
        slot: what a trial takes.
        free: what each node has free, by the node.
        most: trials at a time; None: as many as fit.
    """
    found: dict[str, Grant] = {}
    left = math.inf if most is None else most
    for node in sorted(free, key=lambda node: (-fitting(slot, free[node]), node)):
        count = int(min(fitting(slot, free[node]), left))
        if count > 0:
            found[node] = grant(slot, count)
            left -= count
    return found


def smaller(slot: Slot, nodes: Iterable[tuple[str, Mapping[str, float]]]) -> str:
    """The keys with which a trial would fit into the node with most cores, as typed."""
    largest = max((resources for _, resources in nodes), key=lambda resources: resources.get("CPU", 0.0))
    words = []
    if slot.cpus > (cpus := largest.get("CPU", 0.0)):
        words.append(f"executor.cpus={cpus:g}")
    if slot.gpus > (gpus := largest.get("GPU", 0.0)):
        words.append(f"executor.gpus={gpus:g}")
    if slot.memory_bytes > (memory := largest.get("memory", 0.0)):
        words.append(f"executor.memory_gb={memory // GIB:g}")
    return " ".join(words)


def described(resources: Mapping[str, float]) -> str:
    """A node's resources, for people: `8 CPUs, 1 GPU, 31 GiB of memory`."""
    cpus, gpus = resources.get("CPU", 0.0), resources.get("GPU", 0.0)
    words = [f"{cpus:g} CPU{'' if cpus == 1 else 's'}"]
    if gpus:
        words.append(f"{gpus:g} GPU{'' if gpus == 1 else 's'}")
    words.append(f"{resources.get('memory', 0.0) / GIB:.0f} GiB of memory")
    return ", ".join(words)
