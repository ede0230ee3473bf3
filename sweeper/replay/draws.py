"""Images and seeds of one replay: those that the search sees, and those by which its choice is judged.

A bootstrap of the validation images: as many are drawn as there are, with replacement, and about 37 % are not drawn.
The search sees accuracies on the drawn ones; choices are compared on the others. Of several seeds, one is drawn for
each configuration, and its choice is judged by the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.replay.table import Table


@dataclass(frozen=True)
class Draw:
    """What one replay sees, and how its choice is judged.

    Attributes:
        seeds: (configurations,) the seed whose trial a configuration's training is.
        seen: (configurations, epochs) float64, accuracy after each epoch.
        final: (configurations,) float64, accuracy of the weights that would be kept.
        judged: (configurations,) float64, accuracy of those weights on the images that were not drawn.
    """

    seeds: NDArray[np.int64]
    seen: NDArray[np.float64]
    final: NDArray[np.float64]
    judged: NDArray[np.float64]

    @property
    def grids_choice(self) -> int:
        """What the whole grid would choose; of equal ones the first."""
        return int(self.final.argmax())

    @property
    def regrets(self) -> NDArray[np.float64]:
        """(configurations,) how much worse each is than the grid's choice, on images that neither saw."""
        found: NDArray[np.float64] = self.judged[self.grids_choice] - self.judged
        return found


def recorded(table: Table) -> Draw:
    """The sweep as it was: every image once, the first seed. Nothing is left to judge by but these images."""
    seen = _accuracies(table, np.ones(table.correct.shape[3]))[:, 0]
    final = _kept(table, seen[:, None])[:, 0]
    return Draw(np.zeros(len(table.points), np.int64), seen, final, final)


def draw(table: Table, generator: np.random.Generator) -> Draw:
    """Images and seeds of one replay."""
    num_points, num_seeds, _, num_images = table.correct.shape
    counts = generator.multinomial(num_images, np.full(num_images, 1 / num_images)).astype(np.float64)
    seeds = np.asarray(generator.integers(num_seeds, size=num_points), dtype=np.int64)
    rows = np.arange(num_points)
    inside = _accuracies(table, counts)
    outside = _accuracies(table, (counts == 0).astype(np.float64))
    best = inside.argmax(axis=2) if table.keeps_best else np.full((num_points, num_seeds), table.num_epochs - 1)
    judged = np.take_along_axis(outside, best[:, :, None], axis=2)[:, :, 0]
    unseen = num_seeds > 1  # a seed that the search does not see
    others = (judged.sum(axis=1) - judged[rows, seeds]) / (num_seeds - 1) if unseen else judged[:, 0]
    return Draw(seeds, inside[rows, seeds], _kept(table, inside)[rows, seeds], others)


def _kept(table: Table, accuracies: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = accuracies.max(axis=2) if table.keeps_best else accuracies[:, :, -1]
    return found


def _accuracies(table: Table, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(configurations, seeds, epochs) float64: whole numbers of right answers, divided once."""
    right = table.correct @ weights.astype(np.float32)  # exact: sums of whole numbers below 2**24
    found: NDArray[np.float64] = right.astype(np.float64) / weights.sum()
    return found
