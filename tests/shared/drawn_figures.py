"""What is drawn in a picture, read back; and the history of a trial to draw."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.artifacts import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAN = float("nan")


def pixels(figure: Figure, path: Path) -> np.ndarray[Any, Any]:
    """Saves and decodes a figure; it is no blank sheet, and nothing reaches over its edge."""
    from matplotlib.image import imread

    figures.save(figure, path, dpi=50)
    image = imread(path)[:, :, :3]
    assert min(image.shape[:2]) > 100
    assert np.ptp(image) > 0.5
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert np.all(edge == 1), "something is interrupted"
    return image


def history(num_epochs: int, rate: float = 0.3, **wrong: float) -> tuple[dict[str, float], ...]:
    return tuple(
        {
            "loss": 2.3 * math.exp(-rate * epoch),
            "accuracy": 1 - 0.9 * math.exp(-rate * epoch),
            "val_loss": 2.4 * math.exp(-rate * epoch),
            "val_accuracy": 1 - math.exp(-rate * (epoch + 1)),
            **(wrong if epoch == 1 else {}),
        }
        for epoch in range(num_epochs)
    )


def labels(axes: Axes) -> tuple[str, str]:
    return axes.get_xlabel(), axes.get_ylabel()


def ys(line: Any) -> list[float]:
    return list(line.get_ydata())
