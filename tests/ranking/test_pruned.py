"""What is said of trials that a pruner ended."""

from __future__ import annotations

import pytest

from sweeper.core.trials import TrialRow, TrialState
from sweeper.ranking.pruned import sentences

PRUNED, COMPLETE, FAILED = TrialState.PRUNED, TrialState.COMPLETE, TrialState.FAILED


def rows(*trials: tuple[str, TrialState]) -> list[TrialRow]:
    return [
        TrialRow(
            number,
            state,
            {},
            overrides=tuple(typed.split()),
            history=({"val_accuracy": 0.5},),
            error="it broke" if state is FAILED else None,
        )
        for number, (typed, state) in enumerate(trials)
    ]


def test_values_of_which_no_trial_was_trained_to_the_end_are_named() -> None:
    normalised = [(f"arch.batch_norm=True arch.depth={depth}", PRUNED) for depth in (3, 4, 5)]
    found = sentences(
        rows(
            *normalised,
            ("arch.batch_norm=False arch.depth=3", COMPLETE),
            ("arch.batch_norm=False arch.depth=4", COMPLETE),
            *[("arch.batch_norm=False arch.depth=6", PRUNED)] * 4,
        )
    )

    assert found == [
        "7 of the 9 trials were pruned after early epochs. What they would have reached is not known: the best may be "
        "among them, and all else is said of those trained to the end.",
        "All trials with arch.depth=6 (4) and arch.batch_norm=True (3) were pruned: what such networks reach at the "
        "end is not known. Some learn late; a later first look shows it (pruner=asha pruner.options.min_resource=3).",
    ]


def test_of_many_such_values_few_are_named() -> None:
    trials = [(f"arch.depth={depth}", PRUNED) for depth in range(3, 10) for _ in range(3)]

    assert "arch.depth=6 (3) and 3 more were pruned" in sentences(rows(*trials, ("arch.depth=2", COMPLETE)))[1]


@pytest.mark.parametrize(
    "trials",
    [
        pytest.param([("a=1", PRUNED)] * 2 + [("a=2", COMPLETE)], id="two trials of a value"),
        pytest.param([("a=1", PRUNED)] * 3 + [("a=1", COMPLETE), ("a=2", COMPLETE)], id="one was trained to the end"),
        pytest.param([("a=1", PRUNED)] * 3 + [("a=1", FAILED), ("a=2", COMPLETE)], id="one failed"),
        pytest.param([("a=1", PRUNED)] * 3, id="nothing was trained to the end"),
        pytest.param([("a=1", PRUNED)] * 3 + [("b=1", COMPLETE)], id="no other value of its key"),
        pytest.param([("seed=1", PRUNED)] * 3 + [("seed=2", COMPLETE)], id="a seed is no setting"),
    ],
)
def test_other_values_are_not(trials: list[tuple[str, TrialState]]) -> None:
    assert not any("All trials with" in said for said in sentences(rows(*trials)))
