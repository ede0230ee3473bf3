"""Whether two trainings of one trial came to the same, in one sentence, by what was compared and what they were given.

Pure. To the bit where nothing that rounds otherwise differs; within a tolerance where something does, or may.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.verify.comparison import Compared, Tolerance
from sweeper.verify.inputs import NOT_RECORDED, Difference, Kind


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
        unseen: inputs that nobody records, as words: named where nothing else explains a difference.
    """
    if all(one.is_equal for one in compared):
        return Verdict(True, f"Same, to the bit: {_everything(compared)}{_given(differences)}.")
    telling = [one for one in differences if one.kind is not Kind.NONE]
    why = _given(telling) or f"; no recorded input explains it, so one does that is not ({', '.join(unseen)})"
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
    return (
        f"{num_metrics} metrics, the curves of {sizes['curves']}, the predictions of {sizes['predictions']}, and "
        f"weights of {sizes['weights']}"
    )


def _given(differences: Sequence[Difference]) -> str:
    """Names inputs; nothing where there are none."""
    unknown = " or are not recorded" if any(one.recorded == NOT_RECORDED for one in differences) else ""
    names = ", ".join(one.name for one in differences)
    return f"; inputs that differ{unknown}: {names}" if names else ""
