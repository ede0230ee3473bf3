"""What the comparison of configurations over folds keeps of its promise, by the models of `configurations.py`.

    python benchmarks/folds.py [--sweeps 400] [--only groups]

Equal configurations: a sweep is wrong where one of them is left out (at most 5 %). One better configuration: how often
it is named alone, beside as many trainings under seeds that are all scored on one held-out part. Of four equal ones:
how often the interval about what is expected of the leader has the true accuracy (at least 94 %), and how far from it
the leader's own mean and the expected one are. Images in groups of ten, by two models: equal configurations that are
lost with the groups as units (`data.groups`), and with the images taken as independent.

grouped         the probit model `latent`, in which an image's difficulty and what a configuration and a seed have for
                it are its group's to a share
grouped_beta    a configuration has a chance for each group, drawn from a beta distribution, and each image one that all
                configurations share; a share of the images is answered by the group's. Seeds shift them as in `beta`
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
from configurations import LEVEL, Draw, beta, latent, share, unequal
from numpy.typing import NDArray
from scipy.stats import norm

from sweeper.inference import leading_configurations, leading_over_folds, winning_over_folds

IMAGES = (287, 1437, 6000)
_SIZE = 10  # images of a group

Grouped = Callable[[np.random.Generator, int, int, float, float], NDArray[np.bool_]]


def grouped(random: np.random.Generator, num: int, images: int, seed_sd: float, shared: float) -> NDArray[np.bool_]:
    """(num, images) of one fold: a network of each configuration; image j is of group j // 10."""
    groups = -(-images // _SIZE)

    def part(rows: int, spread: float) -> NDArray[np.float64]:
        of_group = np.repeat(random.normal(0, spread, (rows, groups)), _SIZE, axis=1)[:, :images]
        return math.sqrt(shared) * of_group + math.sqrt(1 - shared) * random.normal(0, spread, (rows, images))

    strength = norm.ppf(LEVEL) * math.sqrt(3 + seed_sd**2)
    answers: NDArray[np.bool_] = strength + random.normal(0, seed_sd, (num, 1)) + part(num, 1) > part(1, math.sqrt(2))
    return answers


def grouped_beta(
    random: np.random.Generator, num: int, images: int, seed_sd: float, shared: float
) -> NDArray[np.bool_]:
    groups = -(-images // _SIZE)
    of_group = np.repeat(random.beta(1.5 * LEVEL, 1.5 * (1 - LEVEL), (num, groups)), _SIZE, axis=1)[:, :images]
    chances = np.where(
        random.random((num, images)) < shared, of_group, random.beta(0.6 * LEVEL, 0.6 * (1 - LEVEL), images)
    )
    shift = (random.standard_t(2, (num, 1)) * seed_sd).clip(-6 * seed_sd, 6 * seed_sd)
    answers: NDArray[np.bool_] = random.random((num, images)) < chances + 0.4 * shift * chances * (1 - chances)
    return answers


def in_groups(sweeps: int, draw: Grouped) -> Iterator[list[str]]:
    for shared, images, seed_sd, folds, num in itertools.product((0.3, 0.7), IMAGES[:2], (0.1, 0.3), (5, 10), (2, 10)):
        random = np.random.default_rng([num, folds, images, int(100 * seed_sd), int(100 * shared)])
        codes = np.arange(images // folds) // _SIZE
        lost: tuple[list[bool], list[bool]] = ([], [])
        for _ in range(sweeps):
            parts = [draw(random, num, images // folds, seed_sd, shared) for _ in range(folds)]
            plain = [[part[index : index + 1] for part in parts] for index in range(num)]
            lost[0].append(len(leading_over_folds(plain, groups=[codes] * folds).members) < num)
            lost[1].append(len(leading_over_folds(plain).members) < num)
        yield [
            draw.__name__,
            f"{100 * shared:.0f} %",
            f"{seed_sd:g}",
            str(images),
            str(folds),
            str(num),
            *map(share, lost),
        ]


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
    parser.add_argument("--only", choices=("groups",), help="only the images in groups")
    options = parser.parse_args()
    sweeps = options.sweeps
    if options.only is None:
        independent(sweeps)
    print("\n| model | shared | seeds vary by | images | folds | configurations | lost, % | taken as independent, % |")
    print("|---|---|---|---|---|---|---|---|")
    for one in (grouped, grouped_beta):
        for row in in_groups(sweeps, one):
            print("|", " | ".join(row), "|", flush=True)


def independent(sweeps: int) -> None:
    """Prints the tables of images that are independent."""
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
