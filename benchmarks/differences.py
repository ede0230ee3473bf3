"""Whether the intervals of the leader's lead hold all at once, simulated by two models of errors.

    python benchmarks/differences.py [--sweeps 400]

Trials are equally good, or evenly spaced over two points. A sweep is wrong where any of the intervals of the leader's
lead over another trial does not have the true difference of their accuracies (at most 5 %).
"""

from __future__ import annotations

import argparse
import itertools
import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from sweeper.inference import differences_from_leader


def drawn(model: str, random: np.random.Generator, accuracies: NDArray[np.float64], images: int) -> NDArray[np.bool_]:
    """(trials, images): a probit model of crossed effects, or beta-distributed difficulties."""
    if model == "latent":
        own = random.normal(size=(len(accuracies), images))
        right: NDArray[np.bool_] = norm.ppf(accuracies)[:, None] * math.sqrt(3) + own > random.normal(
            0, math.sqrt(2), images
        )
        return right
    hard = random.beta(0.3, 0.3, images)  # of mean 1/2
    return random.random((len(accuracies), images)) > 2 * (1 - accuracies)[:, None] * hard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=400)
    sweeps = parser.parse_args().sweeps
    print("| model | trials | images | best less worst, points | an interval is wrong, % |\n|---|---|---|---|---|")
    for model, num, images, spread in itertools.product(("latent", "beta"), (2, 10, 44), (100, 287, 1000), (0.0, 0.02)):
        random = np.random.default_rng([num, images, int(1000 * spread)])
        true = 0.95 - np.linspace(0, spread, num)
        wrong = 0
        for _ in range(sweeps):
            correct = drawn(model, random, true, images)
            leader = int(correct.sum(axis=1).argmax())
            found, lead = differences_from_leader(correct), true[leader] - true
            wrong += bool(((found[:, 1] > lead + 1e-12) | (found[:, 2] < lead - 1e-12)).any())
        rate = wrong / sweeps
        error = 100 * math.sqrt(rate * (1 - rate) / sweeps)
        print(f"| {model} | {num} | {images:,} | {100 * spread:g} | {100 * rate:.1f} ± {error:.1f} |", flush=True)


if __name__ == "__main__":
    main()
