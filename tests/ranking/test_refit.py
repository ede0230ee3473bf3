"""Which configuration a refit trains, for how many epochs, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ranked_rows import ACCURACY, complete
from sweeper.core.sweeps import Refit
from sweeper.core.trials import StudyTrial, TrialFacts, TrialRow, TrialState
from sweeper.ranking.refit import chosen_trials, current, epochs_chosen, how_chosen, sentences


def row(number: int, value: float, *, point: int = 0, best: int | None = None, epochs: int = 4) -> TrialRow:
    facts = TrialFacts(best_epoch=best)
    history = ({"loss": 1.0},) * epochs
    return replace(complete(number, value), point=point, repeat=number % 3, num_repeats=3, facts=facts, history=history)


ROWS = [row(n, value, point=n // 3) for n, value in enumerate((0.5, 0.6, 0.9, 0.7, 0.7, 0.7))]


def refit(point: int, *, number: int = -1, state: TrialState = TrialState.COMPLETE) -> Refit:
    outcome = None
    if state is not TrialState.RUNNING:
        facts = TrialFacts(num_train=90, num_test=50)
        error = "out of memory" if state is TrialState.FAILED else ""
        outcome = TrialRow(number, state, {}, {"test_accuracy": 0.9, "test_loss": 0.3}, facts=facts, error=error)
    trial = StudyTrial(
        number=number,
        point=point,
        hash="h",
        identity={"seed": 0},
        params={},
        overrides=("arch.depth=5",),
        state=state,
        row=outcome,
    )
    return Refit(trial, tuple(row.number for row in ROWS if row.point == point), 4)


def test_the_configuration_with_the_best_mean_is_chosen_not_the_luckiest_trial() -> None:
    assert [one.number for one in chosen_trials(list(reversed(ROWS)), [ACCURACY])] == [3, 4, 5]
    assert chosen_trials([replace(one, state=TrialState.PRUNED) for one in ROWS], [ACCURACY]) == []
    assert chosen_trials([], [ACCURACY]) == []


@pytest.mark.parametrize(
    ("best", "epochs", "chosen", "said"),
    [
        ([3], [9], 3, "3 epochs, its best one"),
        ([None], [1], 1, "1 epoch, as its training before"),
        ([None, None], [7, 7], 7, "7 epochs, as its 2 trainings before"),
        ([5, 2, 9], [9, 9, 9], 5, "5 epochs, the median of the best epochs of its 3 trainings (2 to 9)"),
        ([2, 5], [9, 9], 4, "4 epochs, the median of the best epochs of its 2 trainings (2 to 5)"),
        ([None, None, None], [6, 8, 7], 7, "7 epochs, the median of the epochs of its 3 trainings (6 to 8)"),
    ],
)
def test_it_trains_the_median_of_the_epochs_whose_weights_were_kept(
    best: list[int | None], epochs: list[int], chosen: int, said: str
) -> None:
    rows = [row(n, 0.5, best=one, epochs=many) for n, (one, many) in enumerate(zip(best, epochs, strict=True))]

    assert epochs_chosen(rows) == chosen
    assert how_chosen(rows) == said


def test_a_refit_of_another_configuration_than_the_first_does_not_stand_for_it() -> None:
    assert current([refit(0), refit(1, number=-2)], ROWS, [ACCURACY]) == refit(1, number=-2)
    assert current([refit(0)], ROWS, [ACCURACY]) is None
    assert current([refit(1, state=TrialState.RUNNING)], ROWS, [ACCURACY]) is None
    assert sentences([refit(0)], ROWS, [ACCURACY]) == [
        "The refit is of arch.depth=5, which no longer comes first; the same command with report.refit=true trains "
        "the one that does."
    ]


def test_what_is_said_of_it_names_images_epochs_and_the_test_figures() -> None:
    assert sentences([], ROWS, [ACCURACY]) == []
    assert sentences([refit(1)], ROWS, [ACCURACY]) == [
        "Refit: arch.depth=5 was trained anew on all 90 training and validation images (seed 0), for 4 epochs, as its "
        "3 trainings before. No image is left that could validate it, so it has no rank and no validation score; on "
        "the 50 test images it has 90.00 % (78.64 % to 95.65 %), loss 0.3. promote takes it."
    ]
    assert sentences([refit(1, state=TrialState.FAILED)], ROWS, [ACCURACY]) == ["The refit failed: out of memory."]
    assert "was interrupted" in sentences([refit(1, state=TrialState.RUNNING)], ROWS, [ACCURACY])[0]
