"""The validation curves of all trials, as one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeper.artifacts.figures import epoch_axis, epoch_values, literal, loss_axis, new_figure
from sweeper.core.objectives import Objective
from sweeper.core.text import counted
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
_MUCH = 3.0  # times as long as the axis of the complete trials: all trials then flatten these


def sweep_curves_figure(rows: Sequence[TrialRow], objective: Objective) -> Figure:
    """Validation loss and accuracy by epoch of every trial that has them; the best one thick, and named.

    Up to ten trials are named and coloured, of more only the best. Dotted: pruned or failed. Where these would flatten
    the others, the axis is that of the trials that were trained to the end, and says how many leave it.
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
    whole = [row for row in drawn if row.state is TrialState.COMPLETE]
    loss_axis(panels[0], [loss for row in whole or drawn for loss in epoch_values(row.history, "val_loss")])
    for axes, name in zip(panels, ("val_loss", "val_accuracy"), strict=True):
        _close_up(axes, drawn, whole, name)
    handles, names = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(
            handles[::-1], names[::-1], loc="outside lower center", ncols=num_columns, fontsize=8, frameon=False
        )
    return figure


def _close_up(axes: Axes, drawn: Sequence[TrialRow], whole: Sequence[TrialRow], name: str) -> None:
    """Fits the axis to the trials that were trained to the end, where all of them need a much longer one."""
    of_row = [[value for value in epoch_values(row.history, name) if math.isfinite(value)] for row in drawn]
    every = [value for values in of_row for value in values]
    inner = [value for row in whole for value in epoch_values(row.history, name) if math.isfinite(value)]
    if not inner or (span := max(inner) - min(inner)) <= 0 or max(every) - min(every) <= _MUCH * span:
        return
    room = 0.06 * span
    low, high = min(inner) if axes.get_yscale() == "log" else min(inner) - room, max(inner) + room
    axes.set_ylim(low, high)
    outside = sum(any(not low <= value <= high for value in values) for values in of_row)
    if outside:
        leave = f"{counted(outside, 'pruned or failed trial')} leave{'s' if outside == 1 else ''} this axis"
        at_top = name == "val_loss"  # where they leave it
        axes.text(0.98, 0.96 if at_top else 0.04, leave, transform=axes.transAxes, ha="right",
                  va="top" if at_top else "bottom", fontsize=8, color="#606060")  # fmt: skip


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
