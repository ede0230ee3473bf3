"""How candidates with fresh seeds are compared while they are trained: at four looks, each with a part of the error.

Whoever is eliminated at a look is trained no further. Looking after every seed at the full level would lose one of the
best in 15 to 18 % of the sweeps; here the looks' levels add up to one, so that Bonferroni's inequality bounds the
whole. Which configurations are candidates, and how they are trained, is decided elsewhere.

Source: S. J. Pocock (1977), Group sequential methods in the design and analysis of clinical trials, Biometrika 64
(repeated looks inflate the error); the levels that rise from look to look are this project's, and
`benchmarks/looks.py` measures what they keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.configurations import leading_configurations
from sweeper.inference.contrasts.parts import Parts, parts

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
    if {len(one) for one in answers} != {num_seeds}:
        given = sorted({len(one) for one in answers})
        raise ValueError(f"look {number} is at {num_seeds} seeds; given: {', '.join(map(str, given))}")
    level = alpha * share
    found = leading_configurations(answers, level, groups)
    known = parts(answers, groups)
    equal = _equal(known, found.members, margin, level)
    shares = known.image_shares()[found.members[0]]
    of_undecided = [float(shares[index]) for index in found.members[1:] if index not in equal]
    return Look(
        members=found.members,
        eliminated=tuple(one.index for one in found.left),
        equal=equal,
        mean=known.mean,
        gain=None if reference is None else known.gains(reference, level / max(1, len(answers) - 1)),
        image_share=min(of_undecided, default=None),
        ends=_ending(number, of_undecided),
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
    return parts(answers, groups).gains(reference, alpha / max(1, len(answers) - 1))


def _equal(known: Parts, members: Sequence[int], margin: float, alpha: float) -> tuple[int, ...]:
    """Members that are shown to differ from the first by at most the margin.

    Each must be shown to be at most the margin worse than any other member, and so must the first; as neither is
    better than the best, they are then at most the margin apart. Bonferroni's correction is for the members that may
    be marked wrongly.

    Source: D. J. Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15 (two one-sided tests).
    """
    p_values = known.worse_than(margin)[np.ix_(members, members)].max(axis=1)
    is_close = p_values <= alpha / max(1, len(members) - 1)
    return tuple(index for index, close in zip(members[1:], is_close[1:], strict=True) if close and is_close[0])


def _ending(number: int, shares: Sequence[float]) -> Ending:
    """`shares`: of each undecided member, that of the images in what is uncertain."""
    if not shares:
        return "decided"
    if min(shares) >= IMAGES_DOMINATE:
        return "images"
    return "seeds" if number == len(LOOKS) - 1 else ""
