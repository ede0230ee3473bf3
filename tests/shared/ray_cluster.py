"""A Ray cluster of simulated nodes on this machine, each with a temporary folder of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class SimulatedNodes:
    """Nodes of one CPU each or more; the first is the head, which drivers on this machine join."""

    cluster: Any
    folder: Path
    folders: list[Path] = field(default_factory=list)

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def add(self, **arguments: Any) -> Any:
        """Starts a node; its agents and trials have their files below `folders[-1]`."""
        folder = self.folder / str(len(self.folders))
        folder.mkdir()
        self.folders.append(folder)
        given = {"num_cpus": 1, "object_store_memory": 80 * 2**20, **arguments}
        return self.cluster.add_node(env_vars={"TMPDIR": str(folder)}, **given)


@contextmanager
def simulated_nodes(count: int, **arguments: Any) -> Iterator[SimulatedNodes]:
    """Starts nodes; `arguments` are those of Ray's `Cluster.add_node`."""
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as folder:  # a short path: sockets lie there
        nodes = SimulatedNodes(Cluster(shutdown_at_exit=True), Path(folder))
        try:
            nodes.add(temp_dir=folder, **arguments)
            for _ in range(count - 1):
                nodes.add(**arguments)
            yield nodes
        finally:
            nodes.cluster.shutdown()
