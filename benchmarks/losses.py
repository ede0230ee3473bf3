"""What the leading group by `val_loss` keeps of its promise, simulated by three models of losses.

    python benchmarks/losses.py [--sweeps 400]

Equal trials: a sweep is wrong where one of them is lost (at most 5 %). One trial whose mean loss is 30 % lower: how
often it is named alone. Beside it the plain paired t test. The mean loss is 0.2; losses are capped at 16.1, as Keras
caps them.

alike       a cross-entropy by an image's difficulty and what a trial has of its own for it; all trials alike
calibrated  the same, with trials whose logits are scaled by 0.8, 1.5 or 3: equal means, other tails
lognormal   losses with a spread of 1.5, 2 or 2.5 of their logarithm, 70 % of it common to all trials
"""

from __future__ import annotations

import argparse
import functools
import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper.inference import leading_group_by_losses

MEAN = 0.2
_CAP, _GAIN = 16.1, 0.7
SHAPES = {"alike": (1.5,), "calibrated": (0.8, 1.5, 3.0), "lognormal": (1.5, 2.0, 2.5)}

#: Losses of a level and a shape, of common and own parts of the same size.
_Floats = NDArray[np.float64]
Loss = Callable[[_Floats, _Floats, _Floats, _Floats], _Floats]


def cross_entropy(
    level: NDArray[np.float64], scale: NDArray[np.float64], common: NDArray[np.float64], own: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.minimum(np.logaddexp(0, -scale * (2 * common + 1.2 * own - level)), _CAP)


def lognormal(
    level: NDArray[np.float64], spread: NDArray[np.float64], common: NDArray[np.float64], own: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.minimum(np.exp(level + spread * (math.sqrt(0.7) * common + math.sqrt(0.3) * own)), _CAP)


@functools.cache
def level_of(loss: Loss, shape: float, mean: float) -> float:
    """The level at which losses of a shape have this mean; they rise with it."""
    random = np.random.default_rng(1)
    common, own = random.normal(size=(2, 400_000))
    low, high = -30.0, 10.0
    for _ in range(40):
        middle = (low + high) / 2
        is_less = float(loss(np.array(middle), np.array(shape), common, own).mean()) < mean
        low, high = (middle, high) if is_less else (low, middle)
    return (low + high) / 2


def row(model: str, levels: Sequence[float], better: float, num: int, images: int, sweeps: int) -> list[str]:
    loss = lognormal if model == "lognormal" else cross_entropy
    random = np.random.default_rng([num, images])
    shapes = np.resize(SHAPES[model], num)[:, None]
    level = np.resize(levels, num)[:, None]
    best = level.copy()
    best[0] = better
    lost: dict[bool, list[bool]] = {False: [], True: []}
    alone: dict[bool, list[bool]] = {False: [], True: []}
    for _ in range(sweeps):
        common, own = random.normal(size=images), random.normal(size=(num, images))
        equal, gained = (loss(one, shapes, common, own) for one in (level, best))
        for plain in (False, True):
            lost[plain].append(len(leading_group_by_losses(equal, bounded=plain).members) < num)
            alone[plain].append(leading_group_by_losses(gained, bounded=plain).members == (0,))
    found = [f"{100 * np.mean(one):.1f}" for one in (lost[False], lost[True], alone[False], alone[True])]
    return [model, str(num), f"{images:,}", *found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=400)
    sweeps = parser.parse_args().sweeps
    heads = ["model", "trials", "images", "lost", "lost, plain t", "the better one alone", "alone, plain t"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for model, shapes in SHAPES.items():
        loss = lognormal if model == "lognormal" else cross_entropy
        levels = [level_of(loss, shape, MEAN) for shape in shapes]
        better = level_of(loss, shapes[0], _GAIN * MEAN)
        for num, images in itertools.product((2, 12, 44), (100, 287, 1000, 3000)):
            print(f"| {' | '.join(row(model, levels, better, num, images, sweeps))} |", flush=True)


if __name__ == "__main__":
    main()
