"""What is replayed: a sampler, a pruner, workers and a budget, from the words of the command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import yaml

from sweeper.config import keys
from sweeper.config.sweep import PrunerConfig, SamplerConfig
from sweeper.core.errors import ConfigError, did_you_mean

_TRY = "Try: python -m sweeper replay NAME sampler=tpe pruner=asha sampler.options.n_startup_trials=20"


@dataclass(frozen=True)
class ReplaySettings:
    """What is replayed.

    Attributes:
        sampler, pruner: as in a sweep.
        workers: trials at a time, on the virtual clock.
        max_epochs: epochs of a replay; None: a twentieth of the grid's, or ten trainings.
    """

    sampler: SamplerConfig
    pruner: PrunerConfig
    workers: int = 1
    max_epochs: int | None = None

    def seeded(self, number: int) -> ReplaySettings:
        """The same for one of many replays, each with a sampler's seed of its own."""
        return replace(self, sampler=replace(self.sampler, seed=number))

    @property
    def name(self) -> str:
        """`tpe with asha`."""
        return self.sampler.name + ("" if self.pruner.name == "none" else f" with {self.pruner.name}")


def parse(words: Sequence[str], workers: int, max_epochs: int | None) -> ReplaySettings:
    """Reads `sampler=tpe pruner=asha sampler.seed=1 pruner.options.min_resource=2`.

    Raises:
        ConfigError: a word that is none of these.
    """
    chosen: dict[str, str] = {"sampler": "tpe", "pruner": "none"}
    set_later: list[tuple[str, str, Any]] = []
    for word in words:
        key, equals, text = word.partition("=")
        node, _, name = key.partition(".")
        if not equals or node not in chosen:
            raise ConfigError(f"replay does not take {word}. Accepted: sampler and pruner, and their keys.  {_TRY}")
        if name:
            set_later.append((node, name, yaml.safe_load(text)))
        else:
            options = [one for one in keys.known()[node].options if one not in ("auto", "grid")]
            if text not in options:
                near = did_you_mean(text, options)
                raise ConfigError(f"{word} cannot be replayed. Accepted: {', '.join(options)}. {near}  {_TRY}")
            chosen[node] = text
    sampler = SamplerConfig(**keys.option("sampler", chosen["sampler"]))
    pruner = PrunerConfig(**keys.option("pruner", chosen["pruner"]))
    for node, name, value in set_later:
        if node == "sampler":
            sampler = _with(sampler, node, name, value)
        else:
            pruner = _with(pruner, node, name, value)
    if pruner.metric not in (None, "val_accuracy"):
        raise ConfigError(
            f"pruner.metric={pruner.metric} cannot be replayed: what is kept of every epoch is right and wrong. "
            f"Accepted: val_accuracy.  {_TRY}"
        )
    return ReplaySettings(sampler, pruner, workers, max_epochs)


def _with(config: Any, node: str, name: str, value: Any) -> Any:
    if name.startswith("options."):
        return replace(config, options={**config.options, name.removeprefix("options."): value})
    known = [one.name for one in fields(config)]
    if name not in known or name == "name":
        accepted = ", ".join(f"{node}.{one}" for one in (*known, "options.KEY") if one not in ("name", "options"))
        raise ConfigError(f"{node}.{name} is no key of a {node}. Accepted: {accepted}.  {_TRY}")
    return replace(config, **{name: value}, **({"name": str(value)} if name == "_target_" else {}))
