"""The validation curves of all trials, as one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeper.artifacts.figures import epoch_axis, epoch_values, literal, loss_axis, new_figure
from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialRow, TrialState
from sweeper.ranking.columns import SELECTED_ON_TEST
from sweeper.ranking.leaderboard import rank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_COLOURS = (
    "#D55E00",
    "#0072B2",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#8C510A",
    "#000000",
    "#7F7F7F",
    "#6A3D9A",
)


_NAMED = 10  # trials named in a legend


def sweep_curves_figure(rows: Sequence[TrialRow], objective: Objective) -> Figure:
    """Validation loss and accuracy by epoch of every trial that has them; the best one thick, and named.

    Up to ten trials are named and coloured, of more only the best. Dotted: pruned or failed.
    """
    drawn = [ranked.row for ranked in rank(rows, objective) if ranked.row.history]
    labels = [_label(row, best=_is_best(row, place)) for place, row in enumerate(drawn)] if len(drawn) <= _NAMED else []
    num_columns = 2 if len(labels) > 1 and max(map(len, labels)) <= 60 else 1
    figure = new_figure(10, 4.4 + 0.18 * math.ceil(len(labels) / num_columns))
    panels = figure.subplots(1, 2)
    for axes, name in zip(panels, ("val_loss", "val_accuracy"), strict=True):
        axes.set_ylabel(_scored(drawn, name))
        epoch_axis(axes, max((len(row.history) for row in drawn), default=1))
        for place in reversed(range(len(drawn))):
            _draw_trial(axes, drawn[place], name, place, num_drawn=len(drawn))
    loss_axis(panels[0], [loss for row in drawn for loss in epoch_values(row.history, "val_loss")])
    handles, names = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(
            handles[::-1], names[::-1], loc="outside lower center", ncols=num_columns, fontsize=8, frameon=False
        )
    return figure


def _scored(rows: Sequence[TrialRow], name: str) -> str:
    figure = name.removeprefix("val_")
    if any(row.facts.test_is_validation for row in rows):
        return f"test {figure} ({SELECTED_ON_TEST})"
    return f"validation {figure}"


def _is_best(row: TrialRow, place: int) -> bool:
    return place == 0 and row.state is TrialState.COMPLETE


def _draw_trial(axes: Axes, row: TrialRow, name: str, place: int, *, num_drawn: int) -> None:
    best = _is_best(row, place)
    named = best or num_drawn <= _NAMED
    values = epoch_values(row.history, name)
    axes.plot(
        range(1, len(values) + 1),
        values,
        "-" if row.state is TrialState.COMPLETE else ":",
        marker="o" if len(values) == 1 or best else None,
        ms=3,
        lw=2.5 if best else 1.2,
        color=_COLOURS[place % len(_COLOURS)] if named else "#808080",
        alpha=1.0 if named else min(0.6, max(0.15, 20 / num_drawn)),
        label=_label(row, best=best) if named else None,
    )


def _label(row: TrialRow, *, best: bool) -> str:
    state = "" if row.state is TrialState.COMPLETE else f" ({row.state})"
    return literal(f"{'best: ' if best else ''}trial {row.number}{state}: {' '.join(row.overrides) or 'as configured'}")
