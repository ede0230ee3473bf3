"""What the comparison of configurations over folds keeps of its promise, by the models of `configurations.py`.

    python benchmarks/folds.py [--sweeps 400]

Equal configurations: a sweep is wrong where one of them is left out (at most 5 %). One better configuration: how often
it is named alone, beside as many trainings under seeds that are all scored on one held-out part. Of four equal ones:
how often the interval about what is expected of the leader has the true accuracy (at least 94 %), and how far from it
the leader's own mean and the expected one are.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator

import numpy as np
from configurations import LEVEL, Draw, beta, latent, share, unequal
from numpy.typing import NDArray

from sweeper.inference import leading_configurations, leading_over_folds, winning_over_folds

IMAGES = (287, 1437, 6000)


def in_folds(
    random: np.random.Generator, draw: Draw, num: int, folds: int, images: int, seed_sd: float, gap: float
) -> list[list[NDArray[np.bool_]]]:
    """For each configuration, for each fold (1, images / folds): each fold has networks and images of its own."""
    parts = [draw(random, num, 1, images // folds, 0.5, seed_sd, gap) for _ in range(folds)]
    return [[part[index] for part in parts] for index in range(num)]


def equal(sweeps: int, draw: Draw) -> Iterator[list[str]]:
    for images, seed_sd, folds, num in itertools.product(IMAGES, (0.1, 0.3), (5, 10), (2, 4, 10)):
        random = np.random.default_rng([num, folds, images, int(100 * seed_sd)])
        lost = [
            len(leading_over_folds(in_folds(random, draw, num, folds, images, seed_sd, 0.0)).members) < num
            for _ in range(sweeps)
        ]
        yield [draw.__name__, f"{seed_sd:g}", str(images), str(folds), str(num), share(lost)]


def better(sweeps: int, draw: Draw) -> Iterator[list[str]]:
    for images, seed_sd, folds, gap in itertools.product(IMAGES, (0.1, 0.3), (5, 10), (0.01, 0.03)):
        random = np.random.default_rng([folds, images, int(100 * seed_sd), int(100 * gap)])
        named: tuple[list[bool], list[bool]] = ([], [])
        for _ in range(sweeps):
            over_folds = leading_over_folds(in_folds(random, draw, 4, folds, images, seed_sd, gap))
            over_seeds = leading_configurations(list(draw(random, 4, folds, images // 5, 0.5, seed_sd, gap)))
            named[0].append(over_folds.members == (0,))
            named[1].append(over_seeds.members == (0,))
        yield [draw.__name__, f"{seed_sd:g}", str(images), str(folds), f"{100 * gap:g}", *map(share, named)]


def expected(sweeps: int, draw: Draw) -> Iterator[list[str]]:
    for images, seed_sd, folds, num in itertools.product(IMAGES, (0.1, 0.3), (5, 10), (4, 20)):
        random = np.random.default_rng([folds, images, int(100 * seed_sd), num])
        scores = [winning_over_folds(in_folds(random, draw, num, folds, images, seed_sd, 0.0)) for _ in range(sweeps)]
        covered = [score.low <= LEVEL <= score.high for score in scores]
        off = [
            100 * (float(np.mean(found)) - LEVEL) for found in zip(*((s.raw, s.expected) for s in scores), strict=True)
        ]
        yield [
            draw.__name__,
            f"{seed_sd:g}",
            str(images),
            str(folds),
            str(num),
            share(covered),
            *(f"{one:+.2f}" for one in off),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=400, help="simulated sweeps of each cell")
    sweeps = parser.parse_args().sweeps
    print("| model | seeds vary by | images | folds | configurations | lost, % |\n|---|---|---|---|---|---|")
    for draw in (latent, unequal, beta):
        for row in equal(sweeps, draw):
            print("|", " | ".join(row), "|", flush=True)
    print("\n| model | seeds vary by | images | folds | better by, points | folds, named alone, % | seeds, % |")
    print("|---|---|---|---|---|---|---|")
    for draw in (latent, beta):
        for row in better(sweeps, draw):
            print("|", " | ".join(row), "|", flush=True)
    print("\n| model | seeds vary by | images | folds | configurations | covered, % | mean off | expected off |")
    print("|---|---|---|---|---|---|---|---|")
    for draw in (latent,):
        for row in expected(sweeps, draw):
            print("|", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    main()
