"""What is recorded of the test set: its openings and its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sweeper.core.text import listed, printable

_NAMED = 4  # sweeps named in a sentence


@dataclass(frozen=True)
class Opening:
    """One opening of the test set: when (ISO 8601, UTC), and for which trials.

    Attributes:
        images: the digest of the test images; empty of openings that an earlier release recorded.
        sweep: whose it was, where it was another sweep's.
        refit: whether it was for the refit too.
    """

    date: str
    trials: tuple[int, ...]
    images: str = ""
    sweep: str = ""
    refit: bool = False

    @property
    def names(self) -> list[str]:
        """Whom it was for: trials by their number, and the refit."""
        return [*map(str, self.trials), *(["the refit"] if self.refit else [])]


def by_others(openings: Sequence[Opening]) -> str:
    """`, 2 of them by the sweeps first and second`, or nothing."""
    if not openings:
        return ""
    names = list(dict.fromkeys(printable(one.sweep) for one in openings))
    whose = f"the sweep{'s' if len(names) > 1 else ''} {listed(names, _NAMED)}"
    return f", {len(openings)} of them by {whose}"


@dataclass(frozen=True)
class RecordedTestSet:
    """What is recorded of the test set.

    Attributes:
        openings: every opening, the first first.
        elsewhere: those of other sweeps of this output folder on the same test images, before the last of these.
        results: by trial: test_accuracy, test_loss, metrics that were asked for (test_macro_f1, ...), num_images.
    """

    openings: tuple[Opening, ...] = ()
    results: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    elsewhere: tuple[Opening, ...] = ()

    @property
    def num_openings(self) -> int:
        """How often these test images were opened, here and by other sweeps."""
        return len(self.openings) + len(self.elsewhere)
