"""What is judged, and which statistics apply to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sweeper.artifacts.answers import Answers
from sweeper.core.looks import SecondStage
from sweeper.core.objectives import METRIC_DIRECTIONS, Objective
from sweeper.core.test_set import RecordedTestSet
from sweeper.core.trials import TrialRow
from sweeper.metrics import OF_COUNTS, scores_by_image
from sweeper.ranking import leaderboard

ALPHA = 0.05  # the chance allowed of each statement being wrong

#: Images of each class, or groups of them, from which on configurations are compared by a metric of all classes, by
#: `benchmarks/counts.py`.
FEWEST_OF_CLASS = 5

Kind = Literal["accuracy", "loss", "counts", "hits", "scores", "plain"]

#: The statistics that fit a metric in its own direction; there are none for all others.
_KINDS: Mapping[str, Kind] = {
    "val_accuracy": "accuracy",
    "val_loss": "loss",
    **dict.fromkeys(OF_COUNTS, "counts"),  # functions of the predicted classes
    "val_top5_accuracy": "hits",  # a share of the images
    "val_brier": "scores",  # a mean over the images
}


def _kind(objective: Objective) -> Kind:
    is_own = METRIC_DIRECTIONS.get(objective.metric) == objective.direction
    return _KINDS.get(objective.metric, "plain") if is_own else "plain"


@dataclass(frozen=True)
class Case:
    """What is judged.

    Attributes:
        rows: all trials; `split_digest` says on which images each was scored.
        objectives: what the rows are ranked by.
        validation: the trials' answers on the validation images, by number; of some they may be missing.
        margin: accuracy that a cheaper trial may lose, as a fraction.
        test: what the test set said.
        test_answers: the finalists' answers on the test images, by number.
        test_is_validation: whether the test set was the validation set.
        groups: `data.groups`, where validation images were taken from training by groups.
        epochs: of trials with the weights of their best epoch, which images each epoch has right (epochs, images).
        has_refit: whether the first configuration was trained anew on all images.
        second: with `sweep.seeds=auto`, the candidates and the looks at them; None before they are chosen.
        baseline: the overrides of the default configuration, where it was trained.
    """

    rows: Sequence[TrialRow]
    objectives: Sequence[Objective]
    validation: Mapping[int, Answers]
    margin: float
    test: RecordedTestSet = field(default_factory=RecordedTestSet)
    test_answers: Mapping[int, Answers] = field(default_factory=dict)
    test_is_validation: bool = False
    groups: str = ""
    epochs: Mapping[int, NDArray[np.bool_]] = field(default_factory=dict)
    has_refit: bool = False
    second: SecondStage | None = None
    baseline: tuple[str, ...] | None = None

    @property
    def tested(self) -> Objective:
        """The first objective behind which a test can stand; the first of all where there is none."""
        return next((objective for objective in self.objectives if _kind(objective) != "plain"), self.objectives[0])

    @property
    def kind(self) -> Kind:
        """Which statistics apply to it."""
        return _kind(self.tested)

    @property
    def is_mean(self) -> bool:
        """Whether it is a mean of losses or scores, smaller is better; otherwise a share or a function of them."""
        return self.kind in ("loss", "scores")

    @property
    def num_repeats(self) -> int:
        return leaderboard.num_repeats(self.rows)


def is_there(case: Case, answers: Answers | None) -> bool:
    """Whether a trial has all that its tests need."""
    if answers is None:
        return False
    match case.kind:
        case "loss":
            return answers.losses is not None
        case "counts":
            return answers.labels is not None and answers.predicted is not None
        case "hits" | "scores":
            return case.tested.metric in answers.scores
    return True


def by_image(case: Case, answers: Answers) -> NDArray[np.bool_] | NDArray[np.floating]:
    """(images,): a trial's score of each image, larger is better; their mean is the metric."""
    if case.kind == "accuracy":
        return answers.correct
    if case.kind == "counts":
        assert answers.labels is not None  # `is_there`
        assert answers.predicted is not None
        return scores_by_image(case.tested.metric, answers.labels, answers.predicted)
    values = answers.losses if case.kind == "loss" else answers.scores[case.tested.metric]
    assert values is not None  # `is_there`
    return values.astype(np.float64) if case.kind == "hits" else -values.astype(np.float64)


def groups_of(answers: Sequence[Answers]) -> NDArray[np.uint32] | None:
    """The number of each image's group, (images,); None where the images have no groups, or not of every trial."""
    known = [one.groups for one in answers if one.groups is not None]
    return known[0] if known and len(known) == len(answers) else None


def why_few_of_class(answers: Sequence[Answers], metric: str) -> str:
    """Why images of which a class has too few compare nothing by a metric of all classes; empty where none has.

    Args:
        answers: one trial's of each set of images, which all have in common.
        metric: of all classes alike.
    """
    fewest = min((_fewest_of_class(one) for one in answers if one.labels is not None), default=FEWEST_OF_CLASS)
    if fewest >= FEWEST_OF_CLASS:
        return ""
    what = "images" if groups_of(answers) is None else "groups of images"
    return (
        f"{metric} rests on each class alike, and one has {fewest} validation {what} ({FEWEST_OF_CLASS} are the least "
        "that show how much it varies)"
    )


def _fewest_of_class(answers: Answers) -> int:
    """Images, or groups of them, of the class that has fewest of those that have any."""
    assert answers.labels is not None
    units = answers.labels if answers.groups is None else np.unique([answers.labels, answers.groups], axis=1)[0]
    return int(np.unique(units, return_counts=True)[1].min())


def why_one_group(answers: Sequence[Answers]) -> str:
    """Why images that are all of one group compare nothing; empty where there are more groups, or none."""
    groups = groups_of(answers)
    if groups is None or len(np.unique(groups)) > 1:
        return ""
    return "all validation images are of one group (data.groups), and nothing shows how much groups vary"
