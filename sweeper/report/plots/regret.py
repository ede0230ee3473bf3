"""Regret by epochs of a replayed search and its controls, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeper.artifacts.figures import BLUE, VERMILION, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Curve:
    """A method's regret by epochs: mean, and the 95 % interval of the mean, in percentage points."""

    method: str
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def regret_figure(curves: Sequence[Curve], method: str, random: str) -> Figure:
    """The method with its interval, random search, and each "i epochs each" in gray."""
    figure = new_figure(7, 4.4)
    axes = figure.subplots()
    colours = {method: VERMILION, random: BLUE}
    for curve in sorted(curves, key=lambda curve: curve.method in colours):
        colour = colours.get(curve.method, "0.7")
        label = curve.method if curve.method in colours else None
        axes.plot(curve.epochs, curve.mean, color=colour, label=label, marker=".")
        if label:
            axes.fill_between(curve.epochs, curve.low, curve.high, color=colour, alpha=0.2, linewidth=0)
        else:
            axes.annotate(curve.method, (curve.epochs[-1], curve.mean[-1]), fontsize=7, color="0.4", va="center")
    axes.axhline(0, color="0.5", linewidth=0.8)
    axes.set_xlabel("epochs trained, all trials together")
    axes.set_ylabel("regret on unseen images\n(percentage points of accuracy)")
    axes.legend(frameon=False)
    return figure
