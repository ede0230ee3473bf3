"""What statements keep of their promise where images come in groups of ten, simulated by two models of errors.

    python benchmarks/clusters.py [--sweeps 400] [--only counts]

All trials are equally good: a sweep is wrong where one of them is lost (at most 5 %), where the rank intervals do not
cover, and where the leader's interval does not cover its accuracy. `taken as independent` is what the same sweeps give
without the groups.

latent    an image is answered rightly where a trial's strength and what it has for this image exceed the difficulty;
          of both, a share is the group's (a probit model)
By macro F1 and balanced accuracy: the images of a group are of one class, or of any; ten classes, the largest with ten
times as many images as the smallest. A wrong answer is, with a chance of 70 %, the class that the group looks like.

beta      a trial has a chance for each group, drawn from a beta distribution, and one for each image; a share of the
          images is answered by the group's
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from sweeper import inference
from sweeper.metrics import OF_COUNTS

_LEVEL, _SIZE = 0.95, 10
_OWN = 1.0

Draw = Callable[[np.random.Generator, int, int, float], NDArray[np.bool_]]


def latent(random: np.random.Generator, num: int, images: int, share: float) -> NDArray[np.bool_]:
    """(num, images); image j is of group j // 10."""
    groups = -(-images // _SIZE)

    def shared(rows: int, spread: float) -> NDArray[np.float64]:
        of_group = np.repeat(random.normal(0, spread, (rows, groups)), _SIZE, axis=1)[:, :images]
        return math.sqrt(share) * of_group + math.sqrt(1 - share) * random.normal(0, spread, (rows, images))

    strength = norm.ppf(_LEVEL) * math.sqrt(2 + _OWN**2)
    answers: NDArray[np.bool_] = strength + shared(num, _OWN) > shared(1, math.sqrt(2))
    return answers


def beta(random: np.random.Generator, num: int, images: int, share: float) -> NDArray[np.bool_]:
    groups = -(-images // _SIZE)
    of_group = random.beta(_LEVEL * 1.5, (1 - _LEVEL) * 1.5, (num, groups))
    by_group = np.repeat(of_group, _SIZE, axis=1)[:, :images]
    chances = np.where(random.random((num, images)) < share, by_group, random.beta(0.57, 0.03, images))
    answers: NDArray[np.bool_] = random.random((num, images)) < chances
    return answers


def share_of(found: list[bool]) -> str:
    rate = float(np.mean(found))
    return f"{100 * rate:.1f} ± {100 * math.sqrt(rate * (1 - rate) / len(found)):.1f}"


def row(draw: Draw, num: int, images: int, share: float, sweeps: int) -> list[str]:
    random = np.random.default_rng([num, images, int(100 * share)])
    codes = np.arange(images) // _SIZE
    lost: list[bool] = []
    plain: list[bool] = []
    ranks: list[bool] = []
    covered: list[bool] = []
    too_high: list[float] = []
    for _ in range(sweeps):
        correct = draw(random, num, images, share)
        lost.append(len(inference.leading_group_by_clusters(correct, codes).members) < num)
        plain.append(len(inference.leading_group(correct).members) < num)
        if num <= 10:
            bounds = inference.rank_intervals_by_clusters(correct, codes)
            ranks.append(bool((bounds == [1, num]).all()))
        score = inference.winners_score(correct, num_resamples=200, groups=codes)
        covered.append(score.low <= _LEVEL <= score.high)
        too_high.append(score.expected - _LEVEL)
    cells = [draw.__name__, f"{100 * share:.0f} %", f"{images:,}", str(num), share_of(lost), share_of(plain)]
    return [*cells, share_of(ranks) if ranks else "", share_of(covered), f"{100 * np.mean(too_high):+.2f}"]


def by_counts(sweeps: int) -> None:
    """Equal trials by metrics of counts, whose answers are swapped group by group."""
    heads = ["model", "shared in groups", "a group's images", "metric", "images", "trials", "lost", "as independent"]
    print(f"\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    several = itertools.product((latent, beta), (0.3, 0.7), ("one class", "any class"), (287, 1000), (2, 5))
    for draw, share, classes, images, num in several:
        codes = np.arange(images) // _SIZE
        weights = np.linspace(10, 1, 10) / 55
        random = np.random.default_rng([num, images, int(100 * share)])
        found: dict[str, tuple[list[bool], list[bool]]] = {name: ([], []) for name in OF_COUNTS}
        for _ in range(sweeps):
            of_group = random.choice(10, codes[-1] + 1, p=weights)
            labels = of_group[codes] if classes == "one class" else random.choice(10, images, p=weights)
            tempting = random.integers(1, 10, codes[-1] + 1)[codes]
            steps = np.where(random.random((num, images)) < 0.7, tempting, random.integers(1, 10, (num, images)))
            predicted = np.where(draw(random, num, images, share), labels, (labels + steps) % 10)
            for name, lost in found.items():
                for groups, into in ((codes, lost[0]), (None, lost[1])):
                    group = inference.leading_group_by_swaps(labels, predicted, OF_COUNTS[name], groups=groups)
                    into.append(len(group.members) < num)
        for name, lost in found.items():
            cells = [draw.__name__, f"{100 * share:.0f} %", classes, f"`{name}`", f"{images:,}", str(num)]
            print(f"| {' | '.join([*cells, *map(share_of, lost)])} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=400)
    parser.add_argument("--only", choices=("counts",))
    options = parser.parse_args()
    sweeps = options.sweeps
    if options.only is None:
        by_means(sweeps)
    by_counts(sweeps)


def by_means(sweeps: int) -> None:
    """Equal trials by accuracy."""
    heads = ["model", "shared in groups", "images", "trials", "lost", "lost, taken as independent"]
    heads += ["all rank intervals cover", "leader's interval covers", "expected less true, points"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for draw, share, images, num in itertools.product((latent, beta), (0.3, 0.7), (287, 1000), (2, 10, 44)):
        print(f"| {' | '.join(row(draw, num, images, share, sweeps))} |", flush=True)


if __name__ == "__main__":
    main()
