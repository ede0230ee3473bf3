"""The learning curves of a sweep in one picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drawn_figures import NAN, history, labels, pixels, ys
from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialFacts, TrialRow, TrialState
from sweeper.report.plots import curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure


pytestmark = pytest.mark.filterwarnings("error")


ACCURACY = Objective("val_accuracy", "maximize")


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for one in figure.legends for text in one.get_texts()]


def trial(number: int, num_epochs: int = 5, state: TrialState = TrialState.COMPLETE, **more: Any) -> TrialRow:
    epochs = more.pop("history", history(num_epochs, 0.1 + 0.01 * number))
    return TrialRow(
        number,
        state,
        {},
        {"val_accuracy": epochs[-1]["val_accuracy"]} if epochs else {},
        error="it broke" if state is TrialState.FAILED else "",
        history=epochs,
        overrides=more.pop("overrides", (f"arch.depth={number}", "arch.kernel_size=3")),
        **more,
    )


@pytest.mark.parametrize("num_trials", [1, 3, 10, 11, 60, 500])
def test_the_curves_of_a_sweep(num_trials: int, tmp_path: Path) -> None:
    rows = [trial(number) for number in range(num_trials)]
    figure = curves.sweep_curves_figure(rows, ACCURACY)
    pixels(figure, tmp_path / "curves.png")
    loss, accuracy = figure.axes
    assert (labels(loss), labels(accuracy)) == (("epoch", "validation loss"), ("epoch", "validation accuracy"))
    assert len(loss.lines) == len(accuracy.lines) == num_trials
    thickest = max(accuracy.lines, key=lambda line: line.get_linewidth())
    assert ys(thickest) == [one["val_accuracy"] for one in rows[-1].history]
    best = f"best: trial {num_trials - 1}: arch.depth={num_trials - 1} arch.kernel_size=3"
    assert legend(figure)[0] == best
    assert len(legend(figure)) == (num_trials if num_trials <= 10 else 1)


ODD: dict[str, list[TrialRow]] = {
    "no trial": [],
    "failed, with a part of its history": [trial(0), trial(1, 2, TrialState.FAILED)],
    "failed at once": [trial(0), trial(1, 0, TrialState.FAILED)],
    "all failed": [trial(0, 2, TrialState.FAILED)],
    "pruned": [trial(0), trial(1, 1, TrialState.PRUNED)],
    "running": [trial(0), trial(1, 2, TrialState.RUNNING)],
    "one epoch": [trial(0, 1), trial(1, 1)],
    "a NaN": [trial(0, history=history(4, val_loss=NAN, val_accuracy=NAN))],
    "an explosion": [trial(0), trial(1, history=history(4, val_loss=1e30))],
    "infinite": [trial(0, history=history(4, val_loss=math.inf))],
    "long overrides": [
        trial(number, overrides=("arch.filters=[32,64,128,256,512]", f"optimizer.learning_rate={number}", "x" * 200))
        for number in range(3)
    ],
}


@pytest.mark.parametrize("rows", ODD.values(), ids=ODD.keys())
def test_the_curves_of_an_odd_sweep(rows: list[TrialRow], tmp_path: Path) -> None:
    figure = curves.sweep_curves_figure(rows, ACCURACY)
    pixels(figure, tmp_path / "curves.png")
    drawn = [row for row in rows if row.history and row.state is not TrialState.RUNNING]
    assert all(len(axes.lines) == len(drawn) for axes in figure.axes)


def test_what_a_user_gave_is_in_the_legend_as_it_is(tmp_path: Path) -> None:
    texts = ["=cmd|' /C calc'!A0", "[bold]x", "<script>", "$x", "$a$ _^{}", "\\frac", "a\nb", "größe 数字 🎉"]
    rows = [trial(number, overrides=(text,)) for number, text in enumerate(texts)]
    figure = curves.sweep_curves_figure(rows, ACCURACY)
    pixels(figure, tmp_path / "curves.png")
    shown = [line.replace(r"\$", "$").removeprefix("best: ") for line in legend(figure)]
    expected = [f"trial {number}: {' '.join(text.split())}" for number, text in enumerate(texts)]
    assert sorted(shown) == expected


def test_pruned_and_failed_trials_are_dotted_and_named_so() -> None:
    rows = [trial(0), trial(1, 2, TrialState.PRUNED), trial(2, 1, TrialState.FAILED)]
    figure = curves.sweep_curves_figure(rows, ACCURACY)
    styles = {str(line.get_label()).split(":")[-2].strip(): line.get_linestyle() for line in figure.axes[0].lines}
    assert styles == {"trial 0": "-", "trial 1 (pruned)": ":", "trial 2 (failed)": ":"}


def test_no_trial_is_the_best_where_none_is_complete() -> None:
    figure = curves.sweep_curves_figure([trial(0, 2, TrialState.PRUNED)], ACCURACY)
    assert legend(figure)[0].startswith("trial 0 (pruned): ")


def test_the_best_follows_the_objective() -> None:
    rows = [trial(0), trial(1)]
    for row, loss in zip(rows, (0.1, 0.2), strict=True):
        row.metrics["val_loss"] = loss
    assert legend(curves.sweep_curves_figure(rows, ACCURACY))[0].startswith("best: trial 1")
    assert legend(curves.sweep_curves_figure(rows, Objective("val_loss", "minimize")))[0].startswith("best: trial 0")


def test_curves_of_a_test_set_that_was_chosen_on_are_labelled() -> None:
    figure = curves.sweep_curves_figure([trial(0, facts=TrialFacts(test_is_validation=True))], ACCURACY)
    assert figure.axes[1].get_ylabel() == "test accuracy (selected on the test set)"


def curve(number: int, state: TrialState, *values: float) -> TrialRow:
    epochs = tuple({"val_accuracy": value, "val_loss": 1 - value} for value in values)
    return trial(number, state=state, history=epochs)


def test_pruned_and_failed_trials_do_not_flatten_the_others(tmp_path: Path) -> None:
    good = [curve(number, TrialState.COMPLETE, 0.96, 0.98 + 0.001 * number) for number in range(3)]
    bad = [curve(3, TrialState.PRUNED, 0.1), curve(4, TrialState.FAILED, 0.3), curve(5, TrialState.PRUNED, 0.97)]
    figure = curves.sweep_curves_figure([*good, *bad], ACCURACY)
    pixels(figure, tmp_path / "curves.png")
    loss, accuracy = figure.axes

    assert accuracy.get_ylim() == pytest.approx((0.96 - 0.06 * 0.022, 0.982 + 0.06 * 0.022))
    assert loss.get_ylim() == pytest.approx((0.018 - 0.06 * 0.022, 0.04 + 0.06 * 0.022))
    for axes in (loss, accuracy):
        assert [text.get_text() for text in axes.texts] == ["2 pruned or failed trials leave this axis"]


def test_the_axis_has_all_trials_where_none_flattens_the_others() -> None:
    good = [curve(number, TrialState.COMPLETE, 0.5, 0.8 + 0.01 * number) for number in range(3)]
    for rows in ([*good, curve(3, TrialState.PRUNED, 0.3)], [curve(3, TrialState.PRUNED, 0.1, 0.9)]):
        figure = curves.sweep_curves_figure(rows, ACCURACY)
        drawn = [y for line in figure.axes[1].lines for y in ys(line)]

        assert figure.axes[1].get_ylim()[0] < min(drawn)
        assert figure.axes[1].get_ylim()[1] > max(drawn)
        assert not figure.axes[1].texts
