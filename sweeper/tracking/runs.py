"""Runs in MLflow: created, searched, tagged."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Sweep:
    """What is known of a sweep's runs: enough to find an earlier attempt without a search a trial."""

    name: str
    is_new: bool
    started: dict[int, str] = field(default_factory=dict)


def tag(key: str) -> str:
    """A tag's name as MLflow's search writes it."""
    return f"tags.`{key}`"
