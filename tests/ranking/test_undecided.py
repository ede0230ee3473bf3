"""What is said of trials that could not be told apart, and of those that are as good as equal."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ranked_rows import ACCURACY, complete, repeat
from sweeper.inference import Needed
from sweeper.ranking.case import Case
from sweeper.ranking.findings import ConfigurationFindings, Findings
from sweeper.ranking.undecided import about_undecided, about_unsteady, what_helps

SEEDS = ConfigurationFindings(3, 4, (0, 3))
FOLDS = ConfigurationFindings(5, 4, (0, 5), num_folds=5)


@pytest.mark.parametrize(
    ("findings", "start"),
    [
        (
            Findings(leader=0, group=(0, 1), equal=(1,)),
            "Equal to the leader within 0.5 points (report.margin): trial",
        ),
        (
            Findings(leader=0, num_images=287, needed=Needed(0.005, 0.0288, 9643)),
            "287 images show a difference of about 2.9 points or more; one of 0.5 points (report.margin) takes about "
            "9,600 images. Next: the same command with data.folds=5 in place of data.validation, which validates on "
            "every training image (of data without a validation set of its own).",
        ),
        (
            Findings(leader=0, num_images=1000, num_groups=50, needed=Needed(0.005, 0.0288, 9643)),
            "1,000 images in 50 groups show a difference of about 2.9 points or more; one of 0.5 points "
            "(report.margin) takes about 9,600 images in such groups. Next: ",
        ),
        (
            Findings(leader=0, configurations=FOLDS, needed=Needed(0.005, 0.012, None)),
            "These folds show a difference of about 1.2 points or more.",
        ),
        (
            Findings(leader=0, configurations=FOLDS, needed=Needed(0.005, 0.012, None, images_dominate=True)),
            "These folds show a difference of about 1.2 points or more. More seeds cannot tell one of 0.5 points "
            "(report.margin): the images' part of the error dominates, so that takes more images.",
        ),
        (
            Findings(leader=0, configurations=SEEDS, needed=Needed(0.005, 0.03, None, 6)),
            "A difference of 0.5 points (report.margin) would show with about 6 seeds (sweep.seeds=6).",
        ),
        (
            Findings(leader=0, configurations=SEEDS, needed=Needed(0.005, 0.03, None, None, images_dominate=True)),
            "More seeds cannot tell a difference of 0.5 points (report.margin): the images' part",
        ),
    ],
    ids=["equal", "images", "groups", "folds", "folds, images dominate", "seeds", "images dominate"],
)
def test_one_sentence_says_what_is_undecided(findings: Findings, start: str) -> None:
    case = Case([complete(0, 0.95), complete(1, 0.94)], [ACCURACY], {}, 0.005)

    [said] = about_undecided(case, findings)

    assert said.startswith(start)


def test_nothing_is_said_where_too_little_is_known() -> None:
    case = Case([complete(0, 0.95), complete(1, 0.94)], [ACCURACY], {}, 0.005)

    assert about_undecided(case, Findings(leader=0, configurations=SEEDS, needed=Needed(0.005, 0.03, None))) == []


def curve(loss: float, seconds: float) -> tuple[dict[str, float], ...]:
    return ({"loss": loss, "accuracy": 0.5, "val_loss": loss, "val_accuracy": 0.9, "duration_s": seconds},)


def test_what_had_no_effect_is_said() -> None:
    rows = [
        complete(0, 0.9, params={"arch.depth": 1, "arch.dropout": 0.1}, history=curve(0.5, 1.0)),
        complete(1, 0.9, params={"arch.depth": 1, "arch.dropout": 0.2}, history=curve(0.5, 1.1)),
        complete(2, 0.9, params={"arch.depth": 2, "arch.dropout": 0.1}, history=curve(0.4, 1.0)),
        complete(3, 0.9, params={"arch.depth": 1, "arch.dropout": 0.3}, history=curve(0.5, 1.2)),
    ]

    said = about_undecided(Case(rows, [ACCURACY], {}, 0.005), Findings(leader=0))

    assert said == ["The same to the last digit, so what differs had no effect: trials 0, 1 and 3 (arch.dropout)."]


@pytest.mark.parametrize(
    "differs",
    [{"history": curve(0.5 + 2e-16, 1.0)}, {"repeat": 1}, {"split_digest": "other"}, {"params": {"arch.dropout": 0.1}}],
    ids=["a digit", "a repeat", "other images", "the same settings"],
)
def test_nothing_is_said_of_trials_that_are_not_the_same(differs: dict[str, Any]) -> None:
    one = complete(0, 0.9, params={"arch.dropout": 0.1}, history=curve(0.5, 1.0))
    other = complete(1, 0.9, **{"params": {"arch.dropout": 0.2}, "history": curve(0.5, 1.0), **differs})

    assert about_undecided(Case([one, other], [ACCURACY], {}, 0.005), Findings(leader=0)) == []


@pytest.mark.parametrize(
    ("image_share", "needed", "said"),
    [
        (None, None, ""),
        (
            0.7,
            None,
            "More images would help: 70 % of what is uncertain comes from the images. Next: the same command with "
            "data.folds=5 in place of data.validation and sweep.seeds, which validates on every training image (of "
            "data without a validation set of its own).",
        ),
        (
            0.2,
            None,
            "More seeds would help: 80 % of what is uncertain comes from the seeds. Next: the same command with "
            "sweep.seeds=6, which trains only what is new.",
        ),
        (
            0.2,
            Needed(0.005, 0.03, None, 8),
            "More seeds would help: 80 % of what is uncertain comes from the seeds.",
        ),
        (0.7, Needed(0.005, 0.03, None, None, images_dominate=True), ""),
    ],
    ids=["unknown", "images", "seeds", "seeds, told elsewhere", "images dominate, told elsewhere"],
)
def test_what_would_help_is_said_once(image_share: float | None, needed: Needed | None, said: str) -> None:
    found = ConfigurationFindings(3, 4, (0, 3), image_share=image_share)

    assert " ".join(what_helps(found, Findings(leader=0, configurations=found, needed=needed))) == said


@pytest.mark.parametrize(
    ("image_share", "said"),
    [
        (0.7, "More images would help: 70 % of what is uncertain comes from the images."),
        (
            0.2,
            "More seeds may help: 80 % of what is uncertain comes from the trainings, their seeds and training images. "
            "Next: the same command with sweep.seeds=4, which trains only what is new.",
        ),
    ],
)
def test_over_folds_more_seeds_are_no_sure_remedy(image_share: float, said: str) -> None:
    found = ConfigurationFindings(10, 4, (0, 3), image_share=image_share, num_folds=5)

    assert what_helps(found, Findings(leader=0, configurations=found)) == [said]


def test_nothing_would_help_where_all_are_equal() -> None:
    found = ConfigurationFindings(3, 2, (0, 3), image_share=0.7)

    assert what_helps(found, Findings(leader=0, configurations=found, equal=(3, 4, 5))) == []


@pytest.mark.parametrize(
    ("num_seeds", "num_folds", "said"), [(3, 1, "3 seeds"), (5, 5, "5 folds"), (10, 5, "5 folds of 2 seeds each")]
)
def test_what_a_mean_is_over(num_seeds: int, num_folds: int, said: str) -> None:
    assert ConfigurationFindings(num_seeds, 4, (), num_folds=num_folds).trainings == said


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        ([], []),
        (
            [2],
            [
                "Some trainings fail: the accuracies of 1 of 6 configurations differ by 80 points or more. Any other "
                "may fail so under another seed, so every interval here is as wide as that; a sweep without them says "
                "more."
            ],
        ),
        (
            [2, 5],
            [
                "Some trainings fail: the accuracies of 2 of 6 configurations differ by 80 points or more, 2 of them "
                "with rate=high. Any other may fail so under another seed, so every interval here is as wide as that; "
                "a sweep without them says more."
            ],
        ),
    ],
    ids=["none", "one", "two of one kind"],
)
def test_configurations_of_which_some_trainings_fail_are_counted(failing: list[int], said: list[str]) -> None:
    rows = []
    for point in range(6):
        params = {"rate": "high" if point in (2, 5) else "low", "depth": point % 3}
        for place, less in enumerate((0.0, 0.01, 0.8 if point in failing else 0.02)):
            rows.append(dataclasses.replace(repeat(3 * point + place, point, place, 0.9 - less), params=params))

    assert about_unsteady(Case(rows, [ACCURACY], {}, 0.005)) == said
