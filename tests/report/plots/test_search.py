from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib import image, pyplot, style
from matplotlib.figure import Figure

from sweeper.core.objectives import Objective
from sweeper.core.paths import PlotPaths
from sweeper.core.trials import TrialFacts, TrialRow, TrialState
from sweeper.report.plots import importances as plots_importances
from sweeper.report.plots import search
from sweeper.space.dimensions import Choice, Dimension, Interval

ACCURACY, PARAMS = Objective("val_accuracy", "maximize"), Objective("num_params", "minimize")
RATE, MOMENTUM = "optimizer.learning_rate", "optimizer.momentum"
SPACE = (
    Dimension(RATE, "", False, (), interval=Interval(0.001, 1.0, log=True)),
    Dimension("arch.depth", "", False, (Choice("1", 1), Choice("2", 2))),
    Dimension("optimizer", "", True, (Choice("adam", "adam"), Choice("sgd", "sgd"))),
    Dimension(MOMENTUM, "", False, (), interval=Interval(0.0, 0.9)),
)


class Drawn:
    """Draws, and keeps each picture's figure by the name of its file."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths = PlotPaths(folder / "plots")
        self.figures: dict[str, Figure] = {}
        self._save = search.save
        monkeypatch.setattr(search, "save", self._keep)

    def _keep(self, figure: Figure, path: Path) -> None:
        self._save(figure, path)
        self.figures[path.stem] = figure

    def __call__(
        self,
        rows: Sequence[TrialRow],
        *objectives: Objective,
        space: Sequence[Dimension] = SPACE,
    ) -> search.Drawn:
        found = search.draw(rows, space, objectives or (ACCURACY,), self.paths)
        assert found is not None
        return found

    def texts(self, name: str) -> list[str]:
        """Every text of a picture that shows."""
        found = [text for text in self.figures[name].findobj(matplotlib.text.Text) if text.get_visible()]
        return [text.get_text() for text in found if text.get_text()]


@pytest.fixture(autouse=True)
def few_points_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand-made sweeps of a few points, whose pictures can be read; what chance explains: test_importances."""
    monkeypatch.setattr(search, "FEWEST", 4)
    monkeypatch.setattr(plots_importances, "_by_chance", lambda search: "")


@pytest.fixture
def draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drawn:
    return Drawn(tmp_path, monkeypatch)


def row(number: int, accuracy: float, state: TrialState = TrialState.COMPLETE, **fields: Any) -> TrialRow:
    params = {RATE: 10 ** -(number % 4), "arch.depth": 1 + number % 2, **fields.pop("params", {})}
    metrics = {"val_accuracy": accuracy, "num_params": 1000.0 * (1 + number % 3)}
    error = "boom" if state is TrialState.FAILED else ""
    return TrialRow(number, state, params, {} if error else metrics, error=error, **fields)


def some(count: int = 12) -> list[TrialRow]:
    """Trials whose accuracy follows from the learning rate alone."""
    return [row(number, 0.9 - 0.2 * (number % 4)) for number in range(count)]


def test_pictures_are_drawn_and_named_by_the_paths(draw: Drawn) -> None:
    found = draw(some())

    assert [path.name for path in found.pictures] == ["importances.png", "slices.png", "history.png", "parallel.png"]
    assert found.left_out == ()
    assert {path.name for path in draw.paths.root.iterdir()} == {path.name for path in found.pictures}
    for path in found.pictures:
        pixels = image.imread(path)
        assert pixels.shape[0] >= 200
        assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 20, f"{path.name} is blank"
    assert found.text == f"Plots: importances, slices, history, parallel in {draw.paths.root}."


def test_the_parameter_that_matters_has_the_longest_bar(draw: Drawn) -> None:
    draw(some(40))

    axes = draw.figures["importances"].axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    widths = {name: bar.get_width() for name, bar in zip(names, axes.patches, strict=True)}
    assert widths[RATE] > 2 * widths["arch.depth"]
    assert math.isclose(sum(widths.values()), 1.0)
    assert "PED-ANOVA of 40 complete trials; so few give a rough idea only" in axes.get_title(loc="left")


def test_a_slice_shows_every_complete_trial_on_the_scale_of_its_interval(draw: Drawn) -> None:
    draw([*some(), row(12, 0.5, TrialState.PRUNED), row(13, 0.0, TrialState.FAILED)])

    depth, rate = draw.figures["slices"].axes[:2]
    assert (depth.get_xlabel(), rate.get_xlabel()) == ("arch.\ndepth", "optimizer.\nlearning_rate")
    assert (depth.get_xscale(), rate.get_xscale()) == ("linear", "log")
    assert depth.get_ylabel() == "val_accuracy"
    assert len(rate.collections[0].get_offsets()) == 12
    assert all(float(tick).is_integer() for tick in depth.get_xticks())
    assert {dots.get_clim() for axes in (depth, rate) for dots in axes.collections} == {(0, 13)}


def test_the_history_shows_the_best_so_far_and_marks_pruned_and_failed_trials(draw: Drawn) -> None:
    rows = [row(0, 0.4), row(1, 0.2), row(2, 0.0, TrialState.FAILED), row(3, 0.6), row(4, 0.5, TrialState.PRUNED)]
    draw([*rows, row(6, 0.3)])  # 5 is running elsewhere, or was never begun

    axes = draw.figures["history"].axes[0]
    best, pruned, failed = axes.lines
    assert list(best.get_ydata()) == [0.4, 0.4, 0.4, 0.6, 0.6, 0.6, 0.6]
    assert (list(pruned.get_xdata()), list(failed.get_xdata())) == ([4], [2])
    assert [tuple(point) for point in axes.collections[0].get_offsets()] == [(0, 0.4), (1, 0.2), (3, 0.6), (6, 0.3)]
    assert {"complete trial", "best so far", "pruned", "failed", "val_accuracy"} <= set(draw.texts("history"))


def test_a_minimised_objective_has_its_smallest_value_as_the_best_so_far(draw: Drawn) -> None:
    draw([row(number, 0.5, params={}) for number in (2, 0, 1, 3)], PARAMS)

    assert list(draw.figures["history"].axes[0].lines[0].get_ydata()) == [1000.0] * 4


def test_a_conditional_parameter_is_missing_where_it_does_not_exist(draw: Drawn) -> None:
    chosen: list[dict[str, Any]] = [{"optimizer": "adam"}, {"optimizer": "sgd", MOMENTUM: 0.5}]
    rows = [row(number, 0.1 * number, params=chosen[number % 2]) for number in range(8)]
    for one in rows[1::2]:
        one.params[MOMENTUM] = 0.1 * one.number
    found = draw(rows)

    assert found.left_out == ()
    momentum = next(axes for axes in draw.figures["slices"].axes if axes.get_xlabel() == "optimizer.\nmomentum")
    assert len(momentum.collections[0].get_offsets()) == 4
    assert "None" in draw.texts("parallel")
    assert {"adam", "sgd"} <= set(draw.texts("slices")) & set(draw.texts("parallel"))
    assert MOMENTUM in draw.texts("importances")


def test_repeats_are_drawn_as_the_mean_of_their_point(draw: Drawn) -> None:
    rows = [
        row(2 * point + repeat, 0.1 * point + 0.02 * repeat, params={RATE: 0.1**point, "arch.depth": point},
            point=point, repeat=repeat, num_repeats=2)
        for point in range(5) for repeat in range(2)
    ]  # fmt: skip
    draw(rows[:-1])  # the last point lacks a repeat

    axes = draw.figures["history"].axes[0]
    assert axes.get_xlabel() == "point"
    assert axes.get_ylabel() == "mean val_accuracy"
    heights = [height for _, height in axes.collections[0].get_offsets()]
    assert heights == pytest.approx([0.01, 0.11, 0.21, 0.31])


def test_several_objectives_have_their_front_and_the_rest_of_the_first(draw: Drawn) -> None:
    rows = some()
    found = draw(rows, ACCURACY, PARAMS)

    assert [path.name for path in found.pictures][-1] == "pareto.png"
    axes = draw.figures["pareto"].axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("val_accuracy", "num_params")
    others, front = (dots.get_offsets() for dots in axes.collections)
    assert {tuple(point) for point in front} == {(0.9, 1000.0)}
    assert len(others) + len(front) == len(rows)
    assert any("best tenth apart, by val_accuracy\n" in text for text in draw.texts("importances"))
    assert draw.figures["slices"].axes[0].get_ylabel() == "val_accuracy"
    assert {"val_accuracy", "num_params", "rank (number of the Pareto front)"} <= set(draw.texts("parallel"))


def test_three_objectives_have_the_front_of_the_first_two(draw: Drawn) -> None:
    rows = [row(n, 0.1 * n) for n in range(6)]
    for one in rows:
        one.metrics["duration_s"] = 10.0 - one.number
    draw(rows, ACCURACY, PARAMS, Objective("duration_s", "minimize"))

    assert "Pareto front of these two alone" in draw.texts("pareto")


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="none"),
        pytest.param([row(0, 0.5)], id="one"),
        pytest.param([row(n, 0.5) for n in range(3)], id="three"),
        pytest.param([row(n, 0.5, TrialState.FAILED) for n in range(9)], id="failed only"),
        pytest.param([row(n, 0.5, TrialState.PRUNED) for n in range(9)], id="pruned only"),
        pytest.param([row(n, math.nan) for n in range(9)], id="not finite"),
    ],
)
def test_too_few_complete_trials_draw_nothing_and_remove_what_is_old(rows: list[TrialRow], tmp_path: Path) -> None:
    paths = PlotPaths(tmp_path / "plots")
    paths.root.mkdir()
    paths.pareto.write_bytes(b"of an earlier start")

    found = search.draw(rows, SPACE, (ACCURACY,), paths)

    assert not paths.root.exists()
    if len(rows) < 4:
        assert found is None
    else:
        assert found is not None
        assert found.pictures == ()
        assert found.text == "Plots: none yet, since 0 of the 9 configurations are complete, and they take 4."


def test_what_cannot_be_drawn_is_left_out_with_its_reason(draw: Drawn) -> None:
    single = [row(n, 0.1 * n, params={RATE: 0.1}) for n in range(6)]
    assert draw(single).left_out == (
        "importances (a single parameter varies, arch.depth: see slices)",
        "parallel (a single parameter varies, arch.depth: see slices)",
    )
    equal = [row(n, 0.5) for n in range(6)]
    assert draw(equal).left_out == ("importances (every complete trial has the same val_accuracy)",)
    same = [row(n, 0.1 * n, params={RATE: 0.1, "arch.depth": 3}) for n in range(6)]
    found = draw(same)
    reason = "(no parameter differs between complete trials)"
    assert found.left_out == (f"importances {reason}", f"slices {reason}", f"parallel {reason}")
    assert found.text.endswith(f"Left out: importances {reason}; slices {reason}; parallel {reason}.")
    assert [path.name for path in draw.paths.root.iterdir()] == ["history.png"]


def test_names_and_values_that_mean_something_elsewhere_are_shown_as_they_are(draw: Drawn) -> None:
    key, value = r"arch.$\frac{<script>1</script>", r"$x_{1}$ <b> \n & `"
    rows = [
        row(n, 0.1 * n, params={key: n, "arch.name": [value, "plain", None, True][n % 4], "data.path": f"/a/{n}" * 9})
        for n in range(8)
    ]
    found = draw(rows)

    assert found.left_out == ()
    assert key.replace("$", r"\$") in draw.texts("importances")
    assert value.replace("$", r"\$") in draw.texts("slices")
    assert {"null", "true", "plain"} <= set(draw.texts("parallel"))


def test_long_values_are_shortened_and_stay_apart(draw: Drawn) -> None:
    lists = [[32] * 20 + [last] + [64] * 20 for last in (1, 2, 3)]
    draw([row(n, 0.1 * n, params={"arch.filters": lists[n % 3]}) for n in range(9)])

    panel = next(axes for axes in draw.figures["slices"].axes if axes.get_xlabel() == "arch.\nfilters")
    labels = [label.get_text() for label in panel.get_xticklabels()]
    assert len(set(labels)) == 3
    assert all(len(label) <= 18 and "…" in label for label in labels)


def test_choices_far_apart_are_spread_on_a_logarithmic_axis(draw: Drawn) -> None:
    space = (Dimension(RATE, "", False, tuple(Choice(str(v), v) for v in (0.001, 0.01, 1.0))),)
    draw([row(n, 0.1 * n, params={RATE: (0.001, 0.01, 1.0)[n % 3]}) for n in range(6)], space=space)

    assert draw.figures["slices"].axes[1].get_xscale() == "log"


def test_figures_on_the_test_set_are_labelled_optimistic(draw: Drawn) -> None:
    draw([row(n, 0.1 * n, facts=TrialFacts(test_is_validation=True)) for n in range(6)])

    for name in ("importances", "slices", "history", "parallel"):
        assert any("selected on the test set" in text.replace("\n", " ") for text in draw.texts(name)), name


def test_no_text_is_cut_off_by_a_pictures_edge(draw: Drawn) -> None:
    names = [f"arch.a_rather_long_name_of_a_parameter_{letter}" for letter in "abcdefghi"]
    draw([row(n, 0.1 * n, params={name: (n * place) % 5 for place, name in enumerate(names)}) for n in range(12)])

    for figure in draw.figures.values():
        width, height = figure.canvas.get_width_height()
        for text in figure.findobj(matplotlib.text.Text):
            box = text.get_window_extent()
            if text.get_visible() and text.get_text() and box.width and text.axes is not None:
                centre = (box.x0 + box.x1) / 2
                low, high = text.axes.get_window_extent().intervalx
                if low - 1 <= centre <= high + 1:  # a tick beyond its axis is not drawn
                    assert box.x0 >= -1, text
                    assert box.x1 <= width + 1, text
                assert box.y0 >= -1 or box.y1 < 0, text
                assert box.y1 <= height + 1 or box.y0 > height, text


def test_labels_below_the_axes_do_not_overlap(draw: Drawn) -> None:
    names = [f"arch.a_rather_long_name_of_${letter}$_and_more" for letter in "abcdefg"]
    draw([row(n, 0.1 * n, params={name: (n * place) % 5 for place, name in enumerate(names)}) for n in range(12)])

    ticks = [label.get_window_extent() for label in draw.figures["parallel"].axes[0].get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(ticks))
    panels = [axes.xaxis.label.get_window_extent() for axes in draw.figures["slices"].axes[:4]]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(panels))


def test_nothing_of_pyplots_state_is_changed(draw: Drawn) -> None:
    mine = pyplot.figure()
    settings, ggplot = dict(matplotlib.rcParams), dict(style.library["ggplot"])
    draw(some(), ACCURACY, PARAMS)

    assert pyplot.get_fignums() == [mine.number]
    assert dict(matplotlib.rcParams) == settings
    assert dict(style.library["ggplot"]) == ggplot
    pyplot.close(mine)


def test_figures_are_closed_when_a_picture_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(figure: Figure, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(search, "save", full)
    with pytest.raises(OSError, match="No space left"):
        search.draw(some(), SPACE, (ACCURACY,), PlotPaths(tmp_path / "plots"))
    assert pyplot.get_fignums() == []
