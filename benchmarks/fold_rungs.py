"""Folds as rungs: what ending configurations after some of their folds saves, and what it costs, by two models.

    python benchmarks/fold_rungs.py [--sweeps 400]

Twenty configurations in random order, the truly best of 95 %, the others below it by the absolute value of a normal
with a deviation of 0.5 or 2 points, each over folds one after the other. `another choice`: the configuration with the
best mean of those that trained all folds is another one than where nothing is ended. `regret`: how much lower its true
accuracy is then, in points. `best ended`: the truly best one, which rarely leads, is among those that were ended.

latent  an image is answered rightly where a configuration's strength plus what its network has for this image exceeds
        the image's difficulty; all normal (a probit model)
beta    an image is answered rightly with a probability drawn from a beta distribution; seeds shift it by a t
        distribution with two degrees of freedom
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from sweeper.search.rungs import is_behind

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, Floats, int, float], Floats]
Rule = Callable[[Collection[float], Collection[float]], bool]

_BEST, _NUM = 0.95, 20


def latent(random: np.random.Generator, true: Floats, images: int, seed_sd: float) -> Floats:
    """(num,) accuracies of one fold."""
    own = random.normal(0, 1, (len(true), images)) + random.normal(0, seed_sd, (len(true), 1))
    strength = norm.ppf(true) * math.sqrt(3 + seed_sd**2)
    accuracies: Floats = (strength[:, None] + own > random.normal(0, math.sqrt(2), images)).mean(axis=1)
    return accuracies


def beta(random: np.random.Generator, true: Floats, images: int, seed_sd: float) -> Floats:
    chances = random.beta(0.6 * _BEST, 0.6 * (1 - _BEST), images)[None]
    shift = (random.standard_t(2, (len(true), 1)) * seed_sd).clip(-6 * seed_sd, 6 * seed_sd)
    right = random.random((len(true), images)) < chances + 0.4 * shift * chances * (1 - chances)
    lost = random.random((len(true), images)) < 1 - true[:, None] / _BEST  # of what the best one has right
    accuracies: Floats = (right & ~lost).mean(axis=1)
    return accuracies


def aggressive(own: Collection[float], best: Collection[float]) -> bool:
    """The same paper's other rule: worse than the best one's mean, from the first fold on."""
    return bool(own) and sum(own) / len(own) < sum(best) / len(best)


def searched(scores: Floats, rule: Rule) -> tuple[int, set[int], int]:
    """The choice, the configurations that trained all folds, and the folds trained; of scores (num, folds)."""
    best, whole, trained = -1, set(), 0
    for number, row in enumerate(scores):
        done: list[float] = []
        for score in row:
            if best >= 0 and rule(done, scores[best].tolist()):
                break
            done.append(float(score))
        trained += len(done)
        if len(done) == len(row):
            whole.add(number)
            if best < 0 or row.mean() > scores[best].mean():
                best = number
    return best, whole, trained


def row(draw: Draw, name: str, rule: Rule, cell: tuple[float, int, float, int], sweeps: int) -> list[str]:
    spread, images, seed_sd, folds = cell
    random = np.random.default_rng([int(1000 * spread), images, int(10 * seed_sd), folds])
    other, regret, ended, saved = [], [], [], []
    for _ in range(sweeps):
        true = _BEST - np.abs(random.normal(0, spread, _NUM))
        true[random.integers(_NUM)] = _BEST
        scores = np.array([draw(random, true, images // folds, seed_sd) for _ in range(folds)]).T
        found, whole, trained = searched(scores, rule)
        full = int(scores.mean(axis=1).argmax())
        other.append(scores[found].mean() < scores[full].mean())
        regret.append(true[full] - true[found])
        ended.append(int(true.argmax()) not in whole)
        saved.append(1 - trained / scores.size)
    cells = [draw.__name__, name, f"{100 * spread:g}", f"{images:,}", f"{seed_sd:g}", str(folds)]
    return [
        *cells,
        *(f"{100 * float(np.mean(one)):.1f}" for one in (other, ended)),
        f"{100 * float(np.mean(regret)):+.3f}",
        f"{100 * float(np.mean(saved)):.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=400)
    sweeps = parser.parse_args().sweeps
    heads = ["model", "rule", "others below by, points", "images", "seeds vary by", "folds"]
    heads += ["another choice, %", "best ended, %", "regret, points", "folds saved, %"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for draw, (name, rule) in itertools.product((latent, beta), (("forgiving", is_behind), ("aggressive", aggressive))):
        for cell in itertools.product((0.005, 0.02), (287, 1437), (0.1, 0.3), (5, 10)):
            print(f"| {' | '.join(row(draw, name, rule, cell, sweeps))} |", flush=True)


if __name__ == "__main__":
    main()
