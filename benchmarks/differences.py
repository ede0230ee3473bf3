"""Whether the intervals of the leader's lead hold all at once, simulated by two models of errors.

    python benchmarks/differences.py [--sweeps 400]

Trials are equally good, or evenly spaced over two points. A sweep is wrong where any of the intervals of the leader's
lead over another trial does not have the true difference (at most 5 %). First trials on independent images, by
accuracy, then by losses (`losses.py`) and Brier scores, all equal or the first 30 % lower; then trials on images in
groups of ten, by the models of `clusters.py`; then configurations over folds, by those of `configurations.py`, and with
images in groups too, by those of `folds.py` (all equally good).
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Mapping

import clusters
import folds
import losses
import numpy as np
from configurations import beta, latent, unequal
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from sweeper.inference import (
    configurations_from_leader,
    differences_by_clusters,
    differences_from_leader,
    folds_from_leader,
    loss_differences_from_leader,
)


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


def on_independent_images(sweeps: int) -> None:
    print("| model | trials | images | best less worst, points | an interval is wrong, % |\n|---|---|---|---|---|")
    for model, num, images, spread in itertools.product(("latent", "beta"), (2, 10, 44), (100, 287, 1000), (0.0, 0.02)):
        random = np.random.default_rng([num, images, int(1000 * spread)])
        true = 0.95 - np.linspace(0, spread, num)
        wrong = 0
        for _ in range(sweeps):
            correct = drawn(model, random, true, images)
            leader = int(correct.sum(axis=1).argmax())
            wrong += is_wrong(differences_from_leader(correct), true[leader] - true)
        print(f"| {model} | {num} | {images:,} | {100 * spread:g} | {share(wrong, sweeps)} |", flush=True)


def on_groups(sweeps: int) -> None:
    print("\n| model | shared by a group | images | trials | an interval is wrong, % |\n|---|---|---|---|---|")
    for draw, shared, images, num in itertools.product(
        (clusters.latent, clusters.beta), (0.3, 0.7), (100, 287, 1000, 5000), (2, 10, 44)
    ):
        random = np.random.default_rng([num, images, int(100 * shared)])
        codes = np.arange(images) // 10
        wrong = sum(
            is_wrong(differences_by_clusters(draw(random, num, images, shared), codes), np.zeros(num))
            for _ in range(sweeps)
        )
        print(f"| {draw.__name__} | {100 * shared:.0f} % | {images:,} | {num} | {share(wrong, sweeps)} |", flush=True)


def brier(
    level: NDArray[np.float64], scale: NDArray[np.float64], common: NDArray[np.float64], own: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Brier scores of two classes, 0 to 2, whose logits are those of `losses.cross_entropy`."""
    score: NDArray[np.float64] = 2 * expit(-scale * (2 * common + 1.2 * own - level)) ** 2
    return score


#: Losses or scores, their shapes, and the mean of the equal trials.
MEANS: dict[str, tuple[losses.Loss, tuple[float, ...], float]] = {
    "alike": (losses.cross_entropy, losses.SHAPES["alike"], losses.MEAN),
    "calibrated": (losses.cross_entropy, losses.SHAPES["calibrated"], losses.MEAN),
    "lognormal": (losses.lognormal, losses.SHAPES["lognormal"], losses.MEAN),
    "Brier, alike": (brier, (1.5,), 0.1),
    "Brier, sharp": (brier, (0.8, 1.5, 3.0), 0.1),
}


def by_losses(sweeps: int) -> None:
    print("\n| losses | trials | images | best less others | an interval is wrong, % | plain t, % | width, plain t 1 |")
    print(f"|{'---|' * 7}")
    for model, num, images, gain in itertools.product(MEANS, (2, 10, 44), (100, 287, 1000, 3000), (1.0, 0.7)):
        loss, every, mean = MEANS[model]
        shapes = np.resize(every, num)[:, None]
        means = np.where(np.arange(num) == 0, gain, 1) * mean
        levels = [[losses.level_of(loss, float(shape), one)] for (shape,), one in zip(shapes, means, strict=True)]
        random = np.random.default_rng([num, images, int(10 * gain)])
        wrong, widths = {False: 0, True: 0}, []
        for _ in range(sweeps):
            common, own = random.normal(size=images), random.normal(size=(num, images))
            table = loss(np.array(levels), shapes, common, own)
            leader = int(table.mean(axis=1).argmin())
            found = {plain: loss_differences_from_leader(table, bounded=plain) for plain in (False, True)}
            for plain, intervals in found.items():
                wrong[plain] += is_wrong(intervals, means - means[leader])
            whole, without = (np.delete(one[:, 2] - one[:, 1], leader).mean() for one in found.values())
            widths.append(whole / without)
        cells = [model, str(num), f"{images:,}", f"{mean * (1 - gain):g}", share(wrong[False], sweeps)]
        print(f"| {' | '.join([*cells, share(wrong[True], sweeps), f'{np.mean(widths):.1f}'])} |", flush=True)


def over_folds(sweeps: int) -> None:
    print("\n| model | seeds' deviation | images | folds | configurations | one better | an interval is wrong, % |")
    print(f"|{'---|' * 7}")
    for draw, seed_sd, images, number, num, gap in itertools.product(
        (latent, unequal, beta), (0.1, 0.3), folds.IMAGES, (5, 10), (2, 4, 10), (0.0, 0.02)
    ):
        random = np.random.default_rng([num, number, images, int(100 * seed_sd), int(100 * gap)])
        true = np.where(np.arange(num) == 0, gap, 0.0)
        wrong = 0
        for _ in range(sweeps):
            answers = folds.in_folds(random, draw, num, number, images, seed_sd, gap)
            found = folds_from_leader(answers)
            leader = int(np.flatnonzero((found == 0).all(axis=1))[0])
            wrong += is_wrong(found, true[leader] - true)
        cells = [draw.__name__, f"{seed_sd:g}", f"{images:,}", str(number), str(num), f"{100 * gap:g}"]
        print(f"| {' | '.join([*cells, share(wrong, sweeps)])} |", flush=True)


def over_folds_of_groups(sweeps: int) -> None:
    print("\n| model | shared | seeds' deviation | images | folds | configurations | an interval is wrong, % |")
    print(f"|{'---|' * 7}")
    for draw, shared, images, seed_sd, number, num in itertools.product(
        (folds.grouped, folds.grouped_beta), (0.3, 0.7), folds.IMAGES[:2], (0.1, 0.3), (5, 10), (2, 10)
    ):
        random = np.random.default_rng([num, number, images, int(100 * seed_sd), int(100 * shared)])
        codes = np.arange(images // number) // 10
        wrong = 0
        for _ in range(sweeps):
            parts = [draw(random, num, images // number, seed_sd, shared) for _ in range(number)]
            answers = [[part[index : index + 1] for part in parts] for index in range(num)]
            wrong += is_wrong(folds_from_leader(answers, groups=[codes] * number), np.zeros(num))
        cells = [draw.__name__, f"{100 * shared:.0f} %", f"{seed_sd:g}", f"{images:,}", str(number), str(num)]
        print(f"| {' | '.join([*cells, share(wrong, sweeps)])} |", flush=True)


def over_seeds_on_groups(sweeps: int) -> None:
    print("\n| model | shared | seeds' deviation | images | seeds | configurations | an interval is wrong, % |")
    print(f"|{'---|' * 7}")
    for draw, shared, images, seed_sd, seeds, num in itertools.product(
        (grouped, grouped_beta), (0.3, 0.7), (287, 1000, 5000), (0.05, 0.3), (3, 5), (2, 4, 10)
    ):
        if images * num * seeds > 100_000:
            continue
        random = np.random.default_rng([num, seeds, images, int(100 * seed_sd), int(100 * shared)])
        codes = np.arange(images) // 10
        wrong = 0
        for _ in range(sweeps):
            answers = list(draw(random, num, seeds, images, seed_sd, shared))
            wrong += is_wrong(configurations_from_leader(answers, groups=codes), np.zeros(num))
        cells = [draw.__name__, f"{100 * shared:.0f} %", f"{seed_sd:g}", f"{images:,}", str(seeds), str(num)]
        print(f"| {' | '.join([*cells, share(wrong, sweeps)])} |", flush=True)


def grouped(
    random: np.random.Generator, num: int, seeds: int, images: int, seed_sd: float, shared: float
) -> NDArray[np.bool_]:
    """(num, seeds, images), image j of group j // 10: what an image is to all, and to a configuration, is its group's
    to a share (a probit model)."""
    groups = -(-images // 10)

    def part(rows: int, spread: float) -> NDArray[np.float64]:
        of_group = np.repeat(random.normal(0, spread, (rows, 1, groups)), 10, axis=2)[:, :, :images]
        return math.sqrt(shared) * of_group + math.sqrt(1 - shared) * random.normal(0, spread, (rows, 1, images))

    own, of_seed = part(num, math.sqrt(0.5)), random.normal(0, math.sqrt(0.5), (num, seeds, images))
    shift = random.normal(0, seed_sd, (num, seeds, 1))
    answers: NDArray[np.bool_] = norm.ppf(0.95) * math.sqrt(3 + seed_sd**2) + shift + own + of_seed > part(
        1, math.sqrt(2)
    )
    return answers


def grouped_beta(
    random: np.random.Generator, num: int, seeds: int, images: int, seed_sd: float, shared: float
) -> NDArray[np.bool_]:
    """The same with chances from beta distributions: of a configuration for a group, or of all for an image."""
    of_group = np.repeat(random.beta(0.95 * 1.5, 0.05 * 1.5, (num, -(-images // 10))), 10, axis=1)[:, :images]
    is_groups = random.random((num, images)) < shared
    chances = np.where(is_groups, of_group, random.beta(0.57, 0.03, images))[:, None, :]
    shift = (random.standard_t(2, (num, seeds, 1)) * seed_sd).clip(-6 * seed_sd, 6 * seed_sd)
    answers: NDArray[np.bool_] = random.random((num, seeds, images)) < chances + 0.4 * shift * chances * (1 - chances)
    return answers


def is_wrong(found: NDArray[np.float64], true: NDArray[np.float64]) -> bool:
    return bool(((found[:, 1] > true + 1e-12) | (found[:, 2] < true - 1e-12)).any())


def share(wrong: int, sweeps: int) -> str:
    rate = wrong / sweeps
    return f"{100 * rate:.1f} ± {100 * math.sqrt(rate * (1 - rate) / sweeps):.1f}"


PARTS = {
    "images": on_independent_images,
    "losses": by_losses,
    "groups": on_groups,
    "folds": over_folds,
    "folds-of-groups": over_folds_of_groups,
    "seeds-of-groups": over_seeds_on_groups,
}


def main(parts: Mapping[str, Callable[[int], None]] = PARTS, description: str | None = __doc__) -> None:
    """Runs the parts that `--only` names, or all."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=400)
    parser.add_argument("--only", choices=parts, nargs="*", default=list(parts))
    options = parser.parse_args()
    for name in options.only:
        parts[name](options.sweeps)


if __name__ == "__main__":
    main()
