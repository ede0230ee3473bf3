"""Whether the intervals of a lead by loss or Brier score hold, over seeds, folds and groups of images. Simulated.

    python benchmarks/means.py [--sweeps 400] [--only seeds|folds|groups]

A sweep is wrong where any interval does not have the true difference (at most 5 %). The losses are those of
`benchmarks/losses.py` and `benchmarks/differences.py`; a seed moves a network's level by a normal amount, and a part of
what a configuration has for an image is its seed's. All are equally good, or the first one's mean is lower by 30 %.
Beside it the same without the further image.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
from differences import MEANS, is_wrong, main, share
from numpy.typing import NDArray

from sweeper.inference import (
    as_units,
    loss_differences_from_leader,
    means_from_leader,
    means_over_folds_from_leader,
)

_SIZE = 10  # images of a group


@functools.cache
def level_of(model: str, shape: float, mean: float, seed_sd: float) -> float:
    """The level at which losses have this mean over images and seeds; they rise with it."""
    loss = MEANS[model][0]
    random = np.random.default_rng(1)
    common, own, shift = random.normal(size=(3, 400_000))
    low, high = -30.0, 10.0
    for _ in range(40):
        middle = (low + high) / 2
        is_less = float(loss(middle + seed_sd * shift, np.array(shape), common, own).mean()) < mean
        low, high = (middle, high) if is_less else (low, middle)
    return (low + high) / 2


def drawn(
    random: np.random.Generator,
    model: str,
    means: NDArray[np.float64],
    seeds: int,
    images: int,
    seed_sd: float,
    codes: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """(num, seeds, images) of losses; half of what a configuration has for an image is its seed's."""
    loss, every, _ = MEANS[model]
    num, shapes = len(means), np.resize(every, len(means))
    levels = np.array(
        [level_of(model, float(shape), float(one), seed_sd) for shape, one in zip(shapes, means, strict=True)]
    )

    def part(*rows: int) -> NDArray[np.float64]:
        alone: NDArray[np.float64] = random.normal(size=(*rows, images))
        if codes is None:
            return alone
        both: NDArray[np.float64] = (alone + random.normal(size=(*rows, codes[-1] + 1))[..., codes]) / np.sqrt(2)
        return both

    own = (part(num, 1) + part(num, seeds)) / np.sqrt(2)
    level = levels[:, None, None] + seed_sd * random.normal(size=(num, seeds, 1))
    return loss(level, shapes[:, None, None], part(1, 1), own)


def show(cells: list[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def heads(*names: str) -> None:
    print(f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}", flush=True)


def over_seeds(sweeps: int) -> None:
    heads("losses", "seeds", "seeds' sd", "images", "groups of", "configurations", "best less", "wrong, %", "plain, %")
    several = itertools.product(MEANS, (3, 5), (0.1, 0.5), (200, 287, 1000, 3000), (1, _SIZE), (2, 4, 10), (1.0, 0.7))
    for model, seeds, seed_sd, images, size, num, gain in several:
        if images * seeds * num > 60_000 or images // size < 100:
            continue
        means = np.where(np.arange(num) == 0, gain, 1) * MEANS[model][2]
        codes = None if size == 1 else np.arange(images) // size
        random = np.random.default_rng([num, seeds, images, int(10 * gain), size])
        wrong = {False: 0, True: 0}
        for _ in range(sweeps):
            answers = -drawn(random, model, means, seeds, images, seed_sd, codes)
            leader = int(answers.mean(axis=(1, 2)).argmax())
            for plain in wrong:
                found = means_from_leader(list(answers), groups=codes, bounded=plain)
                wrong[plain] += is_wrong(found, means - means[leader])
        cells = [model, str(seeds), f"{seed_sd:g}", f"{images:,}", str(size), str(num), f"{1 - gain:.0%}"]
        show([*cells, share(wrong[False], sweeps), share(wrong[True], sweeps)])


def over_folds(sweeps: int) -> None:
    heads("losses", "folds", "seeds' sd", "images", "groups of", "configurations", "best less", "wrong, %", "plain, %")
    several = itertools.product(MEANS, (5, 10), (0.1, 0.5), (287, 1437, 6000), (1, _SIZE), (2, 4, 10), (1.0, 0.7))
    for model, folds, seed_sd, images, size, num, gain in several:
        if images * num > 30_000 or images // size < 100:
            continue
        means = np.where(np.arange(num) == 0, gain, 1) * MEANS[model][2]
        own = images // folds
        codes = None if size == 1 else np.arange(own) // size
        random = np.random.default_rng([num, folds, images, int(10 * gain), size])
        wrong = {False: 0, True: 0}
        for _ in range(sweeps):
            tables = [-drawn(random, model, means, 1, own, seed_sd, codes) for _ in range(folds)]
            answers = [[fold[index] for fold in tables] for index in range(num)]
            leader = int(np.argmax([np.mean([fold.mean() for fold in one]) for one in answers]))
            for plain in wrong:
                groups = None if codes is None else [codes] * folds
                found = means_over_folds_from_leader(answers, groups=groups, bounded=plain)
                wrong[plain] += is_wrong(found, means - means[leader])
        cells = [model, str(folds), f"{seed_sd:g}", f"{images:,}", str(size), str(num), f"{1 - gain:.0%}"]
        show([*cells, share(wrong[False], sweeps), share(wrong[True], sweeps)])


def on_groups(sweeps: int) -> None:
    heads("losses", "images", "groups of", "trials", "best less", "wrong, %", "plain, %")
    several = itertools.product(MEANS, (1000, 2000, 3000, 6000), (2, 10, 44), (1.0, 0.7))
    for model, images, num, gain in several:
        means = np.where(np.arange(num) == 0, gain, 1) * MEANS[model][2]
        codes = np.arange(images) // _SIZE
        random = np.random.default_rng([num, images, int(10 * gain)])
        wrong = {False: 0, True: 0}
        for _ in range(sweeps):
            table = as_units(drawn(random, model, means, 1, images, 0.0, codes)[:, 0], codes)
            leader = int(table.mean(axis=1).argmin())
            for plain in wrong:
                wrong[plain] += is_wrong(loss_differences_from_leader(table, bounded=plain), means - means[leader])
        cells = [model, f"{images:,}", str(_SIZE), str(num), f"{1 - gain:.0%}"]
        show([*cells, share(wrong[False], sweeps), share(wrong[True], sweeps)])


if __name__ == "__main__":
    main({"seeds": over_seeds, "folds": over_folds, "groups": on_groups}, __doc__)
