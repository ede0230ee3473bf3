"""What is said of a ranking by other metrics than accuracy and loss."""

from __future__ import annotations

import dataclasses
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
    lead = found.differences[2]
    assert lead.value == pytest.approx(abs(value - next_value), abs=1e-6)
    assert 0 < lead.low < lead.value < lead.high < found.differences[0].value
    shown = (lead.value, lead.low, lead.high)
    in_points = name == "val_top5_accuracy"
    value_text, low, high = (f"{100 * end:.2f}" if in_points else f"{end:.3g}" for end in shown)
    unit = {"val_brier": " below", "val_top5_accuracy": " points ahead of"}.get(name, " ahead of")
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
    [told] = [text for text in sentences(one, found) if text.startswith("More validation images")]
    assert "Next: the same command with data.folds=5 in place of data.validation" in told


def test_a_tie_by_a_metric_of_all_classes_has_an_interval_about_nothing() -> None:
    """Two networks with the same counts by class, wrong on other images: rounding must not make the second first."""
    first, second = answered(0.3, 1), answered(0.3, 1)
    assert second.predicted is not None
    turned = np.concatenate([one[::-1] for one in np.split(second.predicted, np.flatnonzero(np.diff(LABELS)) + 1)])
    second = dataclasses.replace(second, predicted=turned, correct=turned == LABELS)
    one = case("val_macro_f1", 0.3, 0.3, validation={0: first, 1: second})
    rows = [dataclasses.replace(row, metrics=figures(one.validation[row.number])) for row in one.rows]

    found = judge(dataclasses.replace(one, rows=rows))

    assert found.leader == 0
    assert found.differences[1].value == pytest.approx(0, abs=1e-12)
    assert found.differences[1].low < -0.01 < 0.01 < found.differences[1].high


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


def repeated(name: str, errors: list[float], num_folds: int = 1, groups: Any = None) -> Case:
    """Configurations of known errors, three seeds each, or one training in each of five folds."""
    rows, validation = [], {}
    repeats = 3 if num_folds == 1 else num_folds
    for point, error in enumerate(errors):
        for repeat in range(repeats):
            number = point * repeats + repeat
            one = answered(error, 100 + number)
            validation[number] = dataclasses.replace(one, groups=groups)
            rows.append(
                TrialRow(
                    number,
                    TrialState.COMPLETE,
                    {"arch.depth": point},
                    figures(one),
                    overrides=(f"arch.depth={point}",),
                    facts=TrialFacts(num_validation=len(LABELS)),
                    split_digest="one" if num_folds == 1 else f"fold {repeat}",
                    point=point,
                    repeat=repeat,
                    num_repeats=repeats,
                )
            )
    return Case(rows, (objective(name),), validation, margin=0.005)


@pytest.mark.parametrize("num_folds", [1, 5], ids=["seeds", "folds"])
@pytest.mark.parametrize("name", ["val_macro_f1", "val_balanced_accuracy", "val_top5_accuracy", "val_brier"])
def test_configurations_differ_by_their_means(name: str, num_folds: int) -> None:
    one = repeated(name, [0.4, 0.1], num_folds)
    means = [np.mean([row.metrics[name] for row in one.rows if row.point == point]) for point in range(2)]

    found = judge(one)

    lead = found.differences[0]
    assert set(found.differences) == set(range(len(one.rows) // 2))
    assert lead.value == pytest.approx(abs(means[0] - means[1]), abs=1e-6)
    assert 0 < lead.low < lead.value < lead.high
    shown = {"val_brier": f"{lead.value:.3g} below", "val_top5_accuracy": f"{100 * lead.value:.2f} points ahead of"}
    assert f", {shown.get(name, f'{lead.value:.3g} ahead of')} arch.depth=0 (95 % interval " in sentences(one, found)[0]


@pytest.mark.parametrize("in_groups", [False, True], ids=["images", "groups"])
def test_a_class_with_few_images_compares_nothing_by_a_metric_of_all_classes(in_groups: bool) -> None:
    """The smallest class has 18 images; in groups of ten they are two groups."""
    groups = (np.arange(len(LABELS)) // 10).astype(np.uint32)
    one = repeated("val_macro_f1", [0.4, 0.1], groups=groups if in_groups else None)

    found = judge(one)

    assert found.configurations is not None
    if not in_groups:
        assert found.configurations.group == (3,)
        return
    assert found.group == ()
    assert sentences(one, found)[0].endswith(
        "How certain that is cannot be determined: val_macro_f1 rests on each class alike, and one has 2 validation "
        "groups of images (5 are the least that show how much it varies)."
    )


def test_by_few_groups_no_interval_is_given_of_means() -> None:
    one = repeated("val_brier", [0.4, 0.1], groups=(np.arange(len(LABELS)) // 10).astype(np.uint32))

    found = judge(one)

    assert found.configurations is not None
    assert found.configurations.group == (3,)
    assert found.differences == {}


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("val_macro_f1", (0.05, 0.14)),
        ("val_balanced_accuracy", (0.05, 0.14)),
        ("val_brier", (0.050, 0.056)),
        ("val_top5_accuracy", (0.02, 0.08)),
    ],
)
def test_groups_of_images_take_the_images_place(name: str, errors: tuple[float, float]) -> None:
    """Each answer is given to ten images at once: the copies show nothing more, as images they would."""
    groups = np.arange(len(LABELS)).astype(np.uint32) // 10
    whole = {number: answered(error, 20 + number) for number, error in enumerate(errors)}
    first = 10 * groups
    copied = {
        number: Answers(
            one.correct[first],
            None,
            LABELS.astype(np.uint16),
            np.where(one.correct[first], LABELS, (LABELS + 1) % 10).astype(np.uint16),
            {key: values[first] for key, values in one.scores.items()},
        )
        for number, one in whole.items()
    }
    grouped = {number: dataclasses.replace(one, groups=groups) for number, one in copied.items()}

    alone, found = (judge(case(name, *errors, validation=one)) for one in (copied, grouped))

    assert (alone.num_groups, found.num_groups) == (0, len(np.unique(groups)))
    assert (len(alone.group), len(found.group)) == (1, 2), "a tenth of the evidence"


@pytest.mark.parametrize(("length", "named"), [(10, 5), (80, 2)], ids=["short names", "long names"])
def test_of_configurations_with_long_names_few_are_named(length: int, named: int) -> None:
    one = repeated("val_brier", [0.1] * 6)
    rows = [dataclasses.replace(row, overrides=(f"a={row.point:0{length}}",)) for row in one.rows]
    one = dataclasses.replace(one, rows=rows)
    found = judge(one)
    assert found.configurations is not None
    assert len(found.configurations.group) == 6

    said = sentences(one, found)[0]

    others = said[said.index("separate it from") :]
    assert others.count("a=0") == named
    assert (" and 3 more" in others) == (named == 2)
