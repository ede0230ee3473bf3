"""What is said of a ranking by other metrics than accuracy and loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sweeper.artifacts.answers import Answers
from sweeper.core.objectives import METRIC_DIRECTIONS, Objective, name_on_test
from sweeper.core.test_set import Opening, RecordedTestSet
from sweeper.core.trials import TrialFacts, TrialRow, TrialState
from sweeper.metrics import OF_COUNTS, confusion_matrix
from sweeper.ranking.judge import Case, judge
from sweeper.ranking.sentences import sentences

IMAGES = 1000
LABELS = np.repeat(np.arange(10), np.round(np.linspace(10, 1, 10) / 55 * IMAGES).astype(int))
SIZE = Objective("num_params", "minimize")


def objective(name: str) -> Objective:
    return Objective(name, METRIC_DIRECTIONS[name])


def answered(error: float, seed: int) -> Answers:
    """The answers of a trial that errs on so many images, with scores as a trial keeps them."""
    random = np.random.default_rng(seed)
    predicted = np.where(random.random(len(LABELS)) < error, (LABELS + 1) % 10, LABELS)
    scores: dict[str, NDArray[np.float32]] = {
        "val_brier": (random.random(len(LABELS)) * 4 * error).astype(np.float32),
        "val_top5_accuracy": (random.random(len(LABELS)) >= error / 2).astype(np.float32),
    }
    return Answers(predicted == LABELS, None, LABELS.astype(np.uint16), predicted.astype(np.uint16), scores)


def figures(answers: Answers) -> dict[str, float]:
    assert answers.predicted is not None
    matrix = confusion_matrix(LABELS, answers.predicted, 10)
    counts = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    of_counts = {name: float(metric(*counts)) for name, metric in OF_COUNTS.items()}
    by_image = {name: float(scores.mean(dtype=np.float64)) for name, scores in answers.scores.items()}
    others = {"val_accuracy": float(answers.correct.mean()), "val_auc": 0.9, "val_ece": 0.1, "num_params": 1.0}
    return {**of_counts, **by_image, **others}


def case(name: str, *errors: float, more: tuple[Objective, ...] = (), **given: Any) -> Case:
    answers = {number: answered(error, 20 + number) for number, error in enumerate(errors)}
    rows = [
        TrialRow(
            number,
            TrialState.COMPLETE,
            {},
            figures(one),
            overrides=(f"arch.depth={number}",),
            facts=TrialFacts(num_validation=len(LABELS)),
            split_digest="one",
        )
        for number, one in answers.items()
    ]
    return Case(rows, (*more, objective(name)), given.pop("validation", answers), margin=0.005, **given)


@pytest.mark.parametrize("name", ["val_macro_f1", "val_balanced_accuracy", "val_top5_accuracy", "val_brier"])
def test_a_clear_leader_is_named_by_the_test_that_fits_the_metric(name: str) -> None:
    one = case(name, 0.5, 0.05, 0.3)

    found = judge(one)

    assert found.leader == 1
    assert found.group == (1,)
    assert found.rank_intervals == {1: (1, 1), 2: (2, 2), 0: (3, 3)}
    assert (found.num_compared, found.num_images) == (3, len(LABELS))
    assert found.expected is None, "only for accuracies"
    value, next_value = (one.rows[number].metrics[name] for number in (1, 2))
    ahead = ""
    if name in ("val_top5_accuracy", "val_brier"):
        lead = found.differences[2]
        assert lead.value == pytest.approx(abs(value - next_value), abs=1e-6)
        assert 0 < lead.low < lead.value < lead.high < found.differences[0].value
        shown = (lead.value, lead.low, lead.high)
        value_text, low, high = (f"{end:.3g}" if name == "val_brier" else f"{100 * end:.2f}" for end in shown)
        unit = " below" if name == "val_brier" else " points ahead of"
        ahead = f", {value_text}{unit} trial 2 (95 % interval {low} to {high})"
    assert sentences(one, found)[0] == (
        "Trial 1 (arch.depth=1) is better than each of the other 2 complete trials beyond chance: "
        f"{name} {value:.4g}{ahead}."
    )


@pytest.mark.parametrize("name", ["val_macro_f1", "val_balanced_accuracy", "val_top5_accuracy", "val_brier"])
def test_trials_that_the_images_cannot_separate_share_the_lead(name: str) -> None:
    one = case(name, 0.10, 0.10, 0.10)

    found = judge(one)

    assert set(found.group) == {0, 1, 2}
    assert set(found.rank_intervals.values()) == {(1, 3)}
    assert "cannot be separated on" in sentences(one, found)[0]


@pytest.mark.parametrize("name", ["val_auc", "val_ece"])
def test_where_no_test_is_shown_to_hold_the_order_is_called_plain(name: str) -> None:
    one = case(name, 0.5, 0.05)

    found = judge(one)

    assert found.group == ()
    assert sentences(one, found)[0].endswith(f"The order by {name} is plain: no test supports it.")


def test_a_custom_metric_is_called_plain_and_so_is_a_metric_in_the_other_direction() -> None:
    for chosen in (Objective("val_cost", "minimize"), Objective("val_macro_f1", "minimize")):
        one = case("val_auc", 0.5, 0.05)
        rows = [TrialRow(**{**vars(row), "metrics": {**row.metrics, "val_cost": 1.5}}) for row in one.rows]
        one = Case(rows, (chosen,), one.validation, margin=0.005)

        found = judge(one)

        assert found.group == ()
        assert f"The order by {chosen.metric} is plain: no test supports it." in sentences(one, found)[0]


def test_of_several_objectives_the_one_with_a_test_is_compared() -> None:
    one = case("val_macro_f1", 0.5, 0.05, more=(SIZE,))

    found = judge(one)

    assert found.leader == 1
    assert sentences(one, found)[0].startswith("By val_macro_f1 alone: Trial 1 (arch.depth=1) is better than")


@pytest.mark.parametrize("name", ["val_macro_f1", "val_brier"])
def test_lost_answers_are_said(name: str) -> None:
    bare = {number: Answers(answered(error, number).correct) for number, error in enumerate((0.5, 0.05))}
    one = case(name, 0.5, 0.05, validation=bare)

    found = judge(one)

    assert found.group == ()
    assert found.why_untested == "the trials' predictions on the validation images are missing"


@pytest.mark.parametrize("name", ["val_macro_f1", "val_balanced_accuracy", "val_top5_accuracy", "val_brier"])
def test_the_test_set_confirms_by_the_same_metric(name: str) -> None:
    errors = (0.3, 0.05, 0.05)
    answers = {number: answered(error, 50 + number) for number, error in enumerate(errors)}
    results = {
        number: {
            **{name_on_test(key): value for key, value in figures(one).items() if key.startswith("val_")},
            "test_loss": 1.0,
            "num_images": float(len(LABELS)),
        }
        for number, one in answers.items()
    }
    test = RecordedTestSet((Opening("2026-01-01T00:00:00+00:00", (0, 1, 2)),), results)
    one = case(name, *errors, test=test, test_answers=answers)

    found = judge(one)

    assert found.test is not None
    assert found.leader in (1, 2)
    assert found.test.better_than == (0,)
    [leader] = [finalist for finalist in found.test.finalists if finalist.trial == found.leader]
    assert leader.score == pytest.approx(results[leader.trial][name_on_test(name)])
    assert leader.p is None
    said = next(text for text in sentences(one, found) if text.startswith("The test set"))
    assert f" and {name_on_test(name)} {leader.score:.4g}" in said
    assert f"confirmed to be better by {name_on_test(name)} than trial 0" in said


def test_of_many_trials_the_group_is_found_without_rank_intervals() -> None:
    one = case("val_macro_f1", *([0.1] * 51))

    found = judge(one)

    assert len(found.group) > 40
    assert found.rank_intervals == {}
