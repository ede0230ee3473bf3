"""Compares what two trainings of one trial left: metrics, curves, predictions, weights. Pure arithmetic.

What does not live here: reading what a run recorded (`sweeper.tracking.reader`), training it again
(`sweeper.verify.run`), and what the two trainings were given (`sweeper.verify.inputs`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sweeper.verify.inputs import NOT_RECORDED, Difference, Kind

Array = npt.NDArray[Any]

#: Measured on a clock, so never the same twice.
MEASURED = ("duration_s", "predict_latency_ms")

#: Begins what is filled in after the training, where the test set is opened for the finalists.
_LATER = "test_"


@dataclass(frozen=True)
class Training:
    """What a training left.

    Attributes:
        metrics: final figures by name.
        history: the metrics of each epoch.
        predictions: arrays by name, as in `predictions.npz`: `predicted`, `labels` (images,), `probabilities`
            (images, classes); none of a refit.
        weights: arrays by their place in the network.
    """

    metrics: Mapping[str, float]
    history: Sequence[Mapping[str, float]]
    predictions: Mapping[str, Array]
    weights: Mapping[str, Array]


@dataclass(frozen=True)
class Tolerance:
    """How far two trainings may lie apart that differ in the rounding of their sums alone.

    Rounding is amplified in training: after ten epochs, figures lie apart nearly as far as under another seed, but
    weights do not, since both began with the same. The defaults follow from a measurement in `docs/repeat.md`.

    Attributes:
        accuracy: the difference of two accuracies, and of macro F1, AUC and calibration error.
        loss: the difference of two losses, Brier scores or custom metrics, as a share of the larger one; or
            `loss_floor`, if that is more.
        loss_floor: a difference of losses.
        classes: the share of the validation images that get another class.
        weights: the distance of all weights, as a share of their length (of two that are unrelated: 1.4).
    """

    accuracy: float = 0.02
    loss: float = 0.25
    loss_floor: float = 0.05
    classes: float = 0.04
    weights: float = 0.3

    def __str__(self) -> str:
        return (
            f"accuracies within {self.accuracy:g}, losses within {100 * self.loss:g} % or {self.loss_floor:g}, another "
            f"class for up to {100 * self.classes:g} % of the images, weights within {100 * self.weights:g} %"
        )

    def is_near(self, name: str, one: float, other: float) -> bool:
        """Whether two values of a metric are as near as rounding leaves them; counts must be equal."""
        if name.endswith(("accuracy", "_macro_f1", "_auc", "_ece")):
            return abs(one - other) <= self.accuracy
        if name.endswith("loss") or name.startswith(("val_", "test_")):
            return abs(one - other) <= max(self.loss_floor, self.loss * max(abs(one), abs(other)))
        return one == other


@dataclass(frozen=True)
class Compared:
    """One thing that was compared.

    Attributes:
        name: what it is.
        recorded, again: its two values, for people.
        is_equal: to the bit.
        is_near: within the tolerance.
        note: where they differ, and by how much.
    """

    name: str
    recorded: str
    again: str
    is_equal: bool
    is_near: bool
    note: str = ""


def compare(recorded: Training, again: Training, tolerance: Tolerance) -> list[Compared]:
    """Compares everything that a training determines; durations and latencies it does not."""
    return [
        *_metrics(recorded.metrics, again.metrics, tolerance),
        _curves(recorded.history, again.history),
        *(_answers(recorded, again, tolerance) if recorded.predictions or again.predictions else ()),
        _arrays("weights", recorded.weights, again.weights, tolerance.weights),
    ]


def _metrics(recorded: Mapping[str, float], again: Mapping[str, float], tolerance: Tolerance) -> Iterator[Compared]:
    for name in dict.fromkeys((*recorded, *again)):
        if name in MEASURED or (name.startswith(_LATER) and name not in again):
            continue
        one, other = recorded.get(name), again.get(name)
        if one is None or other is None:
            yield Compared(name, _number(one), _number(other), is_equal=False, is_near=False)
            continue
        texts = (_number(one), _number(other))
        is_equal = same_number(one, other)
        if texts[0] == texts[1] and not is_equal:
            texts = (repr(one), repr(other))
        yield Compared(name, *texts, is_equal=is_equal, is_near=is_equal or tolerance.is_near(name, one, other))


def same_number(one: float | None, other: float | None) -> bool:
    """Whether two figures are the same; NaN, which a metric may give where nothing is defined, equals itself."""
    return one == other or (one is not None and other is not None and math.isnan(one) and math.isnan(other))


def _number(value: float | None) -> str:
    if value is None:
        return "(none)"
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 1 else f"{value:.7g}"


def _curves(recorded: Sequence[Mapping[str, float]], again: Sequence[Mapping[str, float]]) -> Compared:
    """Each epoch's figures. Only their number has to be near: early epochs lie apart by more than the last ones."""
    texts = (_epochs(recorded), _epochs(again))
    same_length = len(recorded) == len(again)
    for epoch, (one, other) in enumerate(zip(recorded, again, strict=False), start=1):
        for name in (name for name in dict.fromkeys((*one, *other)) if name not in MEASURED):
            if not same_number(one.get(name), other.get(name)):
                note = f"first in epoch {epoch}: {name} {_number(one.get(name))}, {_number(other.get(name))}"
                return Compared("curves", *texts, is_equal=False, is_near=same_length, note=note)
    return Compared("curves", *texts, is_equal=same_length, is_near=same_length)


def _epochs(history: Sequence[Mapping[str, float]]) -> str:
    return f"{len(history)} epoch{'' if len(history) == 1 else 's'}"


def _answers(recorded: Training, again: Training, tolerance: Tolerance) -> Iterator[Compared]:
    """Those on the validation images, which a refit does not have."""
    yield _classes(recorded.predictions, again.predictions, tolerance)
    yield _arrays("probabilities", _probabilities(recorded), _probabilities(again), None)


def _classes(recorded: Mapping[str, Array], again: Mapping[str, Array], tolerance: Tolerance) -> Compared:
    """The class that each validation image gets, and its label."""
    one, other = recorded["predicted"], again["predicted"]
    texts = (f"{len(one):,} images", f"{len(other):,} images")
    if not np.array_equal(recorded["labels"], again["labels"]):
        return Compared("predictions", *texts, is_equal=False, is_near=False, note="of other images")
    num_other = int(np.count_nonzero(one != other))
    note = f"{num_other:,} of {len(one):,} get another class" if num_other else ""
    is_near = num_other <= tolerance.classes * len(one)
    return Compared("predictions", *texts, is_equal=num_other == 0, is_near=is_near, note=note)


def _probabilities(of: Training) -> dict[str, Array]:
    return {"probabilities": of.predictions["probabilities"]}


def _arrays(name: str, recorded: Mapping[str, Array], again: Mapping[str, Array], limit: float | None) -> Compared:
    """Arrays by name. Near are those of equal shapes that lie within `limit`; without one, others judge that."""
    texts = (_size(recorded), _size(again))
    shapes = [{place: array.shape for place, array in arrays.items()} for arrays in (recorded, again)]
    if shapes[0] != shapes[1]:
        return Compared(name, *texts, is_equal=False, is_near=False, note="other shapes")
    if all(same_bits(recorded[place], again[place]) for place in recorded):
        return Compared(name, *texts, is_equal=True, is_near=True)
    apart = _distance(recorded, again)
    return Compared(name, *texts, is_equal=False, is_near=limit is None or apart <= limit, note=_apart(apart))


def same_bits(one: Array, other: Array) -> bool:
    """Whether two arrays are equal bit by bit; NaN equals itself, and 0 is not -0."""
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def _distance(recorded: Mapping[str, Array], again: Mapping[str, Array]) -> float:
    """Length of the difference of all arrays taken as one vector, as a share of the recorded vector's length."""
    difference = sum(_square(again[place].astype(float) - one.astype(float)) for place, one in recorded.items())
    length = sum(_square(one.astype(float)) for one in recorded.values())
    return math.sqrt(difference / length) if length else math.inf


def _square(array: Array) -> float:
    return float(np.sum(array**2))


def _apart(distance: float) -> str:
    return f"{100 * distance:.2g} % apart" if distance else "different only in the sign of a zero"


def _size(arrays: Mapping[str, Array]) -> str:
    return f"{sum(array.size for array in arrays.values()):,} numbers"


@dataclass(frozen=True)
class Verdict:
    """Attributes: whether the row was repeated; the sentence that says so."""

    is_same: bool
    text: str


def judge(
    compared: Sequence[Compared], differences: Sequence[Difference], tolerance: Tolerance, unseen: Sequence[str] = ()
) -> Verdict:
    """The verdict.

    Args:
        compared: everything that was compared.
        differences: the inputs that differ, or may.
        tolerance: by which `compared` was called near.
        unseen: inputs that no run records, as words: named where nothing else explains a difference.
    """
    if all(one.is_equal for one in compared):
        return Verdict(True, f"Same, to the bit: {_everything(compared)}{_given(differences)}.")
    telling = [one for one in differences if one.kind is not Kind.NONE]
    why = _given(telling) or f"; no recorded input explains it, so one that was not recorded does ({', '.join(unseen)})"
    is_rounded = any(one.kind is Kind.ROUNDING for one in differences)
    if is_rounded and all(one.is_near for one in compared):
        return Verdict(True, f"Same within the tolerance ({tolerance}), not to the bit{why}.")
    names = ", ".join(one.name for one in compared if not (one.is_near if is_rounded else one.is_equal))
    beyond = f", beyond the tolerance ({tolerance})" if is_rounded else ""
    return Verdict(False, f"Not the same{beyond}: {names}{why}.")


def _everything(compared: Sequence[Compared]) -> str:
    """What was found equal: metrics are counted, the rest is named with its size."""
    special = ("curves", "predictions", "probabilities", "weights")
    num_metrics = sum(one.name not in special for one in compared)
    sizes: Mapping[str, str] = {one.name: one.recorded for one in compared}
    answers = f"the predictions of {sizes['predictions']}, and " if "predictions" in sizes else "and "
    return f"{num_metrics} metrics, the curves of {sizes['curves']}, {answers}weights of {sizes['weights']}"


def _given(differences: Sequence[Difference]) -> str:
    """Names inputs; nothing where there are none."""
    unknown = " or are not recorded" if any(one.recorded == NOT_RECORDED for one in differences) else ""
    names = ", ".join(one.name for one in differences)
    return f"; inputs that differ{unknown}: {names}" if names else ""
