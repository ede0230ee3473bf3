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
    """The method and random search with their intervals; "i epochs each" in gray, the lighter the more epochs."""
    figure = new_figure(7, 4.4)
    axes = figure.subplots()
    colours = {method: VERMILION, random: BLUE}
    others = [curve.method for curve in curves if curve.method not in colours]
    grays = {name: f"{0.35 + 0.45 * place / max(len(others) - 1, 1):.2f}" for place, name in enumerate(others)}
    for curve in sorted(curves, key=lambda curve: curve.method in colours):
        colour = {**grays, **colours}[curve.method]
        axes.plot(curve.epochs, curve.mean, color=colour, label=curve.method, marker=".")
        if curve.method in colours:
            axes.fill_between(curve.epochs, curve.low, curve.high, color=colour, alpha=0.2, linewidth=0)
    axes.axhline(0, color="0.5", linewidth=0.8)
    axes.set_xlabel("epochs trained, all trials together")
    axes.set_ylabel("regret on unseen images\n(percentage points of accuracy)")
    axes.legend(frameon=False, fontsize=8)
    return figure
