"""How far a configuration is ahead by a mean of losses or scores, which is no share of images.

As `configurations_from_leader` and `folds_from_leader` say it of accuracies. A mean loss hangs on a few images, of
which a sample may have none: so each end of an interval has one image more, as in
`sweeper.inference.loss_differences_from_leader`. What it keeps is measured by `benchmarks/means.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.clusters import as_units
from sweeper.inference.contrasts.fold_parts import Groups, in_units, over_folds
from sweeper.inference.contrasts.parts import Scores, parts
from sweeper.inference.groups import from_leader_by_t

Floats = NDArray[np.float64]


def means_from_leader(
    answers: Sequence[Scores],
    alpha: float = 0.05,
    groups: NDArray[np.integer] | None = None,
    *,
    bounded: bool = False,
) -> Floats:
    """How much higher the best mean over seeds and images is than each, with intervals that hold all at once.

    Args:
        answers: for each configuration (s, n): the score of image j under its seed i, larger is better (a loss with
            the other sign), finite.
        alpha: the chance allowed of any interval being wrong; it is divided among all pairs.
        groups: (n,), the number of each image's group, where images come in groups.
        bounded: of a score that cannot be large, such as Brier's: no image is added.

    Returns:
        (C, 3): the difference of the means, low and high; 0, 0, 0 for the leader.

    Raises:
        ValueError: as `sweeper.inference.leading_configurations`.
    """
    units = [np.asarray(one if groups is None else as_units(one, groups), np.float64) for one in answers]
    known = parts(units)
    leader, num = known.leader, len(units)
    level = alpha / max(1, num * (num - 1) // 2)

    def found(largest: float) -> Floats:
        more = [np.append(one, np.full((len(one), 1), largest * (i != leader)), 1) for i, one in enumerate(units)]
        return 0 - parts(more if largest else units).gains(leader, level, is_share=False)[:, [0, 2, 1]]

    return _with_one_more(found, 0.0 if bounded else _largest(known.by_image, leader))


def means_over_folds_from_leader(
    answers: Sequence[Sequence[Scores]], alpha: float = 0.05, groups: Groups = None, *, bounded: bool = False
) -> Floats:
    """As `means_from_leader`, of configurations over folds: the further image is in the first one.

    Args:
        answers: as for `sweeper.inference.leading_over_folds`.
        alpha, bounded: as in `means_from_leader`.
        groups: as for `leading_over_folds`.

    Raises:
        ValueError: as `leading_over_folds`.
    """
    units = in_units(answers, groups)
    plain = over_folds(units)
    leader = plain.leader

    def found(largest: float) -> Floats:
        known = over_folds(
            [_with_image(one, largest * (i != leader)) for i, one in enumerate(units)] if largest else units
        )
        apart = known.mean[leader] - known.mean
        return from_leader_by_t(apart, known.variance[:, leader], known.degrees, leader, alpha, most=np.inf)

    return _with_one_more(found, 0.0 if bounded else _largest(plain.by_image, leader))


def _with_image(folds: Sequence[Scores], score: float) -> list[Scores]:
    first = np.asarray(folds[0], np.float64)
    return [np.append(first, np.full((len(first), 1), score), 1), *folds[1:]]


def _with_one_more(found: Callable[[float], Floats], largest: float) -> Floats:
    """The differences, with the low end where the others are better by so much on one image more, the high end where
    the leader is."""
    plain = found(0.0)
    if not largest:
        return plain
    return np.stack([plain[:, 0], found(largest)[:, 1], found(-largest)[:, 2]], axis=1)


def _largest(by_image: Floats, leader: int) -> float:
    return float(np.abs(by_image - by_image[leader]).max())
