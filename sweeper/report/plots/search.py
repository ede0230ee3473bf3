"""Optuna's own plots of a sweep's search, as pictures: which parameter mattered, and where the good values lie.

They are drawn from a study in memory that holds one trial a point (of repeats the mean), for a grid as for a sampler. A
plot that its data do not allow is left out, with the reason.

What does not live here: ranking (`sweeper.ranking.leaderboard`), curves of the trials (`sweeper.artifacts.figures`).
"""

from __future__ import annotations

import math
import re
import shutil
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.artifacts.figures import BLUE, VERMILION, literal, save, use_own_settings
from sweeper.core.objectives import Objective
from sweeper.core.paths import PlotPaths
from sweeper.core.trials import TrialRow, TrialState
from sweeper.report.plots.importances import ignore_notes, no_importances
from sweeper.report.plots.search_points import (
    FEWEST,
    Parameter,
    Search,
    no_parallel,
    no_slices,
    search_of,
    trial_points,
)
from sweeper.space.dimensions import Dimension

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_LINE = 20  # characters of a line below an axis
_COLUMNS = 4  # panels in a row of slices


@dataclass(frozen=True)
class Drawn:
    """What was drawn, and what was not.

    Attributes:
        folder: where the pictures lie.
        pictures: the files.
        left_out: one line a plot that could not be drawn, with the reason.
    """

    folder: Path
    pictures: tuple[Path, ...]
    left_out: tuple[str, ...]

    @property
    def text(self) -> str:
        """What is said at a sweep's end, in one line."""
        if not self.pictures:
            return f"Plots: none yet, {'; '.join(self.left_out)}."
        names = ", ".join(path.stem for path in self.pictures)
        reasons = f"  Left out: {'; '.join(self.left_out)}." if self.left_out else ""
        return f"Plots: {names} in {self.folder}.{reasons}"


def draw(
    rows: Sequence[TrialRow], dimensions: Sequence[Dimension], objectives: Sequence[Objective], paths: PlotPaths
) -> Drawn | None:
    """Draws what can be drawn, and replaces what an earlier start has drawn.

    Args:
        rows: the sweep's trials.
        dimensions: what varies; it gives which scales are logarithmic.
        objectives: what was searched for. Importances, slices and history are of the first.
        paths: where the pictures go.

    Returns:
        What was drawn: nothing where fewer than `FEWEST` points are complete; None for a sweep of fewer points.
    """
    shutil.rmtree(paths.root, ignore_errors=True)
    points = trial_points(rows, objectives)
    if len(points) < FEWEST:
        return None
    num_complete = sum(point.values is not None for point in points)
    if num_complete < FEWEST:
        few = f"{num_complete} of the {len(points)} configurations {'is' if num_complete == 1 else 'are'} complete"
        return Drawn(paths.root, (), (f"since {few}, and they take {FEWEST}",))
    paths.root.mkdir(parents=True, exist_ok=True)
    search = search_of(rows, points, dimensions, objectives)
    drawn, left_out = [], []
    for path, reason, plot in (
        (paths.importances, no_importances, _draw_importances),
        (paths.slices, no_slices, _draw_slices),
        (paths.history, _always, _draw_history),
        (paths.parallel, no_parallel, _draw_parallel),
        *([(paths.pareto, _always, _draw_pareto)] if len(objectives) > 1 else []),
    ):
        why = reason(search)
        if why:
            left_out.append(f"{path.stem} ({why})")
            continue
        _draw_one(plot, search, path)
        drawn.append(path)
    return Drawn(paths.root, tuple(drawn), tuple(left_out))


def _always(search: Search) -> str:
    return ""


def _draw_one(plot: Callable[[Search], Figure], search: Search, path: Path) -> None:
    with _own_looks():
        save(plot(search), path)


@contextmanager
def _own_looks() -> Iterator[None]:
    """Optuna draws by pyplot, in a style named ggplot: here without a display, in our style, and nothing stays open."""
    import matplotlib
    from matplotlib import pyplot, style

    matplotlib.use("agg")
    use_own_settings()
    ggplot, already_open = style.library["ggplot"], set(pyplot.get_fignums())
    style.library["ggplot"] = matplotlib.RcParams()
    try:
        with pyplot.rc_context({"figure.constrained_layout.use": True}), warnings.catch_warnings():
            ignore_notes()
            yield
    finally:
        style.library["ggplot"] = ggplot
        for number in set(pyplot.get_fignums()) - already_open:
            pyplot.close(number)


def _draw_importances(search: Search) -> Figure:
    """Bars by PED-ANOVA (Watanabe and others 2023): what sets the best tenth apart from all."""
    from optuna.visualization.matplotlib import plot_param_importances

    axes = plot_param_importances(search.single)
    figure = _resized(axes, 8, 1.6 + 0.34 * len(search.parameters))
    for bar in axes.patches:
        bar.set_color(BLUE)
    for text in axes.texts:
        text.set_text(f" {text.get_text()}")
    num_complete = len(search.complete)
    few = "; so few give a rough idea only" if num_complete < 50 else ""
    axes.set_title(
        f"What sets the best tenth apart, by {literal(search.labels[0])}\n"
        f"(PED-ANOVA of {num_complete} complete {search.unit}s{few})",
        fontsize=10,
        loc="left",
    )
    axes.set(xlabel="importance (share of the sum)", ylabel="")
    axes.grid(axis="x", alpha=0.3)
    if (legend := axes.get_legend()) is not None:
        legend.remove()
    return figure


def _draw_history(search: Search) -> Figure:
    """Each complete point's value and the best so far; pruned and failed ones are marked at the bottom."""
    from optuna.visualization.matplotlib import plot_optimization_history

    axes = plot_optimization_history(search.single, target_name=search.labels[0])
    figure = _resized(axes, 9, 4)
    axes.collections[0].set(color=BLUE, label=f"complete {search.unit}")
    axes.lines[0].set(color=VERMILION, alpha=1, drawstyle="steps-post", label="best so far")
    for state, mark in ((TrialState.PRUNED, "|"), (TrialState.FAILED, "x")):
        numbers = [point.number for point in search.points if point.state is state]
        if numbers:
            heights = [0.02] * len(numbers)
            transform = axes.get_xaxis_transform()
            axes.plot(numbers, heights, mark, color="#7F7F7F", ms=7, label=str(state), transform=transform)
    axes.set(title="", xlabel=search.unit)
    _whole_numbers(axes)
    axes.grid(alpha=0.3)
    _legend_above(axes)
    return figure


def _draw_pareto(search: Search) -> Figure:
    """Complete points by the first two objectives; the points that no other beats in both are highlighted."""
    from optuna.visualization.matplotlib import plot_pareto_front

    axes = plot_pareto_front(search.study(2), target_names=list(search.labels[:2]))
    figure = _resized(axes, 7, 4.6)
    several = "Pareto front of these two alone" if len(search.objectives) > 2 else "Pareto front"
    colours = {"Trial": (BLUE, search.unit), "Best Trial": (VERMILION, several)}
    for dots in axes.collections:
        colour, label = colours[str(dots.get_label())]
        dots.set(color=colour, label=label)
    axes.set_title("")
    axes.grid(alpha=0.3)
    _legend_above(axes)
    return figure


def _draw_slices(search: Search) -> Figure:
    """The first objective over each parameter, a panel each; the darker, the later."""
    import numpy as np
    from optuna.visualization.matplotlib import plot_slice

    drawn: Any = plot_slice(search.single, target_name=search.labels[0])
    panels: list[Axes] = list(np.ravel(drawn))
    parameters = sorted(search.parameters, key=lambda one: one.name)
    num_columns = min(len(panels), _COLUMNS)
    num_rows = math.ceil(len(panels) / num_columns)
    figure = _resized(panels[0], max(2.7 * num_columns + 1, 5), 3.1 * num_rows + 0.2)
    figure.suptitle("")
    grid = figure.add_gridspec(num_rows, num_columns)
    last = max(point.number for point in search.points)
    for place, (axes, parameter) in enumerate(zip(panels, parameters, strict=True)):
        axes.set_subplotspec(grid[place // num_columns, place % num_columns])
        axes.set_xlabel(_broken(parameter.name), fontsize=9)
        axes.set(title="", ylabel=search.labels[0] if place % num_columns == 0 else "")
        axes.tick_params(labelleft=place % num_columns == 0)
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
        for dots in axes.collections:
            dots.set(cmap=_blues(), clim=(0, last), edgecolors="#404040", linewidths=0.5)  # one scale for all
        _name_slice(axes, parameter, search)
    figure.axes[-1].set_ylabel(search.unit)  # the colour bar
    _whole_numbers(figure.axes[-1], "y")
    return figure


def _name_slice(axes: Axes, parameter: Parameter, search: Search) -> None:
    """The horizontal axis of a panel: labels of categories, whole numbers as such."""
    used = {parameter.values.get(point.number) for point in search.complete}
    labels = [label for label in parameter.labels if label in used]
    if labels:
        rotation, align = (
            (0, "center") if sum(map(len, labels)) <= 26 else (30, "right") if len(labels) < 7 else (90, "center")
        )
        axes.set_xticks(range(len(labels)), labels, rotation=rotation, ha=align, fontsize=8)
        axes.set_xlim(-0.5, len(labels) - 0.5)
    elif parameter.is_whole and axes.get_xscale() == "linear":
        _whole_numbers(axes)


def _draw_parallel(search: Search) -> Figure:
    """One line per configuration through its values and its objectives; the darker, the better."""
    from matplotlib.collections import LineCollection
    from optuna.visualization.matplotlib import plot_parallel_coordinate

    several = len(search.objectives)
    study = search.study(several) if several > 1 else search.single
    axes = plot_parallel_coordinate(study, target_name=search.labels[0])
    parameters = sorted(search.parameters, key=lambda one: one.name)
    labels = [textwrap.fill(label, _LINE) for label in search.labels]
    names = [*labels, *(_broken(one.name) for one in parameters)]
    figure = _resized(axes, max(7.0, 1.5 * len(names) + 1), 4.8)
    bar, *scales = figure.axes[1:]
    for lines in axes.findobj(LineCollection):
        lines.set(cmap=_blues(reverse=lines.get_cmap().name.endswith("_r")), alpha=0.8, linewidth=1.3, clip_on=False)
    if several > 1:
        bar.set_yticks(bar.get_yticks(), [f"{front + 1:g}" for front in bar.get_yticks()])
        bar.set_ylabel("rank (number of the Pareto front)")
    axes.set_title("")
    axes.set_xticks(range(len(names)), names, rotation=0, fontsize=8)
    for scale, parameter in zip(scales[several - 1 :], parameters, strict=True):
        whole = parameter.is_whole and not parameter.labels and scale.get_yscale() == "linear"
        if whole and len(parameter.values) == len(search.points):
            _whole_numbers(scale, "y")
    for scale in (axes, *scales):
        scale.tick_params(axis="y", labelsize=8)
        for label in scale.get_yticklabels(which="both"):  # lines run across them
            label.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5})
    return figure


def _broken(name: str) -> str:
    """A name in short lines, broken after its dots, and never within an escaped dollar sign."""
    parts = re.findall(r"[^.]+\.?|\.", name)
    return "\n".join(line for part in parts for line in re.findall(rf"(?:\\.|.){{1,{_LINE}}}", part))


def _resized(axes: Axes | np.ndarray[Any, Any], width: float, height: float) -> Figure:
    figure: Figure = axes.figure  # type: ignore[assignment,union-attr]
    figure.set_layout_engine("constrained")
    figure.set_size_inches(width, height)
    return figure


def _legend_above(axes: Axes) -> None:
    """Where it covers no point."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, borderaxespad=0.2)


def _whole_numbers(axes: Axes, axis: str = "x") -> None:
    from matplotlib.ticker import MaxNLocator

    getattr(axes, f"{axis}axis").set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _blues(*, reverse: bool = False) -> Any:
    """Blues without the palest, which a white ground swallows."""
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap

    shades = colormaps["Blues"]([0.25 + 0.75 * step / 15 for step in range(16)])
    return LinearSegmentedColormap.from_list("blues", shades[::-1] if reverse else shades)
