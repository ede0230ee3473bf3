"""What trainings take on this machine: timed once by short probes, and kept in the output folder.

What does not live here: what is decided by it (`sweeper.sweep.precision`, `sweeper.sweep.threads`).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.artifacts.result import NO_RESULT, read_result
from sweeper.artifacts.versions import versions
from sweeper.config.identity import canonical
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import ConfigError
from sweeper.core.paths import TrialPaths, write_atomically
from sweeper.core.trials import ProbeSpec, TrialState
from sweeper.data.prepare import DataSets
from sweeper.executors import Event, Executor, TrialEnded
from sweeper.preflight.check import PlannedTrial
from sweeper.sweep.plan import SweepPlan

_SECONDS = 0.7  # for which each network is timed
_POLL_S = 0.2


@dataclass(frozen=True)
class Timing:
    """What a training of a network takes.

    Attributes:
        startup_s: seconds until the first steps are done.
        batch_s: seconds of a training step after that.
    """

    startup_s: float
    batch_s: float


def spread(trials: Sequence[PlannedTrial], most: int) -> list[PlannedTrial]:
    """Different networks with their batch size, at most so many: the smallest, the largest, and some between."""
    different = {
        canonical([planned.point.config["arch"], planned.point.config["training"]["batch_size"]]): planned
        for planned in trials
    }
    ordered = sorted(different.values(), key=lambda planned: 0 if planned.network is None else planned.network.flops)
    last = len(ordered) - 1
    return [ordered[place] for place in sorted({round(last * step / (most - 1)) for step in range(most)})]


def num_batches(config: Mapping[str, Any], prepared: PreparedData) -> int:
    """Training steps of an epoch."""
    return -(-prepared.summary.num_train // int(config["training"]["batch_size"]))


class Timings:
    """Times networks by an executor's processes, each network, batch size, precision and processor once."""

    def __init__(self, plan: SweepPlan, data_sets: DataSets, executor: Executor, asked: str) -> None:
        """Takes what it times by, and the setting that asked for it: `training.precision=auto`."""
        self._data_sets, self._executor, self._asked = data_sets, executor, asked
        self._folder = plan.folder.probe
        self._file = plan.paths.root / "timings.json"
        machine = plan.settings.machine
        self._surroundings: list[Any] = [versions(0 if machine.gpus else None), machine.cpus, _SECONDS]
        if plan.settings.executor.name == "ray":  # the nodes of a cluster may have other processors
            self._surroundings.append(plan.settings.executor.address)

    def of(self, config: Mapping[str, Any], together: int = 1) -> Timing:
        """What a trial of this configuration takes while so many of it train at a time.

        Raises:
            ConfigError: the network could not be trained for a moment.
        """
        key, known = self._key(config, together), _read(self._file)
        if key not in known:
            timing = self._probe(config, self._data_sets.prepare(config["data"]), together)
            known[key] = [timing.startup_s, timing.batch_s]
            write_atomically(self._file, json.dumps(known, indent=1))
        return Timing(*known[key])

    def is_known(self, config: Mapping[str, Any], together: int = 1) -> bool:
        """Whether it has been timed in this output folder."""
        return self._key(config, together) in _read(self._file)

    def _key(self, config: Mapping[str, Any], together: int) -> str:
        prepared = self._data_sets.prepare(config["data"])
        training = {key: config["training"][key] for key in ("batch_size", "threads", "precision")}
        shape = [prepared.summary.input_shape, prepared.summary.num_classes]
        what = [config["arch"], config["optimizer"], training, shape, together]
        return hashlib.sha256(canonical([what, self._surroundings]).encode()).hexdigest()

    def _probe(self, config: Mapping[str, Any], prepared: PreparedData, together: int) -> Timing:
        shutil.rmtree(self._folder, ignore_errors=True)
        folders = [self._folder / str(number) for number in range(together)]
        for number, folder in enumerate(folders):
            self._executor.submit(
                ProbeSpec(
                    number=number,
                    folder=folder,
                    config=dict(config),
                    data=prepared,
                    seconds=_SECONDS,
                    together=together,
                )
            )
        ended: list[TrialEnded] = []

        def handle(event: Event) -> None:
            if isinstance(event, TrialEnded):
                ended.append(event)

        while len(ended) < together:
            self._executor.poll(handle, _POLL_S)
        timings = [self._timing(folder, config, ended) for folder in folders]
        shutil.rmtree(self._folder, ignore_errors=True)
        return Timing(*(float(value) for value in np.mean([[one.startup_s, one.batch_s] for one in timings], axis=0)))

    def _timing(self, folder: Path, config: Mapping[str, Any], ended: Sequence[TrialEnded]) -> Timing:
        result = read_result(TrialPaths(folder))
        if result is None or result.state is not TrialState.COMPLETE:
            reasons = [event.reason for event in ended if event.number == int(folder.name)]
            reason = reasons[0] or NO_RESULT if result is None else result.error
            key = self._asked.removeprefix("training.").partition("=")[0]
            raise ConfigError(
                f"{self._asked} could not be timed with {config['training'][key]}: {reason}."
                f"  Try: training.{key}={'float32' if key == 'precision' else '2'}"
            )
        return Timing(result.metrics["startup_s"], result.metrics["batch_s"])


def _read(file: Path) -> dict[str, list[float]]:
    """What was timed before; a file that is not whole is rewritten, since it holds nothing but timings."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}
