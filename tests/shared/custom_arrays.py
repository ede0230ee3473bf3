"""Arrays of a user, as `data=npz` takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sweeper.config.trial import DataConfig

Given = dict[str, Any]


def arrays() -> Given:
    """Twelve training and six test images of 6x5 pixels in three classes."""
    random = np.random.RandomState(0)
    return {
        "x_train": random.randint(0, 256, (12, 6, 5)).astype(np.uint8),
        "y_train": np.tile([0, 1, 2], 4),
        "x_test": random.randint(0, 256, (6, 6, 5)).astype(np.uint8),
        "y_test": np.tile([0, 1, 2], 2),
    }


def config(path: Path) -> DataConfig:
    return DataConfig(name="npz", path=str(path), validation=3)


def saved(folder: Path, given: Given) -> DataConfig:
    np.savez(folder / "my.npz", **given)
    return config(folder / "my.npz")
