"""Trials compared by a metric of their predicted classes, such as macro F1: a permutation test of two.

If two trials are equally good, either could have given either's answer to an image. So the answers are swapped, image
by image, by a fair coin, and the difference of the metric is computed again: p is the share of all such swaps that give
a difference at least as large as the measured one. Only images on which the two differ matter, and the metric is a
function of counts by class, so that many swaps are one matrix product. Where images come in groups, all answers to a
group's images are swapped together.

Source: E. J. G. Pitman (1937), Significance tests which may be applied to samples from any populations, Supplement to
the Journal of the Royal Statistical Society 4; for two classifiers A. Yeh (2000), More accurate tests for the
statistical significance of result differences, COLING, section 4.

What does not live here: the metrics (`sweeper.metrics`), and which of them is tested (`sweeper.ranking.judge`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.inference.groups import Elimination, eliminate
from sweeper.inference.ranks import ranks_by_pairs
from sweeper.metrics import OF_COUNTS

#: A metric of (..., classes) counts: rightly predicted, images, predicted; larger is better.
CountMetric = Callable[[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]], NDArray[np.float64]]

_SEED = 0
#: Differences at least as large after which no more swaps are drawn: p is then known to a fifth of itself.
_ENOUGH = 25
#: Swaps in all, as a multiple of those with which the smallest threshold can just be reached; but no more than _MOST.
_ROOM, _MOST = 10, 2_000_000
_FIRST_BATCH, _LARGEST_BATCH = 256, 8192
_CELLS = 2_000_000  # entries of a batch's table of swaps
_ROUNDING = 1e-9
#: Of more trials than this, half of alpha is allowed: where trials trade one class for another, they are equally good
#: but not exchangeable, and very small p are a little too small (`benchmarks/honest_metrics.py`, balanced accuracy).
_FEW = 10


@dataclass(frozen=True)
class _Answers:
    """The predicted classes of all trials: labels (n,), predicted (K, n), both int64; images per class (C,).

    `groups` (n,) has the number of each image's group, None where images do not come in groups.
    """

    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    support: NDArray[np.float64]
    groups: NDArray[np.integer] | None

    def counts(self, trial: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(C,) each: a trial's rightly predicted images, and its predicted ones."""
        return self._counted(self.predicted[trial], np.ones(len(self.labels), np.bool_))

    def common(self, one: int, other: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The same of the images on which two trials agree."""
        return self._counted(self.predicted[one], self.predicted[one] == self.predicted[other])

    def _counted(
        self, classes: NDArray[np.int64], chosen: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        num = len(self.support)
        right = np.bincount(self.labels[chosen & (classes == self.labels)], minlength=num)
        return right.astype(np.float64), np.bincount(classes[chosen], minlength=num).astype(np.float64)


def swap_p(
    labels: NDArray[np.integer],
    one: NDArray[np.integer],
    other: NDArray[np.integer],
    metric: CountMetric,
    smallest: float = 0.001,
    groups: NDArray[np.integer] | None = None,
) -> float:
    """The two-sided p of two trials' difference in a metric, by swapping their answers image by image.

    Args:
        labels: (n,), the true classes, from 0.
        one, other: (n,), the predicted classes.
        metric: of counts by class.
        smallest: the smallest threshold that p is compared with, above 0: so many swaps are drawn that it can be
            reached. The same answers give the same p.
        groups: (n,), the number of each image's group, where images come in groups.

    Returns:
        p, above 0; 1 where the answers are the same. It is never too small by more than chance: the measured answers
        count as one of the swaps (B. Phipson, G. K. Smyth 2010, Permutation p-values should never be zero); drawing
        ends early where p is not small (J. Besag, P. Clifford 1991, Sequential Monte Carlo p-values, Biometrika 78);
        and where the difference is so large that a bound on p is below `smallest`, the bound is returned.

    Raises:
        ValueError: arrays of other shapes, or negative classes.
    """
    answers = _checked(labels, np.stack([one, other]), groups)
    return _pair(answers, 0, 1, metric, smallest)


def leading_group_by_swaps(
    labels: NDArray[np.integer],
    predicted: NDArray[np.integer],
    metric: CountMetric,
    alpha: float = 0.05,
    groups: NDArray[np.integer] | None = None,
) -> Elimination:
    """The trials that can be the best by a metric of their predicted classes, by permutation tests against the leader.

    Args:
        labels: (n,), the true classes, from 0.
        predicted: (K, n), the class that trial i predicts for image j.
        metric: of counts by class; larger is better.
        alpha: the chance allowed of losing one of the best, between 0 and 1.
        groups: (n,), the number of each image's group, where images come in groups.

    Returns:
        The group, by the same elimination as for accuracies; of more than ten trials with half of alpha.

    Raises:
        ValueError: arrays of other shapes, negative classes, or alpha outside (0, 1).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha lies between 0 and 1; given: {alpha}")
    answers = _checked(labels, predicted, groups)
    merit = _values(answers, metric)
    alpha = _level(alpha, len(merit))
    leader = int(np.argmax(merit))
    smallest = alpha / max(1, len(merit) * (len(merit) - 1) // 2)
    p_values = [_pair(answers, leader, trial, metric, smallest) for trial in range(len(merit))]
    return eliminate(merit, np.array(p_values), alpha)


def rank_intervals_by_swaps(
    labels: NDArray[np.integer],
    predicted: NDArray[np.integer],
    metric: CountMetric,
    alpha: float = 0.05,
    groups: NDArray[np.integer] | None = None,
) -> NDArray[np.int64]:
    """The lowest and the highest rank of every trial by a metric of its predicted classes; all right at once.

    As `rank_intervals`, by permutation tests; K up to some dozens. Arguments and errors as `leading_group_by_swaps`.

    Returns:
        (K, 2): lowest and highest rank, from 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha lies between 0 and 1; given: {alpha}")
    answers = _checked(labels, predicted, groups)
    merit = _values(answers, metric)
    num = len(merit)
    alpha = _level(alpha, num)
    better, worse = np.nonzero(merit[:, None] > merit[None, :] + _ROUNDING)
    smallest = 2 * alpha / max(1, num * (num - 1))
    # Swapping all answers changes the sign, so that one side of the distribution is half of it.
    p_values = [
        _pair(answers, int(one), int(other), metric, smallest) / 2 for one, other in zip(better, worse, strict=True)
    ]
    return ranks_by_pairs(num, better, worse, np.array(p_values), alpha)


def _level(alpha: float, num_trials: int) -> float:
    return alpha if num_trials <= _FEW else alpha / 2


def _checked(
    labels: NDArray[np.integer], predicted: NDArray[np.integer], groups: NDArray[np.integer] | None = None
) -> _Answers:
    truth, classes = np.asarray(labels), np.asarray(predicted)
    if truth.ndim != 1 or classes.ndim != 2 or not classes.size or classes.shape[1] != len(truth):
        raise ValueError(
            f"labels (images,) and predicted classes (trials, images) are needed; given: shapes {truth.shape} and "
            f"{classes.shape}"
        )
    kinds = truth.dtype.kind + classes.dtype.kind
    if set(kinds) - {"i", "u"} or min(int(truth.min()), int(classes.min())) < 0:
        raise ValueError("classes are whole numbers from 0; given: others")
    num = 1 + max(int(truth.max()), int(classes.max()))
    support = np.bincount(truth.astype(np.int64), minlength=num).astype(np.float64)
    return _Answers(truth.astype(np.int64), classes.astype(np.int64), support, groups)


def _values(answers: _Answers, metric: CountMetric) -> NDArray[np.float64]:
    """(K,): the metric of each trial."""
    counted = [answers.counts(trial) for trial in range(len(answers.predicted))]
    right, predicted = (np.stack(each) for each in zip(*counted, strict=True))
    return metric(right, answers.support, predicted)


def _pair(answers: _Answers, one: int, other: int, metric: CountMetric, smallest: float) -> float:
    first, second = answers.predicted[one], answers.predicted[other]
    images = np.flatnonzero(first != second)
    if not len(images):
        return 1.0
    units = None if answers.groups is None else np.unique(answers.groups[images], return_inverse=True)[1]
    pair = _Pair(
        answers.labels[images],
        first[images],
        second[images],
        answers.support,
        *answers.common(one, other),
        metric,
        units,
    )
    measured = abs(pair.difference(np.zeros((1, len(images)), np.float32))[0]) - _ROUNDING
    if measured <= 0:
        return 1.0
    bound = pair.bound(measured)
    return bound if bound <= smallest / 2 else _drawn(pair, measured, smallest)


def _drawn(pair: _Pair, measured: float, smallest: float) -> float:
    """p by random swaps."""
    random = np.random.default_rng(_SEED)
    most = max(min(math.ceil(_ROOM / smallest), _MOST), math.ceil(1 / smallest))
    num_images, num_units = len(pair.labels), pair.num_units
    num_bytes = -(-num_units // 8)
    drawn = as_large = 0
    batch = _FIRST_BATCH
    while drawn < most:
        size = max(1, min(batch, most - drawn, _CELLS // num_images + 1))
        bits = random.integers(0, 256, (size, num_bytes), np.uint8)
        swaps = np.unpackbits(bits, axis=1, count=num_units).astype(np.float32)
        if pair.units is not None:
            swaps = swaps[:, pair.units]
        reached = np.flatnonzero(np.abs(pair.difference(swaps)) >= measured)
        if as_large + len(reached) >= _ENOUGH:
            last = int(reached[_ENOUGH - as_large - 1])  # the swap with which there were enough
            return _ENOUGH / (drawn + last + 1)
        as_large += len(reached)
        drawn += size
        batch = min(4 * batch, _LARGEST_BATCH)
    return (1 + as_large) / (1 + drawn)


@dataclass(frozen=True)
class _Pair:
    """Two trials on the images on which they differ.

    Attributes:
        labels, one, other: (d,), true and predicted classes of these images.
        support: (C,), images per class, of all images.
        right, predicted: (C,), counts of the images on which they agree.
        metric: of counts by class.
        units: (d,), the group of each, from 0; None where each image is swapped by itself.
    """

    labels: NDArray[np.int64]
    one: NDArray[np.int64]
    other: NDArray[np.int64]
    support: NDArray[np.float64]
    right: NDArray[np.float64]
    predicted: NDArray[np.float64]
    metric: CountMetric
    units: NDArray[np.int64] | None = None

    @property
    def num_units(self) -> int:
        return len(self.labels) if self.units is None else int(self.units.max()) + 1

    def difference(self, swaps: NDArray[np.float32]) -> NDArray[np.float64]:
        """(draws,): the metric of the first trial less that of the second, swapped where `swaps` (draws, d) is 1."""
        num = len(self.support)
        given = [self._marks(classes) for classes in (self.one, self.other)]
        moved = (swaps @ (given[1] - given[0])).astype(np.float64)
        first, second = (marks.sum(axis=0, dtype=np.float64) for marks in given)
        one, other = first + moved, second - moved
        return self._value(one[:, :num], one[:, num:]) - self._value(other[:, :num], other[:, num:])

    def _value(self, right: NDArray[np.float64], predicted: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.metric(self.right + right, self.support, self.predicted + predicted)

    def _marks(self, classes: NDArray[np.int64]) -> NDArray[np.float32]:
        """(d, 2C): 1 at the class of an image that is predicted rightly, and 1 at the class that is predicted."""
        num = len(self.support)
        marks = np.zeros((len(classes), 2 * num), np.float32)
        rows = np.arange(len(classes))
        marks[rows, num + classes] = 1
        hits = classes == self.labels
        marks[rows[hits], classes[hits]] = 1
        return marks

    def bound(self, measured: float) -> float:
        """A bound on p, 1 where it says nothing; by C. McDiarmid (1989), On the method of bounded differences.

        It needs the largest change of the difference that swapping one image can bring, whatever else is swapped: that
        is found by swapping the image at the extremes of the counts that the other swaps can give. A group's is at most
        the sum of its images'.
        """
        changes = self._changes()
        if changes is None:
            return 1.0
        of_units = changes if self.units is None else np.bincount(self.units, changes)
        return min(1.0, 2 * math.exp(-2 * measured**2 / float((of_units**2).sum())))

    def _changes(self) -> NDArray[np.float64] | None:
        """(d,): see `bound`; None for a metric without one, or where a class may come or go."""
        num = len(self.support)
        present = self.support > 0
        hit_one, hit_other = self.one == self.labels, self.other == self.labels
        if self.metric is OF_COUNTS["val_balanced_accuracy"]:
            own = np.where(hit_one | hit_other, 1 / np.maximum(self.support[self.labels], 1), 0)
            return 2 * own / max(1, int(present.sum()))
        if self.metric is not OF_COUNTS["val_macro_f1"]:
            return None
        named = np.bincount(self.one, minlength=num) + np.bincount(self.other, minlength=num)
        least, most = self.support + self.predicted, self.support + self.predicted + named
        if ((least == 0) & (named > 0)).any():
            return None
        least, most = np.maximum(least, 1), np.maximum(most, 1)
        more_right = np.bincount(self.labels[hit_one | hit_other], minlength=num)
        # F1 is 2 right / whole: `right` and `whole` rise by one, or `whole` alone.
        peak = np.clip(self.right + np.sqrt(self.right**2 + self.right), least, most)
        both = np.max([(whole - self.right) / (whole * (whole + 1)) for whole in (least, peak, most)], axis=0) * 2
        alone = 2 * (self.right + more_right) / (least * (least + 1))
        of_one = np.where(hit_one, both[self.one], alone[self.one])
        of_other = np.where(hit_other, both[self.other], alone[self.other])
        return 2 * (of_one + of_other) / int((self.support + self.predicted + named > 0).sum())
