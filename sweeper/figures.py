"""Pictures of trials and sweeps, by Matplotlib without a display. Drawing only: what is drawn is decided elsewhere.

Colours are Okabe and Ito's, which the colour-blind can tell apart (M. Okabe, K. Ito, Color Universal Design, 2008).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.leaderboard import rank
from sweeper.records import Objective, TrialRow, TrialState

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TRAIN, _VALIDATION = "#0072B2", "#D55E00"
_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C510A", "#000000", "#7F7F7F")
_SAMPLED = 2_000  # weights drawn of each layer: a density estimate of 160,000 takes seconds
_NAMED = 10  # trials named in a legend
_ANNOTATED = 20  # classes up to which a confusion matrix shows its counts

History = Sequence[Mapping[str, float]]


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path, dpi: int = 100) -> None:
    """Writes a figure as PNG."""
    figure.savefig(path, dpi=dpi)


def curves_figure(history: History) -> Figure:
    """Loss and accuracy by epoch, train and validation, in one picture.

    Args:
        history: one mapping an epoch, with loss, accuracy, val_loss and val_accuracy.
    """
    figure = _figure(9, 3.6)
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        epochs = range(1, len(history) + 1)
        axes.plot(epochs, [one[name] for one in history], "o-", ms=3, color=_TRAIN, label="train")
        axes.plot(epochs, [one[f"val_{name}"] for one in history], "s-", ms=3, color=_VALIDATION, label="validation")
        axes.set_ylabel("loss (cross-entropy)" if name == "loss" else name)
        _epoch_axis(axes)
        axes.legend()
    return figure


def _epoch_axis(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)


def weights_figure(weights: Mapping[str, np.ndarray[Any, Any]]) -> Figure:
    """A violin of each layer's weights, from a sample of them with its median.

    Args:
        weights: the kernel of each layer by the layer's name, any shape.
    """
    figure = _figure(max(6.0, 1.1 * len(weights) + 1), 3.6)
    axes = figure.subplots()
    axes.set_xlabel("layer (number of weights)")
    axes.set_ylabel("weight")
    axes.grid(axis="y", alpha=0.3)
    if weights:
        _draw_violins(axes, weights)
    return figure


def _draw_violins(axes: Axes, weights: Mapping[str, np.ndarray[Any, Any]]) -> None:
    random = np.random.default_rng(0)
    samples = [_sample(np.asarray(values, dtype=np.float64).ravel(), random) for values in weights.values()]
    for position, sample in enumerate(samples, start=1):
        if np.ptp(sample) > 0:  # one value has no density
            parts = axes.violinplot([sample], [position], points=60, widths=0.8, showmedians=True)
            for body in parts["bodies"]:  # type: ignore[attr-defined]
                body.set(facecolor=_TRAIN, alpha=0.5)
        else:
            axes.plot([position], sample[:1], "_", color=_TRAIN, ms=20)
    labels = [f"{name}\n({values.size:,})" for name, values in weights.items()]
    axes.set_xticks(range(1, len(labels) + 1), labels, fontsize=8)


def _sample(values: np.ndarray[Any, Any], random: np.random.Generator) -> np.ndarray[Any, Any]:
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.zeros(1)
    return random.choice(finite, _SAMPLED, replace=False) if finite.size > _SAMPLED else finite


def confusion_figure(matrix: np.ndarray[Any, Any], class_names: Sequence[str]) -> Figure:
    """Validation images by true class (rows) and predicted class (columns).

    Args:
        matrix: (k, k) whole numbers.
        class_names: k names.
    """
    figure = _figure(5.6, 5)
    axes = figure.subplots()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.85)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    if len(class_names) <= _ANNOTATED:
        axes.set_xticks(range(len(class_names)), class_names)
        axes.set_yticks(range(len(class_names)), class_names)
        for (row, column), count in np.ndenumerate(matrix):
            if count:
                colour = "white" if share[row, column] > 0.6 else "black"
                axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=colour)
    return figure


def sweep_curves_figure(rows: Sequence[TrialRow], objective: Objective) -> Figure:
    """Validation loss and accuracy by epoch of every trial; the best one thick, and named."""
    drawn = [ranked.row for ranked in rank(rows, objective) if ranked.row.history]
    figure = _figure(10, 4.4 if len(drawn) > _NAMED else 4.4 + 0.18 * len(drawn))
    panels = figure.subplots(1, 2)
    for axes, name in zip(panels, ("val_loss", "val_accuracy"), strict=True):
        axes.set_ylabel(name.replace("val_", "validation "))
        _epoch_axis(axes)
        for place in reversed(range(len(drawn))):
            _draw_trial(axes, drawn[place], name, place, many=len(drawn) > _NAMED)
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return figure


def _draw_trial(axes: Axes, row: TrialRow, name: str, place: int, *, many: bool) -> None:
    best = place == 0 and row.state is TrialState.COMPLETE
    named = best or not many
    values = [one.get(name, np.nan) for one in row.history]
    state = "" if row.state is TrialState.COMPLETE else f" ({row.state})"
    axes.plot(
        range(1, len(values) + 1),
        values,
        "-" if row.state is TrialState.COMPLETE else ":",
        marker="o" if len(values) == 1 or best else None,
        ms=3,
        lw=2.5 if best else 1.2,
        color=_COLOURS[place % len(_COLOURS)] if named else "#9A9A9A",
        alpha=1.0 if named else 0.5,
        label=_label(row, best=best) + state if named else None,
    )


def _label(row: TrialRow, *, best: bool) -> str:
    text = " ".join(row.overrides) or "as configured"
    short = text if len(text) <= 60 else f"{text[:59]}…"
    # A dollar sign would begin a formula.
    return f"{'best: ' if best else ''}trial {row.number}: {short}".replace("$", r"\$")
