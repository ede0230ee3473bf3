"""Pictures of trials and sweeps, by Matplotlib without a display. Drawing only: what is drawn is decided elsewhere.

The colours are Okabe and Ito's, for colour-blind readers (M. Okabe, K. Ito, Color Universal Design, 2008).
"""

from __future__ import annotations

import functools
import io
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.core.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, VERMILION = "#0072B2", "#D55E00"
_TRAIN, _VALIDATION = BLUE, VERMILION
_SAMPLED = 2_000  # weights drawn of each layer: a density estimate of 160,000 takes seconds
_ANNOTATED = 20  # classes up to which a confusion matrix shows its counts
_UPRIGHT, _SHORT = 16, 14  # layers, and characters of a layer's name, up to which the names are not turned
_LABEL = 130  # characters of a legend's line that the picture's width holds
_WIDE = 1_000  # largest through smallest loss from which its axis is logarithmic

History = Sequence[Mapping[str, float]]


def new_figure(width: float, height: float, *, fixed: bool = False) -> Figure:
    """An empty figure, in inches; `fixed` leaves the layout to the caller."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    use_own_settings()
    figure = Figure(figsize=(width, height), layout=None if fixed else "constrained")
    FigureCanvasAgg(figure)
    return figure


@functools.cache
def use_own_settings() -> None:
    """Matplotlib's defaults for this process, whatever a user's `matplotlibrc` has (`text.usetex` needs LaTeX)."""
    import matplotlib

    matplotlib.rcdefaults()


def save(figure: Figure, path: Path | io.BytesIO, dpi: int = 100) -> None:
    """Writes a figure as PNG. Characters that the font lacks become boxes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(path, dpi=dpi, format="png", pil_kwargs={"compress_level": 3})  # half the time of 6


def warm_up() -> None:
    """Draws one small picture, so that libraries and fonts are loaded when the first real one is wanted."""
    save(curves_figure([dict.fromkeys(("loss", "accuracy", "val_loss", "val_accuracy"), 0.5)]), io.BytesIO())


def literal(text: str, length: int = _LABEL) -> str:
    """User-given text in one line, cut to `length`; a dollar sign would begin a formula."""
    return shortened(" ".join(text.split()), length).replace("$", r"\$")


def curves_figure(history: History, *, test_is_validation: bool = False) -> Figure:
    """Loss and accuracy by epoch, train and validation, in one picture; the learning rate, where epochs have it.

    Args:
        history: one mapping an epoch, with loss, accuracy, val_loss and val_accuracy, perhaps learning_rate.
        test_is_validation: whether the validation images are the test set, which is then said.
    """
    held_out = "test (selected on it)" if test_is_validation else "validation"
    rates = epoch_values(history, "learning_rate")
    num_panels = 2 if all(map(math.isnan, rates)) else 3
    width = 4.5 * num_panels
    figure = new_figure(width, 3.6, fixed=True)
    figure.subplots_adjust(left=0.855 / width, right=1 - 0.135 / width, bottom=0.14, top=0.96, wspace=0.24)
    epochs = range(1, len(history) + 1)
    panels = figure.subplots(1, num_panels)
    if num_panels == 3:
        panels[2].plot(epochs, rates, "o-", ms=3, color=_TRAIN)
        panels[2].set_ylabel("learning rate of the last step")
        panels[2].ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
        epoch_axis(panels[2], len(history))
    for axes, name in zip(panels[:2], ("loss", "accuracy"), strict=True):
        train, validation = (epoch_values(history, key) for key in (name, f"val_{name}"))
        axes.plot(epochs, train, "o-", ms=3, color=_TRAIN, label="train")
        if not history or any(f"val_{name}" in epoch for epoch in history):  # a refit has none
            axes.plot(epochs, validation, "s-", ms=3, color=_VALIDATION, label=held_out)
        axes.set_ylabel("loss (cross-entropy)" if name == "loss" else name)
        epoch_axis(axes, len(history))
        if name == "loss":
            loss_axis(axes, [*train, *validation])
        axes.legend(loc="best")
    return figure


def epoch_values(history: History, name: str) -> list[float]:
    """A metric after each epoch; NaN where an epoch lacks it."""
    return [one.get(name, math.nan) for one in history]


def epoch_axis(axes: Axes, num_epochs: int) -> None:
    """Labels the horizontal axis with whole epochs from 1."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.set_xlim(0.5, max(num_epochs, 1) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)


def loss_axis(axes: Axes, losses: Iterable[float]) -> None:
    """A loss that exploded would flatten all others on a linear axis."""
    finite = [loss for loss in losses if math.isfinite(loss)]
    if finite and min(finite) > 0 and max(finite) / min(finite) > _WIDE:
        axes.set_yscale("log")


def weights_figure(weights: Mapping[str, np.ndarray[Any, Any]]) -> Figure:
    """A violin of each layer's weights, from a sample of them with its median.

    Args:
        weights: the kernel of each layer by the layer's name, any shape.
    """
    few_and_short = 0 < len(weights) <= _UPRIGHT and max(map(len, weights), default=0) <= _SHORT
    width = min(max(6.0, 1.1 * len(weights) + 1), 18.0)
    figure = new_figure(width, 3.6 if len(weights) <= _ANNOTATED else 5.0, fixed=few_and_short)
    if few_and_short:  # the margins are known, and measuring them takes half as long as drawing
        figure.subplots_adjust(left=0.75 / width, right=1 - 0.1 / width, bottom=0.21, top=0.97)
    axes = figure.subplots()
    axes.set_xlabel("layer (number of weights)")
    axes.set_ylabel("weight")
    axes.grid(axis="y", alpha=0.3)
    if weights:
        _draw_violins(axes, weights)
    return figure


def _draw_violins(axes: Axes, weights: Mapping[str, np.ndarray[Any, Any]]) -> None:
    random = np.random.default_rng(0)
    for position, values in enumerate(weights.values(), start=1):
        sample = _sample(np.asarray(values, dtype=np.float64).ravel(), random)
        if sample.size and not _is_constant(sample):
            parts: dict[str, Any] = axes.violinplot([sample], [position], points=60, widths=0.8, showmedians=True)
            for body in parts.pop("bodies"):
                body.set(facecolor=_TRAIN, alpha=0.5)
            for lines in parts.values():
                lines.set(color=_TRAIN, linewidth=1.2)
        elif sample.size:
            axes.plot([position], sample[:1], "_", color=_TRAIN, ms=20)
    _name_layers(axes, weights)


def _name_layers(axes: Axes, weights: Mapping[str, np.ndarray[Any, Any]]) -> None:
    many = len(weights) > _UPRIGHT
    end = " " if many else "\n"
    labels = [f"{literal(name, 24)}{end}({values.size:,})" for name, values in weights.items()]
    wide = max(map(len, weights)) > _SHORT
    rotation, align = (90, "center") if many else (30, "right") if wide else (0, "center")
    axes.set_xticks(range(1, len(labels) + 1), labels, fontsize=8, rotation=rotation, ha=align)
    axes.set_xlim(0.4, len(labels) + 0.6)


def _sample(values: np.ndarray[Any, Any], random: np.random.Generator) -> np.ndarray[Any, Any]:
    finite = values[np.isfinite(values)]
    return random.choice(finite, _SAMPLED, replace=False) if finite.size > _SAMPLED else finite


def _is_constant(sample: np.ndarray[Any, Any]) -> bool:
    """One value, or differences that rounding leaves: such a sample has no density."""
    return bool(np.ptp(sample) <= 1e-9 * np.abs(sample).max() or sample.std() < 1e-30)


def confusion_figure(matrix: np.ndarray[Any, Any], class_names: Sequence[str]) -> Figure:
    """Validation images by true class (rows) and predicted class (columns); the shade is the share of the true class.

    Args:
        matrix: (k, k) whole numbers.
        class_names: k names.
    """
    num_classes = len(class_names)
    annotated = num_classes <= _ANNOTATED
    digits = annotated and max(map(len, class_names), default=0) <= 2
    side = max(5.0, 1.0 + 0.42 * num_classes)
    figure = new_figure(*((side, side) if annotated else (6.6, 5.6)), fixed=digits)
    if digits:  # the margins are known, and measuring them takes half as long as drawing
        figure.subplots_adjust(left=0.6 / side, right=1 - 0.1 / side, bottom=0.6 / side, top=1 - 0.1 / side)
    axes = figure.subplots()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    if annotated:
        _annotate(axes, matrix, share)
        _name_classes(axes, class_names)
    else:
        figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.85)
    return figure


def _annotate(axes: Axes, matrix: np.ndarray[Any, Any], share: np.ndarray[Any, Any]) -> None:
    size = 8 if matrix.max(initial=0) < 10_000 else 6
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            colour = "white" if share[row, column] > 0.6 else "black"
            axes.text(column, row, str(count), ha="center", va="center", fontsize=size, color=colour)


def _name_classes(axes: Axes, class_names: Sequence[str]) -> None:
    names = [literal(name, 20) for name in class_names]
    room = 9 * axes.figure.get_figwidth()  # type: ignore[union-attr]  # characters below the picture
    rotation = 90 if len(names) * (1 + max(map(len, names), default=0)) > room else 0
    axes.set_xticks(range(len(names)), names, rotation=rotation)
    axes.set_yticks(range(len(names)), names)


def augmentation_figure(rows: Mapping[str, np.ndarray[Any, Any]]) -> Figure:
    """Training images as they are and as they were changed, one row of pictures for each epoch.

    Args:
        rows: (images, height, width, channels) in [0, 1] by the row's name, the same images in each.
    """
    count = len(next(iter(rows.values())))
    figure = new_figure(0.9 + 0.95 * count, 0.1 + 0.98 * len(rows), fixed=True)
    width, height = figure.get_size_inches()
    figure.subplots_adjust(left=0.85 / width, right=1 - 0.05 / width, bottom=0.05 / height, top=1 - 0.05 / height)
    figure.subplots_adjust(wspace=0.05, hspace=0.05)
    grid = figure.subplots(len(rows), count, squeeze=False)
    for line, (name, images) in zip(grid, rows.items(), strict=True):
        for axes, image in zip(line, images, strict=True):
            gray = image.shape[-1] == 1
            axes.imshow(image[..., 0] if gray else image[..., :3], cmap="gray" if gray else None, vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    return figure
