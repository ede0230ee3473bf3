"""Simulated nodes of a Ray cluster on this machine: those of the tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "shared"))

from ray_cluster import SimulatedNodes, simulated_nodes

__all__ = ["SimulatedNodes", "simulated_nodes"]
