"""What other sweeps of an output folder have trained, by the hash of what was trained.

What does not live here: whether such a trial may be taken over (`sweeper.sweep.reuse`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.core.sweeps import SweepInfo
from sweeper.core.trials import StudyTrial
from sweeper.storage.catalogue import newest
from sweeper.storage.codec import POINT
from sweeper.storage.database import store_errors, trial_attributes
from sweeper.storage.places import Place
from sweeper.storage.study import SweepStudy


@dataclass(frozen=True)
class EarlierTrial:
    """A complete trial of another sweep.

    Attributes:
        sweep: its name.
        info: what is known about that sweep.
        trial: the trial, with its outcome.
    """

    sweep: str
    info: SweepInfo
    trial: StudyTrial


class EarlierTrials:
    """The complete trials of all sweeps of a folder in one store, but one; a study is read whole when asked for."""

    def __init__(self, place: Place, own: str) -> None:
        """Lists them.

        Args:
            place: the store.
            own: the sweep that is left out.
        """
        self._place = place
        self._found: dict[str, list[tuple[str, int]]] = {}
        self._identities: list[Mapping[str, Any]] = []
        self._loaded: dict[str, tuple[SweepInfo | None, dict[int, StudyTrial]]] = {}
        for name in newest(place):
            if name != own:
                self._list(name)

    def _list(self, name: str) -> None:
        with store_errors(self._place):
            for state, attributes in trial_attributes(self._place, name, (POINT,)):
                if state == "COMPLETE":
                    point = attributes[POINT]
                    self._found.setdefault(point["hash"], []).append((name, int(point["number"])))
                    self._identities.append(point["identity"])

    def of(self, trial_hash: str) -> list[EarlierTrial]:
        """Those of this very identity, of the newest sweep first."""
        found = []
        for name, number in self._found.get(trial_hash, ()):
            info, trials = self._sweep(name)
            trial = trials.get(number)
            if info is not None and trial is not None and trial.row is not None and trial.hash == trial_hash:
                found.append(EarlierTrial(name, info, trial))
        return found

    def any_like(self, is_like: Callable[[Mapping[str, Any]], bool]) -> bool:
        """Whether the identity of one of them is like that."""
        return any(map(is_like, self._identities))

    def _sweep(self, name: str) -> tuple[SweepInfo | None, dict[int, StudyTrial]]:
        if name not in self._loaded:
            study = SweepStudy.load(self._place.paths, name)
            self._loaded[name] = study.info, {trial.number: trial for trial in study.trials()}
        return self._loaded[name]
