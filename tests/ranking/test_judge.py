"""What is said of a ranking, on answers that are laid out by hand."""

from __future__ import annotations

import dataclasses
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sweeper.artifacts.answers import Answers
from sweeper.core.objectives import Objective
from sweeper.core.test_set import Opening, RecordedTestSet
from sweeper.core.trials import Origin, TrialFacts, TrialRow, TrialState
from sweeper.ranking import columns, leaderboard
from sweeper.ranking.findings import Findings
from sweeper.ranking.judge import Case, finalists, judge
from sweeper.ranking.sentences import INDEPENDENCE, about_groups, sentences, warnings

ACCURACY = Objective("val_accuracy", "maximize")
LOSS = Objective("val_loss", "minimize")
SIZE = Objective("num_params", "minimize")
IMAGES = 1000


def right(num_right: int, first: int = 0, num_images: int = IMAGES) -> Answers:
    """All images right but those from `first` on, as many as are wrong."""
    correct = np.ones(num_images, dtype=bool)
    correct[first : first + num_images - num_right] = False
    return Answers(correct)


def row(number: int, num_right: int, state: TrialState = TrialState.COMPLETE, **more: Any) -> TrialRow:
    accuracy = num_right / IMAGES
    metrics = {"val_accuracy": accuracy, "val_loss": 1 - accuracy, "num_params": 100.0 * (number + 1), "flops": 5.0}
    facts = TrialFacts(num_validation=IMAGES, best_epoch=more.pop("best_epoch", None))
    return TrialRow(
        number=number,
        state=state,
        params={"arch.depth": number},
        metrics={**metrics, **more.pop("metrics", {})},
        overrides=(f"arch.depth={number}",),
        facts=facts,
        split_digest=more.pop("split_digest", "one"),
        **more,
    )


def case(rows: list[TrialRow], validation: dict[int, Answers] | None = None, **more: Any) -> Case:
    known = {one.number: right(round(one.metrics["val_accuracy"] * IMAGES)) for one in rows}
    objectives = more.pop("objectives", (ACCURACY,))
    return Case(rows, objectives, known if validation is None else validation, margin=more.pop("margin", 0.005), **more)


def judged(one: Case) -> Any:
    """What was found, with its sentences and warnings."""
    found = judge(one)
    return SimpleNamespace(**vars(found), sentences=sentences(one, found), warnings=warnings(one))


def test_a_clear_leader_is_better_than_each_other_beyond_chance() -> None:
    found = judged(case([row(0, 900), row(1, 990), row(2, 950)]))

    assert found.leader == 1
    assert found.group == (1,)
    assert found.rank_intervals == {1: (1, 1), 2: (2, 2), 0: (3, 3)}
    assert found.sentences[0] == (
        "Trial 1 (arch.depth=1) is better than each of the other 2 complete trials beyond chance: 99.00 % of 1,000 "
        "validation images, 4.00 points ahead of trial 2 (95 % interval 2.49 to 5.49)."
    )


def test_the_leader_is_so_much_better_than_each_other() -> None:
    found = judged(case([row(0, 900), row(1, 990), row(2, 985)]))

    assert set(found.differences) == {0, 2}
    clear, open_ = found.differences[0], found.differences[2]
    assert (clear.value, open_.value) == (pytest.approx(0.09), pytest.approx(0.005))
    assert 0.05 < clear.low < 0.09 < clear.high < 0.13
    assert open_.low < 0 < open_.high


def test_an_interval_that_is_wider_than_the_test_says_so() -> None:
    """24 images against 43, p = 0.03: the test that decides compares two trials, the interval is for all ten pairs."""
    wrong = [(0, 24), (100, 43), (200, 100), (400, 110), (600, 120)]
    answers = {number: right(10_000 - size, start, 10_000) for number, (start, size) in enumerate(wrong)}
    rows = [row(number, round(IMAGES * (1 - size / 10_000))) for number, (_, size) in enumerate(wrong)]

    found = judged(case(rows, answers))

    assert found.group == (0,)
    assert found.differences[1].low < 0 < found.differences[1].value
    assert found.sentences[0].endswith(
        " to 0.42: it holds for all pairs at once, so it is wider than the test that decides)."
    )


def test_trials_that_differ_by_five_images_share_the_lead() -> None:
    found = judged(case([row(0, 990), row(1, 985), row(2, 900)]))

    assert found.group == (0, 1)
    assert found.rank_intervals[1] == (1, 2)
    assert found.sentences[0] == (
        "Trial 0 (arch.depth=0) and trial 1 cannot be separated on 1,000 images: they are the leading group (a model "
        "confidence set), and the other one is worse beyond chance. The first has 99.00 % of 1,000 validation images."
    )
    assert found.sentences[-1] == INDEPENDENCE


def test_of_a_split_by_groups_that_is_said_instead_of_the_doubt_about_groups() -> None:
    found = judged(case([row(0, 990), row(1, 985)], groups="writer"))

    assert found.sentences[-1] == about_groups("writer")
    assert found.sentences[-1].startswith("Images of a group (data.groups=writer) are on one side of the split, ")
    assert INDEPENDENCE not in found.sentences


def test_the_winners_score_is_expected_to_be_lower_than_it_was_measured() -> None:
    rng = np.random.default_rng(0)
    answers = {number: Answers(rng.random(IMAGES) < 0.9) for number in range(30)}
    rows = [row(number, int(one.correct.sum())) for number, one in answers.items()]

    found = judged(case(rows, answers))

    assert found.expected is not None
    assert found.expected.raw == max(one.metrics["val_accuracy"] for one in rows)
    assert found.expected.low < found.expected.expected < found.expected.raw - 0.005
    assert found.sentences[1].startswith("Expect 8")
    assert found.sentences[1].endswith(
        f"its {100 * found.expected.raw:.2f} % is too high, since it was selected as the highest of 30 scores."
    )


def test_the_cheapest_that_is_as_good_is_named_by_each_cost_in_which_it_is_cheaper() -> None:
    found = judged(case([row(0, 989), row(1, 990), row(2, 900)], margin=0.01))

    by_cost = {one.cost: one for one in found.cheapest}
    assert (by_cost["num_params"].trial, by_cost["num_params"].value, by_cost["num_params"].leaders) == (0, 100, 200)
    assert by_cost["flops"].trial == 1, "equal costs: the leader itself"
    assert "duration_s" not in by_cost
    assert found.sentences[2] == (
        "Cheaper, and shown to be within 1 percentage points of the leader: by parameters, trial 0 (arch.depth=0) with "
        "100 instead of 200."
    )


def test_a_trial_is_not_shown_to_be_as_good_on_few_images() -> None:
    few = {0: right(96, num_images=100), 1: right(97, num_images=100)}

    found = judged(case([row(0, 960), row(1, 970)], few))

    assert found.sentences[2] == (
        "On 100 images no trial can be shown to be within 0.5 percentage points of the leader (report.margin), "
        "whatever it answers: that takes 539 images."
    )


def test_how_many_images_it_takes_is_said_once() -> None:
    few = {0: right(270, num_images=287), 1: right(264, first=40, num_images=287)}

    said = judged(case([row(0, 940), row(1, 920)], few, margin=0.02)).sentences

    assert "No cheaper trial is shown to be within 2 percentage points of the leader." in said
    assert sum("takes about" in one or "more images" in one for one in said) == 1


def test_identical_predictions_tie() -> None:
    found = judged(case([row(0, 950), row(1, 950), row(2, 950)]))

    assert found.group == (0, 1, 2)
    assert set(found.rank_intervals.values()) == {(1, 3)}
    assert "All 3 complete trials cannot be separated on 1,000 images: trial 0" in found.sentences[0]


def test_one_trial_is_alone() -> None:
    found = judged(case([row(0, 950), row(1, 0, TrialState.FAILED, error="ValueError")]))

    assert found.leader == 0
    assert found.group == ()
    assert found.sentences[0].startswith("Trial 0 (arch.depth=0) is the only complete trial: 95.00 % of 1,000")


@pytest.mark.parametrize("state", [TrialState.FAILED, TrialState.RUNNING, TrialState.PRUNED])
def test_without_a_complete_trial_there_is_nothing_to_rank(state: TrialState) -> None:
    one = case([row(0, 900, state, error="it broke")])
    assert judge(one) == Findings()
    assert sentences(one, Findings()) == ("No trial is complete: there is nothing to rank.",)
    assert warnings(one) == ()


def test_what_is_said_is_said_of_trials_that_were_trained_to_the_end() -> None:
    one = judged(case([row(0, 990), row(1, 985), row(2, 900, TrialState.PRUNED)]))
    more = judged(case([row(0, 990), row(1, 985), *(row(number, 900, TrialState.PRUNED) for number in range(2, 20))]))

    assert any(said.startswith("1 of the trials was pruned after early epochs.") for said in one.sentences)
    assert any(said.startswith("18 of the 20 trials were pruned after early epochs.") for said in more.sentences)
    assert not any("pruned" in said for said in judged(case([row(0, 990), row(1, 985)])).sentences)


def test_the_leaders_interval_is_about_what_is_expected_of_it() -> None:
    random = np.random.default_rng(0)
    correct = {number: random.random(IMAGES) < 0.95 for number in range(20)}
    rows = [row(number, int(one.sum())) for number, one in correct.items()]
    found = judge(case(rows, {number: Answers(one) for number, one in correct.items()}))
    assert found.expected is not None
    interval = (found.expected.low, found.expected.high)

    ranked = leaderboard.marked(leaderboard.rank(rows, ACCURACY), found)

    assert ranked[0].interval == interval
    assert interval[0] < (leaderboard.interval_of(ranked[0].row) or (0, 0))[0]  # its own is about too high a figure
    assert [one.interval for one in ranked[1:]] == [leaderboard.interval_of(one.row) for one in ranked[1:]]
    _, cells = columns.table(ranked, ("arch.depth",), ACCURACY)
    assert (cells[0]["val_accuracy_low"], cells[0]["val_accuracy_high"]) == interval


def test_pruned_and_failed_trials_are_not_compared() -> None:
    found = judge(
        case([row(0, 990), row(1, 985), row(2, 999, TrialState.PRUNED), row(3, 0, TrialState.FAILED, error="x")])
    )

    assert found.num_compared == 2
    assert set(found.rank_intervals) == {0, 1}


def test_trials_on_different_splits_are_refused_with_the_reason() -> None:
    found = judged(case([row(0, 990), row(1, 985, split_digest="another")]))

    assert found.group == ()
    assert found.expected is None
    assert "How certain that is cannot be determined: its trials were scored on different images" in found.sentences[0]


def test_a_trial_whose_answers_are_lost_is_named() -> None:
    rows = [row(0, 990), row(1, 985), row(2, 980)]

    found = judged(case(rows, {0: right(990), 2: right(980)}))

    assert found.num_compared == 2
    assert "Not compared, since their predictions on the validation images are missing: trial 1." in found.sentences


def test_no_answers_at_all_are_said() -> None:
    found = judged(case([row(0, 990), row(1, 985)], {}))

    assert found.sentences[0].endswith("the trials' predictions on the validation images are missing.")


def test_losses_are_compared_image_by_image() -> None:
    rng = np.random.default_rng(0)
    base = rng.exponential(0.1, IMAGES)
    losses = {0: base, 1: base + 0.001 * rng.standard_normal(IMAGES), 2: base + 0.05}
    answers = {number: Answers(np.ones(IMAGES, bool), one.astype(np.float16)) for number, one in losses.items()}
    rows = [row(number, 990, metrics={"val_loss": float(one.mean())}) for number, one in losses.items()]

    found = judged(case(rows, answers, objectives=(LOSS,)))

    assert set(found.group) == {0, 1}
    assert found.expected is None
    assert f"val_loss {min(one.mean() for one in losses.values()):.4g}" in found.sentences[0]


def test_costs_are_in_plain_order_and_said_to_be() -> None:
    found = judged(case([row(0, 990), row(1, 999)], objectives=(SIZE,)))

    assert found.leader == 0
    assert found.group == ()
    assert found.sentences[0] == (
        "Trial 0 (arch.depth=0) has the lowest num_params, 100. The order by num_params is plain: no test supports it."
    )


def test_with_one_seed_nothing_is_said_of_configurations() -> None:
    found = judged(case([row(0, 990), row(1, 900)]))

    assert found.configurations is None
    assert found.sentences[-2].startswith("This holds for these trained networks, not for their configurations")


def repeated(point: int, scores: list[int], first: int, repeats: int) -> list[TrialRow]:
    return [
        row(first + place, score, point=point, repeat=place, num_repeats=repeats) for place, score in enumerate(scores)
    ]


def test_two_seeds_are_too_few_for_configurations() -> None:
    found = judged(case([*repeated(0, [990, 980], 0, 2), *repeated(1, [900, 910], 2, 2)]))

    assert (found.leader, found.group, found.expected) == (1, (), None)
    assert found.sentences[0] == (
        "The configuration arch.depth=0 (trials 0 and 1) comes first with a mean val_accuracy of 98.50 % over 2 seeds. "
        "How certain that is cannot be determined: 2 seeds per configuration are too few (sweep.seeds=3 is the least)."
    )


def test_with_repeats_a_configuration_leads_and_its_median_seed_stands_for_it() -> None:
    rows = [*repeated(0, [900, 890, 896], 0, 3), *repeated(1, [990, 980, 985], 3, 3)]
    answers = {one.number: right(round(one.metrics["val_accuracy"] * IMAGES)) for one in rows}

    found = judged(case(rows, answers))

    assert found.configurations.group == (3,)
    assert found.configurations.leader == (3, 4, 5)
    assert found.leader == 5, "985 of 990, 980 and 985: trial 3 has the luckiest seed"
    assert found.group == (5, 3, 4)
    assert found.rank_intervals == {}
    assert found.expected.raw == found.configurations.mean == pytest.approx(0.985)
    assert found.expected.low < 0.985 < found.expected.high
    assert found.sentences[0] == (
        "The configuration arch.depth=3 (trials 3, 4 and 5) is better than the other one, over 3 seeds and new images: "
        "a mean val_accuracy of 98.50 %, 8.97 points ahead of arch.depth=0 (95 % interval 7.07 to 10.87)."
    )
    assert {number: round(one.value, 5) for number, one in found.differences.items()} == dict.fromkeys(
        (0, 1, 2), 0.08967
    )
    assert found.sentences[1].startswith("Expect 98.50 % of it with a new seed on new images (95 % interval ")
    assert found.sentences[2].startswith("Trial 5 (arch.depth=5) is its median seed: promote takes it, and it stands")
    assert finalists(found, rows, (ACCURACY,), 5) == [5, 2], "one of each configuration"
    assert finalists(found, rows, (ACCURACY,), 5, tested=(3,)) == [3, 2], "one that was tested is not tested anew"


def test_each_repeat_of_the_leading_configuration_has_the_interval_of_its_mean() -> None:
    rows = [*repeated(0, [900, 890, 896], 0, 3), *repeated(1, [990, 980, 985], 3, 3)]
    found = judge(case(rows))
    assert found.expected is not None
    interval = (found.expected.low, found.expected.high)

    ranked = leaderboard.marked(leaderboard.rank(rows, ACCURACY), found)

    assert [one.interval == interval for one in ranked] == [True] * 3 + [False] * 3
    assert [one.in_leading_group for one in ranked] == [True] * 3 + [False] * 3
    assert [one.verdict for one in ranked] == ["leads"] * 3 + ["worse"] * 3
    assert [one.difference is None for one in ranked] == [True] * 3 + [False] * 3


def test_configurations_that_seeds_cannot_separate_are_undecided() -> None:
    found = judged(case([*repeated(0, [990, 980, 960], 0, 3), *repeated(1, [985, 970, 972], 3, 3)]))

    assert found.configurations.group == (0, 3)
    assert found.sentences[0].startswith(
        "The configuration arch.depth=0 (trials 0, 1 and 2) leads with a mean val_accuracy of 97.67 %, but 3 seeds on "
        "1,000 images cannot separate it from arch.depth=3. More "
    )


def folded(images: int, accuracies: list[float], sd: float = 0.0, groups: Any = None, **more: Any) -> Any:
    """What is found of configurations in five folds, each network with an accuracy of its own; and its sentences."""
    random, rows, answers = np.random.default_rng(3), [], {}
    for point, accuracy in enumerate(accuracies):
        for fold in range(5):
            correct = random.random(images) < accuracy + sd * random.normal()
            answers[5 * point + fold] = Answers(correct, groups=groups)
            about = {"point": point, "repeat": fold, "num_repeats": 5, "split_digest": f"fold {fold}"}
            one = row(5 * point + fold, round(IMAGES * float(correct.mean())), **about)
            rows.append(dataclasses.replace(one, overrides=(f"arch.depth={point}",)))
    return judged(case(rows, answers, **more))


def test_folds_that_separate_nothing_say_which_difference_they_show() -> None:
    found = folded(200, [0.9, 0.9, 0.5])

    assert found.group == (3, 0, 1, 2, 4, 5, 6, 7, 8, 9)
    assert (
        "These folds show a difference of about 5.8 points or more. More seeds cannot tell one of 0.5 points "
        "(report.margin): the images' part of the error dominates, so that takes more images."
    ) in found.sentences
    assert any(said.startswith("Effects in points of accuracy") for said in found.sentences)
    assert found.effects[1].difference.high < -0.3


def test_over_folds_the_gain_over_the_default_configuration_has_an_interval() -> None:
    clear, unclear = (folded(2000, [0.9, accuracy], baseline=("arch.depth=0",)).sentences for accuracy in (0.95, 0.905))

    better = next(said for said in clear if "default configuration" in said)
    assert re.match(r"It is [45]\.\d\d points better than the default configuration \(95 % interval \+[2345]\.", better)
    assert any(said.startswith("That it is better than the default configuration is not shown: ") for said in unclear)


def test_folds_say_whether_more_seeds_may_help() -> None:
    said = folded(20_000, [0.9, 0.9], sd=0.05).sentences

    assert "% of what is uncertain comes from the trainings, their seeds and training images." in said[0]
    assert said[0].endswith("Next: the same command with sweep.seeds=2, which trains only what is new.")


def test_configurations_are_shown_to_be_equal_over_folds() -> None:
    found = folded(20_000, [0.95, 0.95])

    assert found.equal == (5, 6, 7, 8, 9)
    assert found.needed is None
    assert not any("would help" in said for said in found.sentences)
    assert folded(20_000, [0.95, 0.95], groups=(np.arange(20_000) // 2000).astype(np.uint32)).equal == ()


def test_validation_images_of_one_group_tell_no_configurations_apart() -> None:
    rows = [*repeated(0, [990, 980, 960], 0, 3), *repeated(1, [685, 670, 672], 3, 3)]
    answers = {one.number: right(round(one.metrics["val_accuracy"] * IMAGES)) for one in rows}
    one_group = np.zeros(IMAGES, np.uint32)
    grouped = {number: Answers(one.correct, groups=one_group) for number, one in answers.items()}

    found = judged(case(rows, grouped, groups="patient"))

    assert (found.group, found.differences, found.expected) == ((), {}, None)
    assert found.sentences[0].endswith(
        "How certain that is cannot be determined: all validation images are of one group (data.groups), and nothing "
        "shows how much groups vary."
    )


def test_a_point_without_all_of_its_repeats_is_not_compared() -> None:
    rows = [*repeated(0, [990, 980, 985], 0, 3), *repeated(1, [900, 890], 3, 3)]

    found = judged(case(rows))

    assert (found.configurations.group, found.leader) == ((), 2)
    assert found.sentences[0].startswith("The configuration arch.depth=0 (trials 0, 1 and 2) is the only one with all")
    none = judged(case(repeated(1, [900, 890], 3, 3)))
    assert none.sentences[0] == "Configurations cannot be compared: none has all of its 3 repeats."


def test_finalists_are_the_leading_group_first_then_by_rank() -> None:
    rows = [row(0, 900), row(1, 990), row(2, 985), row(3, 940), row(4, 999, TrialState.PRUNED)]
    found = judged(case(rows))

    assert found.group == (1, 2)
    assert finalists(found, rows, (ACCURACY,), 3) == [1, 2, 3]
    assert finalists(found, rows, (ACCURACY,), 1) == [1]
    assert finalists(found, rows, (ACCURACY,), 0) == []
    assert finalists(found, rows, (ACCURACY,), 9) == [1, 2, 3, 0]


def test_finalists_were_scored_on_the_leaders_images() -> None:
    rows = [row(0, 990), row(1, 985, split_digest="another"), row(2, 980)]

    assert finalists(judge(case(rows)), rows, (ACCURACY,), 5) == [0, 2]


def opened(*accuracies: float, times: int = 1) -> RecordedTestSet:
    results = {
        number: {"test_accuracy": accuracy, "test_loss": 0.1, "num_images": float(IMAGES)}
        for number, accuracy in enumerate(accuracies)
    }
    openings = tuple(Opening(f"2026-01-0{day + 1}T00:00:00+00:00", tuple(results)) for day in range(times))
    return RecordedTestSet(openings, results)


def test_the_test_set_confirms_the_leader_and_re_orders_nothing() -> None:
    rows = [row(0, 990), row(1, 980), row(2, 900)]
    answers = {0: right(950), 1: right(960), 2: right(880)}

    found = judged(case(rows, test=opened(0.95, 0.96, 0.88), test_answers=answers))

    assert found.test is not None
    assert [one.trial for one in found.test.finalists] == [0, 1, 2], "in the order of validation, not of the test"
    assert found.test.better_than == (2,)
    assert [one.p for one in found.test.finalists] == [None, pytest.approx(2 * 0.5**10), pytest.approx(0, abs=1e-15)]
    low, high = found.test.finalists[0].low, found.test.finalists[0].high
    assert low < 0.95 < high
    assert found.warnings == ()


def test_holms_correction_counts_the_finalists() -> None:
    rows = [row(number, 990 - number) for number in range(4)]
    answers = {0: right(1000), 1: right(994), 2: right(994), 3: right(994)}  # 6 images each: p = 0.03125

    found = judged(case(rows, test=opened(1.0, 0.994, 0.994, 0.994), test_answers=answers))

    assert found.test is not None
    assert [one.p for one in found.test.finalists] == [None, *[pytest.approx(3 * 2 * 0.5**6)] * 3]
    assert found.test.better_than == ()
    assert "none of the other 3 finalists is confirmed to be worse." in found.sentences[-3]


def test_a_leader_that_does_worse_on_the_test_set_is_not_confirmed() -> None:
    found = judged(
        case([row(0, 990), row(1, 985)], test=opened(0.9, 0.95), test_answers={0: right(900), 1: right(950)})
    )

    assert found.test is not None
    assert found.test.better_than == ()
    assert "is worse there than trial 1: its lead is not confirmed." in found.sentences[-3]


def test_each_further_opening_is_warned_of() -> None:
    found = judged(case([row(0, 990), row(1, 985)], test=opened(0.9, 0.95, times=3)))

    assert "The test set (1,000 images) was opened 3 times" in found.sentences[-3]
    assert found.warnings[0].startswith("The test set was opened 3 times. Searching further after seeing its figures")


def test_the_notebooks_way_is_labelled() -> None:
    [warning] = judged(case([row(0, 990), row(1, 985)], test_is_validation=True)).warnings

    assert warning.startswith("Every figure is selected on the test set:")


def test_restored_weights_are_said_to_be_selected_on_validation() -> None:
    [warning] = judged(case([row(0, 990, best_epoch=3), row(1, 985)])).warnings

    assert "selected on the validation images (training.restore_best)" in warning


def test_with_several_objectives_the_first_is_compared_and_named() -> None:
    found = judged(case([row(0, 900), row(1, 990)], objectives=(ACCURACY, SIZE)))

    assert found.sentences[0].startswith("By val_accuracy alone: Trial 1 (arch.depth=1) is better")


def test_with_a_cost_before_it_the_accuracy_is_compared_all_the_same() -> None:
    found = judged(case([row(0, 900), row(1, 990)], objectives=(SIZE, ACCURACY)))

    assert found.group == (1,)
    assert found.sentences[0].startswith("By val_accuracy alone: Trial 1 (arch.depth=1) is better")


def test_many_trials_are_named_in_part() -> None:
    found = judged(case([*[row(number, 990 - number) for number in range(12)], row(12, 500)]))

    assert "trials 1, 2, 3, 4, 5, 6, 7, 8 and 3 more cannot be separated" in found.sentences[0]


def test_trials_of_several_sweeps_are_called_by_both() -> None:
    rows = [
        dataclasses.replace(one, origin=Origin("b" if one.number else "a", 7)) for one in (row(0, 990), row(1, 985))
    ]

    assert (
        judged(case(rows))
        .sentences[0]
        .startswith("Both complete trials cannot be separated on 1,000 images: trial 7 of a (arch.depth=0) leads")
    )


def test_a_thousand_trials_have_no_rank_intervals_and_still_a_group() -> None:
    rng = np.random.default_rng(1)
    answers = {number: Answers(rng.random(200) < 0.5 + number / 2500) for number in range(1000)}
    rows = [row(number, round(1000 * float(one.correct.mean()))) for number, one in answers.items()]

    found = judged(case(rows, answers))

    assert found.rank_intervals == {}
    assert found.num_compared == 1000
    assert len(found.group) > 1


def test_groups_of_images_take_the_images_place() -> None:
    random = np.random.default_rng(0)
    of_group = random.random((2, 20)) < np.array([[0.98], [0.7]])
    groups = np.repeat(np.arange(20), 50).astype(np.uint32)
    correct = {number: np.repeat(one, 50) for number, one in enumerate(of_group)}
    rows = [row(number, int(one.sum())) for number, one in correct.items()]
    alone = judged(case(rows, {number: Answers(one) for number, one in correct.items()}))

    found = judged(case(rows, {n: Answers(one, groups=groups) for n, one in correct.items()}, groups="writer"))

    assert (alone.group, found.group) == ((0,), (0, 1)), "twenty groups show much less than a thousand images"
    assert found.num_groups == 20
    assert found.expected.high - found.expected.low > 2 * (alone.expected.high - alone.expected.low)
    wide, narrow = (one.differences[1].high - one.differences[1].low for one in (found, alone))
    assert wide > 2 * narrow
    assert {one.trial for one in found.cheapest} == {0}
    assert (
        "On 20 groups of images no trial can be shown to be within 0.5 percentage points of the leader "
        "(report.margin), whatever it answers: that takes 539 groups of images at least."
    ) in found.sentences
    assert found.sentences[-1] == (
        "Groups of images (data.groups=writer, 20 of them) are taken as independent of each other, not the images; no "
        "trial was validated on groups that it was trained on."
    )


@pytest.mark.parametrize("metric", ["val_accuracy", "val_loss"])
def test_validation_images_of_one_group_tell_no_trials_apart(metric: str) -> None:
    objective = ACCURACY if metric == "val_accuracy" else LOSS
    losses, one_group = np.linspace(0, 1, IMAGES, dtype=np.float32), np.zeros(IMAGES, np.uint32)
    answers = {
        number: Answers(right(correct).correct, losses=losses, groups=one_group)
        for number, correct in ((0, 990), (1, 700))
    }

    found = judged(case([row(0, 990), row(1, 700)], answers, objectives=(objective,), groups="patient"))

    assert (found.leader, found.group, found.differences) == (0, (), {})
    assert "cannot be determined: all validation images are of one group (data.groups)" in found.sentences[0]
    assert "interval" not in found.sentences[0], "it would take the images as independent"


def test_the_best_epoch_was_selected_on_these_images_too() -> None:
    random = np.random.default_rng(0)
    epochs = {number: random.random((12, IMAGES)) < 0.9 for number in range(4)}
    best = {number: int(bits.sum(axis=1).argmax()) for number, bits in epochs.items()}
    answers = {number: Answers(bits[best[number]]) for number, bits in epochs.items()}
    rows = [row(number, int(answers[number].correct.sum()), best_epoch=1 + best[number]) for number in epochs]
    without = judged(case(rows, answers))

    found = judged(case(rows, answers, epochs=epochs))

    assert found.expected.raw == without.expected.raw == max(one.metrics["val_accuracy"] for one in rows)
    assert abs(found.expected.expected - 0.9) < abs(without.expected.expected - 0.9)
    assert found.warnings[0].endswith("they are a little too high. What to expect of the leader allows for that.")
    assert without.warnings[0].endswith("they are a little too high.")
