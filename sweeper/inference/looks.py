"""How candidates with fresh seeds are compared while they are trained: at four looks, each with a part of the error.

Whoever is eliminated at a look is trained no further. Looking after every seed at the full level would lose one of the
best in 15 to 18 % of the sweeps; here the looks' levels add up to one, so that Bonferroni's inequality bounds the
whole. Which configurations are candidates, and how they are trained, is decided elsewhere.

Source: S. J. Pocock (1977), Group sequential methods in the design and analysis of clinical trials, Biometrika 64
(repeated looks inflate the error); the levels that rise from look to look are this project's, and
`benchmarks/looks.py` measures what they keep.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.clusters import as_units
from sweeper.inference.configurations import leading_configurations

#: Fresh seeds of each candidate at each look, and the share of the error that the look may spend.
LOOKS: tuple[tuple[int, float], ...] = ((3, 0.1), (5, 0.2), (8, 0.3), (12, 0.4))

#: What all looks may spend together. It is less than the 5 % that are promised: where seeds vary far more for one
#: than for another, and mostly downwards, tests at small levels err more often than they say (`benchmarks/looks.py`).
LEVEL_OF_LOOKS = 0.02

#: Share of what is uncertain that the images bring, from which on more seeds hardly help.
IMAGES_DOMINATE = 0.8

Ending = Literal["", "decided", "images", "seeds"]


@dataclass(frozen=True)
class Look:
    """What a look decides about C candidates; rows as they were given.

    Attributes:
        members: those that can be the best, by falling mean, the leader first.
        eliminated: the others, in the order in which they left.
        equal: members that are shown to be equal to the leader within the margin, without the leader.
        mean: (C,), over seeds and images.
        gain: by how much each is better than the row of reference, with an interval; (C, 3), and None without one. All
            intervals of all looks hold at once.
        image_share: the smallest share that the images have of what is uncertain, of the leader and one undecided
            member; None where none is undecided.
        ends: why no further look is needed; empty where one is.
    """

    members: tuple[int, ...]
    eliminated: tuple[int, ...]
    equal: tuple[int, ...]
    mean: NDArray[np.float64]
    gain: NDArray[np.float64] | None
    image_share: float | None
    ends: Ending

    @property
    def undecided(self) -> tuple[int, ...]:
        """Members that are neither the leader nor shown to be equal to it."""
        return tuple(index for index in self.members[1:] if index not in self.equal)


def look(
    answers: Sequence[NDArray[np.bool_]],
    number: int,
    margin: float,
    alpha: float = LEVEL_OF_LOOKS,
    *,
    groups: NDArray[np.integer] | None = None,
    reference: int | None = None,
) -> Look:
    """Takes one look at candidates that no earlier look has eliminated.

    Args:
        answers: for each candidate (s, n): whether image j is right under its fresh seed i; s as `LOOKS` has it.
        number: of the look, from 0.
        margin: a difference in accuracy that does not matter, from 0 to below 1.
        alpha: what all looks spend together on losing one of the best; likewise on equalities that are none, and on
            intervals that are wrong.
        groups: (n,), the number of each image's group, where images come in groups.
        reference: the row from which gains are taken.

    Returns:
        The look.

    Raises:
        ValueError: there is no such look, or other seeds than it has; and as `leading_configurations`.
    """
    if not 0 <= number < len(LOOKS):
        raise ValueError(f"looks have numbers from 0 to {len(LOOKS) - 1}; given: {number}")
    num_seeds, share = LOOKS[number]
    units = [np.asarray(one if groups is None else as_units(one, groups), np.float64) for one in answers]
    if {len(one) for one in units} != {num_seeds}:
        given = sorted({len(one) for one in units})
        raise ValueError(f"look {number} is at {num_seeds} seeds; given: {', '.join(map(str, given))}")
    level = alpha * share
    found = leading_configurations(units, level)
    pairs = _pairs(np.stack(units))
    members = list(found.members)
    marked = pairs.equal(members, margin, level)
    equal = tuple(index for index, is_equal in zip(members[1:], marked[1:], strict=True) if is_equal)
    shares = [pairs.image_share(members[0], index) for index in members[1:] if index not in equal]
    return Look(
        members=found.members,
        eliminated=tuple(one.index for one in found.left),
        equal=equal,
        mean=pairs.mean,
        gain=None if reference is None else pairs.gain(reference, level / max(1, len(units) - 1)),
        image_share=min(shares, default=None),
        ends=_ending(number, shares),
    )


def gains_over(
    answers: Sequence[NDArray[np.bool_] | NDArray[np.floating]],
    reference: int,
    alpha: float = 0.05,
    *,
    groups: NDArray[np.integer] | None = None,
) -> NDArray[np.float64]:
    """By how much each configuration is better than one that was fixed beforehand, in one look at all seeds.

    Args:
        answers: for each configuration (s, n), three seeds or more.
        reference: the row from which gains are taken.
        alpha: the chance allowed of any interval being wrong; they hold all at once, whichever configuration leads.
        groups: as for `look`.

    Returns:
        (C, 3): the difference of the means over seeds and images, low and high.
    """
    units = [np.asarray(one if groups is None else as_units(one, groups), np.float64) for one in answers]
    return _pairs(np.stack(units)).gain(reference, alpha / max(1, len(units) - 1))


def _ending(number: int, shares: Sequence[float]) -> Ending:
    """`shares`: of each undecided member, that of the images in what is uncertain."""
    if not shares:
        return "decided"
    if min(shares) >= IMAGES_DOMINATE:
        return "images"
    return "seeds" if number == len(LOOKS) - 1 else ""


@dataclass(frozen=True)
class _Pairs:
    """C configurations under s seeds on n images, and what makes the difference of each pair uncertain.

    Attributes:
        mean: (C,), over seeds and images.
        seeds: (C,), the variance of a mean that comes from its seeds, as in `leading_configurations`.
        images: (C, C), the variance of a difference that comes from the images, likewise.
        shape: s and n.
    """

    mean: NDArray[np.float64]
    seeds: NDArray[np.float64]
    images: NDArray[np.float64]
    shape: tuple[int, int]

    def image_share(self, one: int, other: int) -> float:
        whole = float(self.images[one, other] + self.seeds[one] + self.seeds[other])
        return float(self.images[one, other]) / whole if whole > 0 else 0.0

    def equal(self, members: Sequence[int], margin: float, alpha: float) -> list[bool]:
        """Which members are shown to differ from the first by at most the margin.

        Each must be shown to be at most the margin worse than any other member, and so must the first; as neither is
        better than the best, they are then at most the margin apart. Bonferroni's correction is for the members that
        may be marked wrongly. The images' part is taken to be at least what a difference of the margin makes of it
        where no other image differs: few images on which nothing differs are no proof.

        Source: D. J. Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15 (two one-sided tests).
        """
        from scipy.special import stdtr

        rows = np.ix_(members, members)
        mean, seeds = self.mean[members], self.seeds[members]
        images = np.maximum(self.images[rows], margin * (1 - margin) / self.shape[1])
        variance, degrees = self._uncertain(seeds[:, None], seeds, images)
        above = mean[:, None] - mean + margin
        t = np.divide(above, np.sqrt(variance), out=np.zeros_like(variance), where=variance > 0)
        p_values = stdtr(degrees, -t)
        np.fill_diagonal(p_values, 0)
        is_close = p_values.max(axis=1) <= alpha / max(1, len(members) - 1)
        return [bool(close and is_close[0]) for close in is_close]

    def gain(self, reference: int, alpha: float) -> NDArray[np.float64]:
        """(C, 3): each mean less that of the reference, with its interval at this level.

        At least one image more in either direction is taken to differ, as in A. Agresti and Y. Min (2005), Statistics
        in Medicine 24, section 2.
        """
        from scipy.special import stdtrit

        images = np.maximum(self.images[reference], 1 / self.shape[1] ** 2)
        variance, degrees = self._uncertain(self.seeds, self.seeds[reference], images)
        centre = self.mean - self.mean[reference]
        half = -stdtrit(degrees, alpha / 2) * np.sqrt(variance)
        found: NDArray[np.float64] = np.stack([centre, centre - half, centre + half], axis=1).clip(-1, 1)
        found[reference] = 0
        return found

    def _uncertain(
        self, one: NDArray[np.float64], other: NDArray[np.float64] | np.float64, images: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A difference's variance by its parts, and Satterthwaite's degrees of freedom."""
        variance = one + other + images
        spread = (one**2 + other**2) / (self.shape[0] - 1) + images**2 / (self.shape[1] - 1)
        return variance, np.divide(variance**2, spread, out=np.ones_like(variance), where=spread > 0)


def _pairs(tables: NDArray[np.float64]) -> _Pairs:
    """`tables` (C, s, n)."""
    _, num_seeds, num_images = tables.shape
    between = tables.mean(axis=2).var(axis=1, ddof=1)
    of_seeds = tables.var(axis=1, ddof=1).mean(axis=1) / num_seeds
    covariance = np.atleast_2d(np.cov(tables.mean(axis=1)))
    own = covariance.diagonal() - of_seeds
    return _Pairs(
        mean=np.array([math.fsum(row) / num_seeds for row in tables.mean(axis=2)]),
        seeds=((num_seeds - 1) * between + between.mean()) / num_seeds / num_seeds,
        images=(own[:, None] + own - 2 * covariance).clip(0) / num_images,
        shape=(num_seeds, num_images),
    )
