"""Takes over trials of other sweeps: finds them, says how many, and leaves their files in the new trial's folder.

    the same hash -> conditions -> files whole -> copied into the trial's folder -> recorded as if it had just ended

A copy is whole: curves, predictions, model. So whatever becomes of the other sweep, this one has all of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from omegaconf import OmegaConf

from sweeper.artifacts.damage import check_archive, load_arrays
from sweeper.artifacts.result import write_result
from sweeper.core.errors import DamagedFileError, RunGoneError
from sweeper.core.events import Listener, Note
from sweeper.core.objectives import Metric, Objective
from sweeper.core.paths import TrialPaths
from sweeper.core.text import listed
from sweeper.core.trials import TakenFrom, TrialResult
from sweeper.search.scheduler import QueuedTrial
from sweeper.storage.earlier import EarlierTrial, EarlierTrials
from sweeper.sweep.reuse.conditions import why_not
from sweeper.tracking.logged_model import check_files
from sweeper.tracking.recording.remote import RemoteTracker

#: Files of a run that are its own sweep's: the test set is opened anew, and long parameters are written anew.
_LEFT_BEHIND = ("test", "long_params.json")


class TakeOver:
    """What one sweep takes over from the others of its output folder."""

    def __init__(
        self,
        earlier: EarlierTrials,
        tracker: RemoteTracker | None,
        listener: Listener,
        objectives: Sequence[Objective],
        metrics: Sequence[Metric],
        versions: Mapping[str, str],
    ) -> None:
        """Takes its parts.

        Args:
            earlier: the trials of the other sweeps.
            tracker: reads their files; None: they are not looked at, and nothing can be taken.
            listener: called with what is said.
            objectives: of this sweep.
            metrics: those that it computes because they were asked for.
            versions: of packages, variables and processor here.
        """
        self._earlier = earlier
        self._tracker = tracker
        self._listener = listener
        self._objectives, self._metrics, self._versions = objectives, metrics, versions
        self._chosen: dict[str, EarlierTrial | None] = {}  # by hash
        self._against: dict[str, str] = {}  # by hash: why one that was found is trained again

    @property
    def may_have(self) -> bool:
        """Whether another sweep here has a complete trial."""
        return self._earlier.any_like(lambda _: True)

    def announce(self, queue: Iterable[QueuedTrial]) -> set[int]:
        """Says how many of a grid's trials are taken over, and why others are not; returns their numbers."""
        waiting = list(queue)
        found = self.found(waiting)
        if found:
            self._say(
                f"{_counted(len(found), len(waiting))} taken over from {_sweeps(found.values())}, not trained again: "
                "settings, data, seed and versions are the same (sweep.reuse=false trains again)."
            )
        self.say_why_not()
        return set(found)

    def found(self, queue: Iterable[QueuedTrial]) -> dict[int, EarlierTrial]:
        """The trials of other sweeps that are taken over, by the number of the trial here."""
        return {queued.number: one for queued in queue if (one := self._choose(queued.trial.hash)) is not None}

    def say_why_not(self) -> None:
        """Says why trials that another sweep has are trained again."""
        for reason in dict.fromkeys(self._against.values()):
            number = list(self._against.values()).count(reason)
            were = "trial was trained before, but is" if number == 1 else "trials were trained before, but are"
            self._say(f"{number} {were} trained again: {reason}.")

    def announce_proposals(self, is_like: Callable[[Mapping[str, Any]], bool]) -> None:
        """Says that a sampler's proposals may be taken over, where another sweep has trials of this kind."""
        if self._earlier.any_like(is_like):
            self._say(
                "What another sweep here has trained with the same settings, data, seed and versions is taken over "
                "where the sampler proposes it (sweep.reuse=false trains it again)."
            )

    def take(self, queued: QueuedTrial) -> TrialResult | None:
        """Leaves another sweep's trial in a trial's folder; None where there is none, or it cannot be copied whole."""
        found = self._choose(queued.trial.hash)
        if found is None or found.trial.row is None:
            return None
        paths, row = TrialPaths(queued.spec.folder), found.trial.row
        shutil.rmtree(paths.root, ignore_errors=True)
        try:
            self._copy(found, paths)
        except (RunGoneError, DamagedFileError) as error:
            shutil.rmtree(paths.root, ignore_errors=True)
            self._chosen[queued.trial.hash] = None
            self._say(f"Trial {queued.number} is trained after all: {error}.")
            return None
        OmegaConf.save(OmegaConf.create(queued.spec.config), paths.artifacts / "config.yaml")
        overrides = "".join(f"{line}\n" for line in queued.spec.overrides)
        (paths.artifacts / "overrides.txt").write_text(overrides, encoding="utf-8")
        origin = row.facts.taken_from or TakenFrom(found.sweep, found.trial.number, found.trial.run_id)
        facts = replace(row.facts, taken_from=origin)
        result = TrialResult(row.state, row.metrics, row.history, facts)
        write_result(paths, result)
        return result

    def _choose(self, trial_hash: str) -> EarlierTrial | None:
        """The trial that is taken over for this identity; None where there is none."""
        if trial_hash not in self._chosen:
            self._chosen[trial_hash] = None
            for one in self._earlier.of(trial_hash):
                reason = why_not(one.trial, one.info, self._objectives, self._metrics, self._versions)
                reason = reason or self._damage(one)
                if not reason:
                    self._chosen[trial_hash] = one
                    self._against.pop(trial_hash, None)
                    break
                self._against.setdefault(trial_hash, f"in {one.sweep} it {reason}")
        return self._chosen[trial_hash]

    def _damage(self, one: EarlierTrial) -> str:
        """What its run lacks; a server's model is only looked at when it is copied."""
        if self._tracker is None:
            return ""
        try:
            with self._tracker.artifact(one.trial.run_id, "predictions.npz") as path:
                load_arrays(path)
            if not self._tracker.uri.startswith("http"):
                with TemporaryDirectory() as folder:
                    check_files(self._tracker.model_folder(one.trial.run_id, Path(folder)))
        except (RunGoneError, DamagedFileError) as error:
            return f"cannot be read: {error}"
        return ""

    def _copy(self, one: EarlierTrial, paths: TrialPaths) -> None:
        run_id = one.trial.run_id
        if self._tracker is None:
            raise ValueError("without MLflow nothing can be copied")
        with self._tracker.artifact(run_id, "") as files:
            own = {str(files): _LEFT_BEHIND}
            shutil.copytree(files, paths.artifacts, ignore=lambda folder, names: own.get(str(folder), ()))
        with TemporaryDirectory() as folder:
            shutil.copytree(self._tracker.model_folder(run_id, Path(folder)), paths.model)
        load_arrays(paths.predictions)
        check_files(paths.model)
        if paths.epoch_bits.exists():
            check_archive(paths.epoch_bits)

    def _say(self, text: str) -> None:
        self._listener(Note(text))


def _counted(number: int, total: int) -> str:
    if total == 1:
        return "The trial is"
    return f"All {total} trials are" if number == total else f"{number} of {total} trials {_be(number)}"


def _be(number: int) -> str:
    return "is" if number == 1 else "are"


def _sweeps(found: Iterable[EarlierTrial]) -> str:
    names = list(dict.fromkeys(one.sweep for one in found))
    return f"sweep{'' if len(names) == 1 else 's'} {listed(names)}"
