"""What looks have decided about the candidates of a sweep with `sweep.seeds=auto`; plain data, as the study keeps it.

A configuration is called by the number that the study has for it (`StudyTrial.point`). Repeat 0 has the seed that chose
the candidates; repeats 1, 2, ... have fresh ones, and only these are compared.

What does not live here: the decision (`sweeper.inference.looks`), and who takes it when (`sweeper.sweep.seeds`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

#: What `sweep.seeds` takes besides a number.
AUTO_SEEDS = "auto"

Outcome = Literal["leads", "equal", "undecided", "eliminated", "failed", "one seed"]


@dataclass(frozen=True)
class TakenLook:
    """A look that was taken. It is stored once, and never computed again.

    Attributes:
        num_seeds: fresh seeds of each candidate that was compared.
        compared: these, with `mean` and `gain` in the same order.
        mean: accuracy over seeds and images.
        gain: by how much each is better than the baseline, with low and high; empty where that was not compared. The
            intervals of all looks hold at once.
        members: those that can be the best, by falling mean, the leader first.
        eliminated: those that are worse beyond chance.
        equal: members that are shown to be equal to the leader within the margin, without the leader.
        failed: candidates of which a seed failed; these are out, and not compared.
        num_images: on which they were compared.
        image_share: of what is uncertain between the leader and an undecided member, the least share of the images.
        ends: why no further look is taken: `decided`, `images` (they dominate), `seeds` (there are no more); or empty.
    """

    num_seeds: int
    compared: tuple[int, ...]
    mean: tuple[float, ...]
    members: tuple[int, ...]
    eliminated: tuple[int, ...] = ()
    equal: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    gain: tuple[tuple[float, float, float], ...] = ()
    num_images: int = 0
    image_share: float | None = None
    ends: str = ""

    @property
    def undecided(self) -> tuple[int, ...]:
        """Members that are neither the leader nor shown to be equal to it."""
        return tuple(one for one in self.members[1:] if one not in self.equal)


@dataclass(frozen=True)
class SecondStage:
    """The candidates of a sweep, and the looks at them so far.

    Attributes:
        candidates: by their rank under one seed; a baseline that ranked behind them is the last.
        num_leading: configurations of the leading group under one seed, of which at most eight are candidates.
        num_trained: configurations that were trained under one seed.
        baseline: the default configuration, where it was trained.
        looks: the first one first.
    """

    candidates: tuple[int, ...]
    num_leading: int
    num_trained: int
    baseline: int | None = None
    looks: tuple[TakenLook, ...] = ()

    @property
    def alive(self) -> tuple[int, ...]:
        """The candidates that are still compared."""
        return self.looks[-1].members if self.looks else self.candidates

    @property
    def is_over(self) -> bool:
        """Whether no further look is taken."""
        return len(self.alive) < 2 or (bool(self.looks) and bool(self.looks[-1].ends))

    def standing(self, point: int, repeat: int) -> Standing:
        """How far a trial's configuration came."""
        for number, look in reversed(list(enumerate(self.looks))):
            if point in look.failed:
                return Standing("failed", look.num_seeds, None, is_fresh=0 < repeat <= look.num_seeds)
            if point in look.compared:
                return Standing(
                    _outcome(look, point),
                    look.num_seeds,
                    self._place(number, point),
                    is_fresh=0 < repeat <= look.num_seeds,
                )
        return Standing("undecided" if point in self.candidates and not self.is_over else "one seed", 0, None)

    def _place(self, number: int, point: int) -> int:
        """Who came further is placed before; who came equally far, by the mean at that look."""
        look = self.looks[number]
        if point in look.members:
            return look.members.index(point)
        mean = dict(zip(look.compared, look.mean, strict=True))
        return len(look.members) + sorted(look.eliminated, key=lambda one: (-mean[one], one)).index(point)


def _outcome(look: TakenLook, point: int) -> Outcome:
    if point in look.eliminated:
        return "eliminated"
    if point == look.members[0]:
        return "leads"
    return "equal" if point in look.equal else "undecided"


@dataclass(frozen=True)
class Standing:
    """How far a trial's configuration came.

    Attributes:
        outcome: what the last look at it said; `one seed` of a configuration that had no fresh seeds.
        num_seeds: fresh seeds at that look; 0 without one.
        place: its place among the compared, 0 for the leader; None of one that was not compared, or has failed.
        is_fresh: whether the trial itself was compared: its seed is one of these.
    """

    outcome: Outcome
    num_seeds: int
    place: int | None
    is_fresh: bool = False


def gain_of(look: TakenLook, point: int) -> tuple[float, float, float] | None:
    """By how much a configuration is better than the baseline; None where that was not compared with it."""
    gains: Mapping[int, tuple[float, float, float]] = dict(zip(look.compared, look.gain, strict=False))
    return gains.get(point)
