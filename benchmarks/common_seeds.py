"""What seeds have in common: the comparison of configurations beside one that takes it out, simulated.

    python benchmarks/common_seeds.py [--sweeps 200]

A seed gives every configuration the same order of images, and what it does to all alike cancels in a difference. The
first test is the project's own, which takes the seeds of each configuration as its own. The second one (not used) takes
the mean of all configurations off each seed, those that vary more counting less, and has (C - 1) / C of the degrees of
freedom. Accuracy 95 %, 1,000 images; equal configurations, and one that is better by a point.

latent    as in `benchmarks/configurations.py`, with a share of the seeds' variance that is common to all
unequal   the part that is not common is 1, 1.6 or 2.7 times as large from one configuration to the next
scaled    so is the common part
beta      as in `benchmarks/configurations.py`, with a common part
"""

from __future__ import annotations

import argparse
import itertools
import math

import numpy as np
from configurations import LEVEL, beta, share
from numpy.typing import NDArray
from scipy.stats import norm

from sweeper.inference import leading_configurations
from sweeper.inference.configurations import t_p
from sweeper.inference.contrasts.parts import parts, usual_variance
from sweeper.inference.groups import eliminate

MODELS = ("latent", "unequal", "scaled", "beta")
_UNEQUAL = (1.0, 1.6, 2.7)
_IMAGES = 1000
_MEAN_VARIANCE = 0.6**2 * LEVEL * (1 - LEVEL) / (0.6 * 1.6)  # p(1 - p) of the beta distribution there


def without_common(answers: list[NDArray[np.bool_]]) -> tuple[int, ...]:
    """The group by a test that takes off each seed what it does to all."""
    known = parts(answers)
    scores = np.stack([one.mean(axis=1) for one in answers])
    num, seeds = scores.shape
    shown = known.between[known.between > 0]
    weights = 1 / np.maximum(known.between, np.median(shown) if len(shown) else 1.0)
    centred = scores - scores.mean(axis=1, keepdims=True)
    rest = centred - (weights[:, None] * centred).sum(axis=0) / weights.sum()
    own = rest.var(axis=1, ddof=1) * num / (num - 1)
    of_seeds = ((seeds - 1) * own + usual_variance(own, seeds - 1)) / seeds / seeds
    from_leader = np.eye(num)
    from_leader[:, known.leader] -= 1
    images = known.images(from_leader)
    variance = of_seeds + of_seeds[known.leader] + images
    degrees = (seeds - 1) * (num - 1) / num
    spread = (of_seeds**2 + of_seeds[known.leader] ** 2) / degrees + images**2 / (known.num_images - 1)
    p_values = t_p(known.mean - known.mean[known.leader], variance, spread)
    return eliminate(known.mean, p_values, 0.05).members


def draw(
    random: np.random.Generator, model: str, num: int, seeds: int, common: float, deviation: float, gap: float
) -> NDArray[np.bool_]:
    """(num, seeds, images); `common` is the share of the seeds' variance that all configurations have in common."""
    if model == "beta":
        own = beta(random, num, seeds, _IMAGES, 0.5, deviation * math.sqrt(1 - common), gap)
        alike = (random.standard_t(2, (1, seeds)) * math.sqrt(common)).clip(-6, 6) * deviation
        shifts = 0.4 * alike * _MEAN_VARIANCE  # (1, seeds): so many answers are turned in every configuration
        chance = random.random((num, seeds, _IMAGES))
        lost, won = np.maximum(-shifts, 0) / LEVEL, np.maximum(shifts, 0) / (1 - LEVEL)
        turned: NDArray[np.bool_] = np.where(own, chance >= lost[:, :, None], chance < won[:, :, None])
        return turned
    times = np.resize(_UNEQUAL, num) if model != "latent" else np.ones(num)
    of_all, of_own = random.normal(size=(1, seeds)), random.normal(size=(num, seeds))
    all_times = times if model == "scaled" else np.ones(num)
    shift = deviation * (
        math.sqrt(common) * all_times[:, None] * of_all + math.sqrt(1 - common) * times[:, None] * of_own
    )
    spread = np.sqrt(3 + deviation**2 * (common * all_times**2 + (1 - common) * times**2))
    strength = norm.ppf(LEVEL + gap * np.eye(1, num)[0]) * spread
    own_part = random.normal(0, math.sqrt(0.5), (num, 1, _IMAGES)) + random.normal(
        0, math.sqrt(0.5), (num, seeds, _IMAGES)
    )
    right: NDArray[np.bool_] = strength[:, None, None] + shift[:, :, None] + own_part > random.normal(
        0, math.sqrt(2), _IMAGES
    )
    return right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=200)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    options = parser.parse_args()
    heads = [
        "model",
        "common",
        "deviation",
        "configurations",
        "seeds",
        "lost",
        "lost, without",
        "alone",
        "alone, without",
    ]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    cells = itertools.product(options.models, (0.0, 0.5, 0.9), (0.1, 0.3), (2, 4, 10), (3, 5))
    for model, common, deviation, num, seeds in cells:
        found: list[str] = []
        for gap in (0.0, 0.01):
            random = np.random.default_rng([num, seeds, int(100 * common), int(100 * deviation), int(1000 * gap)])
            ours: list[bool] = []
            without: list[bool] = []
            for _ in range(options.sweeps):
                answers = list(draw(random, model, num, seeds, common, deviation, gap))
                groups = (leading_configurations(answers).members, without_common(answers))
                for told, members in zip((ours, without), groups, strict=True):
                    told.append(members == (0,) if gap else len(members) < num)
            found += [share(ours), share(without)]
        print(f"| {model} | {common:g} | {deviation:g} | {num} | {seeds} | {' | '.join(found)} |", flush=True)


if __name__ == "__main__":
    main()
