"""`data=digits`: scikit-learn's bundled handwritten digits, enlarged to MNIST's size. Needs no network.

1,797 images of 8x8 pixels with 17 grey levels: the test part of the Optical Recognition of Handwritten Digits
data set (Alpaydin and Kaynak 1998, UCI Machine Learning Repository, https://doi.org/10.24432/C50P49).
What does not live here: the split of the training images, which `data.split_seed` decides.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sweeper.core.errors import ConfigError
from sweeper.data.arrays import Inventory, RawData
from sweeper.data.splits import apportion, draw

SIZE = 28  # pixels a side, as MNIST's
NUM_TEST = 360
TEST_SEED = 0  # a constant: the test set is the same whatever `data.split_seed` is
_COUNTS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)  # images of each digit
_HIGHEST = 16  # the pixels' largest value


def inventory(path: str | None) -> Inventory:
    """Returns what the bundled digits hold, from constants.

    Raises:
        ConfigError: if a `data.path` is given, which would have no effect.
    """
    if path is not None:
        raise ConfigError(
            f"data.path={path} would be ignored: data=digits is bundled and reads no file. "
            f"Accepted: data.path with data=npz, data=mnist or data=fashion_mnist.  Try: data=npz data.path={path}"
        )
    test = apportion(_COUNTS, NUM_TEST)
    train = tuple(have - taken for have, taken in zip(_COUNTS, test, strict=True))
    return Inventory((SIZE, SIZE, 1), train, test)


def read(path: str | None) -> RawData:
    """Reads and enlarges the digits; 360 of them, stratified, are the test set.

    Raises:
        ConfigError: if a `data.path` is given, which would have no effect.
    """
    plan = inventory(path)
    small, labels = _bundled()
    images = enlarge(small)
    train, test = draw(labels, (plan.train_counts, plan.test_counts), TEST_SEED)
    source = f"scikit-learn's bundled digits, enlarged from 8x8 to {SIZE}x{SIZE}"
    return RawData(images[train], labels[train], images[test], labels[test], source)


def _bundled() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Images (1797, 8, 8) and labels (1797,), from the file that comes with scikit-learn.

    scikit-learn itself takes over a second to import and is not needed to read its table of numbers; where another
    version keeps it elsewhere, scikit-learn is asked.
    """
    found = importlib.util.find_spec("sklearn")
    table = Path(str(found.origin)).parent / "datasets" / "data" / "digits.csv.gz" if found else None
    if table is not None and table.is_file():
        numbers = np.loadtxt(table, delimiter=",").astype(np.int64)
        return numbers[:, :-1].reshape(-1, 8, 8), numbers[:, -1]
    from sklearn.datasets import load_digits

    bundled = load_digits()
    return bundled.images.astype(np.int64), bundled.target.astype(np.int64)


def enlarge(images: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Enlarges square images by bilinear interpolation, pixel centres at half pixels, edges repeated.

    In whole numbers throughout, so that every machine gets the same bytes.

    Args:
        images: (n, side, side) int64, 0 to 16.

    Returns:
        (n, 28, 28, 1) uint8, 0 to 255.
    """
    weights = _weights(images.shape[1])  # (28, side), each row sums to 2 * SIZE
    sums = weights @ images @ weights.T  # (n, 28, 28), 0 to 16 * (2 * SIZE)**2
    whole = _HIGHEST * (2 * SIZE) ** 2
    scaled = (sums * 255 + whole // 2) // whole
    return scaled.astype(np.uint8)[..., np.newaxis]


def _weights(side: int) -> npt.NDArray[np.int64]:
    """Weight of each of `side` pixels in each of 28, in units of 1/56: (28, side)."""
    unit = 2 * SIZE
    centres = (2 * np.arange(SIZE) + 1) * side - SIZE  # of the new pixels, in units of 1/56 of an old one
    centres = np.clip(centres, 0, (side - 1) * unit)
    distances = np.abs(centres[:, np.newaxis] - unit * np.arange(side))
    weights: npt.NDArray[np.int64] = np.maximum(unit - distances, 0)
    return weights
